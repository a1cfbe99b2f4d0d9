"""Where an inspection's rows come from: a connection that sees one state and writes nothing."""

from collections.abc import Iterator
from typing import Any, Final, Protocol

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Dialect, Engine

from ledger.adapters.sql import migrate
from ledger.adapters.sql.errors import mapped
from ledger.adapters.sql.schema import metadata
from ledger.errors import InputError
from ledger.services.inspected import StorageFault
from ledger.services.ports.inspection import OnFault

CHUNK: Final = 500
"""Rows in memory at a time."""


class DamagedError(Exception):
    """The database contradicts itself where it was read; the message holds no stored value."""


class Source(Protocol):
    """A database that is being read."""

    dialect: Dialect

    def rows(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """Run a query.

        Raises:
            DamagedError: The answer cannot be read.
            StoreUnavailableError: The database does not answer.
        """
        ...

    def check(self, on_fault: OnFault) -> bool:
        """Check the database itself; False where its tables are not those of this release."""
        ...

    def close(self) -> None:
        """Let it go."""
        ...


class ServerSource:
    """A database behind a server, which checks its own pages.

    Args:
        engine: Its transactions must see one state from their first read on.

    Raises:
        StoreUnavailableError: It does not answer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.dialect = engine.dialect
        with mapped():
            self._connection = engine.connect()

    def rows(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """See ``Source``."""
        with mapped():
            streaming = self._connection.execution_options(yield_per=CHUNK)
            for row in streaming.exec_driver_sql(statement):
                yield tuple(map(_plain, row))

    def check(self, on_fault: OnFault) -> bool:
        """See ``Source``: the schema; pages and references are the server's own care."""
        with mapped():
            context = MigrationContext.configure(self._connection)
            check_version(set(context.get_current_heads()), on_fault)
            for _ in compare_metadata(context, metadata):
                on_fault(StorageFault("database-schema", "that of this release", "another"))
        return True

    def close(self) -> None:
        """See ``Source``."""
        with mapped():
            self._connection.close()
            self._engine.dispose()


def _plain(value: Any) -> Any:
    """A value as SQLite gives it: drivers have types of their own for booleans and bytes."""
    if isinstance(value, bool):
        return int(value)
    return bytes(value) if isinstance(value, memoryview) else value


def check_version(stored: set[str], on_fault: OnFault) -> None:
    """Compare the newest migration that a database has seen with that of this release.

    Raises:
        InputError: It lacks migrations that this release knows: it must be brought forward first.
    """
    known = migrate.revisions()
    if stored == {known[-1]}:
        return
    if stored and stored < set(known):
        raise InputError(
            f"database: expected schema {known[-1]}, found {', '.join(sorted(stored))};"
            " the node brings it forward when it starts"
        )
    on_fault(StorageFault("database-version", known[-1], "no version of this release"))
