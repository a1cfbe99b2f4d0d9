"""The two reads of a lookup, straight through SQLite's driver: a tenth of the time.

Each is one statement outside a transaction, so it sees everything committed before it, by whatever
process. What the driver refuses is asked again the usual way, whose errors are the ledger's own.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import pysqlite3  # type: ignore[import-untyped]
from sqlalchemy import Engine, exc
from sqlalchemy.pool import PoolProxiedConnection

from ledger.adapters.sql.texts import chunks, parse_strings
from ledger.services.stored import OpenableEvent, StreamLog

_IS_PENDING: Final = (
    "SELECT 1 FROM events WHERE stream = ? AND generation = ? AND map_key = ?"
    " AND (log_index IS NULL OR log_index >= ?) AND origin_seq IS NULL LIMIT 1"
)
_OPENABLE: Final = (
    "SELECT entries.log_index, entry, event, salt, disclosures FROM entries JOIN events"
    " ON entries.stream = events.stream AND entries.generation = events.generation"
    " AND entries.log_index = events.log_index"
    " WHERE entries.stream = ? AND entries.generation = ? AND entries.log_index IN ({})"
    " ORDER BY entries.log_index"
)


class QuickReads:
    """Holds as many connections as threads ever read at once.

    Args:
        engine: Of the store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._idle: deque[PoolProxiedConnection] = deque()

    @property
    def is_near(self) -> bool:
        """Whether the database is a file of this machine, whose readers never wait for a writer."""
        return self._is_sqlite

    def is_pending(self, log: StreamLog, map_key: bytes, served_size: int) -> bool | None:
        """Whether an accepted event of the key is not served yet; None: ask the usual way."""
        rows = self._rows(_IS_PENDING, (log.stream, log.generation, map_key, served_size))
        return None if rows is None else bool(rows)

    def openable(self, log: StreamLog, indices: Sequence[int]) -> tuple[OpenableEvent, ...] | None:
        """What opens these entries; None: ask the usual way."""
        found: list[OpenableEvent] = []
        for chunk in chunks(sorted(indices)):
            query = _OPENABLE.format(",".join("?" * len(chunk)))
            rows = self._rows(query, (log.stream, log.generation, *chunk))
            if rows is None:
                return None
            found += [
                OpenableEvent(
                    log_index=index,
                    entry=entry,
                    event=None if event is None else event.encode(),
                    salt=salt,
                    disclosures=parse_strings(disclosures),
                )
                for index, entry, event, salt, disclosures in rows
            ]
        return tuple(found)

    def close(self) -> None:
        """Give the connections back."""
        while self._idle:
            self._idle.pop().close()

    def _rows(self, query: str, values: tuple[object, ...]) -> list[Any] | None:
        if not self._is_sqlite:
            return None
        try:
            connection = self._take()
        except exc.SQLAlchemyError:
            return None
        try:
            rows: list[Any] = _driver(connection).execute(query, values).fetchall()
        except pysqlite3.Error:
            connection.invalidate()
            return None
        self._idle.append(connection)
        return rows

    def _take(self) -> PoolProxiedConnection:
        # Popping and pushing are atomic: a connection is in one thread at a time.
        try:
            return self._idle.pop()
        except IndexError:
            return self._engine.raw_connection()


def _driver(connection: PoolProxiedConnection) -> Any:
    return connection.driver_connection
