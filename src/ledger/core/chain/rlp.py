"""Recursive Length Prefix, strictly: every value has exactly one encoding and only that is read.

Items are byte strings and lists of items; what the bytes mean is decided elsewhere. Bytes that a
lenient reader would also take (longer length forms, a prefixed single byte, trailing bytes) are
refused, so that a hash over an encoding binds its meaning and nothing else.

Source: Ethereum Yellow Paper, appendix B.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from ledger.errors import MalformedProofError

MAX_BYTES: Final = 65_536
"""Largest encoding read unless the caller says otherwise, in bytes: far above any header."""

MAX_DEPTH: Final = 16
"""Deepest nesting of lists read unless the caller says otherwise."""

_STRING: Final = 0x80
_LIST: Final = 0xC0
_HASH: Final = _STRING + 32
_SHORT: Final = 55

RlpItem: TypeAlias = "bytes | list[RlpItem]"
"""A decoded item."""

RlpInput: TypeAlias = "bytes | Sequence[RlpInput]"
"""A value that can be encoded."""


def decode(data: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> RlpItem:
    """Read exactly one item from all of the bytes.

    Args:
        data: The encoding; nothing may stand before or after it.
        max_bytes: Largest accepted length of ``data``.
        max_depth: Largest accepted nesting of lists; 0 accepts a byte string only.

    Returns:
        ``bytes``, or a list of items.

    Raises:
        MalformedProofError: The bytes are empty, cut short, followed by others, too long, too deep,
            or not the one encoding of what they say.

    Source: Ethereum Yellow Paper, appendix B.
    """
    if len(data) > max_bytes:
        raise MalformedProofError(f"RLP: expected at most {max_bytes} bytes, found {len(data)}")
    is_list, start, stop = _extent(data, 0, len(data))
    if stop != len(data):
        raise MalformedProofError(f"RLP: {len(data) - stop} bytes follow the item")
    return _items(data, start, stop, max_depth) if is_list else data[start:stop]


def encode(item: RlpInput) -> bytes:
    """Write the one encoding of an item.

    Args:
        item: A byte string, or a sequence of items.

    Returns:
        The encoding.

    Source: Ethereum Yellow Paper, appendix B.
    """
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < _STRING:
            return item
        return _prefix(_STRING, len(item)) + item
    payload = b"".join(encode(child) for child in item)
    return _prefix(_LIST, len(payload)) + payload


def encode_integer(value: int) -> bytes:
    """Write a non-negative integer as a byte string: big-endian, no leading zeros, 0 is empty."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def decode_string(data: bytes, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Read exactly one byte string.

    Raises:
        MalformedProofError: As ``decode``, or the item is a list.
    """
    item = decode(data, max_bytes=max_bytes, max_depth=1)
    if not isinstance(item, bytes):
        raise MalformedProofError("RLP: expected a byte string, found a list")
    return item


def decode_strings(data: bytes, *, max_bytes: int = MAX_BYTES) -> list[bytes]:
    """Read exactly one list of byte strings.

    Raises:
        MalformedProofError: As ``decode``, or the item is no list, or holds a list.
    """
    item = decode(data, max_bytes=max_bytes, max_depth=2)
    if not isinstance(item, list):
        raise MalformedProofError("RLP: expected a list, found a byte string")
    strings = [child for child in item if isinstance(child, bytes)]
    if len(strings) != len(item):
        raise MalformedProofError("RLP: expected byte strings only, found a list among them")
    return strings


def parse_integer(string: bytes, *, max_bytes: int, what: str) -> int:
    """Read a byte string as a non-negative integer.

    Args:
        string: Big-endian, no leading zeros; empty for 0.
        max_bytes: Largest accepted length of the integer, in bytes.
        what: Name of the value, for the message.

    Returns:
        The integer.

    Raises:
        MalformedProofError: It is too long, or begins with a zero byte.
    """
    if len(string) > max_bytes:
        raise MalformedProofError(f"{what}: expected {max_bytes} bytes, found {len(string)}")
    if string[:1] == b"\x00":
        raise MalformedProofError(f"{what}: integer begins with a zero byte")
    return int.from_bytes(string, "big")


def _prefix(base: int, size: int) -> bytes:
    if size <= _SHORT:
        return bytes((base + size,))
    length = encode_integer(size)
    return bytes((base + _SHORT + len(length),)) + length


def _items(data: bytes, start: int, stop: int, depth: int) -> list[RlpItem]:
    """Read the items that fill ``data[start:stop]``, the payload of a list."""
    if depth == 0:
        raise MalformedProofError("RLP: lists are nested too deep")
    items: list[RlpItem] = []
    while start < stop:
        # Hashes and nothing are nearly all there is in a trie; for both the general way is long.
        prefix = data[start]
        if prefix == _HASH and start + 33 <= stop:
            items.append(data[start + 1 : start + 33])
            start += 33
            continue
        if prefix == _STRING:
            items.append(b"")
            start += 1
            continue
        is_list, first, last = _extent(data, start, stop)
        items.append(_items(data, first, last, depth - 1) if is_list else data[first:last])
        start = last
    return items


def _extent(data: bytes, position: int, end: int) -> tuple[bool, int, int]:
    """Return (is a list, start, stop) of the payload of the item at ``position``."""
    if position >= end:
        raise MalformedProofError("RLP: expected an item, found nothing")
    prefix = data[position]
    if prefix < _STRING:
        return False, position, position + 1
    is_list = prefix >= _LIST
    size = prefix - (_LIST if is_list else _STRING)
    start = position + 1
    if size > _SHORT:
        start += size - _SHORT
        size = _long_size(data[position + 1 : min(start, end)], size - _SHORT)
    stop = start + size
    if stop > end:
        raise MalformedProofError(f"RLP: item ends {stop - end} bytes behind its surroundings")
    if size == 1 and not is_list and data[start] < _STRING:
        raise MalformedProofError("RLP: a single byte below 0x80 stands for itself")
    return is_list, start, stop


def _long_size(length: bytes, width: int) -> int:
    """Read the length of a long item, which must need its ``width`` bytes."""
    size = int.from_bytes(length, "big")
    if len(length) < width or length[0] == 0 or size <= _SHORT:
        raise MalformedProofError(f"RLP: length {length.hex()} is cut short or not minimal")
    return size
