"""The right edge of a log: enough to append and to know the root, in memory of O(log n).

A tree of n leaves is a row of complete subtrees, one for each bit of n that is set, the largest
first. Appending merges equal neighbours; the root folds the row from the right. No proofs can be
made from it: ``log.MerkleLog`` keeps what they need.

Source: RFC 9162, section 2.1.1.
"""

from collections.abc import Iterable
from typing import Self

from ledger.core.merkle import EMPTY_ROOT, hash_children
from ledger.core.types import Hash32, TreeSize
from ledger.errors import MalformedProofError


class Frontier:
    """The complete subtrees at the right edge of an append-only log."""

    def __init__(self) -> None:
        self._size = 0
        self._peaks: list[tuple[int, Hash32]] = []
        """(height, root) of each, the largest first."""

    @property
    def size(self) -> TreeSize:
        """Number of leaves."""
        return self._size

    def copy(self) -> Self:
        """Another one that can go its own way."""
        twin = type(self)()
        twin._size, twin._peaks = self._size, list(self._peaks)
        return twin

    def cut(self, height: int) -> Self:
        """One with the last leaves left out: the greatest multiple of 2^height is left."""
        twin = type(self)()
        twin._peaks = [peak for peak in self._peaks if peak[0] >= height]
        twin._size = self._size >> height << height
        return twin

    def extend(self, leaf_hashes: Iterable[Hash32]) -> None:
        """Add leaf hashes, 32 bytes each, in order."""
        for leaf_hash in leaf_hashes:
            self.append(0, leaf_hash)

    def append(self, height: int, root: Hash32) -> None:
        """Add a complete subtree.

        Args:
            height: It has 2^height leaves; 0 for a leaf.
            root: Its root, 32 bytes.

        Raises:
            MalformedProofError: No hash, or the size is no multiple of 2^height.
        """
        if len(root) != 32:
            raise MalformedProofError(f"subtree: expected 32 bytes, found {len(root)}")
        if self._size % (1 << height):
            raise MalformedProofError(
                f"subtree: expected a size that is a multiple of {1 << height}, found {self._size}"
            )
        self._size += 1 << height
        while self._peaks and self._peaks[-1][0] == height:
            root = hash_children(self._peaks.pop()[1], root)
            height += 1
        self._peaks.append((height, root))

    def root(self) -> Hash32:
        """The root of all leaves; of none it is the hash of nothing."""
        if not self._peaks:
            return EMPTY_ROOT
        node = self._peaks[-1][1]
        for _, peak in reversed(self._peaks[:-1]):
            node = hash_children(peak, node)
        return node
