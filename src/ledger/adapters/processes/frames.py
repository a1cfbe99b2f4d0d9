"""What goes through the pipes between a node and its helper processes.

A frame is its length in eight bytes and that many bytes of pickle. Both ends run the same code and
belong to one node; a pipe has no name, so nobody else can write to it.
"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import IO, Any, Final

from ledger.core.intake.table import Row
from ledger.core.records.record import Record, restore_record
from ledger.services.publication.slices import ReadSlice, SliceToRead
from ledger.services.stored import NewEvent, NewRecord, Put, StreamLog

READ: Final = "read"
PREPARE: Final = "prepare"

LONGEST_FRAME: Final = 1 << 30
"""Bytes; a slice of rows is far smaller."""

_LENGTH_BYTES: Final = 8
_SEPARATOR: Final = " "
"""Between disclosures, which are base64url; one text costs less than many."""
_event_values = attrgetter(*(one.name for one in fields(NewEvent)))  # disclosures come last
_record_values = attrgetter(*(one.name for one in fields(NewRecord)))


@dataclass(frozen=True, slots=True)
class Tools:
    """What a helper works with; sent through its pipe, never shown to other processes."""

    region: str
    node_key: bytes = field(repr=False)
    vrf_secrets: dict[StreamLog, bytes] = field(repr=False)


def write_frame(pipe: IO[bytes], content: bytes) -> None:
    """Send a frame.

    Raises:
        OSError: Nobody reads any more.
    """
    pipe.write(len(content).to_bytes(_LENGTH_BYTES, "big"))
    pipe.write(content)
    pipe.flush()


def read_frame(pipe: IO[bytes]) -> bytes | None:
    """Receive a frame; None once the other end is closed between two frames.

    Raises:
        EOFError: The other end was closed within a frame.
    """
    head = pipe.read(_LENGTH_BYTES)
    if not head:
        return None
    length = int.from_bytes(head, "big")
    if len(head) != _LENGTH_BYTES or length > LONGEST_FRAME:
        raise EOFError("pipe: expected the length of a frame")
    content = pipe.read(length)
    if len(content) != length:
        raise EOFError(f"pipe: expected {length} bytes, found {len(content)}")
    return content


def pack(value: object) -> bytes:
    """Encode a value for the other end."""
    return pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)


def unpack(content: bytes) -> Any:
    """The reverse of ``pack``."""
    return pickle.loads(content)  # noqa: S301 - from our own helper through a pipe without a name


# Plain tuples in place of values of classes: those would cost more than the work on them.


def pack_rows(todo: SliceToRead) -> object:
    """A slice to read, on its way to a helper."""
    rows = [(row.number, row.cells, row.faults) for row in todo.rows]
    return todo.record_type, todo.layout, rows


def unpack_rows(packed: Any) -> SliceToRead:
    """The reverse of ``pack_rows``."""
    record_type, layout, rows = packed
    return SliceToRead(record_type, layout, tuple([Row(*row) for row in rows]))


def pack_records(records: Sequence[Record | None]) -> bytes:
    """The records of a slice as only helpers read them."""
    return pack([None if one is None else one.values() for one in records])


def unpack_records(packed: bytes) -> list[Record | None]:
    """The reverse of ``pack_records``."""
    return [None if values is None else restore_record(values) for values in unpack(packed)]


def pack_read(read: ReadSlice) -> object:
    """A slice after reading, on its way back."""
    if isinstance(read.records, bytes):
        return read.rows, read.records
    return read.rows, pack_records(read.records)


def pack_puts(puts: Sequence[Put]) -> object:
    """Prepared puts, on their way back."""
    packed = []
    for put in puts:
        *others, disclosures = _event_values(put.event)
        text = _SEPARATOR.join(disclosures)
        packed.append((others, text, _record_values(put.record), put.ending, put.target_seq))
    return packed


def unpack_puts(packed: Any) -> list[Put]:
    """The reverse of ``pack_puts``."""
    return [
        Put(
            NewEvent(*(*others, tuple(text.split(_SEPARATOR)))),
            NewRecord(*record),
            ending,
            target_seq,
        )
        for others, text, record, ending, target_seq in packed
    ]
