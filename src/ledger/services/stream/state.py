"""One stream in memory: its log, and its map at two sizes.

The *integrated* map holds every entry of the log. The *served* map holds the entries up to the
newest verified snapshot; lookups are answered from it alone. Both are derived from the stored
entries, and only from them: a crash loses nothing, and no step can forget to update memory, because
every change arrives by reading the store (``catch_up``, ``serve``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from threading import RLock
from typing import Final

from ledger.core.merkle import hash_leaf
from ledger.core.prefix_tree import MapProof, PrefixTree
from ledger.core.stream.log import MerkleLog
from ledger.core.stream.map_function import MapState
from ledger.core.types import Hash32, LeafIndex, TreeSize
from ledger.core.verify.verdict import day_of, moment_of
from ledger.errors import FatalStateError, NotIntegratedError
from ledger.services.ports import LogStore
from ledger.services.stored import SequencedEntry, Snapshot

CHUNK: Final = 10_000
"""Entries read from the store at a time."""


@dataclass(frozen=True, slots=True)
class LogHead:
    """The roots at one size."""

    size: TreeSize
    log_root: Hash32
    map_root: Hash32


@dataclass(frozen=True, slots=True)
class ServedKey:
    """What the served map says of one key, with the proofs."""

    snapshot: Snapshot
    map_proof: MapProof
    pairs: tuple[tuple[LeafIndex, Hash32], ...]
    """(log index, leaf hash) of every item, ascending."""
    paths: tuple[tuple[Hash32, ...], ...]
    """Log path of each item at the snapshot's size."""


class _Side:
    """A map at some size of the log."""

    def __init__(self) -> None:
        self.size = 0
        self.items = MapState()
        self.tree = PrefixTree()

    def take(self, entries: Sequence[SequencedEntry]) -> None:
        _check(entries, self.size)
        changed: set[bytes] = set()
        for entry in entries:
            key = self.items.apply(entry.log_index, entry.entry)
            if key is not None:
                changed.add(key)
        self.tree.update({key: self.items.value(key) for key in changed})
        self.size += len(entries)


class StreamState:
    """The log and maps of one stream; safe for use by many threads, one of which writes.

    Args:
        stream: One of the closed list.
        store: Where the entries are.
    """

    def __init__(self, stream: str, store: LogStore) -> None:
        self.stream = stream
        self._store = store
        self._log = MerkleLog()
        self._integrated = _Side()
        self._served = _Side()
        self._snapshot: Snapshot | None = None
        self._lock = RLock()

    @property
    def size(self) -> TreeSize:
        """Entries that are in the log and the integrated map."""
        with self._lock:
            return self._integrated.size

    @property
    def served_size(self) -> TreeSize:
        """Entries under the served snapshot; 0 before there is one."""
        with self._lock:
            return self._served.size if self._snapshot is not None else 0

    @property
    def snapshot(self) -> Snapshot | None:
        """The served snapshot."""
        with self._lock:
            return self._snapshot

    def head(self) -> LogHead:
        """Roots of everything integrated."""
        with self._lock:
            side = self._integrated
            return LogHead(side.size, self._log.root(), side.tree.root())

    def leaf_hash(self, index: LeafIndex) -> Hash32:
        """The leaf hash of an entry.

        Raises:
            NotIntegratedError: The log is shorter.
        """
        with self._lock:
            self._require_size(index + 1)
            return self._log.leaf_hash(index)

    def log_root(self, size: TreeSize) -> Hash32:
        """Root of the first ``size`` entries.

        Raises:
            NotIntegratedError: The log is shorter.
        """
        with self._lock:
            self._require_size(size)
            return self._log.root(size)

    def consistency_path(self, old_size: TreeSize, new_size: TreeSize) -> tuple[Hash32, ...]:
        """RFC 9162 consistency path between two sizes.

        Raises:
            NotIntegratedError: The log is shorter than ``new_size``.
        """
        with self._lock:
            self._require_size(new_size)
            return tuple(self._log.consistency_path(old_size, new_size))

    def subtree_roots(self, height: int, start: int, count: int) -> bytes:
        """Roots of consecutive complete subtrees of 2^height leaves, 32 bytes each, for tiles.

        Raises:
            NotIntegratedError: The log is shorter than the last of them.
        """
        with self._lock:
            self._require_size((start + count) << height)
            return self._log.subtree_roots(height, start, count)

    def catch_up(self) -> int:
        """Take in every stored entry that is not in memory yet; returns how many.

        Raises:
            FatalStateError: The stored entries are not what their hashes say, or have a gap.
            StoreUnavailableError: The store does not answer.
        """
        taken = 0
        while entries := self._store.entries(self.stream, self.size, CHUNK):
            with self._lock:
                self._integrated.take(entries)
                self._log.extend([entry.leaf_hash for entry in entries])
            taken += len(entries)
        return taken

    def serve(self, snapshot: Snapshot) -> None:
        """Answer from this snapshot from now on.

        Raises:
            FatalStateError: Its roots are not ours: what was anchored is not what is stored. The
                stream is not served any more.
            NotIntegratedError: It is of a larger log than ours.
            StoreUnavailableError: The store does not answer.
        """
        head = snapshot.head
        with self._lock:
            self._require_size(head.size)
            if head.size < self._served.size:
                raise NotIntegratedError(
                    f"snapshot: expected at least {self._served.size} entries, found {head.size}"
                )
        # Only the worker's thread moves the served side, so it may read outside the lock.
        while (behind := head.size - self._served.size) > CHUNK:
            entries = self._store.entries(self.stream, self._served.size, CHUNK)
            with self._lock:
                # No snapshot fits the served map until the last chunk is in.
                self._snapshot = None
                self._served.take(entries)
        entries = self._store.entries(self.stream, self._served.size, behind) if behind else ()
        with self._lock:
            if behind:
                self._served.take(entries)
            ours = (self._log.root(head.size), self._served.tree.root())
            if ours != (head.log_root, head.map_root):
                self._snapshot = None
                raise FatalStateError(
                    f"{self.stream}: expected log and map roots {ours[0].hex()}, {ours[1].hex()},"
                    f" found {head.log_root.hex()}, {head.map_root.hex()} on chain"
                )
            self._snapshot = snapshot

    def served_key(self, key: Hash32) -> ServedKey | None:
        """What the served map says of a key; None before there is a snapshot."""
        with self._lock:
            if self._snapshot is None:
                return None
            pairs = tuple(self._served.items.lists.get(key, ()))
            return ServedKey(
                snapshot=self._snapshot,
                map_proof=self._served.tree.prove(key),
                pairs=pairs,
                paths=tuple(
                    tuple(self._log.inclusion_path(index, self._snapshot.head.size))
                    for index, _leaf in pairs
                ),
            )

    def _require_size(self, size: TreeSize) -> None:
        if size > self._integrated.size:
            raise NotIntegratedError(
                f"{self.stream}: expected at least {size} entries, found {self._integrated.size}"
            )


StreamStates = Mapping[str, StreamState]
"""The streams of a node by name."""


def proved_day(snapshots: Iterable[Snapshot | None]) -> date | None:
    """The day, in +08:00, of the newest block among snapshots; None where there is none."""
    times = [snapshot.block_time for snapshot in snapshots if snapshot is not None]
    return day_of(moment_of(max(times))) if times else None


def _check(entries: Sequence[SequencedEntry], start: LeafIndex) -> None:
    """Pair assertion: what was hashed before the write is what is read after it."""
    if not entries:
        raise FatalStateError(f"log: expected an entry at index {start}, found none")
    for index, entry in enumerate(entries, start):
        if entry.log_index != index:
            raise FatalStateError(f"log: expected index {index}, found {entry.log_index}")
        if hash_leaf(entry.entry) != entry.leaf_hash:
            raise FatalStateError(f"log: the stored leaf hash of index {index} is not its entry's")
