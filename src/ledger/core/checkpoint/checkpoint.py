"""Checkpoints: the head of a log as a signed note that stock tools read.

Source: c2sp.org/tlog-checkpoint.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from ledger.core.checkpoint.note import (
    Note,
    VerifierKey,
    encode_note,
    parse_note,
    sign_text,
    verify_note,
)
from ledger.core.stream.map_key import require_region, require_stream
from ledger.core.types import MAX_SAFE_INTEGER, Hash32, TreeSize
from ledger.errors import MalformedNoteError, RootMismatchError

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says; valid by construction."""

    origin: str
    """Which log: one line, not empty."""
    size: TreeSize
    """Entries under the root, 0 .. 2^53-1."""
    root_hash: Hash32
    """RFC 9162 root, 32 bytes."""

    def __post_init__(self) -> None:
        if not self.origin or any(char < " " for char in self.origin):
            raise MalformedNoteError("checkpoint: expected an origin of one line")
        if not 0 <= self.size <= MAX_SAFE_INTEGER:
            raise MalformedNoteError(f"checkpoint: expected size 0 to 2^53-1, found {self.size}")
        if len(self.root_hash) != 32:
            raise MalformedNoteError(
                f"checkpoint: expected a root of 32 bytes, found {len(self.root_hash)}"
            )


def origin_of(*, chain_id: int, region: str, stream: str, vrf_key: int) -> str:
    """The origin of a stream's log, which is its key's name too.

    Args:
        chain_id: The chain that the heads are anchored on, at least 1.
        region: GB/T 2260 code, six digits.
        stream: One of the closed list.
        vrf_key: Generation of the stream, 1 .. 2^32-1.

    Raises:
        MalformedRecordError: Region or stream break their grammar.
        MalformedNoteError: A number is out of range.
    """
    require_region(region)
    require_stream(stream)
    if chain_id < 1 or not 1 <= vrf_key < 2**32:
        raise MalformedNoteError("origin: expected a chain id and a generation from 1 on")
    return f"credit-ledger/{chain_id}/{region}/{stream}/{vrf_key}"


def encode_text(checkpoint: Checkpoint) -> str:
    """The text that is signed: origin, size and root, a line each; no extension lines."""
    root = base64.b64encode(checkpoint.root_hash).decode("ascii")
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n"


def parse_text(text: str) -> Checkpoint:
    """Read the text of a checkpoint.

    Raises:
        MalformedNoteError: Other than three lines, among them extension lines, or another spelling
            of a number or hash.
    """
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] != "":
        raise MalformedNoteError("checkpoint: expected exactly origin, size and root")
    origin, size, root = lines[:3]
    if _SIZE.fullmatch(size) is None:
        raise MalformedNoteError("checkpoint: expected a decimal size without leading zero")
    try:
        checkpoint = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except (binascii.Error, ValueError):
        raise MalformedNoteError("checkpoint: expected a root in base64") from None
    if encode_text(checkpoint) != text:
        raise MalformedNoteError("checkpoint: expected a root in base64 without stray bits")
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, seed: bytes) -> bytes:
    """The signed note of a checkpoint; the key's name is the origin.

    Args:
        checkpoint: Consistent with every one that was signed before.
        seed: Ed25519 seed of the log's checkpoint key, 32 bytes.
    """
    text = encode_text(checkpoint)
    return encode_note(Note(text, (sign_text(text, checkpoint.origin, seed),)))


def open_checkpoint(data: bytes, key: VerifierKey) -> Checkpoint:
    """Verify a checkpoint of the log that has this key, and read it.

    Args:
        data: The signed note; other signatures beside the log's are passed over.
        key: The log's key, whose name is the origin.

    Raises:
        MalformedNoteError: It is no checkpoint, or another log's.
        SignatureError: The log's key did not sign it.
    """
    note = parse_note(data)
    # Before the signature nothing of the text is believed.
    verify_note(note, [key])
    checkpoint = parse_text(note.text)
    if checkpoint.origin != key.name:
        raise MalformedNoteError(f"checkpoint: expected origin {key.name}, found another")
    return checkpoint


def require_root(checkpoint: Checkpoint, computed: Hash32) -> None:
    """Check that a checkpoint is of the log whose root at its size was computed.

    Raises:
        RootMismatchError: It has another root.
    """
    if checkpoint.root_hash != computed:
        raise RootMismatchError(expected=checkpoint.root_hash, computed=computed)
