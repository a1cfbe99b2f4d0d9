"""A database file opened read-only and checked from the first byte on.

The file is opened with ``mode=ro``: nothing in it is changed, not even by the recovery that follows
a crash. Beside it the empty ``-wal`` and the ``-shm`` may appear that every reader of a WAL
database needs.

Source: sqlite.org/fileformat2.html; sqlite.org/pragma.html#pragma_integrity_check.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pysqlite3  # type: ignore[import-untyped]
from sqlalchemy import Dialect, create_engine
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.engine import URL
from sqlalchemy.pool import StaticPool

from ledger.adapters.sql import migrate
from ledger.adapters.sql.sources import CHUNK, DamagedError, check_version
from ledger.errors import InputError, StoreUnavailableError
from ledger.services.inspected import StorageFault
from ledger.services.ports.inspection import OnFault

MOST_MESSAGES: Final = 100
"""Problems that the integrity check names; it stops there."""

HEADER_BYTES: Final = 100
_MAGIC: Final = b"SQLite format 3\x00"
_VERSIONS: Final = (b"\x01\x01", b"\x02\x02")
"""Write and read version: rollback journal in a copy, WAL in a node's own file."""

_FIXED: Final = ((20, b"\x00\x40\x20\x20"), (60, bytes(12)))
"""Reserved bytes and fractions, and numbers that the ledger does not use."""

_UTF8: Final = b"\x00\x00\x00\x01"
_NO_TABLES: Final = bytes(4)
"""Encoding of text; none is set in a file whose tables are all in its WAL still."""

_RESERVED: Final = (72, bytes(20))

_UNAVAILABLE: Final = frozenset({3, 5, 6, 7, 8, 9, 10, 13, 14, 15, 22, 23})
"""Result codes that speak of the machine or of other users, not of what is stored."""


class SqliteFile:
    """A SQLite database that is being read; implements ``Source``.

    Raises:
        InputError: There is no such file.
        StoreUnavailableError: It cannot be opened now.
    """

    dialect: Dialect = dialect()

    def __init__(self, url: URL, busy_timeout_ms: int) -> None:
        self._path = Path(url.database or "")
        if not self._path.is_file():
            raise InputError(f"{self._path.name}: expected a database, found none")
        self._is_broken: str | None = None
        self._connection: Any = None
        try:
            with _mapped():
                self._connection = pysqlite3.connect(
                    f"file:{quote(str(self._path))}?mode=ro",
                    uri=True,
                    isolation_level=None,
                    timeout=busy_timeout_ms / 1000,
                    check_same_thread=False,
                )
                # Text of a damaged row may be no UTF-8; nothing of it may be lost.
                self._connection.text_factory = _text
                # Everything from the first read on is of one state.
                self._connection.execute("BEGIN")
        except DamagedError as error:
            self._is_broken = str(error)

    def close(self) -> None:
        """See ``Source``."""
        if self._connection is not None:
            self._connection.close()

    def rows(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """See ``Source``."""
        with _mapped():
            cursor = self._connection.execute(statement)
            while rows := cursor.fetchmany(CHUNK):
                yield from rows

    def check(self, on_fault: OnFault) -> bool:
        """See ``Source``."""
        if self._is_broken is not None:
            on_fault(StorageFault("database-unreadable", "a database", self._is_broken))
            return False
        self._check_header(on_fault)
        try:
            stored = {str(one) for (one,) in self.rows("SELECT version_num FROM alembic_version")}
            found = self._schema()
        except DamagedError as error:
            on_fault(StorageFault("database-unreadable", "a schema", str(error)))
            return False
        expected = _expected_schema()
        if found != expected:
            check_version(stored, on_fault)
            self._tell_schema(expected, found, on_fault)
        elif stored != {migrate.revisions()[-1]}:
            on_fault(StorageFault("database-version", migrate.revisions()[-1], "another"))
        self._check_pages(on_fault)
        return True

    def _check_header(self, on_fault: OnFault) -> None:
        # A running node rewrites other parts of this page, never these.
        try:
            with self._path.open("rb") as file:
                header = file.read(HEADER_BYTES)
        except OSError as error:
            raise StoreUnavailableError(f"{self._path.name}: {error.strerror}") from None
        is_sound = (
            header.startswith(_MAGIC)
            and header[18:20] in _VERSIONS
            and header[56:60] in ((_UTF8, _NO_TABLES) if self._has_wal() else (_UTF8,))
            and all(header[at : at + len(part)] == part for at, part in (*_FIXED, _RESERVED))
        )
        if not is_sound:
            on_fault(StorageFault("database-header", "that of a ledger's file", "another"))

    def _has_wal(self) -> bool:
        wal = self._path.with_name(f"{self._path.name}-wal")
        return wal.is_file() and wal.stat().st_size > 0

    def _check_pages(self, on_fault: OnFault) -> None:
        try:
            for (message,) in self.rows(f"PRAGMA integrity_check({MOST_MESSAGES})"):
                if message != "ok":
                    on_fault(StorageFault("database-integrity", "ok", str(message)))
            for table, row, parent, _ in self.rows("PRAGMA foreign_key_check"):
                found = f"no row of {parent}"
                on_fault(StorageFault("foreign-key", f"a row of {parent}", found, table, row))
        except DamagedError as error:
            on_fault(StorageFault("database-integrity", "ok", str(error)))

    def _schema(self) -> dict[tuple[str, str], str]:
        return _normalized(self.rows(_SCHEMA))

    def _tell_schema(
        self,
        expected: dict[tuple[str, str], str],
        found: dict[tuple[str, str], str],
        on_fault: OnFault,
    ) -> None:
        for name in sorted(expected.keys() | found.keys()):
            if expected.get(name) == found.get(name):
                continue
            # A name that is not expected may be anything; only expected ones are repeated.
            told = " ".join(name) if name in expected else "nothing else"
            on_fault(StorageFault("database-schema", told, "another text or none"))


_SCHEMA: Final = (
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"
)
"""Without what SQLite notes for its own planning."""


_SPACE: Final = re.compile("[ \\n\\t]+")
"""As statements are laid out; any other white space is a damaged one of these."""


def _normalized(rows: Iterator[tuple[Any, ...]]) -> dict[tuple[str, str], str]:
    return {
        (str(kind), str(name)): f"{table}: {_SPACE.sub(' ', str(sql))}"
        for kind, name, table, sql in rows
    }


@cache
def _expected_schema() -> dict[tuple[str, str], str]:
    """The schema that the migrations make, from a database in memory."""
    engine = create_engine("sqlite://", module=pysqlite3, poolclass=StaticPool)
    with engine.begin() as connection:
        migrate.upgrade(connection)
        rows = (tuple(row) for row in connection.exec_driver_sql(_SCHEMA))
        expected = _normalized(rows)
    engine.dispose()
    return expected


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except pysqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in _UNAVAILABLE:
            raise StoreUnavailableError(f"store: {error}") from None
        # The words are SQLite's own and may repeat names of tables, never a value.
        raise DamagedError(str(error)) from None
    except UnicodeDecodeError:
        # SQLite's own message holds a damaged name, and the driver cannot read the message.
        raise DamagedError("a damaged name") from None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
