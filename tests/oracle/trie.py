"""Sections 11 and 12: RLP, block headers and proofs in Merkle-Patricia tries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sha3 import keccak_256

from oracle.canonical import need

DEEPEST = 8
Rlp = Any  # bytes or a list of such


def keccak(data: bytes) -> bytes:
    """Return Keccak-256."""
    return keccak_256(data).digest()


EMPTY_ROOT = keccak(b"\x80")


def rlp(data: bytes) -> Rlp:
    """Read strict RLP with nothing after its end."""
    item, end = _item(data, 0, len(data), 0)
    need(end == len(data))
    return item


def _item(data: bytes, at: int, limit: int, depth: int) -> tuple[Rlp, int]:
    need(at < limit)
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    is_list, short = first >= 0xC0, (first - 0x80) % 0x40
    start, length = at + 1, short
    if short > 55:
        start = at + 1 + short - 55
        need(start <= limit and data[at + 1] != 0)
        length = int.from_bytes(data[at + 1 : start], "big")
        need(length > 55)
    end = start + length
    need(end <= limit)
    if not is_list:
        need(length != 1 or data[start] >= 0x80)
        return data[start:end], end
    need(depth < DEEPEST)
    items = []
    while start < end:
        item, start = _item(data, start, end, depth + 1)
        items.append(item)
    return items, end


def encoded_length(item: Rlp) -> int:
    """Return how many bytes an item has in RLP."""
    if isinstance(item, bytes):
        length = len(item)
        if length == 1 and item[0] < 0x80:
            return 1
    else:
        length = sum(map(encoded_length, item))
    return 1 + length + (0 if length < 56 else (length.bit_length() + 7) // 8)


def integer(item: Rlp, most: int) -> int:
    """Read an integer of at most so many bytes, without a leading zero byte."""
    need(isinstance(item, bytes) and len(item) <= most and item[:1] != b"\x00")
    return int.from_bytes(item, "big")


@dataclass(frozen=True)
class Header:
    """What a block header says."""

    state_root: bytes
    number: int
    timestamp: int


def header(data: bytes) -> Header:
    """Read a block header."""
    need(len(data) <= 32768)
    fields = rlp(data)
    need(isinstance(fields, list) and 15 <= len(fields) <= 32)
    need(all(isinstance(field, bytes) for field in fields))
    lengths = {0: 32, 1: 32, 2: 20, 3: 32, 4: 32, 5: 32, 6: 256, 13: 32, 14: 8}
    need(all(len(fields[place]) == length for place, length in lengths.items()))
    numbers = [integer(fields[place], 32) for place in range(7, 12)]
    need(all(len(field) <= 32 for field in fields[15:]))
    need(numbers[1] < 2**63 and numbers[4] < 2**63)
    return Header(state_root=fields[3], number=numbers[1], timestamp=numbers[4])


def _nibbles(data: bytes) -> str:
    return data.hex()


def _path(item: Rlp) -> tuple[bool, str]:
    """Read a hex-prefix path: whether it is a leaf's, and its nibbles."""
    need(isinstance(item, bytes) and len(item) > 0)
    flag, rest = item[0] >> 4, _nibbles(item)[1:]
    need(flag <= 3)
    if flag & 1:
        return flag >= 2, rest
    need(rest[0] == "0")
    return flag >= 2, rest[1:]


def _check(node: Rlp) -> None:
    """Check the form of a node, and of those inside it; a walk checks how long paths are."""
    need(isinstance(node, list) and len(node) in (2, 17))
    if len(node) == 17:
        need(node[16] == b"" and sum(item != b"" for item in node[:16]) >= 2)
        for item in node[:16]:
            if item != b"":
                _check_child(item)
        return
    is_leaf, path = _path(node[0])
    need(len(path) <= 64)
    if is_leaf:
        need(isinstance(node[1], bytes) and node[1] != b"")
    else:
        need(len(path) > 0 and (not isinstance(node[1], list) or len(node[1]) == 17))
        _check_child(node[1])


def _check_child(item: Rlp) -> None:
    if isinstance(item, bytes):
        need(len(item) == 32)
    else:
        need(encoded_length(item) < 32)
        _check(item)


class Proof:
    """The set of trie nodes of one evidence."""

    def __init__(self, nodes: list[bytes]) -> None:
        self._nodes = {keccak(node): node for node in nodes}
        self._used: set[bytes] = set()

    def _resolve(self, reference: Rlp, shortest: int) -> list[Rlp]:
        if isinstance(reference, list):
            return reference
        need(reference in self._nodes)
        data = self._nodes[reference]
        need(len(data) >= shortest)
        self._used.add(reference)
        node = rlp(data)
        _check(node)
        return node

    def lookup(self, root: bytes, key: bytes) -> bytes | None:
        """Return the value that a trie has under keccak of a key, or nothing if it is absent."""
        if root == EMPTY_ROOT:
            return None
        rest = _nibbles(keccak(key))
        node = self._resolve(root, 0)
        while True:
            if len(node) == 17:
                need(rest != "")
                child, rest = node[int(rest[0], 16)], rest[1:]
                if child == b"":
                    return None
                node = self._resolve(child, 32)
                continue
            is_leaf, path = _path(node[0])
            need(len(path) == len(rest) if is_leaf else len(path) < len(rest))
            if is_leaf:
                return node[1] if path == rest else None
            if not rest.startswith(path):
                return None
            rest = rest[len(path) :]
            node = self._resolve(node[1], 32)
            need(len(node) == 17)

    def account(self, state_root: bytes, address: bytes) -> tuple[bytes, bytes] | None:
        """Return the storage root and the code hash of an account."""
        value = self.lookup(state_root, address)
        if value is None:
            return None
        fields = rlp(value)
        need(isinstance(fields, list) and len(fields) == 4)
        integer(fields[0], 8)
        integer(fields[1], 32)
        need(all(isinstance(field, bytes) and len(field) == 32 for field in fields[2:]))
        return fields[2], fields[3]

    def word(self, storage_root: bytes, slot: int) -> int:
        """Return a word of storage; an absent one is 0."""
        value = self.lookup(storage_root, (slot % 2**256).to_bytes(32, "big"))
        return 0 if value is None else integer(rlp(value), 32)

    def is_used_up(self) -> bool:
        """Tell whether every node was needed."""
        return self._used == set(self._nodes)
