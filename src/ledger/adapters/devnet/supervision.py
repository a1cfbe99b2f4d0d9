"""What both engines need around their supervisors: starting one, hearing it, saying why not."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any, Final

from ledger.adapters.devnet.directory import DevnetDirectory
from ledger.adapters.devnet.log import log_lines
from ledger.adapters.devnet.process import take_lock
from ledger.errors import DevnetError

_POLL_S: Final = 0.05
_SHOWN_LINES: Final = 5


def hold_up_lock(root: Path, deadline: float) -> IO[str]:
    """Keep other commands from starting the same devnet, until it is closed.

    Args:
        root: The devnet's directory.
        deadline: By the monotonic clock.

    Raises:
        DevnetError: Another command holds it all the while.
    """
    while (lock := take_lock(root / "up.lock")) is None:
        if time.monotonic() > deadline:
            raise DevnetError("busy", "another command is starting this devnet")
        time.sleep(_POLL_S)
    return lock


def launch(directory: DevnetDirectory, module: str) -> None:
    """Start a supervisor; it stands in the lock file when this returns.

    Raises:
        DevnetError: It ended at once.
    """
    directory.status_file.unlink(missing_ok=True)
    with directory.log_file.open("ab") as log:
        ended = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", module, str(directory.root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
            check=False,
        )
    if ended.returncode != 0:
        raise failure(directory, f"the supervisor ended with code {ended.returncode}")


def said(directory: DevnetDirectory) -> dict[str, Any]:
    """What a supervisor last wrote about itself; nothing where that cannot be read."""
    try:
        content = json.loads(directory.status_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def failure(directory: DevnetDirectory, reason: str) -> DevnetError:
    """Why a devnet does not run, with the last lines of its log."""
    lines = "\n  ".join(log_lines(directory, _SHOWN_LINES)) or "(empty)"
    problem = "port-in-use" if "in use" in reason else "does-not-start"
    return DevnetError(
        problem,
        f"{reason or 'the supervisor ended'}\nlast lines of {directory.log_file}:\n  {lines}",
    )
