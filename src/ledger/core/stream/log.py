"""A log in memory: every complete subtree's hash by level, proofs at any size it ever had.

Takes 64 bytes a leaf. Source: RFC 9162, sections 2.1.1, 2.1.3.1 and 2.1.4.1.
"""

import hashlib
from collections.abc import Iterable

from ledger.core.merkle import EMPTY_ROOT, HASH_BYTES, NODE_PREFIX, hash_children
from ledger.core.types import Hash32, LeafIndex, TreeSize
from ledger.errors import MalformedProofError

_PAIR_BYTES = 2 * HASH_BYTES


class MerkleLog:
    """Append-only tree over leaf hashes.

    ``_levels[h]`` holds the roots of leaves i*2^h .. (i+1)*2^h - 1 in order, 32 bytes each; only
    complete subtrees are kept, so nothing that was written ever changes. Many threads may read the
    log at sizes it had when they began while one thread appends.
    """

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]
        self._size = 0

    @property
    def size(self) -> TreeSize:
        """Number of leaves."""
        return self._size

    def append(self, leaf_hash: Hash32) -> LeafIndex:
        """Add a leaf hash, 32 bytes; gives its index."""
        self.extend([leaf_hash])
        return self.size - 1

    def extend(self, leaf_hashes: Iterable[Hash32]) -> None:
        """Add leaf hashes in order: all of them, or none if one has not 32 bytes."""
        added = list(leaf_hashes)
        for leaf_hash in added:
            _require_hash(leaf_hash)
        self._levels[0] += b"".join(added)
        self._complete()
        # Last: readers go by the size, and everything below it is there.
        self._size += len(added)

    def first(self, size: TreeSize) -> "MerkleLog":
        """A log of its own with the first ``size`` leaves; copies, hashes nothing.

        Raises:
            MalformedProofError: The log has fewer leaves.
        """
        self._require_size(size)
        log = MerkleLog()
        parts = [
            level[: HASH_BYTES * (size >> height)] for height, level in enumerate(self._levels)
        ]
        log._levels = [parts[0], *(part for part in parts[1:] if part)]
        log._size = size
        return log

    def leaf_hash(self, index: LeafIndex) -> Hash32:
        """The leaf hash at an index.

        Raises:
            MalformedProofError: The log has no such index.
        """
        if not 0 <= index < self.size:
            raise MalformedProofError(f"index: expected 0 to {self.size - 1}, found {index}")
        return self._node(0, index)

    def root(self, size: TreeSize | None = None) -> Hash32:
        """The root of the first ``size`` leaves; of all of them by default.

        Raises:
            MalformedProofError: The log has fewer leaves.
        """
        wanted = self.size if size is None else size
        self._require_size(wanted)
        return EMPTY_ROOT if wanted == 0 else self._subtree(0, wanted)

    def inclusion_path(self, index: LeafIndex, size: TreeSize) -> tuple[Hash32, ...]:
        """The path of a leaf in the tree of the first ``size`` leaves, from the leaf upwards.

        Raises:
            MalformedProofError: The log has fewer leaves, or the tree no such index.

        Source: RFC 9162, section 2.1.3.1.
        """
        self._require_size(size)
        if not 0 <= index < size:
            raise MalformedProofError(f"index: expected 0 to {size - 1}, found {index}")
        path = []
        for level in range((size - 1).bit_length()):
            sibling = index >> level ^ 1
            if sibling + 1 << level <= size:
                path.append(self._node(level, sibling))
            elif sibling << level < size:
                # The right edge; where nothing stands beside a node, it goes up as it is.
                path.append(self._subtree(sibling << level, size))
        return tuple(path)

    def consistency_path(self, old_size: TreeSize, new_size: TreeSize) -> tuple[Hash32, ...]:
        """The proof that the first ``new_size`` leaves begin with the first ``old_size``.

        Raises:
            MalformedProofError: The log has fewer leaves, or the sizes are out of order.

        Source: RFC 9162, section 2.1.4.1.
        """
        self._require_size(new_size)
        if not 1 <= old_size <= new_size:
            raise MalformedProofError(f"sizes: expected 1 <= old <= new, found {old_size}")
        path = []
        start, end = 0, new_size
        while old_size != end:
            middle = start + _split(end - start)
            if old_size <= middle:
                path.append(self._subtree(middle, end))
                end = middle
            else:
                path.append(self._subtree(start, middle))
                start = middle
        if start > 0:
            path.append(self._subtree(start, end))
        return tuple(reversed(path))

    def subtree_roots(self, height: int, start: int, count: int) -> bytes:
        """Roots of consecutive complete subtrees of 2^height leaves, 32 bytes each, side by side.

        Args:
            height: Levels above the leaves.
            start: Position of the first among the subtrees of this height.
            count: How many.

        Raises:
            MalformedProofError: The log does not have all of them.
        """
        known = self._size >> height if height >= 0 else 0
        if start < 0 or count < 0 or start + count > known:
            raise MalformedProofError(
                f"subtrees: expected within 0 to {known} of height {height},"
                f" found {start} to {start + count}"
            )
        if count == 0:
            return b""
        return bytes(self._levels[height][HASH_BYTES * start : HASH_BYTES * (start + count)])

    def _complete(self) -> None:
        """Hash the subtrees that have become complete, level by level."""
        sha256 = hashlib.sha256
        for height, below in enumerate(self._levels):
            complete = len(below) // _PAIR_BYTES * _PAIR_BYTES
            if height + 1 == len(self._levels):
                if not complete:
                    return
                self._levels.append(bytearray())
            above = self._levels[height + 1]
            above += b"".join(
                [
                    sha256(NODE_PREFIX + below[at : at + _PAIR_BYTES]).digest()
                    for at in range(2 * len(above), complete, _PAIR_BYTES)
                ]
            )

    def _node(self, level: int, position: int) -> Hash32:
        return bytes(self._levels[level][HASH_BYTES * position : HASH_BYTES * (position + 1)])

    def _subtree(self, start: int, end: int) -> Hash32:
        """The root of leaves start .. end-1, where start is a multiple of the next power of two.

        There is at least one leaf.
        """
        node = b""
        # Complete subtrees from the right edge, smallest first.
        position = end
        while position > start:
            level = min((position & -position).bit_length(), (position - start).bit_length()) - 1
            part = self._node(level, (position >> level) - 1)
            node = hash_children(part, node) if node else part
            position -= 1 << level
        return node

    def _require_size(self, size: TreeSize) -> None:
        if not 0 <= size <= self.size:
            raise MalformedProofError(f"size: expected 0 to {self.size}, found {size}")


def _require_hash(leaf_hash: Hash32) -> None:
    if len(leaf_hash) != HASH_BYTES:
        raise MalformedProofError(f"leaf hash: expected 32 bytes, found {len(leaf_hash)}")


def _split(count: int) -> int:
    """The largest power of two below ``count``, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1
