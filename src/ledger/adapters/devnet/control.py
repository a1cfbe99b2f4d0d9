"""What an operator does with a devnet: up, status, logs, down, reset."""

import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.adapters.devnet.binary import find_anvil
from ledger.adapters.devnet.configure import configure
from ledger.adapters.devnet.directory import MARKER, DevnetConfig, DevnetDirectory
from ledger.adapters.devnet.ports import require_free
from ledger.adapters.devnet.process import end_process, is_process, lock_holder
from ledger.adapters.devnet.supervision import failure, hold_up_lock, launch, said
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.evm.quantities import parse_bytes, parse_object, parse_quantity
from ledger.errors import ChainUnavailableError, DevnetError

UP_DEADLINE_S: Final = 60.0
DOWN_DEADLINE_S: Final = 20.0
_KILL_DEADLINE_S: Final = 5.0
_POLL_S: Final = 0.05
_SHOWN_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class DevnetStatus:
    """A devnet as it is now."""

    running: bool
    """Whether its supervisor lives."""
    healthy: bool
    """Whether the chain answers under its id and sealed a block."""
    state: str
    """``absent``, ``starting``, ``healthy``, ``failed``, ``stopped`` or ``lost`` (killed)."""
    reason: str
    """Why it failed; empty otherwise."""
    config: DevnetConfig | None
    """None where there is no devnet."""
    supervisor_pid: int | None
    """The daemon."""
    anvil_pid: int | None
    """The chain's process."""
    restarts: int
    """How often anvil was started again."""
    block: int | None
    """Height of the newest block."""
    block_time: int | None
    """Its time, seconds."""
    saved_block: int
    """Height that survives a kill."""
    genesis_hash: str | None
    """Hash of block 0, 0x-hex."""


def up(
    root: Path,
    *,
    port: int | None = None,
    chain_id: int | None = None,
    clock_offset_s: int | None = None,
    start_time: int | None = None,
    deadline_s: float = UP_DEADLINE_S,
) -> DevnetStatus:
    """Start the devnet of a directory, or find it running, and wait until it is healthy.

    Args:
        root: Its directory, made if absent.
        port: TCP port on 127.0.0.1; 0 takes a free one, None the last one used.
        chain_id: For a new chain; must agree with an existing one.
        clock_offset_s: Chain time minus the system's time, for a new chain.
        start_time: Time at which a new chain starts; says the offset another way.
        deadline_s: Longest wait.

    Raises:
        DevnetError: It does not run; the message holds the cause.
    """
    root = root.resolve()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory = DevnetDirectory(root)
    deadline = time.monotonic() + deadline_s
    with hold_up_lock(root, deadline):
        running = lock_holder(directory.lock_file) is not None
        config = configure(directory, running, port, chain_id, clock_offset_s, start_time)
        if not running:
            _launch(directory, config)
        return _wait_until_healthy(directory, deadline)


def status(root: Path) -> DevnetStatus:
    """Look at the devnet of a directory; asks the chain itself."""
    directory = DevnetDirectory(root.resolve())
    config = directory.load_config() if directory.config_file.exists() else None
    holder = lock_holder(directory.lock_file)
    words = said(directory)
    state = "absent" if config is None else str(words.get("state", "stopped"))
    if holder is None and state in ("starting", "healthy"):
        state = "lost"
    block = block_time = genesis = None
    if config is not None and holder is not None:
        try:
            block, block_time, genesis = _probe(config)
        except ChainUnavailableError:
            state = "starting" if state == "healthy" else state
    return DevnetStatus(
        running=holder is not None,
        healthy=state == "healthy" and block is not None and block >= 1,
        state=state,
        reason=str(words.get("reason", "")),
        config=config,
        supervisor_pid=holder[0] if holder else None,
        anvil_pid=words.get("anvil_pid") if holder else None,
        restarts=int(words.get("restarts", 0)),
        block=block,
        block_time=block_time,
        saved_block=int(words.get("saved_block", 0)),
        genesis_hash=genesis,
    )


def down(root: Path, *, deadline_s: float = DOWN_DEADLINE_S) -> bool:
    """Stop the devnet and wait until it is gone; what does not end in time is killed.

    Returns:
        Whether it was running.

    Raises:
        DevnetError: A process survives even that.
    """
    directory = DevnetDirectory(root.resolve())
    holder = lock_holder(directory.lock_file)
    if holder is None:
        return False
    words = said(directory)
    if not end_process(*holder, deadline_s=deadline_s):
        end_process(*holder, deadline_s=_KILL_DEADLINE_S, number=signal.SIGKILL)
        pid, ticks = words.get("anvil_pid"), words.get("anvil_ticks")
        if pid and ticks:
            end_process(pid, ticks, deadline_s=_KILL_DEADLINE_S, number=signal.SIGKILL)
    if is_process(*holder):
        raise DevnetError("does-not-stop", f"the supervisor (process {holder[0]}) does not end")
    return True


def reset(root: Path) -> None:
    """Stop the devnet and delete its directory: chain, keys, logs.

    Raises:
        DevnetError: The directory holds something that is not a devnet.
    """
    root = root.resolve()
    if not root.exists():
        return
    if not (root / MARKER).exists() and any(one.name != "up.lock" for one in root.iterdir()):
        raise DevnetError("not-a-devnet", f"{root} is not a devnet (no {MARKER}); not deleted")
    down(root)
    shutil.rmtree(root)


def wait_until_saved(root: Path, block: int, *, deadline_s: float = DOWN_DEADLINE_S) -> None:
    """Wait until a block survives a kill of the chain.

    Raises:
        DevnetError: It is not saved in time; the log says why.
    """
    directory = DevnetDirectory(root.resolve())
    deadline = time.monotonic() + deadline_s
    while int(said(directory).get("saved_block", 0)) < block:
        if time.monotonic() > deadline:
            raise failure(directory, f"the chain is not saved up to block {block} in time")
        time.sleep(_POLL_S)


def _launch(directory: DevnetDirectory, config: DevnetConfig) -> None:
    find_anvil()
    require_free(config.port)
    launch(directory, "ledger.adapters.devnet.supervisor")


def _wait_until_healthy(directory: DevnetDirectory, deadline: float) -> DevnetStatus:
    while True:
        now = status(directory.root)
        if now.healthy:
            return now
        if now.state == "failed" or not now.running:
            raise failure(directory, now.reason)
        if time.monotonic() > deadline:
            raise failure(directory, "the chain does not become healthy in time")
        time.sleep(_POLL_S)


def _probe(config: DevnetConfig) -> tuple[int, int, str]:
    rpc = JsonRpc(config.rpc_url, timeout_s=3.0)
    try:
        found = parse_quantity(rpc.call("eth_chainId"), "chain id")
        if found != config.chain_id:
            raise DevnetError(
                "port-in-use",
                f"port {config.port} serves chain {found}, expected {config.chain_id}",
            )
        latest = parse_object(rpc.call("eth_getBlockByNumber", ["latest", False]), "block")
        genesis = parse_object(rpc.call("eth_getBlockByNumber", ["0x0", False]), "block")
        return (
            parse_quantity(latest.get("number"), "block number"),
            parse_quantity(latest.get("timestamp"), "block time"),
            "0x" + parse_bytes(genesis.get("hash"), "block hash", 32).hex(),
        )
    finally:
        rpc.close()
