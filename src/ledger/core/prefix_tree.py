"""The map's tree: one root over all keys, with proofs that a key has a value or is absent.

A subtree without keys is 32 zero bytes, one with one key is that key's leaf, any other is the hash
of its two children; bit 0 of a key is its most significant. ``root``, ``prove`` and ``verify``
follow that definition word for word; ``PrefixTree`` keeps hashes, so a change costs only a path.

Source: docs/formats.md, "Map"; prefix tree of the IETF key transparency drafts.
"""

import hashlib
from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.core.types import Hash32
from ledger.errors import MalformedProofError, RootMismatchError

LEAF_PREFIX: Final = b"\x02"
NODE_PREFIX: Final = b"\x03"

EMPTY: Final = bytes(32)
"""Root of a subtree without keys."""

KEY_BITS: Final = 256
KEYS_PER_BUCKET: Final = 4
"""Keys below the dense levels, on average; small buckets are hashed anew when one key changes."""

MAX_DENSE_BITS: Final = 24


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
    _require_items(items.items())
    return _subtree_root(sorted(items), items, 0)


def prove(items: Mapping[Hash32, Hash32], key: Hash32) -> MapProof:
    """Prove what stands under a key: its value, or that it has none."""
    _require_items(items.items())
    siblings, keys = _walk_keys(sorted(items), items, key, 0)
    return MapProof(tuple(siblings), (keys[0], items[keys[0]]) if keys else None)


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

    Down to ``_bits`` levels every node has a place in dense arrays; below hang small sorted buckets
    of keys. The arrays grow with the number of keys.

    Args:
        items: Keys and values of 32 bytes each.
    """

    def __init__(self, items: Mapping[Hash32, Hash32] | None = None) -> None:
        self._values: dict[Hash32, Hash32] = dict(items or {})
        _require_items(self._values.items())
        self._build()

    def __len__(self) -> int:
        return len(self._values)

    def root(self) -> Hash32:
        """The root, 32 bytes; 32 zero bytes without keys."""
        return self._hashes[0][0]

    def get(self, key: Hash32) -> Hash32 | None:
        """The value of a key, or None."""
        return self._values.get(key)

    def update(self, changes: Mapping[Hash32, Hash32 | None]) -> None:
        """Set the values of keys; None removes a key, and removing an absent one does nothing."""
        _require_items((key, EMPTY if value is None else value) for key, value in changes.items())
        touched = set()
        for key, value in changes.items():
            place = self._place(key)
            bucket = self._buckets[place]
            if value is not None:
                if key not in self._values:
                    insort(bucket, key)
                self._values[key] = value
            elif self._values.pop(key, None) is not None:
                del bucket[bisect_left(bucket, key)]
            touched.add(place)
        if len(self._values) > 2 * KEYS_PER_BUCKET << self._bits and self._bits < MAX_DENSE_BITS:
            self._build()
        else:
            self._rehash(touched)

    def prove(self, key: Hash32) -> MapProof:
        """Prove what stands under a key: its value, or that it has none."""
        _require_hashes(key)
        siblings: list[Hash32] = []
        keys: Sequence[Hash32]
        place = self._place(key)
        for level in range(self._bits):
            position = place >> (self._bits - level)
            if self._counts[level][position] < 2:
                keys = self._keys_below(level, position)
                break
            siblings.append(self._hashes[level + 1][place >> (self._bits - level - 1) ^ 1])
        else:
            below, keys = _walk_keys(self._buckets[place], self._values, key, self._bits)
            siblings += below
        return MapProof(tuple(siblings), (keys[0], self._values[keys[0]]) if keys else None)

    def _place(self, key: Hash32) -> int:
        return int.from_bytes(key[:4], "big") >> (32 - self._bits)

    def _build(self) -> None:
        self._bits = min(MAX_DENSE_BITS, (len(self._values) // KEYS_PER_BUCKET).bit_length())
        self._buckets: list[list[Hash32]] = [[] for _ in range(1 << self._bits)]
        for key in sorted(self._values):
            self._buckets[self._place(key)].append(key)
        self._hashes = [[EMPTY] * (1 << level) for level in range(self._bits + 1)]
        self._counts = [array("Q", bytes(8 << level)) for level in range(self._bits + 1)]
        self._rehash({place for place, bucket in enumerate(self._buckets) if bucket})

    def _rehash(self, places: set[int]) -> None:
        """Hash the buckets anew, then every dense node above them, each once."""
        hashes, counts = self._hashes[self._bits], self._counts[self._bits]
        for place in places:
            bucket = self._buckets[place]
            hashes[place] = _subtree_root(bucket, self._values, self._bits)
            counts[place] = len(bucket)
        for level in range(self._bits - 1, -1, -1):
            places = {place >> 1 for place in places}
            self._rehash_level(level, places)

    def _rehash_level(self, level: int, places: set[int]) -> None:
        hashes, counts = self._hashes[level], self._counts[level]
        below, counts_below = self._hashes[level + 1], self._counts[level + 1]
        sha256 = hashlib.sha256
        for place in places:
            left, right = 2 * place, 2 * place + 1
            count = counts_below[left] + counts_below[right]
            counts[place] = count
            if count > 1:
                hashes[place] = sha256(NODE_PREFIX + below[left] + below[right]).digest()
            else:
                # One key: its leaf stands for the whole subtree. None: zero, as the children are.
                hashes[place] = below[left] if counts_below[left] else below[right]

    def _keys_below(self, level: int, position: int) -> list[Hash32]:
        """The keys under a dense node that has at most one."""
        while level < self._bits:
            level += 1
            position *= 2
            if not self._counts[level][position]:
                position += 1
        return self._buckets[position]


def _subtree_root(keys: Sequence[Hash32], values: Mapping[Hash32, Hash32], depth: int) -> Hash32:
    """The root over sorted keys that agree on their first ``depth`` bits."""
    if not keys:
        return EMPTY
    if len(keys) == 1:
        return hash_leaf(keys[0], values[keys[0]])
    middle = _first_one(keys, depth)
    left = _subtree_root(keys[:middle], values, depth + 1)
    right = _subtree_root(keys[middle:], values, depth + 1)
    return hash_node(left, right)


def _walk_keys(
    keys: Sequence[Hash32], values: Mapping[Hash32, Hash32], key: Hash32, depth: int
) -> tuple[list[Hash32], Sequence[Hash32]]:
    """Siblings on the way to a key below ``depth``, and the at most one key at their end."""
    _require_hashes(key)
    siblings = []
    while len(keys) > 1:
        middle = _first_one(keys, depth)
        ones = _bit(key, depth)
        other = keys[:middle] if ones else keys[middle:]
        siblings.append(_subtree_root(other, values, depth + 1))
        keys = keys[middle:] if ones else keys[:middle]
        depth += 1
    return siblings, keys


def _first_one(keys: Sequence[Hash32], depth: int) -> int:
    """Position of the first of sorted keys whose bit at ``depth`` is one."""
    return bisect_left(keys, 1, key=lambda key: _bit(key, depth))


def _bit(key: Hash32, depth: int) -> int:
    return key[depth >> 3] >> (7 - (depth & 7)) & 1


def _shared_bits(left: Hash32, right: Hash32) -> int:
    difference = int.from_bytes(left, "big") ^ int.from_bytes(right, "big")
    return KEY_BITS - difference.bit_length()


def _require_items(items: Iterable[tuple[Hash32, Hash32]]) -> None:
    for key, value in items:
        _require_hashes(key, value)


def _require_hashes(*hashes: bytes) -> None:
    if any(len(one) != 32 for one in hashes):
        raise MalformedProofError("hashes: expected 32 bytes each")
