"""``registration.json``: what a region asks governance to put on the chain. Public keys only."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.adapters.plain_json import decode_json
from ledger.core.types import STREAMS
from ledger.errors import GovernanceError

FILE_NAME: Final = "registration.json"
MAX_BYTES: Final = 64 * 1024

_REGION: Final = re.compile(r"[1-9][0-9]{5}", re.ASCII)
_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_KEY: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ENDPOINT: Final = re.compile(r"https?://[\x21-\x7e]{1,240}", re.ASCII)


@dataclass(frozen=True, slots=True)
class StreamRegistration:
    """One stream of a region."""

    stream: str
    """``records``, ``restricted`` or ``queries``."""
    anchor_key: bytes
    """Address of the key that anchors, 20 bytes."""
    vrf_key: int
    """Generation, 1 .. 2^32 - 1."""
    vrf_public_key: bytes
    """32 bytes."""
    checkpoint_public_key: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One region."""

    region: str
    """GB/T 2260 code, six digits."""
    endpoint: str
    """Base URL of its node."""
    operator: bytes
    """Address that may move the endpoint, 20 bytes."""
    mirror_key: bytes
    """Address that confirms other regions' maps, 20 bytes."""
    streams: tuple[StreamRegistration, ...]
    """Its streams, each once."""


def load_registration(node: Path) -> Registration:
    """Read a node folder's registration.

    Raises:
        GovernanceError: There is none, or it is not of the format.
    """
    path = node / FILE_NAME
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise GovernanceError("registration", f"{path}: not found; run init first") from None
    if len(content) > MAX_BYTES:
        raise GovernanceError("registration", f"{path}: longer than {MAX_BYTES} bytes")
    try:
        value = decode_json(content)
    except ValueError:
        raise GovernanceError("registration", f"{path}: no JSON") from None
    return parse_registration(value, str(path))


def parse_registration(value: object, where: str = FILE_NAME) -> Registration:
    """Check a registration.

    Args:
        value: The decoded JSON.
        where: What to call it in messages.

    Raises:
        GovernanceError: It is not of the format.
    """
    expected = {"region", "endpoint", "operator", "mirror_key", "streams"}
    content = _members(value, expected, where)
    rows = content["streams"]
    if not isinstance(rows, list) or not rows:
        raise GovernanceError("registration", f"{where}: streams: expected at least one")
    streams = tuple(_stream(row, where) for row in rows)
    names = [one.stream for one in streams]
    if len(set(names)) != len(names):
        raise GovernanceError("registration", f"{where}: streams: a name stands twice")
    return Registration(
        region=_match(content, "region", _REGION, where),
        endpoint=_match(content, "endpoint", _ENDPOINT, where),
        operator=bytes.fromhex(_match(content, "operator", _ADDRESS, where)[2:]),
        mirror_key=bytes.fromhex(_match(content, "mirror_key", _ADDRESS, where)[2:]),
        streams=streams,
    )


def _stream(value: object, where: str) -> StreamRegistration:
    expected = {"stream", "anchor_key", "vrf_key", "vrf_public_key", "checkpoint_public_key"}
    row = _members(value, expected, where)
    if row["stream"] not in STREAMS:
        raise GovernanceError("registration", f"{where}: stream: expected one of {STREAMS}")
    if type(row["vrf_key"]) is not int or not 0 < row["vrf_key"] < 2**32:
        raise GovernanceError("registration", f"{where}: vrf_key: expected 1 to 2^32 - 1")
    return StreamRegistration(
        stream=row["stream"],
        anchor_key=bytes.fromhex(_match(row, "anchor_key", _ADDRESS, where)[2:]),
        vrf_key=row["vrf_key"],
        vrf_public_key=bytes.fromhex(_match(row, "vrf_public_key", _KEY, where)),
        checkpoint_public_key=bytes.fromhex(_match(row, "checkpoint_public_key", _KEY, where)),
    )


def _members(value: object, expected: set[str], where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != expected:
        raise GovernanceError("registration", f"{where}: expected exactly {sorted(expected)}")
    return value


def _match(content: dict[str, Any], name: str, pattern: re.Pattern[str], where: str) -> str:
    text = content[name]
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise GovernanceError("registration", f"{where}: {name}: not of the expected form")
    return text
