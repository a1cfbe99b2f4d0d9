"""What mirroring needs of the world: other regions' logs, and a place to keep their copies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.core.stream.tiles import Bundle, Tile
from ledger.core.types import Hash32, LeafIndex, TreeSize
from ledger.services.stored import Fence


@dataclass(frozen=True, slots=True)
class LogName:
    """One generation of another region's stream: one log."""

    region: str
    """GB/T 2260 code, six digits."""
    stream: str
    """One of the closed list."""
    vrf_key: int
    """Generation, 1 .. 2^32-1."""

    def __str__(self) -> str:
        return f"{self.region}/{self.stream}/{self.vrf_key}"


class EntrySource(Protocol):
    """The other regions' nodes. Nothing they send is believed: callers compare it with the chain.

    Both methods raise ``RegionUnavailableError`` where the node does not answer, or not in time,
    and ``InputError`` where it answers with something else than asked for.
    """

    def fetch_bundle(self, log: LogName, bundle: Bundle, *, seat: int) -> tuple[bytes, ...]:
        """The entries of a bundle: exactly as many as asked for, at most 65,535 bytes each.

        Args:
            log: Whose.
            bundle: Which.
            seat: The number of the mirror that asks.
        """
        ...

    def fetch_tile(self, log: LogName, tile: Tile) -> tuple[Hash32, ...]:
        """The hashes of a tile: exactly as many as asked for."""
        ...


class MirrorStore(Protocol):
    """Copies of other regions' logs. Each method is one transaction, as in ``Store``."""

    def acquire_fence(self, name: str) -> Fence:
        """Hand out the next token of a name; older ones are dead from now on."""
        ...

    def check_fence(self, fence: Fence) -> None:
        """Raise ``FencedError`` if a newer token was handed out."""
        ...

    def mirrored_entries(
        self, log: LogName, start: LeafIndex, limit: int
    ) -> tuple[tuple[LeafIndex, bytes], ...]:
        """Entries of a copy from ``start`` on with their indices, ascending."""
        ...

    def append_mirrored(
        self, fence: Fence, log: LogName, size: TreeSize, entries: Sequence[bytes]
    ) -> None:
        """Write entries from index ``size`` on.

        Raises:
            RollbackError: The stored copy does not end at ``size``.
        """
        ...

    def cut_mirrored(self, fence: Fence, log: LogName, size: TreeSize) -> None:
        """Forget every entry of a copy from index ``size`` on."""
        ...
