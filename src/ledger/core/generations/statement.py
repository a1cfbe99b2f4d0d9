"""What a region states of a change of generation, so that the regulator can compare both logs.

Lines of canonical JSON: the statement, the end of the former log that no head has anchored, and one
line for each item that was put again, in the order of the logs. It opens events, so it is for the
regulator alone. Format: docs/formats.md, "Statement of a generation".
"""

from dataclasses import dataclass, field
from typing import Any, Final

from ledger.core import canonical
from ledger.core.members import Members
from ledger.core.types import MAX_SAFE_INTEGER, STREAMS, LeafIndex, TreeSize
from ledger.errors import CanonicalizationError, InputError, MalformedStatementError

STATEMENT_VERSION: Final = 1
MAX_LINE_BYTES: Final = 1 << 18
"""Longest line; an event of 128 fields takes 16 KiB."""

MAX_EVENT_CHARS: Final = 1 << 16
MAX_ENTRY_BYTES: Final = 0xFFFF
"""As an entry bundle can hold."""

MAX_ITEMS: Final = 2**32 - 1

_STATEMENT: Final = ("v", "region", "stream", "former", "following", "former_size", "tail", "items")
_TAIL: Final = ("entry", "event", "salt")
_ITEM: Final = ("former", "event", "former_salt", "salt", "vrf_proof")

_members: Final = Members(MalformedStatementError)


@dataclass(frozen=True, slots=True)
class Statement:
    """Which change it is, and how many lines follow."""

    region: str
    """GB/T 2260 code, six digits."""
    stream: str
    former: int
    """The generation that ended."""
    following: int
    """The generation that began."""
    former_size: TreeSize
    """Entries of the former log, the opening entry among them."""
    tail: LeafIndex
    """Index of the first entry of the former log that is stated; 0 .. former_size."""
    items: int
    """Items in force at the end of the former log."""


@dataclass(frozen=True, slots=True)
class TailOpening:
    """An entry at the end of the former log, opened unless it was erased."""

    entry: bytes
    event: bytes | None = field(repr=False)
    """JCS of the event."""
    salt: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ItemOpening:
    """One item of both logs: the same event under two salts."""

    former: LeafIndex
    """Its index in the former log."""
    event: bytes = field(repr=False)
    """JCS of the event."""
    former_salt: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    vrf_proof: bytes
    """80 bytes, under the VRF key of the generation that began."""


def encode_statement(statement: Statement) -> bytes:
    """The first line, without its end."""
    return canonical.encode(
        {
            "v": STATEMENT_VERSION,
            "region": statement.region,
            "stream": statement.stream,
            "former": statement.former,
            "following": statement.following,
            "former_size": statement.former_size,
            "tail": statement.tail,
            "items": statement.items,
        }
    )


def encode_tail(opening: TailOpening) -> bytes:
    """A line for an entry at the end of the former log, without its end."""
    return canonical.encode(
        {
            "entry": opening.entry.hex(),
            "event": None if opening.event is None else opening.event.decode(),
            "salt": None if opening.salt is None else opening.salt.hex(),
        }
    )


def encode_item(opening: ItemOpening) -> bytes:
    """A line for an item, without its end."""
    return canonical.encode(
        {
            "former": opening.former,
            "event": opening.event.decode(),
            "former_salt": opening.former_salt.hex(),
            "salt": opening.salt.hex(),
            "vrf_proof": opening.vrf_proof.hex(),
        }
    )


def parse_statement(line: bytes) -> Statement:
    """Read the first line.

    Raises:
        MalformedStatementError: It breaks the format, or is of an unknown version.
    """
    members = _decode(line, _STATEMENT, "statement")
    _members.integer(members["v"], "v", least=STATEMENT_VERSION, most=STATEMENT_VERSION)
    former = _members.integer(members["former"], "former", least=1, most=2**32 - 2)
    size = _members.integer(members["former_size"], "former_size", least=1, most=MAX_SAFE_INTEGER)
    return Statement(
        region=_members.text(members["region"], "region", most=6, pattern="[0-9]{6}"),
        stream=_members.choice(members["stream"], STREAMS, "stream"),
        former=former,
        following=_members.integer(
            members["following"], "following", least=former + 1, most=2**32 - 1
        ),
        former_size=size,
        tail=_members.integer(members["tail"], "tail", least=0, most=size),
        items=_members.integer(members["items"], "items", least=0, most=min(size, MAX_ITEMS)),
    )


def parse_tail(line: bytes) -> TailOpening:
    """Read a line of the former log's end.

    Raises:
        MalformedStatementError: It breaks the format.
    """
    members = _decode(line, _TAIL, "tail")
    event, salt = members["event"], members["salt"]
    if (event is None) != (salt is None):
        raise _members.refuse("salt", "null exactly where the event is", salt)
    return TailOpening(
        entry=_members.hex_up_to(members["entry"], "entry", most=MAX_ENTRY_BYTES),
        event=None if event is None else _event(event),
        salt=None if salt is None else _members.hex(salt, "salt", length=32),
    )


def parse_item(line: bytes) -> ItemOpening:
    """Read a line of an item.

    Raises:
        MalformedStatementError: It breaks the format.
    """
    members = _decode(line, _ITEM, "item")
    return ItemOpening(
        former=_members.integer(members["former"], "former", least=1, most=MAX_SAFE_INTEGER),
        event=_event(members["event"]),
        former_salt=_members.hex(members["former_salt"], "former_salt", length=32),
        salt=_members.hex(members["salt"], "salt", length=32),
        vrf_proof=_members.hex(members["vrf_proof"], "vrf_proof", length=80),
    )


def _event(value: object) -> bytes:
    text = _members.text(value, "event", most=MAX_EVENT_CHARS)
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise _members.refuse("event", "text", value) from None


def _decode(line: bytes, names: tuple[str, ...], where: str) -> dict[str, Any]:
    try:
        value = canonical.decode(line, max_bytes=MAX_LINE_BYTES, max_depth=2)
    except (CanonicalizationError, InputError) as error:
        raise MalformedStatementError(f"{where}: {error}") from None
    return _members.members(value, names, where)
