"""Named places at which a process may be killed, so that tests can kill it at each of them.

Between any two points something lasting happens: a transaction of the store, bytes on their way to
the chain, a reply to a caller. ``reach`` marks the place in the code and does nothing. On a
development chain an operator of tests may arm one point: the process then ends itself with SIGKILL
when it passes there for the n-th time, as if the power had gone.

What a name promises: ``...written`` lies inside the transaction, all rows written and none
committed; ``...stored`` right after the commit.
"""

import os
import signal
from collections.abc import Callable, Mapping
from threading import Lock
from types import MappingProxyType
from typing import Final

from ledger.errors import FatalStateError

CRASH_POINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "startup.migrated": "schema brought up to date, not committed",
        "startup.fence-taken": "the newest fence token is ours",
        "startup.replayed": "log and map of a stream read from the store",
        "startup.opening-checked": "the log is known to be this region's",
        "startup.loaded": "every stream serves its newest stored snapshot",
        "publication.received": "a file has arrived",
        "publication.parsed": "its rows are read",
        "publication.decided": "what every row does is decided",
        "publication.written": "batch, events and records written, not committed",
        "publication.accepted": "batch committed; nobody was told",
        "publication.replying": "the report is about to leave",
        "sequencing.placed": "waiting events have their entries, in memory alone",
        "sequencing.written": "entries and indices written, not committed",
        "sequencing.stored": "entries and indices committed",
        "sequencing.integrated": "log and map in memory hold the entries",
        "anchoring.head-computed": "the next head is known and continues the chain's",
        "anchoring.simulated": "the contract would take it",
        "anchoring.signed": "its transaction is signed, in memory alone",
        "anchoring.written": "the signed head is written, not committed",
        "anchoring.stored": "the signed head is committed; nothing was sent",
        "anchoring.sending": "bytes are about to leave",
        "anchoring.reply-lost": "the chain has the bytes; its reply was not read",
        "anchoring.sent": "bytes have left; the row does not say so",
        "anchoring.marked-sent": "the row says that bytes have left",
        "anchoring.head-seen": "the chain has the head; the row does not say so",
        "anchoring.mined": "the row says that the head is in a block",
        "snapshot.block-taken": "the newest block is read",
        "snapshot.proved": "its proofs are read",
        "snapshot.verified": "block and proofs verify",
        "snapshot.confirmed": "the head is ours and has its required confirmations",
        "snapshot.written": "the snapshot is written and its head anchored, not committed",
        "snapshot.stored": "the snapshot is committed; lookups do not see it",
        "snapshot.served": "lookups are answered under it",
        "generation.begun": "the former log of a stream is closed, the next one empty",
        "generation.written": "a part of its items is put again, not committed",
        "generation.carried": "a part of its items is put again and committed",
        "generation.finished": "the next log takes events; none of its heads is signed",
        "expiry.decided": "records whose last day is over are known",
        "expiry.written": "their ends are written, not committed",
        "expiry.stored": "their ends are committed",
        "mirror.fetched": "missing entries of another region lead to its anchored root",
        "mirror.stored": "the copy holds them; its map does not",
        "mirror.root-computed": "the map root under the head is known, in memory alone",
        "mirror.confirm-sent": "what came out has left for the chain",
    }
)
"""Every point and what has happened when a process is there, along the path of a publication."""

Watcher = Callable[[str], None]
"""Told the name of each point that is passed."""

_watcher: Watcher | None = None


def reach(name: str) -> None:
    """Pass a point; nothing happens unless somebody watches.

    Args:
        name: One of ``CRASH_POINTS``.
    """
    if _watcher is not None:
        _watcher(name)


def watch(watcher: Watcher | None) -> None:
    """Tell somebody of every point that is passed from now on; None ends it."""
    global _watcher
    _watcher = watcher


def arm(text: str) -> None:
    """Kill this process with SIGKILL at a point.

    Args:
        text: ``name`` or ``name:n``; n counts the passings from 1.

    Raises:
        FatalStateError: There is no such point, or n is no positive number.
    """
    watch(_Trap(*parse_crash_point(text)))


def parse_crash_point(text: str) -> tuple[str, int]:
    """Read ``name`` or ``name:n``.

    Raises:
        FatalStateError: There is no such point, or n is no positive number.
    """
    name, colon, count = text.partition(":")
    if name not in CRASH_POINTS:
        raise FatalStateError("crash point: expected a name of the list, found another")
    if colon and not (count.isascii() and count.isdigit() and 1 <= len(count) <= 9 and int(count)):
        raise FatalStateError("crash point: expected a positive number of passings")
    return name, int(count or 1)


class _Trap:
    """Ends the process at the n-th passing of a point."""

    def __init__(self, name: str, passings: int) -> None:
        self._name = name
        self._left = passings
        self._lock = Lock()

    def __call__(self, name: str) -> None:
        if name != self._name:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
