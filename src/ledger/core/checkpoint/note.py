"""Signed notes with Ed25519 keys: a text, and lines that say who signed it.

Source: c2sp.org/signed-note.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nacl.exceptions import BadSignatureError, CryptoError
from nacl.signing import SigningKey, VerifyKey

from ledger.errors import InputError, MalformedNoteError, SignatureError

MAX_BYTES: Final = 1 << 20
MAX_SIGNATURES: Final = 100
"""Lines of signatures in a note; readers must take 16."""

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 4
ED25519: Final = b"\x01"
"""The signature type of Ed25519 over the text."""

_DASH: Final = "\u2014 "


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature, whoever made it and with whatever algorithm; valid by construction."""

    name: str
    """Name of the key: not empty, no white space, no ``+``."""
    key_id: bytes
    """4 bytes."""
    signature: bytes
    """What follows the key id; 64 bytes for Ed25519."""

    def __post_init__(self) -> None:
        _require_name(self.name)
        if len(self.key_id) != KEY_ID_BYTES:
            raise MalformedNoteError(f"key id: expected 4 bytes, found {len(self.key_id)}")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A named Ed25519 public key (vkey); valid by construction."""

    name: str
    """Name of the key: not empty, no white space, no ``+``."""
    public_key: bytes
    """32 bytes."""

    def __post_init__(self) -> None:
        _require_name(self.name)
        if len(self.public_key) != KEY_BYTES:
            raise InputError(f"public key: expected 32 bytes, found {len(self.public_key)}")

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || 0x0A || 0x01 || public key)."""
        named = self.name.encode() + b"\n" + ED25519 + self.public_key
        return hashlib.sha256(named).digest()[:KEY_ID_BYTES]


@dataclass(frozen=True, slots=True)
class Note:
    """A text with signatures; what it says counts only once one of them was verified."""

    text: str
    """Ends with a newline."""
    signatures: tuple[SignatureLine, ...]
    """In the order of the note; at least one."""


def encode_verifier_key(key: VerifierKey) -> str:
    """``name+key id in hex+base64(0x01 || public key)``, without a line end."""
    return f"{key.name}+{key.key_id.hex()}+{_base64(ED25519 + key.public_key)}"


def parse_verifier_key(text: str) -> VerifierKey:
    """Read a vkey.

    Raises:
        MalformedNoteError: Another form, another kind of key, or a key id that is not the key's.
    """
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise MalformedNoteError("vkey: expected name+key id+key")
    name, key_id, encoded = parts
    material = _parse_base64(encoded)
    if len(material) != len(ED25519) + KEY_BYTES or material[:1] != ED25519:
        raise MalformedNoteError("vkey: expected an Ed25519 key")
    key = VerifierKey(name, material[1:])
    if key_id != key.key_id.hex():
        raise MalformedNoteError(f"vkey: expected key id {key.key_id.hex()}, found another")
    return key


def verifier_key(name: str, seed: bytes) -> VerifierKey:
    """The public half of a signing key.

    Args:
        name: The key's name.
        seed: Ed25519 seed, 32 bytes.
    """
    return VerifierKey(name, bytes(_signing_key(seed).verify_key))


def sign_text(text: str, name: str, seed: bytes) -> SignatureLine:
    """Sign a text with an Ed25519 key.

    Args:
        text: What is signed; ends with a newline.
        name: The key's name.
        seed: Ed25519 seed, 32 bytes.

    Raises:
        MalformedNoteError: The text cannot stand in a note.
    """
    _require_text(text)
    signature = _signing_key(seed).sign(text.encode()).signature
    return SignatureLine(name, verifier_key(name, seed).key_id, signature)


def encode_note(note: Note) -> bytes:
    """The bytes of a note.

    Raises:
        MalformedNoteError: The text cannot stand in a note, or nobody signed it.
    """
    _require_text(note.text)
    if not 1 <= len(note.signatures) <= MAX_SIGNATURES:
        raise MalformedNoteError(f"note: expected 1 to {MAX_SIGNATURES} signatures")
    lines = [
        f"{_DASH}{line.name} {_base64(line.key_id + line.signature)}\n" for line in note.signatures
    ]
    return (note.text + "\n" + "".join(lines)).encode()


def parse_note(data: bytes) -> Note:
    """Read a note; signatures of keys that nobody knows are kept as they are.

    Raises:
        MalformedNoteError: Anything that is not exactly a signed note.
    """
    if len(data) > MAX_BYTES:
        raise MalformedNoteError(f"note: expected at most {MAX_BYTES} bytes, found {len(data)}")
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedNoteError("note: expected UTF-8") from None
    # The text may hold empty lines itself: it ends at the last one.
    head, separator, tail = content.rpartition("\n\n")
    lines = tail.split("\n")
    if not separator or lines.pop() != "" or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise MalformedNoteError("note: expected a text, an empty line and signature lines")
    text = head + "\n"
    _require_text(text)
    return Note(text, tuple(_parse_line(line) for line in lines))


def verify_note(note: Note, keys: Sequence[VerifierKey]) -> None:
    """Check that at least one known key signed the text, and that no known key's line is wrong.

    Args:
        note: Any note.
        keys: The known keys.

    Raises:
        SignatureError: No known key signed it, or a line under a known key does not verify.
    """
    known = {(key.name, key.key_id): key for key in keys}
    found = False
    for line in note.signatures:
        # Name and id together: a stranger may share one of them.
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        try:
            VerifyKey(key.public_key).verify(note.text.encode(), line.signature)
        except (BadSignatureError, CryptoError, ValueError):
            raise SignatureError(f"note: the signature of {key.name} does not verify") from None
        found = True
    if not found:
        raise SignatureError("note: expected a signature of a known key, found none")


def _parse_line(line: str) -> SignatureLine:
    parts = line.removeprefix(_DASH).split(" ")
    if not line.startswith(_DASH) or len(parts) != 2:
        raise MalformedNoteError("signature line: expected dash, name and signature")
    signed = _parse_base64(parts[1])
    if len(signed) <= KEY_ID_BYTES:
        raise MalformedNoteError("signature line: expected a key id and a signature")
    return SignatureLine(parts[0], signed[:KEY_ID_BYTES], signed[KEY_ID_BYTES:])


def _require_text(text: str) -> None:
    if not text.endswith("\n") or any(char < " " and char != "\n" for char in text):
        raise MalformedNoteError("note: expected lines of text without control characters")


def _require_name(name: str) -> None:
    if not name or "+" in name or any(char.isspace() or char < " " for char in name):
        raise MalformedNoteError("key name: expected no white space and no plus sign")


def _signing_key(seed: bytes) -> SigningKey:
    if len(seed) != KEY_BYTES:
        raise InputError(f"seed: expected 32 bytes, found {len(seed)}")
    return SigningKey(seed)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _parse_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedNoteError("expected base64") from None
    # One spelling: stray bits after the last byte are not ignored.
    if _base64(data) != text:
        raise MalformedNoteError("expected base64 without stray bits")
    return data
