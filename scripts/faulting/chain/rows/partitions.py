"""Every way to cut four validators in two: never two sealed blocks at one height.

With four a quorum is three: a part of three goes on, two parts of two stand still.
"""

import time
from collections.abc import Iterator
from itertools import combinations

from faulting.chain.rows.stops import CURE_S
from faulting.chain.run import Run
from faulting.chain.setting import Setting
from faulting.checks import STUCK, WRONG, Finding
from ledger.adapters.devnet.qbft import control

SIZE = 4
CUT_S = 8.0
SETTLE_S = 2.5
"""What was under way when the wires were cut ends within this time."""

Part = tuple[str, ...]


def partition(run: Run) -> None:
    """All seven cuts, each for some seconds, then healed."""
    with Setting(run, validators=SIZE, regions=()) as setting:
        cuts = list(every_cut(setting.names))
        run.chance.shuffle(cuts)
        for parts in cuts[:2] if run.is_quick else cuts:
            _cut_once(setting, parts)
        setting.require_level()
        run.note("cuts", 2 if run.is_quick else len(cuts))
        run.note("heights compared on all four", setting.blocks.sealed.height)
        run.note(
            "all started again by the supervisor", control.status(setting.devnet).stall_restarts
        )


def every_cut(names: Part) -> Iterator[tuple[Part, Part]]:
    """All ways to cut a group in two parts, none empty."""
    first, rest = names[0], names[1:]
    for count in range(len(rest)):
        for beside in combinations(rest, count):
            one = (first, *beside)
            yield one, tuple(name for name in names if name not in one)


def _cut_once(setting: Setting, parts: tuple[Part, Part]) -> None:
    run, blocks = setting.run, setting.blocks
    what = " | ".join("+".join(part) for part in parts)
    is_quorate = max(map(len, parts)) >= setting.config.quorum
    control.partition(setting.devnet, parts)
    time.sleep(SETTLE_S)
    before = blocks.sealed.height
    time.sleep(CUT_S)
    made = blocks.sealed.height - before
    if is_quorate and not made:
        run.say(f"{run.name}: {what}: no block yet; rounds of the missing validator take longer")
        if blocks.wait_above(before, CURE_S) is None:
            run.report(Finding(STUCK, f"{what}: a part with a quorum stands still"))
    if not is_quorate and made:
        run.report(Finding(WRONG, f"{what}: {made} blocks without a quorum"))
    height, healed_at = blocks.sealed.height, time.monotonic()
    control.heal(setting.devnet)
    first_at = blocks.wait_above(height, CURE_S)
    level = blocks.wait_level(setting.names, CURE_S)
    if first_at is None or level is None:
        run.report(Finding(STUCK, f"{what}: not one chain again within {CURE_S:.0f} s"))
        return
    run.note(f"{what}: blocks while cut", made)
    run.note(f"{what}: first block after healing s", max(0.0, first_at - healed_at))
    run.note(f"{what}: all level after s", time.monotonic() - healed_at)
