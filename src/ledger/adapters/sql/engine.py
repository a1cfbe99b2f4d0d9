"""How the database is opened: SQLite through pysqlite3, with the settings durability needs.

The SQLite of Python 3.11 on Debian 12 is 3.40.1, whose WAL can corrupt when two connections write
or checkpoint at once (fixed in 3.51.3); pysqlite3 brings its own.
"""

from typing import Any, Final

import pysqlite3  # type: ignore[import-untyped]
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url

from ledger.errors import FatalStateError

OLDEST_SQLITE: Final = (3, 51, 3)
"""First version without the WAL-reset bug (sqlite.org/wal.html, "The WAL Reset Bug")."""

BUSY_TIMEOUT_MS: Final = 10_000
"""How long a writer waits for another one."""

PAGE_BYTES: Final = 16_384
"""Of new databases: an event with its disclosures is some 5 KB, which a page should hold whole."""

CACHE_KIB: Final = 32 * 1024
"""Pages a connection keeps at most; less, and the indices of a great file are read again."""

CHECKPOINT_PAGES: Final = 4_000
"""Pages in the WAL before they are moved into the database, 64 MB: an event's page changes twice
within seconds, when it is accepted and when it is given its index, and is moved once."""

POOL_SIZE: Final = 8
POOL_OVERFLOW: Final = 32


def open_engine(url: str | URL) -> Engine:
    """Make an engine; connects only when used.

    Args:
        url: An SQLAlchemy address, such as ``sqlite:////var/lib/ledger/node.db``.

    Raises:
        FatalStateError: The SQLite library can corrupt a WAL database.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(
            parsed, pool_size=POOL_SIZE, max_overflow=POOL_OVERFLOW, hide_parameters=True
        )
    if pysqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise FatalStateError(
            f"SQLite: expected at least {OLDEST_SQLITE}, found {pysqlite3.sqlite_version}"
        )
    engine = create_engine(
        parsed,
        module=pysqlite3,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW,
        hide_parameters=True,  # errors must not repeat identifiers
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _record: object) -> None:
    # The driver must not open transactions by itself: _begin does, so that reads that lead to a
    # write hold the write lock from the start.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        f"page_size = {PAGE_BYTES}",  # before the first write; a database keeps what it has
        f"cache_size = -{CACHE_KIB}",
        f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
        "journal_mode = WAL",
        "synchronous = FULL",  # an acknowledged commit survives power loss
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
