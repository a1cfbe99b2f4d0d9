"""One region's node through its share of the table: published to, killed, started again, checked.

A lane is a process of its own with one thread, because it forks the node's processes. It tells the
run what happened through a pipe. A lane that is done goes on publishing until every lane is: the
others' mirrors need something to follow, and their heads its confirmations.
"""

import signal
import time
import traceback
from collections.abc import Callable, Iterable
from datetime import timedelta
from multiprocessing.connection import Connection

from faulting import checks
from faulting.checks import STUCK, WRONG, Finding
from faulting.network import Place
from faulting.node.table import Step
from faulting.process import NodeProcess, end_with_parent
from faulting.sender import REST_S, Sender, today

LIFE_S = REST_S
"""Longest life until a point is reached."""

REST_EVERY = 8
"""Kills between two rests with full checks."""

PROOF_S = 10.0
"""How long a proof is waited for before the next file is sent."""


class Lane:
    """One region's share of the table.

    Args:
        place: Where the node lives.
        steps: What it goes through.
        seed: Decides what is published and when.
        pipe: Where it tells what happened, as ``(word, value)``.
    """

    def __init__(self, place: Place, steps: Iterable[Step], seed: str, pipe: Connection) -> None:
        self._place = place
        self._steps = steps
        self._sender = Sender(place, seed, self._report)
        self._pipe = pipe

    def run(self) -> None:
        """Go through the table, then serve the others until they are through too."""
        for number, step in enumerate(self._steps, 1):
            self._one(step)
            if number % REST_EVERY == 0:
                node = NodeProcess(self._place)
                self._rest(node)
                self._stop(node)
        node = NodeProcess(self._place)
        self._tell("done", self._place.region)
        self._keep_busy(node, self._is_called)
        self._pipe.recv()
        self._rest(node)
        self._tell("through", len(self._sender.book.records))
        self._pipe.recv()
        self._stop(node)

    def _is_called(self) -> bool:
        return self._pipe.poll()

    def _stop(self, node: NodeProcess) -> None:
        if not node.stop():
            self._report(Finding(STUCK, f"{self._place.region}: does not stop when asked"))

    def _rest(self, node: NodeProcess) -> None:
        self._sender.rest(node)
        self._tell("rest", self._place.region)

    # --- One kill

    def _one(self, step: Step) -> None:
        if step.is_expiry:
            self._publish_what_ends_today()
        begun = time.monotonic()
        node = NodeProcess(self._place, step.armed)
        if step.armed is None:
            node.kill_after(self._sender.chance.uniform(0.0, step.longest_s))
        self._keep_busy(node, lambda: time.monotonic() > begun + LIFE_S)
        words = self._sender.last_words
        if node.is_alive:
            text = f"{step.point} not reached within {LIFE_S:.0f} s: {words()}"
            self._report(Finding(STUCK, f"{self._place.region}: {text}"))
            node.kill()
        elif not node.was_killed:
            text = f"{step.point}: ended with code {node.code}: {words()}"
            self._report(Finding(WRONG, f"{self._place.region}: {text}"))
        else:
            self._tell("kill", (step.point, time.monotonic() - begun))
        self._check()

    def _keep_busy(self, node: NodeProcess, is_over: Callable[[], bool]) -> None:
        """Publish one file after the other until the process is dead or the time is over."""
        if not node.wait_up(time.monotonic() + LIFE_S):
            return
        with self._sender.client() as client:
            while node.is_alive and not is_over():
                self._sender.take_next()
                self._sender.send(client, node, time.monotonic() + LIFE_S)
                self._sender.wait_for_proof(node, time.monotonic() + PROOF_S)

    def _publish_what_ends_today(self) -> None:
        """A node whose clock is a day late takes records that are over by the right time."""
        node = NodeProcess(self._place, yesterday=True)
        yesterday = today() - timedelta(days=1)
        deadline = time.monotonic() + LIFE_S
        if node.wait_up(deadline):
            self._sender.take(self._sender.book.next_file(yesterday, until=yesterday))
            with self._sender.client() as client:
                self._sender.send(client, node, deadline)
        node.kill()
        self._check()

    def _check(self) -> None:
        for one in checks.after_kill(self._place, self._sender.book):
            self._report(one)

    # --- Telling

    def _report(self, one: Finding) -> None:
        self._tell("finding", one)

    def _tell(self, word: str, value: object) -> None:
        self._pipe.send((word, value))


def run_lane(place: Place, steps: Iterable[Step], seed: str, pipe: Connection) -> None:
    """The main function of a lane's process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    end_with_parent()
    try:
        Lane(place, steps, seed, pipe).run()
    except EOFError:
        return  # The run is over.
    except Exception:
        pipe.send(("broken", f"{place.region}: {traceback.format_exc()}"))
