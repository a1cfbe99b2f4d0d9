"""Brings the copy of one region's stream up to a head on chain, and its map with it.

Nothing is stored before it is known to be the anchored log's:

1. What is missing is fetched as entry bundles. Few of them are appended on trial, and the root at
   the head's size must be the anchored one. For many, the roots of their bundles are fetched first
   as hash tiles; these must lead to the anchored root, and then each bundle to its own.
2. The entries are stored under the mirror's fence, at the exact place where the stored copy ends. A
   crash before loses what was fetched; one after it finds them at the next start.
3. Only then does the copy in memory move on. A crash between is made up for by reading the stored
   copy, whose root is compared with the chain's head like that of fetched entries: a byte that was
   changed on disk shows there. The region then proves its log anew, and the copy is fetched anew.

A peer is hostile: it can make this node wait, alarm and fetch again, and nothing else.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from ledger.core.chain.head_slots import Head
from ledger.core.merkle import hash_leaf
from ledger.core.stream.entry import opening_entry
from ledger.core.stream.frontier import Frontier
from ledger.core.stream.tiles import TILE_HEIGHT, TILE_WIDTH, Bundle, Tile, tile_width
from ledger.core.types import Hash32, TreeSize
from ledger.errors import RollbackError, StoreUnavailableError, UnavailableError
from ledger.services.crash_points import reach
from ledger.services.mirror.alarms import (
    LOG_ROOT_DIFFERS,
    LOG_TOO_LONG,
    MAP_FUNCTION_UNKNOWN,
    OPENING_DIFFERS,
    AlarmError,
)
from ledger.services.mirror.copy import LogCopy
from ledger.services.ports.mirroring import EntrySource, LogName, MirrorStore
from ledger.services.stored import Fence

MAP_FUNCTION: Final = 1
"""Map function 1 over SHA-256."""

MAX_ENTRIES: Final = 100_000_000
"""Longest log that is copied; the roots of its bundles take 12.5 MB."""

FEW_BUNDLES: Final = 16
"""So many bundles are fetched and checked at once; for more the hash tiles are fetched first."""

CHUNK: Final = 10_000
"""Entries read from the store at a time, and about as many stored at a time."""

CHUNK_BYTES: Final = 8 << 20
"""Bytes of entries after which a chunk is stored, and beyond which few bundles count as many."""

log = logging.getLogger(__name__)


class Following:
    """Follows one region's stream; used by one thread.

    Args:
        region: Whose, six digits.
        stream: Which of its streams.
        store: Keeps the copy.
        source: Where entries come from.
        is_stopping: Asked between two bundles.
    """

    def __init__(
        self,
        *,
        region: str,
        stream: str,
        store: MirrorStore,
        source: EntrySource,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._region = region
        self._stream = stream
        self._store = store
        self._source = source
        self._is_stopping = is_stopping
        self._copy: LogCopy | None = None

    @property
    def copy(self) -> LogCopy | None:
        """The copy, once there was a head to follow."""
        return self._copy

    def follow(self, head: Head, fence: Fence, seat: int) -> Hash32:
        """The map root that follows from the log under a head.

        Args:
            head: The stream's head on chain.
            fence: The right to write.
            seat: This mirror's number, by which it asks for entries.

        Raises:
            AlarmError: The region's log is not what was anchored; nothing of it was stored.
            RegionUnavailableError: The region's node does not answer.
            InputError: It answers with something else than asked for.
            FencedError: Another mirror of this node took over.
            StoreUnavailableError: The store does not answer.
        """
        if head.map_function != MAP_FUNCTION:
            raise AlarmError(
                MAP_FUNCTION_UNKNOWN,
                f"map function: expected {MAP_FUNCTION}, found {head.map_function}",
            )
        if head.size > MAX_ENTRIES:
            raise AlarmError(
                LOG_TOO_LONG, f"size: expected at most {MAX_ENTRIES}, found {head.size}"
            )
        copy = self._copy_of(LogName(self._region, self._stream, head.vrf_key), fence)
        if copy.size > head.size:
            copy = self._cut(copy, head.size, fence)
        if not self._reaches(copy, head, fence, seat):
            copy = self._renew(copy, head, fence, seat)
        # At this point: the stored copy is the anchored log.
        if copy.map_root != head.map_root:
            # Before it speaks against a region, it computes everything anew from the store.
            log.warning("copy of %s: another map root at %d, computed anew", copy.name, head.size)
            copy = self._copy = self._load(copy.name, fence)
            if copy.log_root != head.log_root:
                copy = self._renew(copy, head, fence, seat)
        return copy.map_root

    def _copy_of(self, name: LogName, fence: Fence) -> LogCopy:
        if self._copy is None or self._copy.name != name:
            self._copy = self._load(name, fence)
        return self._copy

    def _load(self, name: LogName, fence: Fence) -> LogCopy:
        """Read the stored copy, as far as it is one without a gap."""
        copy = LogCopy(name)
        while rows := self._store.mirrored_entries(name, copy.size, CHUNK):
            self._require_running()
            places = enumerate(rows, copy.size)
            whole = [entry for place, (index, entry) in places if index == place]
            copy.take(whole)
            if len(whole) < len(rows):
                log.error("copy of %s: expected index %d, found another", name, copy.size)
                self._store.cut_mirrored(fence, name, copy.size)
        return copy

    def _cut(self, copy: LogCopy, size: TreeSize, fence: Fence) -> LogCopy:
        """Go back to a smaller log: the chain was rolled back, as a development chain may be."""
        log.warning("copy of %s: has %d entries, the chain %d", copy.name, copy.size, size)
        self._copy = None
        self._store.cut_mirrored(fence, copy.name, size)
        self._copy = self._load(copy.name, fence)
        return self._copy

    def _reaches(self, copy: LogCopy, head: Head, fence: Fence, seat: int) -> bool:
        """Fetch what is missing; whether the copy is the anchored log now."""
        if copy.size < head.size:
            missing = -(-head.size // TILE_WIDTH) - copy.size // TILE_WIDTH
            few = self._fetch_few(copy, head, seat) if missing <= FEW_BUNDLES else None
            if few is None:
                return self._take_many(copy, head, fence, seat)
            trial = copy.frontier()
            trial.extend(hash_leaf(entry) for entry in few)
            if trial.root() != head.log_root:
                return False
            self._append(copy, few, fence)
        return copy.log_root == head.log_root

    def _renew(self, copy: LogCopy, head: Head, fence: Fence, seat: int) -> LogCopy:
        """Another root came out: because of the region, or because of what is stored here?"""
        differs = AlarmError(
            LOG_ROOT_DIFFERS,
            f"log of {copy.name} at {head.size}: expected root {head.log_root.hex()}, computed"
            " another from the entries the region hands out",
        )
        if copy.size == 0:
            raise differs
        _, _, trial = self._prove(Frontier(), head, seat)
        if trial.root() != head.log_root:
            raise differs
        # The region proves its log without our copy, so the copy is wrong.
        log.error("copy of %s: stored entries are not the anchored ones, fetched anew", copy.name)
        self._copy = None
        self._store.cut_mirrored(fence, copy.name, 0)
        self._copy = fresh = LogCopy(copy.name)
        if not self._reaches(fresh, head, fence, seat):
            raise differs
        return fresh

    def _fetch_few(self, copy: LogCopy, head: Head, seat: int) -> list[bytes] | None:
        """1. Every missing entry, or None where that is too much at once."""
        first, end = copy.size // TILE_WIDTH, -(-head.size // TILE_WIDTH)
        entries: list[bytes] = []
        total = 0
        for index in range(first, end):
            bundle = self._bundle(copy.name, index, head.size, seat)
            total += sum(map(len, bundle))
            if total > CHUNK_BYTES:
                return None
            entries += bundle
        return entries[copy.size - first * TILE_WIDTH :]

    def _take_many(self, copy: LogCopy, head: Head, fence: Fence, seat: int) -> bool:
        """1. Bundle by bundle, each against its root; 2. stored in chunks."""
        edge = copy.frontier().cut(TILE_HEIGHT)
        roots, tail, trial = self._prove(edge, head, seat)
        if trial.root() != head.log_root:
            return False
        # At this point: the roots are those of the anchored log's bundles.
        chunk: list[bytes] = []
        for index, root in enumerate(roots, edge.size // TILE_WIDTH):
            bundle = self._bundle(copy.name, index, head.size, seat)
            if _root_of(bundle) != root:
                raise AlarmError(
                    LOG_ROOT_DIFFERS,
                    f"log of {copy.name}, bundle {index}: expected root {root.hex()}, computed"
                    f" {_root_of(bundle).hex()}",
                )
            chunk += bundle[max(0, copy.size - index * TILE_WIDTH) :]
            if len(chunk) >= CHUNK or sum(map(len, chunk)) > CHUNK_BYTES:
                self._append(copy, chunk, fence)
                chunk = []
        chunk += tail[max(0, copy.size - head.size // TILE_WIDTH * TILE_WIDTH) :]
        self._append(copy, chunk, fence)
        return copy.log_root == head.log_root

    def _prove(
        self, edge: Frontier, head: Head, seat: int
    ) -> tuple[list[Hash32], Sequence[bytes], Frontier]:
        """Roots of the bundles from an edge on, the entries behind them, and what they lead to."""
        name = LogName(self._region, self._stream, head.vrf_key)
        roots: list[Hash32] = []
        tail: Sequence[bytes] = ()
        first, full = edge.size // TILE_WIDTH, head.size // TILE_WIDTH
        for index in range(first // TILE_WIDTH, -(-full // TILE_WIDTH)):
            self._require_running()
            tile = Tile(1, index, tile_width(1, index, head.size))
            roots += self._source.fetch_tile(name, tile)[max(0, first - index * TILE_WIDTH) :]
        if head.size % TILE_WIDTH:
            tail = self._bundle(name, full, head.size, seat)
        trial = edge.copy()
        for root in roots:
            trial.append(TILE_HEIGHT, root)
        trial.extend(hash_leaf(entry) for entry in tail)
        return roots, tail, trial

    def _bundle(self, name: LogName, index: int, size: TreeSize, seat: int) -> tuple[bytes, ...]:
        self._require_running()
        bundle = Bundle(index, tile_width(0, index, size))
        return self._source.fetch_bundle(name, bundle, seat=seat)

    def _append(self, copy: LogCopy, entries: Sequence[bytes], fence: Fence) -> None:
        if not entries:
            return
        if copy.size == 0:
            name = copy.name
            if entries[0] != opening_entry(name.region, name.stream, name.vrf_key):
                raise AlarmError(
                    OPENING_DIFFERS, f"log of {name}: expected its opening entry, found another"
                )
        reach("mirror.fetched")
        try:
            # 2. Durable first,
            self._store.append_mirrored(fence, copy.name, copy.size, entries)
        except (StoreUnavailableError, RollbackError):
            # Nobody knows what is stored now: the next step reads it.
            self._copy = None
            raise
        reach("mirror.stored")
        # 3. then in memory.
        copy.take(entries)

    def _require_running(self) -> None:
        if self._is_stopping():
            raise UnavailableError("mirroring is stopping")


def _root_of(entries: Sequence[bytes]) -> Hash32:
    frontier = Frontier()
    frontier.extend(hash_leaf(entry) for entry in entries)
    return frontier.root()
