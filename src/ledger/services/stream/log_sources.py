"""Where a whole log can be read from: the own database, the copy of a mirror, another node."""

from collections.abc import Callable, Sequence
from typing import Protocol

from ledger.core.checkpoint.checkpoint import Checkpoint, sign_checkpoint
from ledger.core.stream.tiles import TILE_WIDTH, Bundle
from ledger.core.types import LeafIndex
from ledger.errors import NotIntegratedError, UnavailableError
from ledger.services.ports import LogStore, OutboxStore
from ledger.services.ports.mirroring import EntrySource, LogName, MirrorStore
from ledger.services.ports.store import SnapshotSource
from ledger.services.stored import StreamLog
from ledger.services.stream.tiles import CheckpointKey, newest_anchored


class OwnStore(LogStore, OutboxStore, SnapshotSource, Protocol):
    """A node's database, as far as its own log goes."""


class OwnLog:
    """A node's own log, from its database.

    Args:
        store: The database; the node may run on it meanwhile.
        name: Which of the node's logs.
        key: Signs the checkpoint.
    """

    def __init__(self, *, store: OwnStore, name: StreamLog, key: CheckpointKey) -> None:
        self._store = store
        self._name = name
        self._key = key

    def checkpoint(self) -> bytes:
        """The checkpoint of the newest head in a block.

        The caller compares its root with the entries before it leaves the process.

        Raises:
            NotIntegratedError: No head is in a block yet.
        """
        snapshot = self._store.newest_snapshot(self._name)
        head = newest_anchored(self._store, self._name, snapshot)
        if head is None:
            raise NotIntegratedError(f"{self._name}: expected a head in a block, found none")
        return sign_checkpoint(Checkpoint(self._key.origin, *head), self._key.seed)

    def entries(self, bundle: Bundle) -> tuple[bytes, ...]:
        """The entries of a bundle; fewer where the database has no more."""
        start = bundle.index * TILE_WIDTH
        found = self._store.entries(self._name, start, bundle.width)
        return _in_order([(entry.log_index, entry.entry) for entry in found], start)


class MirroredLog:
    """Another region's log, from this node's copy; the checkpoint is the region's own.

    Args:
        store: The node's database.
        name: Whose log.
        checkpoint: Fetches the region's checkpoint.
    """

    def __init__(
        self, *, store: MirrorStore, name: LogName, checkpoint: Callable[[], bytes]
    ) -> None:
        self._store = store
        self._name = name
        self._checkpoint = checkpoint

    def checkpoint(self) -> bytes:
        """What the region signed last."""
        return self._checkpoint()

    def entries(self, bundle: Bundle) -> tuple[bytes, ...]:
        """The entries of a bundle.

        Raises:
            UnavailableError: The copy has not so many yet.
        """
        start = bundle.index * TILE_WIDTH
        found = self._store.mirrored_entries(self._name, start, bundle.width)
        entries = _in_order(found, start)
        if len(entries) < bundle.width:
            # The region's node is a moment ahead of its mirrors.
            raise UnavailableError(
                f"copy of {self._name}: expected {start + bundle.width} entries,"
                f" found {start + len(entries)}; try again once the mirror has caught up"
            )
        return entries


class RemoteLog:
    """Another region's log, from its node.

    Args:
        source: The region's node.
        name: Whose log.
        seat: The number of the mirror that asks.
        checkpoint: Fetches the region's checkpoint.
    """

    def __init__(
        self, *, source: EntrySource, name: LogName, seat: int, checkpoint: Callable[[], bytes]
    ) -> None:
        self._source = source
        self._name = name
        self._seat = seat
        self._checkpoint = checkpoint

    def checkpoint(self) -> bytes:
        """What the region signed last."""
        return self._checkpoint()

    def entries(self, bundle: Bundle) -> tuple[bytes, ...]:
        """The entries of a bundle."""
        return self._source.fetch_bundle(self._name, bundle, seat=self._seat)


def _in_order(found: Sequence[tuple[LeafIndex, bytes]], start: LeafIndex) -> tuple[bytes, ...]:
    """The entries, as far as they follow each other from ``start``."""
    entries = []
    for index, (log_index, entry) in enumerate(found, start):
        if log_index != index:
            break
        entries.append(entry)
    return tuple(entries)
