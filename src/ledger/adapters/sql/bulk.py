"""Statements for many rows at once, handed to the driver without a detour.

A statement of SQLAlchemy costs more for each row than SQLite itself; what files bring in goes past
it as plain tuples. Everything else is written the usual way.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from sqlalchemy import Connection, Table, func, select, text

from ledger.adapters.sql.schema import events
from ledger.adapters.sql.texts import chunks

ROWS: Final = 500
"""Rows handed to the driver at a time: a great file need not be in memory once more."""

Values = tuple[object, ...]
"""A row in the order of its columns: None, int, str or bytes."""


def insert_many(
    connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Values]
) -> None:
    """Insert rows; the columns that are not named stay NULL."""
    names = ", ".join(table.c[name].name for name in columns)
    places = ", ".join([_place(connection)] * len(columns))
    # The names are the schema's own, not anybody's input.
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({places})"  # noqa: S608
    rest = iter(rows)
    while part := list(islice(rest, ROWS)):
        connection.exec_driver_sql(statement, part)


def give_indices(connection: Connection, given: Sequence[tuple[int, int]]) -> int:
    """Give events their log indices, unless they have one; tells how many were given one.

    Args:
        connection: In a transaction.
        given: Pairs of log index and seq; no seq twice.
    """
    if not given:
        return 0
    place = _place(connection)
    changed = connection.exec_driver_sql(
        f"UPDATE events SET log_index = {place} WHERE seq = {place} AND log_index IS NULL",  # noqa: S608
        list(given),
    )
    return changed.rowcount


def next_seq(connection: Connection) -> int:
    """The seq after the newest event's; the caller's until its transaction ends.

    Numbers are given here and not by the database, which could tell them only row by row. Nobody
    else can take them meanwhile: SQLite has one writer at a time, which every transaction that
    writes is from its first statement on; elsewhere the table is locked against other writers.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(text("LOCK TABLE events IN EXCLUSIVE MODE"))
    newest = connection.scalar(select(func.max(events.c.seq)))
    return 1 if newest is None else newest + 1


def known_among(connection: Connection, natural_keys: Sequence[bytes]) -> list[bytes]:
    """Those of these natural keys that a record has."""
    place = _place(connection)
    known: list[bytes] = []
    for chunk in chunks(natural_keys):
        places = ", ".join([place] * len(chunk))
        query = f"SELECT natural_key FROM records WHERE natural_key IN ({places})"  # noqa: S608
        known += connection.exec_driver_sql(query, tuple(chunk)).scalars()
    return known


def _place(connection: Connection) -> str:
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"
