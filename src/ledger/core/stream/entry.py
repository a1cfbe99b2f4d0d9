"""Entries of a log: one exact spelling, so that a leaf says one thing.

Format: docs/formats.md, "Entry".
"""

import re
from dataclasses import dataclass
from typing import Final

from ledger.core.stream.map_key import require_region, require_stream
from ledger.core.types import MAX_SAFE_INTEGER, Hash32, LeafIndex
from ledger.errors import MalformedRecordError

PUT: Final = "put"
DROP: Final = "drop"

_ENTRY: Final = re.compile(
    rb'\{"event":"([0-9a-f]{64})","key":"([0-9a-f]{64})","op":"(put|drop)",'
    rb'"replaces":(null|0|[1-9][0-9]{0,15}),"v":1\}'
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one key's list; valid by construction."""

    event: Hash32
    """Commitment of the event, 32 bytes."""
    key: Hash32
    """Map key, 32 bytes."""
    op: str
    """``put`` or ``drop``."""
    replaces: LeafIndex | None
    """Log index of the item that is removed, 0 .. 2^53-1, or None."""

    def __post_init__(self) -> None:
        if len(self.event) != 32 or len(self.key) != 32:
            raise MalformedRecordError("entry: expected event and key of 32 bytes")
        if self.op not in (PUT, DROP):
            raise MalformedRecordError("entry: expected op put or drop")
        if self.replaces is not None and not 0 <= self.replaces <= MAX_SAFE_INTEGER:
            raise MalformedRecordError("entry: expected replaces within 0 .. 2^53-1")


def encode_entry(entry: Entry) -> bytes:
    """The exact bytes of an entry, which are the leaf data."""
    replaces = "null" if entry.replaces is None else str(entry.replaces)
    return (
        f'{{"event":"{entry.event.hex()}","key":"{entry.key.hex()}","op":"{entry.op}",'
        f'"replaces":{replaces},"v":1}}'
    ).encode("ascii")


def parse_entry(data: bytes) -> Entry:
    """Read an entry.

    Raises:
        MalformedRecordError: Anything that is not exactly the grammar.
    """
    match = _ENTRY.fullmatch(data)
    if match is None:
        raise MalformedRecordError("entry: expected the exact form of version 1")
    event, key, op, replaces = match.groups()
    return Entry(
        event=bytes.fromhex(event.decode()),
        key=bytes.fromhex(key.decode()),
        op=op.decode(),
        replaces=None if replaces == b"null" else int(replaces),
    )


def parse_change(data: bytes) -> tuple[Hash32, bool, LeafIndex | None] | None:
    """What an entry does to the map: its key, whether it puts, and the index it replaces.

    None for anything that is not exactly the grammar. Says the same as ``parse_entry``, for those
    who replay a whole log and need nothing else.
    """
    match = _ENTRY.fullmatch(data)
    if match is None:
        return None
    _event, key, op, replaces = match.groups()
    index = None if replaces == b"null" else int(replaces)
    if index is not None and index > MAX_SAFE_INTEGER:
        return None
    return bytes.fromhex(key.decode()), op == b"put", index


def opening_entry(region: str, stream: str, vrf_key: int) -> bytes:
    """The entry at index 0 of every log; it changes nothing in the map.

    Args:
        region: GB/T 2260 code, six digits.
        stream: One of the closed list.
        vrf_key: Generation of the stream, 1 .. 2^32-1.

    Raises:
        MalformedRecordError: An argument breaks its grammar.
    """
    require_region(region)
    require_stream(stream)
    if not 1 <= vrf_key < 2**32:
        raise MalformedRecordError(f"vrf key: expected 1 .. 2^32-1, found {vrf_key}")
    return f"credit-ledger/open/v1\n{region}\n{stream}\n{vrf_key}\n".encode("ascii")
