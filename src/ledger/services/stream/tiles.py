"""What others may read of a stream's log: its checkpoint, hash tiles and entry bundles.

Two sizes matter:

- The *checkpoint* is of the newest head that is in a block. It is never ahead of the chain, so two
  checkpoints cannot contradict each other unless two heads on chain do, which the contract forbids.
  (A development chain that is rolled back falls behind it, and catches up with the same heads.)
- Tiles and bundles go up to the newest head that was *signed* for the chain. Mirrors need the
  entries of a head to confirm it, and the node does not serve a head before it is confirmed: a
  limit at the served head would be a deadlock.

Serving ahead of the chain is safe because nothing there is ever taken back. An entry is stored
durably before it is integrated, integrated before its head is signed, and no step removes entries:
if the head is lost on its way, a later one covers the same entries at the same indices. A hash tile
tells no more than hashes of salted commitments and how many there are, which the head on chain
tells too, a moment later. A tile is not proof of anything without a root that covers it.
"""

from dataclasses import dataclass, field
from typing import Protocol

from ledger.core.checkpoint.checkpoint import Checkpoint, sign_checkpoint
from ledger.core.stream.tiles import TILE_HEIGHT, TILE_WIDTH, Bundle, Tile, encode_bundle
from ledger.core.types import Hash32, TreeSize
from ledger.errors import FatalStateError
from ledger.services.ports import LogStore, OutboxStore
from ledger.services.stored import ANCHORED, MINED, Snapshot, StreamLog
from ledger.services.stream.state import StreamState


class TileStore(LogStore, OutboxStore, Protocol):
    """Entries and the heads that were signed over them."""


@dataclass(frozen=True, slots=True)
class CheckpointKey:
    """What a stream's checkpoints are signed with."""

    origin: str
    """Names the log and the key."""
    seed: bytes = field(repr=False)
    """Ed25519 seed, 32 bytes; used for checkpoints and nothing else."""


class StreamTiles:
    """One stream's log as tlog-tiles; every answer is bounded by the size of one tile.

    Args:
        state: The stream in memory.
        store: Where its entries and outbox are.
        key: Signs the checkpoints.
    """

    def __init__(self, *, state: StreamState, store: TileStore, key: CheckpointKey) -> None:
        self._state = state
        self._store = store
        self._key = key

    def size(self) -> TreeSize:
        """Entries that tiles and bundles may cover now.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        newest = self._store.newest_outbox(self._state.name)
        signed = 0 if newest is None else newest.new_size
        # After a start, memory may not hold yet what was signed before.
        return min(max(signed, self._state.served_size), self._state.size)

    def checkpoint(self) -> bytes | None:
        """The signed checkpoint of the newest head in a block; None before the first.

        Raises:
            FatalStateError: The log in memory has another root than the head.
            StoreUnavailableError: The store does not answer.
        """
        found = newest_anchored(self._store, self._state.name, self._state.snapshot)
        if found is None or found[0] > self._state.size:
            return None
        size, root = found
        computed = self._state.log_root(size)
        if computed != root:
            # Pair assertion: a signature over a second history could never be taken back.
            raise FatalStateError(
                f"{self._state.name}: expected log root {root.hex()} at size {size},"
                f" found {computed.hex()}"
            )
        return sign_checkpoint(Checkpoint(self._key.origin, size, root), self._key.seed)

    def tile(self, tile: Tile) -> bytes | None:
        """The hashes of a tile, side by side; None beyond the size.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        start = tile.index * TILE_WIDTH
        height = TILE_HEIGHT * tile.level
        if not self._reaches((start + tile.width) << height):
            return None
        return self._state.subtree_roots(height, start, tile.width)

    def bundle(self, bundle: Bundle) -> bytes | None:
        """The entries of a bundle with their lengths; None beyond the size.

        Raises:
            FatalStateError: The store lacks entries that were integrated.
            StoreUnavailableError: The store does not answer.
        """
        start = bundle.index * TILE_WIDTH
        if not self._reaches(start + bundle.width):
            return None
        entries = self._store.entries(self._state.name, start, bundle.width)
        if [entry.log_index for entry in entries] != list(range(start, start + bundle.width)):
            raise FatalStateError(
                f"{self._state.name}: expected entries {start} to {start + bundle.width - 1}"
            )
        return encode_bundle([entry.entry for entry in entries])

    def _reaches(self, end: TreeSize) -> bool:
        # The store is asked only about the newest entries.
        return end <= self._state.served_size or end <= self.size()


def newest_anchored(
    store: OutboxStore, log: StreamLog, snapshot: Snapshot | None
) -> tuple[TreeSize, Hash32] | None:
    """Size and log root of the newest head that a block is known to hold; None before the first.

    Args:
        store: The outbox.
        log: Which of the node's own.
        snapshot: The newest verified one.

    Raises:
        StoreUnavailableError: The store does not answer.
    """
    heads = [] if snapshot is None else [(snapshot.head.size, snapshot.head.log_root)]
    newest = store.newest_outbox(log)
    if newest is not None:
        # Where the newest is still on its way, the one that it builds on is in a block.
        rows = (newest, *store.find_outbox(log, newest.epoch - 1))
        heads += [(row.new_size, row.log_root) for row in rows if row.state in (MINED, ANCHORED)]
    return max(heads, default=None)
