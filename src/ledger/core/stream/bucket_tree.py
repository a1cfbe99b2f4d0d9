"""The nodes of the map's tree over numbered buckets of rows.

Nodes are numbered as in a heap: 1 is the root, the children of n are 2n and 2n + 1, and under node
2^bits + b hangs bucket b, the rows whose keys begin with the bits of b. A row is

    key (32) || log index of an item (8) || leaf hash of the key in the map (32)

so the rows of a key stand together, ascending by index, and repeat its leaf hash. Buckets hold a
few rows, sorted; one of which a row changes is hashed anew, with the nodes above it. What the rows
mean is decided in ``stream_map``.

Sixteen buckets and the four levels of nodes above them are one page. A copy of a tree shares all
pages and takes its own of those it changes, so it costs little and both can be used.

WARNING: Keys are outputs of a VRF, so buckets stay small. Keys that were chosen to agree on their
first 24 bits share one bucket, and each change there costs time linear in their number.

Source: docs/formats.md, "Map".
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from ledger.core.prefix_tree import EMPTY, NODE_PREFIX
from ledger.core.types import Hash32

ROWS_PER_BUCKET: Final = 8
"""A tree grows when its buckets hold more rows on average."""

MAX_BITS: Final = 24
ROW_BYTES: Final = 72
LEAF_AT: Final = 40
"""Where the leaf hash stands in a row."""

KEY_BYTES: Final = 32
_PAGE_BITS: Final = 4
_PAGE: Final = 1 << _PAGE_BITS
_sha256: Final = hashlib.sha256


def rows_of(bucket: bytes) -> list[bytes]:
    """The rows of a bucket, ascending."""
    return [bucket[at : at + ROW_BYTES] for at in range(0, len(bucket), ROW_BYTES)]


class _Nodes:
    """Hashes and counts of some levels of nodes, numbered from 1 as in a heap."""

    __slots__ = ("counts", "hashes")

    def __init__(self, levels: int) -> None:
        self.hashes = bytearray(32 << levels)
        # Keys under each node: 0, 1, or 2 for more.
        self.counts = bytearray(1 << levels)

    def hash(self, node: int) -> Hash32:
        return bytes(self.hashes[32 * node : 32 * node + 32])

    def set(self, node: int, value: Hash32, count: int) -> None:
        self.hashes[32 * node : 32 * node + 32] = value
        self.counts[node] = count

    def settle(self, nodes: Iterable[int], levels: int) -> None:
        """Hash what stands above these nodes, each node once."""
        hashes, counts = self.hashes, self.counts
        for _ in range(levels):
            nodes = {node >> 1 for node in nodes}
            for node in nodes:
                left, right = counts[2 * node], counts[2 * node + 1]
                if left + right > 1:
                    counts[node] = 2
                    above = _sha256(NODE_PREFIX + hashes[64 * node : 64 * node + 64]).digest()
                else:
                    # One key: its leaf stands for the whole subtree. None: zero, as both are.
                    counts[node] = left + right
                    above = self.hash(2 * node + right)
                hashes[32 * node : 32 * node + 32] = above

    def climb(self, node: int) -> int:
        """From a node with less than two keys to the highest such node above it."""
        while node > 1 and self.counts[node >> 1] < 2:
            node >>= 1
        return node

    def descend(self, node: int) -> int:
        """From a node with less than two keys to the lowest above its one key, or above none."""
        while 2 * node < len(self.counts):
            node = 2 * node + (not self.counts[2 * node])
        return node

    def siblings(self, node: int) -> list[Hash32]:
        """Siblings on the way from a node to node 1, upwards."""
        found = []
        while node > 1:
            found.append(self.hash(node ^ 1))
            node >>= 1
        return found


class _Page(_Nodes):
    """Sixteen buckets with the nodes above them; node 16 + b is that of bucket b."""

    __slots__ = ("buckets", "owner")

    def __init__(self, owner: object) -> None:
        super().__init__(_PAGE_BITS + 1)
        self.owner = owner
        self.buckets = [b""] * _PAGE

    def copy(self, owner: object) -> "_Page":
        page = _Page.__new__(_Page)
        page.owner = owner
        page.buckets = self.buckets.copy()
        page.hashes, page.counts = self.hashes.copy(), self.counts.copy()
        return page

    def hash_bucket(self, number: int, depth: int) -> None:
        leaves = leaves_of(self.buckets[number])
        self.set(_PAGE + number, _subtree_root(leaves, depth), min(len(leaves), 2))

    def half(self, side: int, depth: int, owner: object) -> "_Page":
        """The eight buckets of one side, each parted by its bit at ``depth``."""
        page = _Page(owner)
        for number, bucket in enumerate(self.buckets[side * 8 : side * 8 + 8]):
            rows = rows_of(bucket)
            middle = _first_one(rows, depth) * ROW_BYTES if rows else 0
            page.buckets[2 * number : 2 * number + 2] = bucket[:middle], bucket[middle:]
        for number in range(_PAGE):
            page.hash_bucket(number, depth + 1)
        for level in (1, 2, 4, 8):
            for node in range(level, 2 * level):
                old = node + level + side * level
                page.set(node, self.hash(old), self.counts[old])
        return page


class BucketTree:
    """Buckets by number, and the hashes over them.

    Args:
        rows: How many rows to make room for.
    """

    def __init__(self, rows: int = 0) -> None:
        self.bits = max(_PAGE_BITS, _bits_for(rows))
        self._owner = object()
        self._pages = [_Page(self._owner) for _ in range(1 << self.bits - _PAGE_BITS)]
        # The levels above the pages, and the pages' own first nodes once more.
        self._top = _Nodes(self.bits - _PAGE_BITS + 1)
        self._stale: set[int] = set()

    def copy(self) -> "BucketTree":
        """A tree of its own. From now on both take pages of their own for what they change."""
        self.settle()
        tree = BucketTree()
        tree.bits = self.bits
        tree._pages = self._pages.copy()
        tree._top.hashes, tree._top.counts = self._top.hashes.copy(), self._top.counts.copy()
        self._owner = object()
        return tree

    def place(self, key: Hash32) -> int:
        """The number of the bucket a key belongs to."""
        return int.from_bytes(key[:4], "big") >> (32 - self.bits)

    def bucket(self, place: int) -> bytes:
        """The rows of a bucket, one after the other."""
        return self._pages[place >> _PAGE_BITS].buckets[place & (_PAGE - 1)]

    def buckets(self) -> Iterator[bytes]:
        """The rows of every bucket that has any, in the order of the keys."""
        for page in self._pages:
            yield from filter(None, page.buckets)

    def set_bucket(self, place: int, rows: Iterable[bytes]) -> None:
        """Set the rows of a bucket, ascending; its hash follows with ``settle``."""
        number = place >> _PAGE_BITS
        page = self._pages[number]
        if page.owner is not self._owner:
            page = self._pages[number] = page.copy(self._owner)
        page.buckets[place & (_PAGE - 1)] = b"".join(rows)
        self._stale.add(place)

    def make_room(self, rows: int) -> None:
        """Grow so that this many rows find room; hashes only what stands below the old nodes."""
        wanted = _bits_for(rows)
        if self.bits < wanted:
            self.settle()
        while self.bits < wanted:
            self._double()

    def root(self) -> Hash32:
        """The root, 32 bytes; 32 zero bytes without rows."""
        self.settle()
        return self._top.hash(1)

    def settle(self) -> None:
        """Hash what changed, each node once, from the buckets up."""
        touched = []
        for number, places in groupby(sorted(self._stale), key=_page_number):
            page = self._pages[number]
            nodes = []
            for place in places:
                page.hash_bucket(place & (_PAGE - 1), self.bits)
                nodes.append(_PAGE + (place & (_PAGE - 1)))
            page.settle(nodes, _PAGE_BITS)
            touched.append(len(self._pages) + number)
            self._top.set(touched[-1], page.hash(1), page.counts[1])
        self._stale = set()
        self._top.settle(touched, self.bits - _PAGE_BITS)

    def path(self, key: Hash32) -> tuple[list[Hash32], Hash32 | None]:
        """Siblings from the root down towards a key, and the key of the leaf at their end.

        Nothing may be waiting for ``settle``.
        """
        place = self.place(key)
        number = place >> _PAGE_BITS
        page, node, top = self._pages[number], _PAGE + (place & 15), len(self._pages) + number
        below: list[Hash32] = []
        if page.counts[node] > 1:
            below, end = _walk(leaves_of(page.buckets[node - _PAGE]), key, self.bits)
        else:
            # The path ends at the highest node that has less than two keys under it.
            node = page.climb(node)
            if node == 1:
                top = self._top.climb(top)
                number = self._top.descend(top) - len(self._pages)
                page = self._pages[number]
            end = page.buckets[page.descend(node) - _PAGE][:KEY_BYTES] or None
        siblings = page.siblings(node) + self._top.siblings(top)
        siblings.reverse()
        return siblings + below, end

    def _double(self) -> None:
        """One level more: the nodes that are there keep their hashes, the new ones are hashed."""
        pages = self._pages
        self._pages = [page.half(side, self.bits, self._owner) for page in pages for side in (0, 1)]
        self.bits += 1
        self._top.hashes += bytes(len(self._top.hashes))
        self._top.counts += bytes(len(self._top.counts))
        for node, page in enumerate(self._pages, len(self._pages)):
            self._top.set(node, page.hash(1), page.counts[1])


def leaves_of(bucket: bytes) -> Sequence[bytes]:
    """One row for each key of a bucket, ascending."""
    rows = rows_of(bucket)
    if len(rows) < 2:
        return rows
    leaves = {row[:KEY_BYTES]: row for row in rows}
    return rows if len(leaves) == len(rows) else list(leaves.values())


def _bits_for(rows: int) -> int:
    return min(MAX_BITS, (rows // ROWS_PER_BUCKET).bit_length())


def _page_number(place: int) -> int:
    return place >> _PAGE_BITS


def _subtree_root(leaves: Sequence[bytes], depth: int) -> Hash32:
    """The root over ascending rows of different keys that agree on their first ``depth`` bits."""
    if len(leaves) < 2:
        return leaves[0][LEAF_AT:] if leaves else EMPTY
    middle, depth = _first_one(leaves, depth), depth + 1
    # One row is its own subtree: most are, and a call costs as much as a hash.
    left = leaves[0][LEAF_AT:] if middle == 1 else _subtree_root(leaves[:middle], depth)
    if middle == len(leaves) - 1:
        return _sha256(NODE_PREFIX + left + leaves[-1][LEAF_AT:]).digest()
    return _sha256(NODE_PREFIX + left + _subtree_root(leaves[middle:], depth)).digest()


def _walk(leaves: Sequence[bytes], key: Hash32, depth: int) -> tuple[list[Hash32], Hash32 | None]:
    """Siblings on the way to a key below ``depth``, and the key of the leaf at their end."""
    siblings = []
    while len(leaves) > 1:
        middle = _first_one(leaves, depth)
        left, right = leaves[:middle], leaves[middle:]
        turns_right = key[depth >> 3] & 0x80 >> (depth & 7)
        leaves, other = (right, left) if turns_right else (left, right)
        depth += 1
        siblings.append(_subtree_root(other, depth))
    return siblings, leaves[0][:KEY_BYTES] if leaves else None


def _first_one(rows: Sequence[bytes], depth: int) -> int:
    """Position of the first of ascending rows whose bit at ``depth`` is one."""
    byte, mask = depth >> 3, 0x80 >> (depth & 7)
    if not rows[-1][byte] & mask:
        return len(rows)
    # Rows are few, where a plain walk takes half the time of bisection with a key function.
    position = 0
    while not rows[position][byte] & mask:
        position += 1
    return position
