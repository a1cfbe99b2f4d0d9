"""Sections 6, 8 and 9: the log, the list under a key, and the map."""

from __future__ import annotations

from hashlib import sha256

from oracle.canonical import need

ZERO = bytes(32)


def h(*parts: bytes) -> bytes:
    """Return SHA-256 of the parts in a row."""
    return sha256(b"".join(parts)).digest()


def path_root(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root to which an inclusion path leads (RFC 9162, section 2.1.3.2)."""
    need(index < size)
    fn, sn, result = index, size - 1, leaf
    for sibling in path:
        need(sn != 0)
        if fn & 1 or fn == sn:
            result = h(b"\x01", sibling, result)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = h(b"\x01", result, sibling)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0)
    return result


def tree_root(leaves: list[bytes]) -> bytes:
    """Return the root over leaf hashes (RFC 9162, section 2.1.1)."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return h(b"\x01", tree_root(leaves[:split]), tree_root(leaves[split:]))


def pair_leaf(index: int, leaf_hash: bytes) -> bytes:
    """Return the leaf of one pair of a list."""
    return h(b"\x00", index.to_bytes(8, "big"), leaf_hash)


def list_value(count: int, root: bytes) -> bytes:
    """Return the value of a key with so many items."""
    return h(b"credit-ledger/list/v1\x00", count.to_bytes(4, "big"), root)


def bit(key: bytes, place: int) -> int:
    """Return one bit of a key, counted from the most significant of the first byte."""
    return key[place // 8] >> 7 - place % 8 & 1


def map_root(key: bytes, end: tuple[bytes, bytes] | None, siblings: list[bytes]) -> bytes:
    """Return the root to which a proof of the map leads for a key."""
    result = ZERO if end is None else h(b"\x02", *end)
    for level in range(len(siblings) - 1, -1, -1):
        if bit(key, level):
            result = h(b"\x03", siblings[level], result)
        else:
            result = h(b"\x03", result, siblings[level])
    return result


def map_root_of(items: dict[bytes, bytes], level: int = 0) -> bytes:
    """Return the root over all keys and values of a map."""
    if len(items) < 2:
        return next((h(b"\x02", key, value) for key, value in items.items()), ZERO)
    sides: list[dict[bytes, bytes]] = [{}, {}]
    for key, value in items.items():
        sides[bit(key, level)][key] = value
    return h(b"\x03", *(map_root_of(side, level + 1) for side in sides))
