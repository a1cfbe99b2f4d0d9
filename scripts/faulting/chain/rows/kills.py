"""Publishing nodes killed at random moments on a consortium's chain, for 200 anchored heads."""

import time
from collections.abc import Iterator
from threading import active_count
from threading import enumerate as enumerate_threads

from faulting.chain.run import Run
from faulting.checks import STUCK, Finding, read_tables
from faulting.network import QBFT, REGIONS, FaultsError, Place, network
from faulting.node.report import KillReport
from faulting.node.run import run_lanes
from faulting.node.table import ANY_MOMENT, Step

ANCHORS = 200
LONGEST_S = 10.0
"""A process is killed within this time: a head takes about four seconds to its proof."""

MOST_S = 1_500.0
"""Longest until all heads are anchored."""

ALONE_S = 30.0
"""Longest until the threads of rows before are over."""

KILLS_FIRST = 8
"""Kills of each node, even where there are heads enough."""


def kill_publishers(run: Run) -> None:
    """Random kills of four nodes that publish; each accepted record is under exactly one head."""
    wanted = 20 if run.is_quick else ANCHORS
    _wait_alone()
    report = KillReport(run.chance.randrange(2**31), points=(ANY_MOMENT,))
    with network(run.folder, QBFT) as net:
        places = net.found(*REGIONS)
        each = -(-wanted // len(places))
        shares = [_until_anchored(place, each) for place in places]
        run_lanes(net, places, shares, report, run.say)
        anchored = {place.region: heads_of(place) for place in places}
    for one in report.findings:
        run.report(one)
    run.records += report.records
    if sum(anchored.values()) < wanted:
        run.report(Finding(STUCK, f"{sum(anchored.values())} of {wanted} heads anchored in time"))
    run.note("heads anchored", sum(anchored.values()))
    run.note("kills", report.kills.total())
    run.note("rests with all checks", report.rests)
    run.note("mean life s", report.seconds.total() / max(1, report.kills.total()))


def _wait_alone() -> None:
    """Lanes are forked, and threads do not live through that: those of rows before must be over."""
    deadline = time.monotonic() + ALONE_S
    while active_count() > 1:
        if time.monotonic() > deadline:
            names = ", ".join(one.name for one in enumerate_threads())
            raise FaultsError(f"kills: lanes are forked, and other threads run: {names}")
        time.sleep(0.1)


def heads_of(place: Place) -> int:
    """Heads of a node that are proved on chain, over all its streams."""
    tables = read_tables(place.database)
    return 0 if tables is None else sum(one["state"] == "anchored" for one in tables.outbox)


def _until_anchored(place: Place, wanted: int) -> Iterator[Step]:
    deadline, kills = time.monotonic() + MOST_S, 0
    while kills < KILLS_FIRST or (heads_of(place) < wanted and time.monotonic() < deadline):
        kills += 1
        yield Step(ANY_MOMENT, longest_s=LONGEST_S)
