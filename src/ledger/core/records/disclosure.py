"""Selective disclosure of one field: salted string, digest, and opening it (RFC 9901).

An event holds only digests; a disclosure opens exactly one of them. The salt keeps a field with few
possible values from being guessed.
"""

import base64
import binascii
import hashlib
import re
from typing import Final, NamedTuple

from ledger.core import canonical
from ledger.core.records.record import FieldValue
from ledger.errors import MalformedRecordError

SALT_BYTES: Final = 16
"""Random bytes in front of every field, RFC 9901, section 9.3."""

MAX_DISCLOSURE_CHARS: Final = 1 << 20
"""Characters of the longest disclosure that is opened; a limit of this system."""

FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
"""Grammar of the member names under which digests stand."""

_B64URL: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


class OpenedField(NamedTuple):
    """What a disclosure says."""

    salt: bytes
    """16 random bytes."""
    name: str
    """The member name under which its digest must stand."""
    value: FieldValue | bool
    """The value of the field."""


def make_disclosure(salt: bytes, name: str, value: FieldValue | bool) -> str:
    """Make the transmitted string of one field.

    Args:
        salt: 16 random bytes, used for nothing else.
        name: Member name of the field.
        value: Its value.

    Returns:
        b64url(JCS([b64url(salt), name, value])), without padding.

    Raises:
        MalformedRecordError: The salt has another length or the name breaks the grammar.
        CanonicalizationError: The value has no canonical JSON.

    Source: RFC 9901, section 4.2.1.
    """
    if len(salt) != SALT_BYTES:
        raise _refuse("salt", "16 bytes", f"{len(salt)} bytes")
    if not FIELD_NAME.fullmatch(name):
        raise _refuse("name", "a field name", "something else")
    return encode_b64url(canonical.encode([encode_b64url(salt), name, value]))


def digest(disclosure: str) -> str:
    """Return b64url(SHA-256(ascii(disclosure))), 43 characters without padding.

    Raises:
        MalformedRecordError: The disclosure is not ASCII.

    Source: RFC 9901, section 4.2.3.
    """
    if not disclosure.isascii():
        raise _refuse("disclosure", "ASCII", "another character")
    return encode_b64url(hashlib.sha256(disclosure.encode("ascii")).digest())


def open_disclosure(disclosure: str) -> OpenedField:
    """Take a disclosure apart; every string that ``make_disclosure`` cannot make is refused.

    Raises:
        MalformedRecordError: The string breaks the format.
        CanonicalizationError: What it encodes is not canonical JSON.
    """
    if len(disclosure) > MAX_DISCLOSURE_CHARS:
        raise _refuse("disclosure", f"at most {MAX_DISCLOSURE_CHARS} characters", "more")
    parts = canonical.decode(decode_b64url(disclosure))
    if not isinstance(parts, list) or len(parts) != 3:
        raise _refuse("disclosure", "an array of salt, name and value", "something else")
    salt, name, value = parts
    if not isinstance(salt, str) or len(decode_b64url(salt)) != SALT_BYTES:
        raise _refuse("salt", "16 bytes in b64url", "something else")
    if not isinstance(name, str) or not FIELD_NAME.fullmatch(name):
        raise _refuse("name", "a field name", "something else")
    if value is not None and not isinstance(value, str | int):
        raise _refuse("value", "a string, integer, boolean or null", "something else")
    return OpenedField(decode_b64url(salt), name, value)


def encode_b64url(raw: bytes) -> str:
    """Return base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode_b64url(text: str) -> bytes:
    """Return the bytes of base64url without padding; other spellings of them are refused.

    Raises:
        MalformedRecordError: Padding, a foreign character, an impossible length or stray bits.
    """
    try:
        if not _B64URL.fullmatch(text):
            raise binascii.Error
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise _refuse("b64url", "base64url without padding", "something else") from None
    if encode_b64url(raw) != text:
        raise _refuse("b64url", "zero bits after the last byte", "other bits")
    return raw


def _refuse(what: str, expected: str, found: str) -> MalformedRecordError:
    return MalformedRecordError(f"{what}: expected {expected}, found {found}")
