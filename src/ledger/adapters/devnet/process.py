"""Whether a process is really ours, and how to end it. Linux: reads /proc.

A number alone proves nothing: numbers are used again. The supervisor holds a lock on a file as long
as it lives, and names itself by number and start time; both must fit before a signal is sent.
"""

import fcntl
import os
import signal
import time
from pathlib import Path
from typing import IO, Final

_POLL_S: Final = 0.05


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None where there is none or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None
    # The name in parentheses may hold anything, so count from its end: state is field 3.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def is_process(pid: int, ticks: int) -> bool:
    """Whether this very process still runs."""
    return start_ticks(pid) == ticks


def take_lock(path: Path) -> IO[str] | None:
    """Lock a file until it is closed or the process ends; None where another holds it."""
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def write_holder(file: IO[str]) -> None:
    """Write into a locked file who holds it."""
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()} {start_ticks(os.getpid())}\n")
    file.flush()


def lock_holder(path: Path) -> tuple[int, int] | None:
    """Number and start time of the process that holds a lock; None where nobody does."""
    if not path.exists():
        return None
    file = take_lock(path)
    if file is not None:
        file.close()
        return None
    try:
        pid, ticks = (int(part) for part in path.read_text(encoding="utf-8").split())
    except ValueError:
        return None
    return (pid, ticks) if is_process(pid, ticks) else None


def end_process(pid: int, ticks: int, *, deadline_s: float, number: int = signal.SIGTERM) -> bool:
    """Send a signal and wait for the end.

    Args:
        pid: The process.
        ticks: Its start time; another process under the same number is left alone.
        deadline_s: Longest wait.
        number: The signal.

    Returns:
        Whether the process is gone.
    """
    if not is_process(pid, ticks):
        return True
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return True
    deadline = time.monotonic() + deadline_s
    while is_process(pid, ticks):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def detach(lock: IO[str]) -> bool:
    """Go on as a daemon that nobody has to wait for.

    Returns:
        True in the daemon. False in the process that was started, once the daemon stands in the
        lock file, so that whoever started it finds it there.
    """
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        return False
    os.close(reading)
    write_holder(lock)
    os.close(writing)
    return True
