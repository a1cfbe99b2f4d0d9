"""Reading the devnet's log."""

import time
from collections.abc import Iterator

from ledger.adapters.devnet.directory import DevnetDirectory


def log_lines(directory: DevnetDirectory, count: int) -> list[str]:
    """The last lines of the log."""
    path = directory.log_file
    if not path.exists():
        return []
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-count:] if count else []


def follow_log(directory: DevnetDirectory) -> Iterator[str]:
    """New lines of the log as they come; never ends by itself."""
    path = directory.log_file
    position = path.stat().st_size if path.exists() else 0
    while True:
        if path.exists():
            if path.stat().st_size < position:
                position = 0  # the log was begun anew
            with path.open(encoding="utf-8", errors="replace") as file:
                file.seek(position)
                while (line := file.readline()).endswith("\n"):
                    position = file.tell()
                    yield line.rstrip("\n")
        time.sleep(0.2)
