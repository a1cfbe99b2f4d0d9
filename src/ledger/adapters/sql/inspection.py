"""The database as an audit reads it: one state, read only, every value as it is stored.

Implements the ``Inspection`` port. Nothing is migrated, and a database in use goes on being used.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeVar

from sqlalchemy import create_engine
from sqlalchemy.engine import URL, make_url

from ledger.adapters.sql import readings
from ledger.adapters.sql.checksums import checksum
from ledger.adapters.sql.engine import BUSY_TIMEOUT_MS
from ledger.adapters.sql.sources import DamagedError, ServerSource, Source
from ledger.adapters.sql.sqlite_file import SqliteFile
from ledger.services.inspected import StorageFault
from ledger.services.ports.inspection import OnFault

R = TypeVar("R")

_PLAIN: Final = (int, str, bytes, type(None))


def open_inspection(url: str | URL, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> "SqlInspection":
    """Open a database to be audited.

    Args:
        url: An SQLAlchemy address, such as ``sqlite:////var/lib/ledger/node.db``.
        busy_timeout_ms: How long it waits for somebody who has locked a file.

    Raises:
        InputError: There is no such file.
        StoreUnavailableError: The database cannot be opened now.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return SqlInspection(SqliteFile(parsed, busy_timeout_ms))
    engine = create_engine(
        parsed, hide_parameters=True, isolation_level="REPEATABLE READ", pool_size=1
    )
    return SqlInspection(ServerSource(engine))


class SqlInspection:
    """Implements ``services.ports.Inspection``; for one thread."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def close(self) -> None:
        """Let the database go."""
        self._source.close()

    def check_storage(self, on_fault: OnFault) -> bool:
        """See ``Inspection``."""
        return self._source.check(on_fault)

    def count(self, kind: type[tuple[object, ...]]) -> int:
        """See ``Inspection``."""
        try:
            for (number,) in self._source.rows(
                readings.count_statement(kind, self._source.dialect)
            ):
                return int(number)
        except DamagedError:
            pass  # Reading them says so.
        return 0

    def read(self, kind: type[R], on_fault: OnFault) -> Iterator[R]:
        """See ``Inspection``."""
        reading = readings.READINGS[kind]  # type: ignore[index]
        table, is_whole = reading.table.name, reading.is_whole
        allowed = readings.types(kind)  # type: ignore[arg-type]
        names = readings.columns(kind)  # type: ignore[arg-type]
        has_checksum = names[-1] == "checksum"
        place = None if reading.number is None else names.index(reading.number)
        statement = readings.statement(kind, self._source.dialect)  # type: ignore[arg-type]
        good: set[tuple[type, ...]] = set()
        try:
            for position, row in enumerate(self._source.rows(statement), 1):
                number = _number(row, place, position)
                found = tuple(map(type, row))
                if found not in good:
                    if not self._is_typed(row, allowed, names, number, table, on_fault, is_whole):
                        continue
                    good.add(found)
                if has_checksum:
                    _check_sum(table, names, row, number, on_fault)
                    row = row[:-1]
                yield kind(*row)
        except DamagedError as error:
            on_fault(StorageFault("database-unreadable", "rows", str(error), table))

    def _is_typed(
        self,
        row: tuple[Any, ...],
        allowed: tuple[tuple[type, ...], ...],
        names: tuple[str, ...],
        number: int | None,
        table: str,
        on_fault: OnFault,
        is_whole: bool,
    ) -> bool:
        for value, kinds, name in zip(row, allowed, names, strict=True):
            if type(value) not in kinds:
                if is_whole:
                    expected = " or ".join(_word(kind) for kind in kinds)
                    fault = StorageFault(
                        "column-type", expected, _word(type(value)), table, number, name
                    )
                    on_fault(fault)
                return False
        return True


def _check_sum(
    table: str,
    names: tuple[str, ...],
    row: tuple[Any, ...],
    number: int | None,
    on_fault: OnFault,
) -> None:
    if row[-1] is None:
        on_fault(StorageFault("checksum-missing", "a checksum", "none", table, number))
    elif checksum(table, dict(zip(names, row, strict=True))) != row[-1]:
        on_fault(StorageFault("checksum", "that of the row", "another", table, number))


def _number(row: tuple[Any, ...], place: int | None, position: int) -> int | None:
    if place is None:
        return position
    return row[place] if type(row[place]) is int else None


def _word(kind: type) -> str:
    return {"NoneType": "null", "str": "text", "bytes": "bytes", "int": "number"}.get(
        kind.__name__, kind.__name__
    )
