"""Every exception of SQLAlchemy that the world can cause, as one of ours.

Full, read-only, locked and damaged are told apart by the database's own codes, because each asks
for something else: room, a permission, patience, a backup. What is left unmapped
(``ArgumentError``, ``CompileError``, ``ProgrammingError`` ...) is a mistake in this package and
stays a bug.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from sqlalchemy import exc

from ledger.errors import (
    ConflictError,
    LedgerError,
    StoreBusyError,
    StoreDamagedError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
)

BUGS: Final = (exc.ProgrammingError, exc.DataError)
"""Errors of the driver that only a wrong statement or value causes."""

SQLITE_BUGS: Final = (1, 20, 21, 25)
"""SQLITE_ERROR, _MISMATCH, _MISUSE and _RANGE: the same, whatever class the driver gives them."""

SQLITE: Final[Mapping[int, type[LedgerError]]] = MappingProxyType(
    {
        5: StoreBusyError,  # SQLITE_BUSY
        6: StoreBusyError,  # SQLITE_LOCKED
        8: StoreReadOnlyError,  # SQLITE_READONLY
        11: StoreDamagedError,  # SQLITE_CORRUPT
        13: StoreFullError,  # SQLITE_FULL
        26: StoreDamagedError,  # SQLITE_NOTADB
    }
)
"""Primary result codes of SQLite, the low byte of every code (sqlite.org/rescode.html)."""

POSTGRESQL: Final[Mapping[str, type[LedgerError]]] = MappingProxyType(
    {
        "25006": StoreReadOnlyError,  # read_only_sql_transaction
        "40001": StoreBusyError,  # serialization_failure
        "40P01": StoreBusyError,  # deadlock_detected
        "53100": StoreFullError,  # disk_full
        "55P03": StoreBusyError,  # lock_not_available
        "XX001": StoreDamagedError,  # data_corrupted
        "XX002": StoreDamagedError,  # index_corrupted
    }
)
"""SQLSTATE codes of PostgreSQL (appendix A of its manual)."""


@contextmanager
def mapped() -> Iterator[None]:
    """Raise the ledger's errors in place of SQLAlchemy's.

    Raises:
        ConflictError: A unique or foreign key was violated.
        StoreBusyError: Another writer holds the lock for too long.
        StoreFullError: The disk is full.
        StoreReadOnlyError: The database may not be written.
        StoreDamagedError: The file is damaged or no database.
        StoreUnavailableError: It fails in another way or is gone.
    """
    try:
        yield
    except exc.IntegrityError as error:
        raise ConflictError(f"store: {type(error).__name__}") from error
    except exc.DBAPIError as error:
        if isinstance(error, BUGS) or _sqlite_code(error) in SQLITE_BUGS:
            raise
        raise _kind(error)(f"store: {_cause(error)}") from error
    except (exc.DisconnectionError, exc.TimeoutError) as error:
        # Gone, or no connection became free in time.
        raise StoreUnavailableError(f"store: {_cause(error)}") from error


def _kind(error: exc.DBAPIError) -> type[LedgerError]:
    code, state = _sqlite_code(error), getattr(error.orig, "sqlstate", None)
    found = POSTGRESQL.get(str(state)) if code is None else SQLITE.get(code)
    return found or StoreUnavailableError


def _sqlite_code(error: exc.DBAPIError) -> int | None:
    """The primary result code; None for another database."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None


def _cause(error: Exception) -> str:
    """The driver's own words, without the statement and its values."""
    origin = getattr(error, "orig", None)
    return f"{type(error).__name__}: {origin}" if origin is not None else type(error).__name__
