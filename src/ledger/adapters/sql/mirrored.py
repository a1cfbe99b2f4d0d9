"""Copies of other regions' logs."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from ledger.adapters.sql.checksums import checksum
from ledger.adapters.sql.schema import mirrored_entries as table
from ledger.errors import RollbackError
from ledger.services.ports.mirroring import LogName


def read(
    connection: Connection, log: LogName, start: int, limit: int
) -> tuple[tuple[int, bytes], ...]:
    """Entries from ``start`` on with their indices."""
    query = (
        select(table.c.log_index, table.c.entry)
        .where(_of(log), table.c.log_index >= start)
        .order_by(table.c.log_index)
        .limit(limit)
    )
    return tuple((index, entry) for index, entry in connection.execute(query))


def append(connection: Connection, log: LogName, size: int, entries: Sequence[bytes]) -> None:
    """Write entries from index ``size`` on."""
    newest = connection.scalar(select(func.max(table.c.log_index)).where(_of(log)))
    stored = 0 if newest is None else newest + 1
    if stored != size:
        raise RollbackError(f"copy of {log}: expected {size} entries, found {stored}")
    names = {"region": log.region, "stream": log.stream, "vrf_key": log.vrf_key}
    rows = [
        names | {"log_index": index, "entry": entry} for index, entry in enumerate(entries, size)
    ]
    connection.execute(
        insert(table), [row | {"checksum": checksum(table.name, row)} for row in rows]
    )


def cut(connection: Connection, log: LogName, size: int) -> None:
    """Forget every entry from index ``size`` on."""
    connection.execute(delete(table).where(_of(log), table.c.log_index >= size))


def _of(log: LogName) -> ColumnElement[bool]:
    return (
        (table.c.region == log.region)
        & (table.c.stream == log.stream)
        & (table.c.vrf_key == log.vrf_key)
    )
