"""The consortium comes up, seals, loses validators, stalls, is cut in two, and goes on."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from worlds.shared_consortium import NEEDS_CONSORTIUM, SharedConsortium

from ledger.adapters.devnet.process import start_ticks
from ledger.adapters.devnet.qbft import control
from ledger.adapters.evm.client import EvmClient
from ledger.core.headers import verify_qbft
from ledger.errors import DevnetError

pytestmark = NEEDS_CONSORTIUM


def wait_for(condition: Callable[[], bool], deadline_s: float = 60.0) -> None:
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.1)


def height(root: Path) -> int:
    return control.status(root).height or 0


def seals_again(root: Path, blocks: int = 2) -> None:
    """Wait until so many further blocks are there, or the supervisor's cure has brought them."""
    before = height(root)
    wait_for(lambda: height(root) >= before + blocks, 90)


def stands_still(root: Path, seconds: float = 5.0) -> bool:
    time.sleep(2.0)  # what was under way ends
    before = height(root)
    time.sleep(seconds)
    return height(root) == before


def test_consortium_lives_through_stops_kills_wipes_and_cuts(root: Path) -> None:
    up = control.up(root)
    assert up.config is not None
    names = up.config.names
    assert names == ("shanghai", "jiangsu", "zhejiang", "anhui", "regulator")
    assert all(one.peers == 4 for one in up.validators)

    # One of five away: it goes on. Two: it stalls, and comes back with one of them.
    control.stop(root, "anhui")
    seals_again(root)
    control.stop(root, "regulator")
    assert stands_still(root)
    control.start(root, "anhui")
    seals_again(root)

    # A lost disk: the same key learns the chain anew.
    control.start(root, "regulator")
    seen = height(root)
    control.wipe(root, "jiangsu")
    wait_for(lambda: (_seat(root, "jiangsu").height or 0) >= seen)

    # Two parts, neither with a quorum: nothing is sealed. Healed, one chain goes on.
    control.partition(root, [("shanghai", "jiangsu"), ("zhejiang", "anhui", "regulator")])
    assert stands_still(root)
    control.heal(root)
    seals_again(root)
    clients = [EvmClient(one.rpc_url, chain_id=up.config.chain_id) for one in up.config.validators]
    common = height(root) - 2
    wait_for(lambda: all((one.height or 0) >= common for one in control.status(root).validators))
    assert len({client.fetch_header(common)[0] for client in clients}) == 1
    for client in clients:
        client.close()

    # All killed at once: the supervisor starts them, and the head is the same.
    before = height(root)
    pids = [one.pid for one in control.status(root).validators]
    for pid in pids:
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: height(root) > before, 90)
    assert {one.pid for one in control.status(root).validators}.isdisjoint(pids)

    # The supervisor killed: its validators end with it, and up starts all again on the same chain.
    now = control.status(root)
    assert now.supervisor_pid is not None
    os.kill(now.supervisor_pid, signal.SIGKILL)
    wait_for(lambda: all(start_ticks(one.pid or 0) is None for one in now.validators))
    assert control.status(root).state == "lost"
    again = control.up(root)
    assert again.config == up.config
    assert (again.height or 0) >= before
    assert control.down(root)
    assert not control.down(root)


def _seat(root: Path, name: str) -> control.ValidatorStatus:
    (seat,) = (one for one in control.status(root).validators if one.name == name)
    return seat


def test_headers_carry_seals_of_two_thirds(consortium: SharedConsortium) -> None:
    config = consortium.config
    trusted = frozenset(bytes.fromhex(one.address[2:]) for one in config.validators)
    for validator in config.validators[:2]:
        client = EvmClient(validator.rpc_url, chain_id=config.chain_id)
        for number in range(1, client.latest_block() + 1):
            reported, rlp = client.fetch_header(number)
            sealed = verify_qbft(rlp, trusted)
            assert sealed.block_hash == reported
            assert len(sealed.signers) >= 4
        client.close()


@pytest.mark.parametrize("size", [0, 1, 3, 6, 8])
def test_up_of_an_odd_size_is_refused(root: Path, size: int) -> None:
    with pytest.raises(DevnetError, match="expected 4, 5 or 7"):
        control.up(root, size=size)


def test_commands_name_what_they_do_not_know(consortium: SharedConsortium, tmp_path: Path) -> None:
    root = consortium.root  # type: ignore[attr-defined]
    with pytest.raises(DevnetError, match="expected one of shanghai"):
        control.stop(root, "beijing")
    with pytest.raises(DevnetError, match="expected one of shanghai"):
        control.partition(root, [("shanghai", "beijing")])
    with pytest.raises(DevnetError, match="stands in two parts"):
        control.partition(root, [("shanghai",), ("shanghai", "anhui")])
    with pytest.raises(DevnetError, match="run devnet up first"):
        control.heal(tmp_path)
    with pytest.raises(DevnetError, match="the chain here has 5"):
        control.up(root, size=7)
    with pytest.raises(DevnetError, match="not deleted"):
        (tmp_path / "file").write_text("mine")
        control.reset(tmp_path)
