"""Where the anvil binary is."""

import os
import shutil
from pathlib import Path
from typing import Final

from ledger.errors import DevnetError

ENVIRONMENT: Final = "CREDIT_LEDGER_ANVIL"
"""Names a binary that goes before all others."""

_PACKAGED: Final = "hardhat-free-devnet/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"


def find_anvil() -> Path:
    """The binary named by the environment, else the repository's own, else the one on the PATH.

    Raises:
        DevnetError: There is none, or the one that the environment names cannot be run.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        if not _runnable(Path(named)):
            raise DevnetError(
                "binary-missing", f"{ENVIRONMENT}: {named} is not a program that can be run"
            )
        return Path(named).resolve()
    packaged = Path(__file__).resolve().parents[4] / _PACKAGED
    if _runnable(packaged):
        return packaged
    found = shutil.which("anvil")
    if found is None:
        raise DevnetError(
            "binary-missing",
            "anvil not found: run scripts/setup in the repository, or install anvil 1.7 and set"
            f" {ENVIRONMENT} to its path",
        )
    return Path(found).resolve()


def _runnable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
