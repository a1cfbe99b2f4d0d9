"""Validators that die: all five at once, and one whose disk is lost."""

import os
import signal
import time

from faulting.chain.rows.stops import CURE_S, note_cure
from faulting.chain.run import Run
from faulting.chain.setting import Setting
from faulting.chain.traffic import quantile
from faulting.checks import LOST, STUCK, Finding
from ledger.adapters.devnet.qbft import control

TIMES = 3
LEARN_S = 180.0
"""Longest until a wiped validator has learnt the chain anew."""


def kill_all(run: Run) -> None:
    """SIGKILL for all five at one moment, under way: the same chain goes on."""
    with Setting(run) as setting:
        setting.traffic.start()
        time.sleep(3.0 if run.is_quick else 10.0)
        for number in range(1, 2 if run.is_quick else TIMES + 1):
            _kill_once(setting, number)
            setting.traffic.resume()
            time.sleep(5.0)
        setting.rest()
        setting.require_level()


def _kill_once(setting: Setting, number: int) -> None:
    run, sealed = setting.run, setting.blocks.sealed
    pids = [one.pid for one in control.status(setting.devnet).validators]
    common = min(setting.blocks.heights.values())
    killed_at = time.monotonic()
    for pid in pids:
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
    time.sleep(0.5)  # What they had sent before they died is seen.
    before = sealed.height
    setting.traffic.pause()
    note_cure(setting, f"{number}. kill", before, killed_at)
    # Every validator gives its chain anew, and each hash is compared with what was seen before.
    known = sealed.hash_at(common)
    if known is None or setting.blocks.wait_level(setting.names, CURE_S) is None:
        run.report(Finding(STUCK, f"{number}. kill: not all validators are level again"))
        return
    for name, found in hashes_at(setting, common).items():
        if found != known:
            run.report(Finding(LOST, f"{name}: block {common} has another hash after the kill"))
    run.note(f"{number}. kill: last common block, unchanged", common)


def hashes_at(setting: Setting, number: int) -> dict[str, bytes]:
    """What every validator says now of one height."""
    from ledger.adapters.evm.client import EvmClient

    found = {}
    for one in setting.config.validators:
        client = EvmClient(one.rpc_url, chain_id=setting.config.chain_id)
        found[one.name] = client.fetch_header(number)[0]
        client.close()
    return found


def wipe_one(run: Run) -> None:
    """One validator's chain is deleted; its key stays."""
    phase_s = 8.0 if run.is_quick else 60.0
    with Setting(run) as setting:
        setting.traffic.start()
        time.sleep(phase_s)
        name = run.chance.choice(setting.names)
        address = setting.config.validator(name).address
        setting.traffic.begin("wiped")
        begun, height = time.monotonic(), setting.blocks.sealed.height
        control.wipe(setting.devnet, name)
        took = _learn(setting, name, begun)
        setting.traffic.begin("normal")
        run.note("wiped", name)
        run.note("blocks to learn anew", height)
        run.note("wiped and level again after s", took)
        run.note("longest gap between blocks s", max(_gaps(setting, begun), default=None))
        if setting.config.validator(name).address != address or not _seals(setting, address):
            run.report(Finding(STUCK, f"{name} does not seal again with its key"))
        setting.rest()
        setting.require_level()
        for phase in ("normal", "wiped"):
            run.note(f"{phase}: p99 to confirmed s", quantile(setting.traffic.took(phase), 0.99))


def _learn(setting: Setting, name: str, begun: float) -> float | None:
    """Wait until its own words reach the head; seconds since it was wiped."""
    deadline = time.monotonic() + LEARN_S
    while time.monotonic() < deadline:
        (seat,) = (o for o in control.status(setting.devnet).validators if o.name == name)
        if seat.height is not None and seat.height >= setting.blocks.sealed.height - 1:
            return time.monotonic() - begun
        time.sleep(0.2)
    setting.run.report(Finding(STUCK, f"{name}: has not learnt the chain in {LEARN_S:.0f} s"))
    return None


def _gaps(setting: Setting, since: float) -> list[float]:
    return setting.blocks.sealed.gaps(since, time.monotonic())


def _seals(setting: Setting, address: str) -> bool:
    """Whether a header soon carries a seal of this validator."""
    from ledger.adapters.evm.client import EvmClient
    from ledger.core.headers import verify_qbft

    trusted = frozenset(bytes.fromhex(one.address[2:]) for one in setting.config.validators)
    client = EvmClient(setting.config.rpc_url, chain_id=setting.config.chain_id)
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            _, rlp = client.fetch_header(client.latest_block())
            if bytes.fromhex(address[2:]) in verify_qbft(rlp, trusted).signers:
                return True
            time.sleep(0.5)
        return False
    finally:
        client.close()
