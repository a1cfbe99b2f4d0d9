"""Validators that are stopped: one of five changes little, two of five stop the chain."""

import time

from faulting.chain.run import Run
from faulting.chain.setting import Setting
from faulting.chain.standing import Standing
from faulting.chain.traffic import quantile
from faulting.checks import STUCK, Finding
from ledger.adapters.devnet.qbft import control

CURE_S = 150.0
"""Longest until blocks come again after a cure; the supervisor helps after 15 s."""

STALLS_S = (10.0, 30.0, 60.0)
TIMES = 3


def stop_one(run: Run) -> None:
    """One of five stopped, one after the other: blocks and publications go on."""
    phase_s = 10.0 if run.is_quick else 60.0
    with Setting(run) as setting:
        stopped = run.chance.sample(setting.names, 1 if run.is_quick else 3)
        setting.traffic.start()
        _phase(setting, "normal", phase_s)
        for name in stopped:
            control.stop(setting.devnet, name)
            _phase(setting, "one stopped", phase_s)
            control.start(setting.devnet, name)
            setting.traffic.begin("back")
            setting.require_level()
        setting.rest()
        setting.require_level()
        _note_times(setting)
        run.note("stopped", ", ".join(stopped))


def _phase(setting: Setting, name: str, phase_s: float) -> None:
    setting.traffic.begin(name)
    begun = time.monotonic()
    time.sleep(phase_s)
    gaps = setting.blocks.sealed.gaps(begun, time.monotonic())
    if not gaps:
        setting.run.report(Finding(STUCK, f"{name}: no two blocks in {phase_s:.0f} s"))
        return
    known = setting.run.figures.get(f"{name}: longest gap s")
    longest = max([*gaps, known if isinstance(known, float) else 0.0])
    setting.run.note(f"{name}: longest gap s", longest)
    setting.run.note(f"{name}: mean gap s", sum(gaps) / len(gaps))


def _note_times(setting: Setting) -> None:
    ends = {}
    for phase in ("normal", "one stopped"):
        took = setting.traffic.took(phase)
        setting.run.note(f"{phase}: files confirmed", len(took))
        for share in (0.5, 0.99):
            ends[phase, share] = quantile(took, share)
            setting.run.note(f"{phase}: p{share * 100:.0f} to confirmed s", ends[phase, share])
    usual, slow = ends["normal", 0.99], ends["one stopped", 0.99]
    if usual and slow:
        setting.run.note("p99 against the normal one", slow / usual)


def stall(run: Run) -> None:
    """Two of five stopped for a while: nothing is acknowledged as final, then all of it is."""
    stalls = (5.0,) if run.is_quick else STALLS_S * TIMES
    with Setting(run) as setting:
        setting.traffic.start()
        time.sleep(3.0 if run.is_quick else 10.0)
        for number, stall_s in enumerate(stalls, 1):
            _stall_once(setting, number, stall_s)
            setting.traffic.resume()
            time.sleep(5.0)
        setting.rest()
        setting.require_level()
        run.note("all started again by the supervisor", _restarts(setting))


def _stall_once(setting: Setting, number: int, stall_s: float) -> None:
    run = setting.run
    stopped = run.chance.sample(setting.names, 2)
    for name in stopped:
        control.stop(setting.devnet, name)
    setting.traffic.pause()
    if not setting.blocks.wait_still(3.0, 30.0):
        run.report(Finding(STUCK, "blocks go on with three of five"))
        return
    judged = _stand(setting, stall_s)
    height, cured_at = setting.blocks.sealed.height, time.monotonic()
    for name in stopped:
        control.start(setting.devnet, name)
    what = f"{number}. {stall_s:.0f} s"
    run.note(f"{what}: judged while it stood", judged)
    note_cure(setting, what, height, cured_at)


def _stand(setting: Setting, stall_s: float) -> int:
    """Publish and judge for so long; returns how much was judged."""
    standing = [
        Standing(sender, setting.nodes[region], setting.run.report)
        for region, sender in setting.senders.items()
    ]
    height, deadline = setting.blocks.sealed.height, time.monotonic() + stall_s
    turn = 0
    while time.monotonic() < deadline:
        if turn % 5 == 0:
            for one in standing:
                one.publish()
        for one in standing:
            one.look()
        turn += 1
        time.sleep(0.5)
    if setting.blocks.sealed.height != height:
        setting.run.report(Finding(STUCK, "a block came while two of five were stopped"))
    return sum(one.looks for one in standing)


def note_cure(setting: Setting, what: str, height: int, cured_at: float) -> None:
    """Wait for the first block above a height and for everything to be confirmed."""
    run = setting.run
    first_at = setting.blocks.wait_above(height, CURE_S)
    if first_at is None:
        run.report(Finding(STUCK, f"{what}: no block within {CURE_S:.0f} s"))
        return
    run.note(f"{what}: first block after s", first_at - cured_at)
    begun = time.monotonic()
    while any(
        not sender.wait_for_proof(setting.nodes[region], time.monotonic() + 1)
        for region, sender in setting.senders.items()
    ):
        if time.monotonic() > begun + CURE_S:
            run.report(Finding(STUCK, f"{what}: not all confirmed within {CURE_S:.0f} s"))
            return
    run.note(f"{what}: all confirmed after s", time.monotonic() - cured_at)


def _restarts(setting: Setting) -> int:
    return control.status(setting.devnet).stall_restarts
