"""One validator as a process."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

from ledger.adapters.devnet.anvil import end_with_parent
from ledger.adapters.devnet.qbft.directory import ConsortiumConfig, ConsortiumDirectory, Validator
from ledger.errors import DevnetError

STOP_DEADLINE_S: Final = 8.0
LOG_BYTES: Final = 4 * 1024 * 1024
"""A log longer than this is begun anew at the next start."""

APIS: Final = "eth,net,web3,txpool,istanbul"
_CHAIN_FOLDERS: Final = ("chaindata", "lightchaindata", "ethash", "qbft", "nodes")


class ValidatorProcess:
    """A running validator; ``start`` makes one. It ends with the process that started it."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        self.name = name
        self.process = process

    @classmethod
    def start(
        cls,
        binary: Path,
        directory: ConsortiumDirectory,
        config: ConsortiumConfig,
        validator: Validator,
    ) -> "ValidatorProcess":
        """Start a validator, after writing its first block where it has none.

        Raises:
            DevnetError: The first block cannot be written.
        """
        folder = directory.folder(validator.name)
        log_file = folder / "validator.log"
        if log_file.exists() and log_file.stat().st_size > LOG_BYTES:
            log_file.replace(log_file.with_suffix(".log.1"))
        if not (folder / "geth" / "chaindata").exists():
            _write_genesis(binary, directory, folder)
        with log_file.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - the operator's binary
                [str(binary), *_arguments(folder, config, validator)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PRIVATE_CONFIG": "ignore"},
                preexec_fn=end_with_parent,
            )
        return cls(validator.name, process)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def ask_to_end(self) -> None:
        """Send the signal; returns at once."""
        if self.is_running:
            self.process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        """End it, kindly first."""
        self.ask_to_end()
        try:
            self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.process.wait()


def wipe(directory: ConsortiumDirectory, name: str) -> None:
    """Delete a stopped validator's chain, as a lost disk would; its key stays."""
    for folder in _CHAIN_FOLDERS:
        shutil.rmtree(directory.folder(name) / "geth" / folder, ignore_errors=True)


def _write_genesis(binary: Path, directory: ConsortiumDirectory, folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - the operator's binary
        [str(binary), "--datadir", str(folder), "init", str(directory.genesis_file)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "PRIVATE_CONFIG": "ignore"},
        check=False,
    )
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace")[-1_000:]
        raise DevnetError("does-not-start", f"{folder.name}: the first block: {words}")


def _arguments(folder: Path, config: ConsortiumConfig, validator: Validator) -> list[str]:
    values = {
        "--datadir": folder,
        "--config": folder / "p2p.toml",
        "--networkid": config.chain_id,
        "--nat": "none",
        "--syncmode": "full",
        "--gcmode": "archive",
        "--cache": 64,
        "--miner.threads": 1,
        "--miner.gasprice": 0,
        "--verbosity": 2,
        "--http.addr": "127.0.0.1",
        "--http.port": validator.rpc_port,
        "--http.api": APIS,
    }
    flags = ["--nodiscover", "--ipcdisable", "--mine", "--permissioned", "--http"]
    return flags + [str(part) for pair in values.items() for part in pair]
