"""Two processes over one database: the older is fenced, and exactly one anchors."""

import time

from worlds.processes import ServedNode

from faulting.chain.run import Run
from faulting.chain.setting import Setting
from faulting.checks import STUCK, WRONG, Finding, read_tables
from faulting.network import Place
from ledger.adapters.devnet.ports import find_free_port

TIMES = 3
UP_S = 60.0
FENCED_S = 30.0
"""Longest until the older process says that it is fenced, once the newer one answers."""

TOGETHER_S = 12.0
"""How long both run beside each other."""


def second_worker(run: Run) -> None:
    """A second ``serve`` on the same folder, again and again, while files come to the first."""
    with Setting(run) as setting:
        setting.traffic.start()
        place = run.chance.choice(setting.places)
        time.sleep(5.0)
        for number in range(1, 2 if run.is_quick else TIMES + 1):
            _take_over(setting, place, number)
        # Twice anchored would be a transaction without effect.
        setting.rest(idle=0)
        setting.require_level()
        run.note("region", place.region)


def _take_over(setting: Setting, place: Place, number: int) -> None:
    run, first = setting.run, setting.nodes[place.region]
    what = f"{number}. take-over"
    if _until(first, "ready", time.monotonic(), UP_S) is None:
        run.report(Finding(STUCK, f"{what}: the older says {first.ready()!r}"))
        return
    begun = time.monotonic()
    second = setting.serve(place.region, find_free_port())
    second.wait_up(begun + UP_S)
    up_s = time.monotonic() - begun
    fenced_s = _until(first, "fenced", begun, up_s)
    ready_s = _until(second, "ready", begun, up_s)
    if fenced_s is None or ready_s is None:
        words = f"the older says {first.ready()!r}, the newer {second.ready()!r}"
        run.report(Finding(STUCK, f"{what}: {words}"))
    before = _heads(place)
    time.sleep(TOGETHER_S)
    made = _heads(place) - before
    if not made:
        run.report(Finding(STUCK, f"{what}: nothing was anchored beside the older process"))
    if not first.is_alive or first.ready() != "fenced":
        run.report(Finding(WRONG, f"{what}: the older process says {first.ready()!r}"))
    run.note(f"{what}: the newer answers after s", up_s)
    run.note(f"{what}: the older is fenced after s", fenced_s)
    run.note(f"{what}: the newer is ready after s", ready_s)
    run.note(f"{what}: heads signed beside it", made)
    if second.stop() not in (0, -15) or first.stop() not in (0, -15):
        run.report(Finding(STUCK, f"{what}: a process does not stop when asked"))
    setting.nodes[place.region] = setting.serve(place.region)
    for one in setting.traffic.publishers:
        if one.sender.place is place:
            one.node = setting.nodes[place.region]


def _until(node: ServedNode, word: str, begun: float, up_s: float) -> float | None:
    while node.is_alive and time.monotonic() < begun + up_s + FENCED_S:
        if node.ready() == word:
            return time.monotonic() - begun
        time.sleep(0.1)
    return None


def _heads(place: Place) -> int:
    tables = read_tables(place.database)
    return 0 if tables is None else len(tables.outbox)
