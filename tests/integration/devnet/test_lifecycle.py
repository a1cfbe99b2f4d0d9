"""The devnet comes up, stays up, goes on where it was, and says why when it does not."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.adapters.devnet import control, supervisor
from ledger.adapters.devnet.binary import ENVIRONMENT
from ledger.adapters.devnet.directory import DevnetDirectory
from ledger.adapters.devnet.log import log_lines
from ledger.adapters.devnet.process import start_ticks
from ledger.adapters.evm.client import EvmClient
from ledger.core.headers import parse_header
from ledger.errors import DevnetError

pytestmark = pytest.mark.devnet

ADDRESS = b"\x11" * 20
SLOT = b"\x00" * 32


def wait_for(condition: Callable[[], bool], deadline_s: float = 20.0) -> None:
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.05)


@contextmanager
def client_of(root: Path) -> Iterator[EvmClient]:
    config = DevnetDirectory(root).load_config()
    assert config is not None
    client = EvmClient(config.rpc_url, chain_id=config.chain_id)
    yield client
    client.close()


def times(client: EvmClient) -> list[int]:
    newest = client.latest_block()
    return [parse_header(client.fetch_header(n)[1]).timestamp for n in range(1, newest + 1)]


def test_up_twice_is_the_same_chain_and_down_ends_both_processes(root: Path) -> None:
    first = control.up(root, port=0)
    again = control.up(root)
    assert first.healthy
    assert again.supervisor_pid == first.supervisor_pid
    assert again.config == first.config
    assert first.supervisor_pid is not None
    assert first.anvil_pid is not None
    assert control.down(root)
    assert start_ticks(first.supervisor_pid) is None
    assert start_ticks(first.anvil_pid) is None
    assert control.status(root).state == "stopped"
    assert not control.down(root)


def test_up_at_once_from_two_sides_makes_one_chain(root: Path) -> None:
    found: list[control.DevnetStatus] = []
    threads = [
        threading.Thread(target=lambda: found.append(control.up(root, port=0))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.supervisor_pid for one in found}) == 1
    assert len(found) == 2


def test_restart_goes_on_with_the_same_genesis_history_and_time(root: Path) -> None:
    start_time = 1_750_000_000
    begun = time.time()
    before = control.up(root, port=0, start_time=start_time)
    with client_of(root) as client:
        wait_for(lambda: client.latest_block() >= 2)
        header, proof = client.fetch_header(2), client.fetch_proof(ADDRESS, [SLOT], 2)
        control.down(root)
        time.sleep(1.2)
        after = control.up(root)
        wait_for(lambda: client.latest_block() >= 4)
        assert after.genesis_hash == before.genesis_hash
        assert after.config == before.config
        assert client.fetch_header(2) == header
        assert client.fetch_proof(ADDRESS, [SLOT], 2) == proof
        stamps = times(client)
    assert stamps == sorted(set(stamps))
    expected = start_time + (time.time() - begun)
    assert abs(stamps[-1] - expected) <= 3


def test_anvil_killed_is_started_again_with_its_history_and_the_log_says_so(root: Path) -> None:
    before = control.up(root, port=0)
    with client_of(root) as client:
        wait_for(lambda: control.status(root).saved_block >= 2)
        header, proof = client.fetch_header(2), client.fetch_proof(ADDRESS, [SLOT], 2)
        assert before.anvil_pid is not None
        os.kill(before.anvil_pid, signal.SIGKILL)
        wait_for(lambda: control.status(root).restarts == 1 and control.status(root).healthy)
        after = control.status(root)
        assert after.supervisor_pid == before.supervisor_pid
        assert after.anvil_pid != before.anvil_pid
        assert after.genesis_hash == before.genesis_hash
        assert client.fetch_header(2) == header
        assert client.fetch_proof(ADDRESS, [SLOT], 2) == proof
        newest = client.latest_block()
        wait_for(lambda: client.latest_block() > newest)
    assert any("anvil ended with code -9" in line for line in log_lines(DevnetDirectory(root), 50))


def test_supervisor_killed_takes_anvil_with_it_and_up_starts_both_again(root: Path) -> None:
    before = control.up(root, port=0)
    wait_for(lambda: control.status(root).saved_block >= 1)
    assert before.supervisor_pid is not None
    assert before.anvil_pid is not None
    os.kill(before.supervisor_pid, signal.SIGKILL)
    wait_for(lambda: start_ticks(before.anvil_pid or 0) is None)
    assert control.status(root).state == "lost"
    after = control.up(root)
    assert after.genesis_hash == before.genesis_hash
    assert after.supervisor_pid != before.supervisor_pid


def test_up_port_in_use_names_the_port(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(DevnetError, match=f"port {port} ") as caught:
            control.up(root, port=port)
    assert caught.value.problem == "port-in-use"
    assert control.up(root, port=port).healthy


def test_up_binary_named_is_missing_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(root / "no-anvil"))
    with pytest.raises(DevnetError, match=ENVIRONMENT) as caught:
        control.up(root, port=0)
    assert caught.value.problem == "binary-missing"


def test_up_binary_fails_shows_its_words(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "anvil"
    broken.write_text("#!/bin/sh\necho 'no such hardfork' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv(ENVIRONMENT, str(broken))
    with pytest.raises(DevnetError, match=r"exit code 3.*no such hardfork") as caught:
        control.up(root, port=0)
    assert caught.value.problem == "does-not-start"
    assert not control.status(root).running


def test_up_other_chain_id_or_clock_is_refused(root: Path) -> None:
    control.up(root, port=0)
    for wanted in ({"chain_id": 7}, {"clock_offset_s": 60}, {"port": 1}):
        with pytest.raises(DevnetError) as caught:
            control.up(root, **wanted)  # type: ignore[arg-type]
        assert caught.value.problem == "other-chain"


def test_up_saved_chain_is_damaged_says_so(root: Path) -> None:
    control.up(root, port=0)
    control.down(root)
    DevnetDirectory(root).state_file.write_bytes(b"\x1f\x8bgarbage")
    with pytest.raises(DevnetError, match="reset the devnet"):
        control.up(root)


@pytest.mark.slow
def test_anvil_dies_again_and_again_supervisor_gives_up(root: Path) -> None:
    control.up(root, port=0)
    for _ in range(supervisor.MAX_RESTARTS + 1):
        wait_for(lambda: control.status(root).healthy)
        killed = control.status(root).anvil_pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda pid=killed: control.status(root).anvil_pid != pid)
    wait_for(lambda: not control.status(root).running)
    assert control.status(root).state == "failed"
    assert "times within" in control.status(root).reason


def test_reset_deletes_a_devnet_and_nothing_else(root: Path, tmp_path: Path) -> None:
    control.up(root, port=0)
    control.reset(root)
    assert not root.exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter").write_text("dear")
    with pytest.raises(DevnetError) as caught:
        control.reset(other)
    assert caught.value.problem == "not-a-devnet"
    assert (other / "letter").exists()


def test_keys_and_state_are_the_owners_only(root: Path) -> None:
    control.up(root, port=0)
    directory = DevnetDirectory(root)
    directory.owner_key()
    assert directory.owner_file.stat().st_mode & 0o777 == 0o600
    assert root.stat().st_mode & 0o777 == 0o700
