"""Which columns an audit reads for each kind of row, in which order, and of which types."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from sqlalchemy import Boolean, Dialect, Integer, LargeBinary, Table, func, select
from sqlalchemy.sql import ColumnElement

from ledger.adapters.sql import schema
from ledger.services import inspected

_Kind = type[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Reading:
    """How one kind of row is read.

    Attributes:
        table: Where the rows are.
        order: Columns that the rows are sorted by.
        number: The column that names a row in a finding; None counts the rows.
        wanted: Rows are left out where this column is NULL.
        is_whole: Whether the rows are whole, so that their checksums can be compared.
    """

    table: Table
    order: tuple[str, ...]
    number: str | None
    wanted: str | None = None
    is_whole: bool = True


READINGS: Final[Mapping[_Kind, Reading]] = {
    inspected.FactRow: Reading(schema.facts, ("name",), None),
    inspected.FenceRow: Reading(schema.fences, ("name",), None),
    inspected.GenerationRow: Reading(schema.generations, ("stream",), None),
    inspected.BatchRow: Reading(schema.batches, ("id",), "id"),
    inspected.BatchEventRow: Reading(
        schema.events, ("batch_id", "seq"), "seq", wanted="batch_id", is_whole=False
    ),
    inspected.EventRow: Reading(schema.events, ("record_id", "seq"), "seq"),
    inspected.LogEventRow: Reading(
        schema.events,
        ("stream", "generation", "log_index"),
        "seq",
        wanted="log_index",
        is_whole=False,
    ),
    inspected.EntryRow: Reading(schema.entries, ("stream", "generation", "log_index"), "log_index"),
    inspected.RecordRow: Reading(schema.records, ("record_id",), "put_seq"),
    inspected.OutboxRecord: Reading(schema.outbox, ("id",), "id"),
    inspected.HeadRow: Reading(schema.outbox, ("id",), "id", is_whole=False),
    inspected.SnapshotRow: Reading(schema.snapshots, ("stream", "vrf_key", "id"), "id"),
    inspected.SnapshotSize: Reading(
        schema.snapshots, ("stream", "vrf_key", "id"), "id", is_whole=False
    ),
    inspected.MirroredRow: Reading(
        schema.mirrored_entries, ("region", "stream", "vrf_key", "log_index"), "log_index"
    ),
}


def columns(kind: _Kind) -> tuple[str, ...]:
    """The columns that are read, with the checksum last where the row has one."""
    reading, names = READINGS[kind], tuple(kind._fields)  # type: ignore[attr-defined]
    has_checksum = reading.is_whole and "checksum" in reading.table.c
    return (*names, "checksum") if has_checksum else names


@cache
def statement(kind: _Kind, dialect: Dialect) -> str:
    """The query for the rows of a kind."""
    reading = READINGS[kind]
    query = select(*(reading.table.c[name] for name in columns(kind)))
    if reading.wanted is not None:
        query = query.where(reading.table.c[reading.wanted].is_not(None))
    order = [_sorted(reading.table.c[name], dialect) for name in reading.order]
    return str(query.order_by(*order).compile(dialect=dialect))


@cache
def count_statement(kind: _Kind, dialect: Dialect) -> str:
    """The query for their number."""
    reading = READINGS[kind]
    query = select(func.count()).select_from(reading.table)
    if reading.wanted is not None:
        query = query.where(reading.table.c[reading.wanted].is_not(None))
    return str(query.compile(dialect=dialect))


@cache
def types(kind: _Kind) -> tuple[tuple[type, ...], ...]:
    """The types that each column's values may have."""
    table = READINGS[kind].table
    return tuple(_types(table.c[name]) for name in columns(kind))


def _types(column: Any) -> tuple[type, ...]:
    if isinstance(column.type, LargeBinary):
        held: type = bytes
    elif isinstance(column.type, Integer | Boolean):
        held = int
    else:
        held = str
    # A missing checksum has a finding of its own.
    return (held, type(None)) if column.nullable else (held,)


def _sorted(column: ColumnElement[Any], dialect: Dialect) -> ColumnElement[Any]:
    """In the order of the bytes, as an audit that merges two tables compares them."""
    is_text = not isinstance(column.type, LargeBinary | Integer | Boolean)
    return column.collate("C") if is_text and dialect.name == "postgresql" else column
