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
        check = _RowCheck(kind, on_fault)  # type: ignore[arg-type]
        statement = readings.statement(kind, self._source.dialect)  # type: ignore[arg-type]
        try:
            for position, row in enumerate(self._source.rows(statement), 1):
                whole = check.take(row, position)
                if whole is not None:
                    yield kind(*whole)
        except DamagedError as error:
            on_fault(StorageFault("database-unreadable", "rows", str(error), check.table))


class _RowCheck:
    """Checks the rows of one kind: types of their values, and checksums of whole rows."""

    def __init__(self, kind: type[tuple[Any, ...]], on_fault: OnFault) -> None:
        reading = readings.READINGS[kind]
        self.table = reading.table.name
        self._names = readings.columns(kind)
        self._allowed = readings.types(kind)
        self._place = None if reading.number is None else self._names.index(reading.number)
        self._has_checksum = self._names[-1] == "checksum"
        # Of a part of a row nothing is told: the whole row is read as well.
        self._tell = on_fault if reading.is_whole else _nothing
        self._sound: set[tuple[type, ...]] = set()

    def take(self, row: tuple[Any, ...], position: int) -> tuple[Any, ...] | None:
        """The row without its checksum, or None for one whose values have wrong types."""
        number = self._number(row, position)
        types = tuple(map(type, row))
        if types not in self._sound:
            if not self._is_typed(types, number):
                return None
            self._sound.add(types)
        if not self._has_checksum:
            return row
        if row[-1] is None:
            self._tell(StorageFault("checksum-missing", "a checksum", "none", self.table, number))
        elif checksum(self.table, dict(zip(self._names, row, strict=True))) != row[-1]:
            self._tell(StorageFault("checksum", "that of the row", "another", self.table, number))
        return row[:-1]

    def _is_typed(self, types: tuple[type, ...], number: int | None) -> bool:
        for found, allowed, name in zip(types, self._allowed, self._names, strict=True):
            if found not in allowed:
                expected = " or ".join(map(_word, allowed))
                self._tell(
                    StorageFault("column-type", expected, _word(found), self.table, number, name)
                )
                return False
        return True

    def _number(self, row: tuple[Any, ...], position: int) -> int | None:
        if self._place is None:
            return position
        number = row[self._place]
        return number if type(number) is int else None


def _nothing(_fault: StorageFault) -> None:
    pass


_WORDS: Final[dict[type, str]] = {type(None): "null", str: "text", bytes: "bytes", int: "number"}


def _word(kind: type) -> str:
    return _WORDS.get(kind, kind.__name__)
