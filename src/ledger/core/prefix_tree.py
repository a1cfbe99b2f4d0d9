"""The map's tree: one root over all keys, with proofs that a key has a value or is absent.

A subtree without keys is 32 zero bytes, one with one key is that key's leaf, any other is the hash
of its two children; bit 0 of a key is its most significant. ``root`` and ``prove`` follow that
definition word for word; ``PrefixTree`` keeps hashes, so that a change costs only its path.

Inside, a key and its value are one row of 64 bytes: sorted rows are in the order of their keys.

Source: docs/formats.md, "Map"; prefix tree of the IETF key transparency drafts.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from ledger.core.types import Hash32
from ledger.errors import MalformedProofError, RootMismatchError

LEAF_PREFIX: Final = b"\x02"
NODE_PREFIX: Final = b"\x03"

EMPTY: Final = bytes(32)
"""Root of a subtree without keys."""

KEY_BITS: Final = 256
KEYS_PER_BUCKET: Final = 4
"""A tree grows when its buckets hold more keys on average."""

MAX_BUCKET_BITS: Final = 24
_KEY_BYTES: Final = 32
_ROW_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class MapProof:
    """The way from the root towards a key.

    Attributes:
        siblings: From the root down, 32 bytes each; a missing child is 32 zero bytes.
        end: (key, value) of the leaf that stands at the end, or None for nothing.
    """

    siblings: tuple[Hash32, ...]
    end: tuple[Hash32, Hash32] | None


def hash_leaf(key: Hash32, value: Hash32) -> Hash32:
    """SHA-256(0x02 || key || value), 32 bytes."""
    return hashlib.sha256(LEAF_PREFIX + key + value).digest()


def hash_node(left: Hash32, right: Hash32) -> Hash32:
    """SHA-256(0x03 || left || right), 32 bytes."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def root(items: Mapping[Hash32, Hash32]) -> Hash32:
    """The root over keys and values of 32 bytes each; 32 zero bytes for none."""
    _require_items(items)
    return _subtree_root(_sorted_rows(items), 0)


def prove(items: Mapping[Hash32, Hash32], key: Hash32) -> MapProof:
    """Prove what stands under a key: its value, or that it has none."""
    _require_items(items)
    _require_hashes(key)
    siblings, rows = _walk(_sorted_rows(items), key, 0)
    return MapProof(tuple(siblings), _end(rows))


def verify(*, root: Hash32, key: Hash32, value: Hash32 | None, proof: MapProof) -> None:
    """Check that a map with this root gives a key this value, or does not have the key.

    Args:
        root: Root of the map, 32 bytes.
        key: The key, 32 bytes.
        value: The claimed value, 32 bytes; None claims that the key is absent.
        proof: Whatever stands at its end must fit the claim; it does not choose the claim.

    Raises:
        MalformedProofError: The proof cannot prove this claim.
        RootMismatchError: The proof leads to another root.
    """
    depth = len(proof.siblings)
    if depth > KEY_BITS:
        raise MalformedProofError(f"siblings: expected at most {KEY_BITS}, found {depth}")
    _require_hashes(key, *proof.siblings, *(proof.end or ()))
    if value is not None:
        if proof.end != (key, value):
            raise MalformedProofError("end: expected the key's own leaf with the claimed value")
    elif proof.end is not None:
        # Absence by another leaf: it must stand where the key would, and not be the key.
        if proof.end[0] == key:
            raise MalformedProofError("end: expected another key, found the key itself")
        if _shared_bits(proof.end[0], key) < depth:
            raise MalformedProofError("end: expected a key that shares the path")
    node = EMPTY if proof.end is None else hash_leaf(*proof.end)
    for level in range(depth - 1, -1, -1):
        sibling = proof.siblings[level]
        node = hash_node(sibling, node) if _bit(key, level) else hash_node(node, sibling)
    if node != root:
        raise RootMismatchError(expected=root, computed=node)


class PrefixTree:
    """The same tree, kept up to date.

    The upper nodes are numbered as in a heap: 1 is the root, the children of n are 2n and 2n + 1,
    and under node 2^bits + b hangs bucket b, the rows whose keys begin with the bits of b. Buckets
    hold a few rows and are hashed anew when one of them changes.

    WARNING: Keys are outputs of a VRF, so buckets stay small. Keys that were chosen to agree on
    their first 24 bits share one bucket, and each change there costs time linear in their number.

    Args:
        items: Keys and values of 32 bytes each.
    """

    def __init__(self, items: Mapping[Hash32, Hash32] | None = None) -> None:
        self._size = 0
        self._allocate(0)
        if items:
            self.update(items)

    def __len__(self) -> int:
        return self._size

    def root(self) -> Hash32:
        """The root, 32 bytes; 32 zero bytes without keys."""
        return self._hash(1)

    def get(self, key: Hash32) -> Hash32 | None:
        """The value of a key, or None."""
        _require_hashes(key)
        rows = _rows(self._buckets[self._place(key)])
        return next((row[_KEY_BYTES:] for row in rows if row.startswith(key)), None)

    def update(self, changes: Mapping[Hash32, Hash32 | None]) -> None:
        """Set the values of keys; None removes a key, and removing an absent one does nothing."""
        _require_items(changes)
        puts = sum(value is not None for value in changes.values())
        bits = min(MAX_BUCKET_BITS, ((self._size + puts) // KEYS_PER_BUCKET).bit_length())
        if bits > self._bits:
            self._grow(bits)
        touched = []
        for place, keys in groupby(sorted(changes), key=self._place):
            values = {row[:_KEY_BYTES]: row[_KEY_BYTES:] for row in _rows(self._buckets[place])}
            self._size -= len(values)
            for key in keys:
                value = changes[key]
                if value is None:
                    values.pop(key, None)
                else:
                    values[key] = value
            self._size += len(values)
            self._buckets[place] = b"".join(_sorted_rows(values))
            touched.append(place)
        self._rehash(touched)

    def prove(self, key: Hash32) -> MapProof:
        """Prove what stands under a key: its value, or that it has none."""
        _require_hashes(key)
        place = self._place(key)
        node = len(self._buckets) + place
        if self._counts[node] > 1:
            below, rows = _walk(_rows(self._buckets[place]), key, self._bits)
        else:
            # The path ends at the highest node that has less than two keys under it.
            while node > 1 and self._counts[node >> 1] < 2:
                node >>= 1
            below, rows = [], self._rows_below(node)
        siblings = []
        while node > 1:
            siblings.append(self._hash(node ^ 1))
            node >>= 1
        siblings.reverse()
        return MapProof((*siblings, *below), _end(rows))

    def _place(self, key: Hash32) -> int:
        return int.from_bytes(key[:4], "big") >> (32 - self._bits)

    def _hash(self, node: int) -> Hash32:
        return bytes(self._hashes[32 * node : 32 * node + 32])

    def _allocate(self, bits: int) -> None:
        self._bits = bits
        self._buckets = [b""] * (1 << bits)
        self._hashes = bytearray(64 << bits)
        # Keys under each node: 0, 1, or 2 for more.
        self._counts = bytearray(2 << bits)

    def _grow(self, bits: int) -> None:
        rows = _rows(b"".join(self._buckets))
        self._allocate(bits)
        for place, group in groupby(rows, key=self._place):
            self._buckets[place] = b"".join(group)
        self._rehash([place for place, bucket in enumerate(self._buckets) if bucket])

    def _rehash(self, places: Sequence[int]) -> None:
        """Hash these buckets anew, then every node above them, each once."""
        hashes, counts, sha256 = self._hashes, self._counts, hashlib.sha256
        nodes = [len(self._buckets) + place for place in places]
        for node, place in zip(nodes, places, strict=True):
            rows = _rows(self._buckets[place])
            hashes[32 * node : 32 * node + 32] = _subtree_root(rows, self._bits)
            counts[node] = min(len(rows), 2)
        for _ in range(self._bits):
            nodes = list(dict.fromkeys([node >> 1 for node in nodes]))
            for node in nodes:
                left, right = counts[2 * node], counts[2 * node + 1]
                counts[node] = min(left + right, 2)
                if left + right > 1:
                    above = sha256(NODE_PREFIX + hashes[64 * node : 64 * node + 64]).digest()
                else:
                    # One key: its leaf stands for the whole subtree. None: zero, as both are.
                    above = self._hash(2 * node + right)
                hashes[32 * node : 32 * node + 32] = above

    def _rows_below(self, node: int) -> Sequence[bytes]:
        """The row under a node that has at most one."""
        while node < len(self._buckets):
            node = 2 * node + (not self._counts[2 * node])
        return _rows(self._buckets[node - len(self._buckets)])


def _rows(bucket: bytes) -> Sequence[bytes]:
    return [bucket[i : i + _ROW_BYTES] for i in range(0, len(bucket), _ROW_BYTES)]


def _sorted_rows(items: Mapping[Hash32, Hash32]) -> Sequence[bytes]:
    return sorted([key + value for key, value in items.items()])


def _end(rows: Sequence[bytes]) -> tuple[Hash32, Hash32] | None:
    return (rows[0][:_KEY_BYTES], rows[0][_KEY_BYTES:]) if rows else None


def _subtree_root(rows: Sequence[bytes], depth: int) -> Hash32:
    """The root over sorted rows whose keys agree on their first ``depth`` bits."""
    if len(rows) > 1:
        middle = _first_one(rows, depth)
        left = _subtree_root(rows[:middle], depth + 1)
        right = _subtree_root(rows[middle:], depth + 1)
        return hashlib.sha256(NODE_PREFIX + left + right).digest()
    return hashlib.sha256(LEAF_PREFIX + rows[0]).digest() if rows else EMPTY


def _walk(rows: Sequence[bytes], key: Hash32, depth: int) -> tuple[list[Hash32], Sequence[bytes]]:
    """Siblings on the way to a key below ``depth``, and the at most one row at their end."""
    siblings = []
    while len(rows) > 1:
        middle = _first_one(rows, depth)
        left, right = rows[:middle], rows[middle:]
        rows, other = (right, left) if _bit(key, depth) else (left, right)
        depth += 1
        siblings.append(_subtree_root(other, depth))
    return siblings, rows


def _first_one(rows: Sequence[bytes], depth: int) -> int:
    """Position of the first of sorted rows whose bit at ``depth`` is one."""
    byte, mask = depth >> 3, 0x80 >> (depth & 7)
    if not rows[-1][byte] & mask:
        return len(rows)
    # Rows are few, where a plain walk takes half the time of bisection with a key function.
    position = 0
    while not rows[position][byte] & mask:
        position += 1
    return position


def _bit(key: Hash32, depth: int) -> int:
    return key[depth >> 3] >> (7 - (depth & 7)) & 1


def _shared_bits(left: Hash32, right: Hash32) -> int:
    difference = int.from_bytes(left, "big") ^ int.from_bytes(right, "big")
    return KEY_BITS - difference.bit_length()


def _require_items(items: Mapping[Hash32, Hash32 | None]) -> None:
    for key, value in items.items():
        _require_hashes(key, EMPTY if value is None else value)


def _require_hashes(*hashes: bytes) -> None:
    for one in hashes:
        if len(one) != 32:
            raise MalformedProofError(f"hashes: expected 32 bytes each, found {len(one)}")
