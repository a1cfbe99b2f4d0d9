"""All lanes on one chain at once, until every kill of the table is made."""

import time
from collections.abc import Callable, Iterable, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from faulting.network import FaultsError, Network, Place
from faulting.node.lanes import run_lane
from faulting.node.report import KillReport
from faulting.node.table import Step

TICK_S = 0.1
"""How often the chain is looked at for waiting transactions."""

TELL_EVERY_S = 15.0

Say = Callable[[str], None]


def run_lanes(
    net: Network,
    places: Sequence[Place],
    shares: Sequence[Iterable[Step]],
    report: KillReport,
    say: Say,
) -> None:
    """Make every kill of the shares, one lane a place, and note what was found.

    This process must have one thread only: lanes are forked.

    Args:
        net: The chain, which is kept going.
        places: Where the nodes live.
        shares: What each goes through; a lane draws its steps one by one.
        report: Filled in.
        say: Told how far it is.

    Raises:
        FaultsError: The run itself cannot go on.
    """
    pipes: list[Connection] = []
    lanes: list[BaseProcess] = []
    try:
        for place, steps in zip(places, shares, strict=True):
            ours, theirs = get_context("fork").Pipe()
            seed = f"{report.seed} {place.region}"
            lane = get_context("fork").Process(target=run_lane, args=(place, steps, seed, theirs))
            lane.start()
            theirs.close()
            pipes.append(ours)
            lanes.append(lane)
        _Watch(net, report, say).until_through(pipes)
    finally:
        for pipe in pipes:
            pipe.close()
        for one in lanes:
            one.join(30)
            one.kill()


class _Watch:
    """Listens to the lanes and keeps the chain going."""

    def __init__(self, net: Network, report: KillReport, say: Say) -> None:
        self._net = net
        self._report = report
        self._say = say
        self._told_at = time.monotonic()

    def until_through(self, pipes: list[Connection]) -> None:
        """Listen until every lane is done, let them rest together, and let them end."""
        for word in ("done", "through"):
            self._until_all(pipes, word)
            for pipe in pipes:
                pipe.send(f"all {word}")
        for pipe in pipes:
            self._drain(pipe)

    def _until_all(self, pipes: list[Connection], word: str) -> None:
        waiting = set(pipes)
        while waiting:
            self._net.hurry()
            wait(pipes, TICK_S)
            waiting -= {pipe for pipe in pipes if pipe.poll() and self._hear(pipe) == word}
            if time.monotonic() - self._told_at > TELL_EVERY_S:
                self._told_at = time.monotonic()
                self._say(self._report.progress)

    def _drain(self, pipe: Connection) -> None:
        try:
            while True:
                self._hear(pipe)
        except FaultsError:
            return  # Closed: the lane has ended.

    def _hear(self, pipe: Connection) -> str:
        try:
            word, value = pipe.recv()
        except EOFError:
            raise FaultsError("a lane ended before its time") from None
        match word:
            case "kill":
                point, seconds = value
                self._report.kills[point] += 1
                self._report.seconds[point] += seconds
            case "finding":
                self._report.findings.append(value)
                self._say(f"{value.kind}: {value.text}")
            case "rest":
                self._report.rests += 1
            case "through":
                self._report.records += value
            case "done":
                pass
            case _:
                raise FaultsError(str(value))
        return str(word)
