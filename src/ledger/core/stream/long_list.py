"""The list under a key that has many items, kept so that another item costs no replay.

A removal moves every later item, so those are hashed again, once however many were removed.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable

from ledger.core.stream.item_list import list_leaf, list_value
from ledger.core.stream.log import MerkleLog
from ledger.core.types import Hash32, LeafIndex

LeafHashes = Callable[[LeafIndex], Hash32]
"""Gives the leaf hash of an index: ``MerkleLog.leaf_hash``."""


class LongList:
    """Log indices in ascending order and the tree over their list leaves.

    Args:
        indices: Ascending.
    """

    def __init__(self, indices: Iterable[LeafIndex] = ()) -> None:
        self._indices = array("Q", indices)
        self._tree = MerkleLog()
        self._unmoved = 0
        """Leaves of the tree that are still those of the first indices."""

    def __len__(self) -> int:
        return len(self._indices)

    def indices(self) -> tuple[LeafIndex, ...]:
        """All indices, ascending."""
        return tuple(self._indices)

    def copy(self) -> "LongList":
        """A list of its own."""
        other = LongList(self._indices)
        other._tree = self._tree.first(self._unmoved)
        other._unmoved = self._unmoved
        return other

    def __contains__(self, index: LeafIndex) -> bool:
        position = bisect_left(self._indices, index)
        return position < len(self._indices) and self._indices[position] == index

    def append(self, index: LeafIndex) -> None:
        """Add an index above all others."""
        self._indices.append(index)

    def remove(self, index: LeafIndex) -> None:
        """Remove an index that is in the list."""
        position = bisect_left(self._indices, index)
        del self._indices[position]
        self._unmoved = min(self._unmoved, position)

    def value(self, leaf_hashes: LeafHashes) -> Hash32:
        """The value of the key in the map; asked again, it only reads. The list is not empty."""
        if self._unmoved < len(self._indices) or self._unmoved < self._tree.size:
            self._tree = self._tree.first(self._unmoved)
            self._tree.extend(
                [list_leaf(index, leaf_hashes(index)) for index in self._indices[self._unmoved :]]
            )
            self._unmoved = self._tree.size
        return list_value(len(self._indices), self._tree.root())
