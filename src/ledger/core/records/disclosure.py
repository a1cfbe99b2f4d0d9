"""Selective disclosure of one field: salted string, digest, and opening it (RFC 9901).

An event holds only digests; a disclosure opens exactly one of them. The salt keeps a field with few
possible values from being guessed.
"""

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
_TO_B64URL: Final = bytes.maketrans(b"+/", b"-_")
_TO_BASE64: Final = bytes.maketrans(b"-_", b"+/")
_LAST: Final = {
    0: frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") | {""},
    2: frozenset("AQgw"),
    3: frozenset("AEIMQUYcgkosw048"),
}
"""Last characters without stray bits, by the length modulo 4."""


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
    raw_salt = decode_b64url(salt) if isinstance(salt, str) else b""
    if len(raw_salt) != SALT_BYTES:
        raise _refuse("salt", "16 bytes in b64url", "something else")
    if not isinstance(name, str) or not FIELD_NAME.fullmatch(name):
        raise _refuse("name", "a field name", "something else")
    if value is not None and not isinstance(value, str | int):
        raise _refuse("value", "a string, integer, boolean or null", "something else")
    return OpenedField(raw_salt, name, value)


def encode_b64url(raw: bytes) -> str:
    """Return base64url without padding (RFC 4648, section 5)."""
    return binascii.b2a_base64(raw, newline=False).translate(_TO_B64URL, b"=").decode("ascii")


def check_b64url(text: str) -> None:
    """Refuse every spelling but base64url without padding.

    Raises:
        MalformedRecordError: Padding, a foreign character, an impossible length or stray bits.
    """
    rest = len(text) % 4
    if rest == 1 or not _B64URL.fullmatch(text):
        raise _refuse("b64url", "base64url without padding", "something else")
    # Two or three characters at the end hold one or two bytes and some bits more.
    if text[-1:] not in _LAST[rest]:
        raise _refuse("b64url", "zero bits after the last byte", "other bits")


def decode_b64url(text: str) -> bytes:
    """Return the bytes of base64url without padding; other spellings of them are refused.

    Raises:
        MalformedRecordError: As ``check_b64url``.
    """
    check_b64url(text)
    padding = b"=" * (-len(text) % 4)
    return binascii.a2b_base64(text.encode().translate(_TO_BASE64) + padding)


def _refuse(what: str, expected: str, found: str) -> MalformedRecordError:
    return MalformedRecordError(f"{what}: expected {expected}, found {found}")
