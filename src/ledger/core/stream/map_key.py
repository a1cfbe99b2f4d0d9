"""From (region, stream, record type, subject) to the key under which the map lists records.

Format: docs/formats.md, "Map key".
"""

import re
from typing import Final

from ledger.core.types import STREAMS, Hash32
from ledger.errors import MalformedRecordError

KEY_BYTES: Final = 32
"""A map key is the first 32 bytes of beta, the VRF's output."""

_PREFIX: Final = b"credit-ledger/key/v1"
_REGION: Final = re.compile(r"[0-9]{6}", re.ASCII)
_RECORD_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}", re.ASCII)
_MONTH: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
_SUBJECT: Final = re.compile(r"[0-9A-Z]{18}", re.ASCII)


def alpha(region: str, stream: str, record_type: str, subject: str) -> bytes:
    """The VRF's input for a key.

    Args:
        region: GB/T 2260 code, six digits.
        stream: One of the closed list.
        record_type: A type's code; on ``queries`` the month ``YYYY-MM``.
        subject: The subject's code in its one spelling, 18 characters.

    Raises:
        MalformedRecordError: A part breaks its grammar. Never names the subject.
    """
    require_region(region)
    require_stream(stream)
    grammar = _MONTH if stream == "queries" else _RECORD_TYPE
    if not grammar.fullmatch(record_type):
        raise MalformedRecordError(f"record type: not of the grammar of {stream}")
    if not _SUBJECT.fullmatch(subject):
        raise MalformedRecordError("subject: expected 18 characters 0-9 A-Z")
    parts = (region.encode(), stream.encode(), record_type.encode(), subject.encode())
    return b"\x00".join((_PREFIX, *parts))


def map_key(beta: bytes) -> Hash32:
    """The map key of a VRF output of 64 bytes: its first 32."""
    if len(beta) != 64:
        raise MalformedRecordError(f"beta: expected 64 bytes, found {len(beta)}")
    return beta[:KEY_BYTES]


def require_region(region: str) -> None:
    """Refuse anything but six digits."""
    if not _REGION.fullmatch(region):
        raise MalformedRecordError("region: expected six digits")


def require_stream(stream: str) -> None:
    """Refuse anything outside the closed list."""
    if stream not in STREAMS:
        raise MalformedRecordError(f"stream: expected one of {', '.join(STREAMS)}")
