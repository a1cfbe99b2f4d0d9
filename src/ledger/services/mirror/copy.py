"""A copy of another region's log in memory: its root, and the map that follows from it."""

from collections.abc import Sequence

from ledger.core.merkle import hash_leaf
from ledger.core.prefix_tree import PrefixTree
from ledger.core.stream.frontier import Frontier
from ledger.core.stream.map_function import MapState
from ledger.core.types import Hash32, TreeSize
from ledger.services.ports.mirroring import LogName


class LogCopy:
    """The entries taken so far, as far as roots need them; not safe for use by many threads.

    Args:
        name: Whose log.
    """

    def __init__(self, name: LogName) -> None:
        self.name = name
        self._frontier = Frontier()
        self._items = MapState()
        self._tree = PrefixTree()

    @property
    def size(self) -> TreeSize:
        """Entries taken."""
        return self._frontier.size

    @property
    def log_root(self) -> Hash32:
        """The root of the entries taken."""
        return self._frontier.root()

    @property
    def map_root(self) -> Hash32:
        """The root of the map that map function 1 makes of them."""
        return self._tree.root()

    def frontier(self) -> Frontier:
        """The log's right edge, to try what would come of more entries."""
        return self._frontier.copy()

    def take(self, entries: Sequence[bytes]) -> None:
        """Append entries and bring the map up to date."""
        changed: set[bytes] = set()
        for index, entry in enumerate(entries, self.size):
            key = self._items.apply(index, entry)
            if key is not None:
                changed.add(key)
        self._tree.update({key: self._items.value(key) for key in changed})
        self._frontier.extend(hash_leaf(entry) for entry in entries)
