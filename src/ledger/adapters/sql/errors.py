"""Every exception of SQLAlchemy that the world can cause, as one of ours.

What is left unmapped (``ArgumentError``, ``CompileError``, ``ProgrammingError`` ...) is a mistake
in this package and stays a bug.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import exc

from ledger.errors import ConflictError, StoreUnavailableError

BUGS: Final = (exc.ProgrammingError, exc.DataError)
"""Errors of the driver that only a wrong statement or value causes."""


@contextmanager
def mapped() -> Iterator[None]:
    """Raise the ledger's errors in place of SQLAlchemy's.

    Raises:
        ConflictError: A unique or foreign key was violated.
        StoreUnavailableError: The database is locked, full, broken or gone.
    """
    try:
        yield
    except exc.IntegrityError as error:
        raise ConflictError(f"store: {type(error).__name__}") from error
    except BUGS:
        raise
    except (exc.DBAPIError, exc.DisconnectionError, exc.TimeoutError) as error:
        # Locked, full, damaged, gone, or no connection became free in time.
        raise StoreUnavailableError(f"store: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    """The driver's own words, without the statement and its values."""
    origin = getattr(error, "orig", None)
    return f"{type(error).__name__}: {origin}" if origin is not None else type(error).__name__
