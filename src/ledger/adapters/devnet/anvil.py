"""One anvil process and the few of its own methods that the supervisor needs.

It starts without mining: time must be set first, because after a restart anvil counts anew from the
genesis time and would seal blocks older than their parents. Genesis time is always given, or block
0 gets another hash.
"""

import ctypes
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from ledger.adapters.devnet.directory import DevnetConfig, DevnetDirectory
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.evm.quantities import (
    encode_quantity,
    parse_bytes,
    parse_object,
    parse_quantity,
)
from ledger.errors import ChainUnavailableError

BLOCK_TIME_S: Final = 1
MAX_DUMP_BYTES: Final = 512 * 1024 * 1024
"""Longest dump read, as hex of gzip: about 180 bytes a block."""

_STOP_DEADLINE_S: Final = 5.0
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


class Anvil:
    """A running anvil; ``start`` makes one."""

    def __init__(self, process: "subprocess.Popen[str]", config: DevnetConfig) -> None:
        """Take over a process that was just started."""
        self.process = process
        self.rpc = JsonRpc(config.rpc_url, timeout_s=10.0, max_response_bytes=MAX_DUMP_BYTES)

    @classmethod
    def start(
        cls,
        binary: Path,
        directory: DevnetDirectory,
        config: DevnetConfig,
        *,
        state: Path | None,
        say: Callable[[str], None],
    ) -> "Anvil":
        """Start anvil on 127.0.0.1; it ends with the process that started it.

        Args:
            binary: The program.
            directory: For its cache.
            config: Chain id, port and genesis time.
            state: The chain to go on with; None for a new one.
            say: Takes each line it prints.
        """
        command = [str(binary), *_arguments(directory, config)]
        if state is not None:
            command += ["--load-state", str(state)]
        process = subprocess.Popen(  # noqa: S603 - the binary is the operator's choice
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=end_with_parent,
        )
        assert process.stdout is not None  # noqa: S101 - PIPE was asked for
        threading.Thread(target=_relay, args=(process.stdout, say), daemon=True).start()
        return cls(process, config)

    def wait_for_rpc(self, deadline_s: float) -> bool:
        """Wait until it answers; False when it ended or the time is over."""
        deadline = time.monotonic() + deadline_s
        while self.process.poll() is None and time.monotonic() < deadline:
            try:
                self.rpc.call("eth_chainId")
            except ChainUnavailableError:
                time.sleep(0.02)
            else:
                return True
        return False

    def begin_mining(self, now: int) -> None:
        """Set the clock and seal a block at once, if one is due, and then one a second."""
        number, last, _, _ = self.head()
        due = now > last or number == 0
        self.set_time(max(now, last + 1) if due else now)
        if due:
            self.rpc.call("evm_mine")
        self.rpc.call("evm_setIntervalMining", [BLOCK_TIME_S])

    def end_mining(self) -> None:
        """Seal no more blocks."""
        self.rpc.call("evm_setIntervalMining", [0])

    def set_time(self, timestamp: int) -> None:
        """Set the chain's clock, seconds."""
        self.rpc.call("evm_setTime", [timestamp])

    def head(self, number: int | None = None) -> tuple[int, int, str, str]:
        """Height, time, block hash and state root of a block, the newest by default."""
        which = "latest" if number is None else encode_quantity(number)
        block = parse_object(self.rpc.call("eth_getBlockByNumber", [which, False]), "block")
        return (
            parse_quantity(block.get("number"), "block number"),
            parse_quantity(block.get("timestamp"), "block time"),
            "0x" + parse_bytes(block.get("hash"), "block hash", 32).hex(),
            "0x" + parse_bytes(block.get("stateRoot"), "state root", 32).hex(),
        )

    def dump(self) -> bytes:
        """The chain without the states of past blocks, gzipped JSON."""
        return parse_bytes(self.rpc.call("anvil_dumpState", [False]), "dump")

    def stop(self) -> None:
        """End the process, kindly first."""
        self.rpc.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()


def _arguments(directory: DevnetDirectory, config: DevnetConfig) -> list[str]:
    values = {
        "--hardfork": "berlin",
        "--gas-price": 0,
        "--base-fee": 0,
        "--chain-id": config.chain_id,
        "--timestamp": config.genesis_timestamp,
        "--host": "127.0.0.1",
        "--port": config.port,
        "--accounts": 0,
        "--cache-path": directory.cache_folder,
    }
    flags = ["--quiet", "--no-mining", "--no-cors", "--disable-default-create2-deployer"]
    return flags + [str(part) for pair in values.items() for part in pair]


def _relay(lines: IO[str], say: Callable[[str], None]) -> None:
    with lines:
        for line in lines:
            if line.strip():
                say(line.rstrip())


def end_with_parent() -> None:
    """Before a program is run: it gets a signal when the process that starts it ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
