"""One log of a stream in memory: its entries, the map that is served, and a draft of the next.

The *served* map holds the entries up to the newest verified snapshot; lookups are answered from it
alone. The *draft* is a copy of it that has taken in what came since: it gives the root of the next
head, and becomes the served map with the snapshot of that head. Everything is derived from the
stored entries, and only from them: a crash loses nothing, and no step can forget to update memory,
because every change arrives by reading the store (``catch_up``, ``head``, ``serve``).

Readers take no lock. What they read never changes: the log below a size it had, and a map once it
is served.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from threading import RLock
from typing import Final

from ledger.core.merkle import hash_leaf
from ledger.core.prefix_tree import MapProof
from ledger.core.stream.log import MerkleLog
from ledger.core.stream.stream_map import StreamMap
from ledger.core.types import Hash32, LeafIndex, TreeSize
from ledger.core.verify.verdict import day_of, moment_of
from ledger.errors import FatalStateError, NotIntegratedError
from ledger.services.ports import LogStore
from ledger.services.stored import SequencedEntry, Snapshot, StreamLog

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
    count: int
    """Items under the key."""
    pairs: tuple[tuple[LeafIndex, Hash32], ...]
    """(log index, leaf hash) of every item, ascending; none if there are more than asked for."""
    paths: tuple[tuple[Hash32, ...], ...]
    """Log path of each pair's entry at the snapshot's size."""


@dataclass(frozen=True, slots=True)
class _Served:
    """A snapshot and the map it proves, replaced together."""

    snapshot: Snapshot
    map: StreamMap


class StreamState:
    """The log and maps of one stream; safe for use by many threads, one of which writes.

    Args:
        name: Which log.
        store: Where the entries are.
    """

    def __init__(self, name: StreamLog, store: LogStore) -> None:
        self.name = name
        self._store = store
        self._log = MerkleLog()
        self._base = StreamMap(self._log)
        """The map of the newest snapshot; never changed once it is here."""
        self._draft: StreamMap | None = None
        self._served: _Served | None = None
        self._anchored_size = 0
        self._writing = RLock()

    @property
    def stream(self) -> str:
        """Which stream it is a generation of."""
        return self.name.stream

    @property
    def size(self) -> TreeSize:
        """Entries that are integrated: in the log, and thereby in the map of the next head."""
        return self._log.size

    @property
    def anchored_size(self) -> TreeSize:
        """Entries under the newest head that is known to be in a block."""
        return max(min(self._anchored_size, self.size), self.served_size)

    def note_anchored(self, size: TreeSize) -> None:
        """Take in how many entries the newest head in a block has."""
        self._anchored_size = size

    @property
    def served_size(self) -> TreeSize:
        """Entries under the served snapshot; 0 before there is one."""
        served = self._served
        return 0 if served is None else served.map.size

    @property
    def snapshot(self) -> Snapshot | None:
        """The served snapshot."""
        served = self._served
        return None if served is None else served.snapshot

    def head(self) -> LogHead:
        """Roots of everything integrated; hashes what was not hashed for an earlier one.

        Raises:
            FatalStateError: The stored entries are not those that were integrated.
            StoreUnavailableError: The store does not answer.
        """
        with self._writing:
            size = self.size
            return LogHead(size, self._log.root(size), self._map_at(size).root())

    def leaf_hash(self, index: LeafIndex) -> Hash32:
        """The leaf hash of an entry.

        Raises:
            NotIntegratedError: The log is shorter.
        """
        self._require_size(index + 1)
        return self._log.leaf_hash(index)

    def log_root(self, size: TreeSize) -> Hash32:
        """Root of the first ``size`` entries.

        Raises:
            NotIntegratedError: The log is shorter.
        """
        self._require_size(size)
        return self._log.root(size)

    def consistency_path(self, old_size: TreeSize, new_size: TreeSize) -> tuple[Hash32, ...]:
        """RFC 9162 consistency path between two sizes.

        Raises:
            NotIntegratedError: The log is shorter than ``new_size``.
        """
        self._require_size(new_size)
        return self._log.consistency_path(old_size, new_size)

    def subtree_roots(self, height: int, start: int, count: int) -> bytes:
        """Roots of consecutive complete subtrees of 2^height leaves, 32 bytes each, for tiles.

        Raises:
            NotIntegratedError: The log is shorter than the last of them.
        """
        self._require_size((start + count) << height)
        return self._log.subtree_roots(height, start, count)

    def catch_up(self) -> int:
        """Take in every stored entry that is not in memory yet; returns how many.

        Raises:
            FatalStateError: The stored entries are not what their hashes say, or have a gap.
            StoreUnavailableError: The store does not answer.
        """
        taken = 0
        with self._writing:
            while entries := self._store.entries(self.name, self.size, CHUNK):
                _check(entries, self.size)
                self._log.extend([entry.leaf_hash for entry in entries])
                taken += len(entries)
        return taken

    def serve(self, snapshot: Snapshot) -> None:
        """Answer from this snapshot from now on; until then from the one before.

        Raises:
            FatalStateError: Its roots are not ours: what was anchored is not what is stored. The
                stream is not served any more.
            NotIntegratedError: It is of a larger log than ours.
            StoreUnavailableError: The store does not answer.
        """
        head = snapshot.head
        with self._writing:
            self._require_size(head.size)
            if head.size < self._base.size:
                raise NotIntegratedError(
                    f"snapshot: expected at least {self._base.size} entries, found {head.size}"
                )
            proved = self._map_at(head.size)
            ours = (self._log.root(head.size), proved.root())
            if ours != (head.log_root, head.map_root):
                self._draft = self._served = None
                raise FatalStateError(
                    f"{self.name}: expected log and map roots {ours[0].hex()}, {ours[1].hex()},"
                    f" found {head.log_root.hex()}, {head.map_root.hex()} on chain"
                )
            # At this point: the map is hashed and nobody will change it. Readers see the snapshot
            # and its map together.
            self._base, self._draft = proved, None
            self._served = _Served(snapshot, proved)

    def items_in_force(self) -> tuple[LeafIndex, ...]:
        """Log indices of every item under every key, by everything integrated, ascending.

        Raises:
            FatalStateError: The stored entries are not those that were integrated.
            StoreUnavailableError: The store does not answer.
        """
        with self._writing:
            return self._map_at(self.size).every_index()

    def served_key(self, key: Hash32, *, most: int) -> ServedKey | None:
        """What the served map says of a key; None before there is a snapshot.

        Args:
            key: The map key, 32 bytes.
            most: Pairs and paths are given for so many items or fewer.
        """
        served = self._served
        if served is None:
            return None
        indices = served.map.indices(key)
        listed = indices if len(indices) <= most else ()
        size = served.snapshot.head.size
        return ServedKey(
            snapshot=served.snapshot,
            map_proof=served.map.prove(key),
            count=len(indices),
            pairs=tuple([(index, self._log.leaf_hash(index)) for index in listed]),
            paths=tuple([self._log.inclusion_path(index, size) for index in listed]),
        )

    def _map_at(self, size: TreeSize) -> StreamMap:
        """The map of the first ``size`` entries, at least as many as are served.

        A draft of another head that went further begins anew: what is served is found again from
        the stored entries alone.
        """
        if size == self._base.size:
            return self._base
        draft = self._draft
        if draft is None or draft.size > size:
            # Built from nothing, it has room from the start, so that nothing is hashed twice.
            draft = self._base.copy() if self._base.size else StreamMap(self._log, keys=size)
        self._draft = draft
        while draft.size < size:
            most = min(CHUNK, size - draft.size)
            entries = self._store.entries(self.name, draft.size, most)
            _check(entries, draft.size)
            for entry in entries:
                if entry.leaf_hash != self._log.leaf_hash(entry.log_index):
                    raise FatalStateError(f"log: index {entry.log_index} has changed in the store")
            draft.take([entry.entry for entry in entries])
        return draft

    def _require_size(self, size: TreeSize) -> None:
        if size > self.size:
            raise NotIntegratedError(
                f"{self.name}: expected at least {size} entries, found {self.size}"
            )


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
