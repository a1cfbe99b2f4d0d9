"""A copy of another region's log in memory: its root, and the map that follows from it."""

from collections.abc import Sequence

from ledger.core.merkle import hash_leaf
from ledger.core.stream.frontier import Frontier
from ledger.core.stream.log import MerkleLog
from ledger.core.stream.stream_map import StreamMap
from ledger.core.types import Hash32, TreeSize
from ledger.services.ports.mirroring import LogName


class LogCopy:
    """The entries taken so far, as far as roots need them; used by one thread.

    Args:
        name: Whose log.
    """

    def __init__(self, name: LogName) -> None:
        self.name = name
        self._frontier = Frontier()
        self._log = MerkleLog()
        self._map = StreamMap(self._log)

    @property
    def size(self) -> TreeSize:
        """Entries taken."""
        return self._map.size

    @property
    def log_root(self) -> Hash32:
        """The root of the entries taken."""
        return self._frontier.root()

    @property
    def map_root(self) -> Hash32:
        """The root of the map that map function 1 makes of them."""
        return self._map.root()

    def frontier(self) -> Frontier:
        """The log's right edge, to try what would come of more entries."""
        return self._frontier.copy()

    def take(self, entries: Sequence[bytes]) -> None:
        """Append entries and bring the map up to date."""
        leaf_hashes = [hash_leaf(entry) for entry in entries]
        self._frontier.extend(leaf_hashes)
        self._log.extend(leaf_hashes)
        self._map.take(entries)
