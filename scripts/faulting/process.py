"""A node in a process of its own, forked from one that has everything imported already.

The parent must have one thread only, and no database open: neither survives a fork.
"""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

import httpx

from faulting.network import Place
from ledger.bootstrap.node import CRASH_POINT_VARIABLE
from ledger.bootstrap.server import run_node

CLOCK_VARIABLE = "CREDIT_LEDGER_CLOCK_OFFSET_S"
POLL_S = 0.02
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
"""Loaded beforehand: between fork and exec of a process with threads nothing may be loaded."""

DAY_S = 86_400


class NodeProcess:
    """One life of a node.

    Args:
        place: Where the node lives.
        crash_point: ``name`` or ``name:n`` at which it kills itself; None for nowhere.
        yesterday: Whether its clock is a day late.
    """

    def __init__(
        self, place: Place, crash_point: str | None = None, *, yesterday: bool = False
    ) -> None:
        self.place = place
        self._code: int | None = None
        self._killer: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _live(place, crash_point, yesterday)

    @property
    def code(self) -> int | None:
        """How it ended: minus the signal, or the exit code; None while it runs."""
        if self._code is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self._note(status)
        return self._code

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.code is None

    @property
    def was_killed(self) -> bool:
        """Whether it ended by SIGKILL."""
        return self.code == -signal.SIGKILL

    def wait_up(self, deadline: float) -> bool:
        """Wait until it answers; False when it ended or the time is over."""
        with httpx.Client(trust_env=False, timeout=5) as client:
            while self.is_alive and time.monotonic() < deadline:
                try:
                    client.get(f"{self.place.url}/livez")
                except httpx.HTTPError:
                    time.sleep(POLL_S)
                else:
                    return True
        return False

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGKILL)
        self._wait()

    def kill_after(self, seconds: float) -> None:
        """Let another process kill it later, whatever this one is doing then."""
        self._killer = os.fork()
        if self._killer == 0:
            time.sleep(seconds)
            os.kill(self.pid, signal.SIGKILL)
            os._exit(0)

    def stop(self, deadline_s: float = 20) -> bool:
        """Ask it to end; returns whether it did so, cleanly and in time."""
        if self.is_alive:
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + deadline_s
        while self.is_alive and time.monotonic() < deadline:
            time.sleep(POLL_S)
        # The server ends itself by the same signal once everything is closed.
        stopped = self.code in (0, -signal.SIGTERM)
        self.kill()
        return stopped

    def _wait(self) -> None:
        if self._code is None:
            self._note(os.waitpid(self.pid, 0)[1])

    def _note(self, status: int) -> None:
        self._code = os.waitstatus_to_exitcode(status)
        if self._killer is not None:
            # Its number stays taken until it is reaped here, so this meets nobody else.
            os.kill(self._killer, signal.SIGKILL)
            os.waitpid(self._killer, 0)
            self._killer = None


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent is gone, so that nothing is left behind."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _live(place: Place, crash_point: str | None, yesterday: bool) -> None:
    """The child: a node and nothing else; never returns."""
    code = 1
    try:
        end_with_parent()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        _redirect(place.log)
        if crash_point is not None:
            os.environ[CRASH_POINT_VARIABLE] = crash_point
        if yesterday:
            os.environ[CLOCK_VARIABLE] = str(-DAY_S)
        run_node(place.folder)
        code = 0
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


def _redirect(path: Path) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
