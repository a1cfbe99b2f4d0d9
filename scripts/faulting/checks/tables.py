"""What a node's database holds, read beside the running node."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pysqlite3


@dataclass
class Tables:
    """What the database holds, as it was read once."""

    records: list[Any]
    events: list[Any]
    entries: dict[str, list[tuple[int, bytes]]]
    outbox: list[Any]
    served: dict[str, int] = field(default_factory=dict)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(pysqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=10)) as connection:
        connection.row_factory = pysqlite3.Row
        yield connection


def read_tables(path: Path) -> Tables | None:
    """Read a node's database in one transaction; None before it was made."""
    if not path.exists():
        return None
    with _open(path) as connection:
        connection.execute("BEGIN")
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if "snapshots" not in names:
            return None
        entries: dict[str, list[tuple[int, bytes]]] = {}
        for stream, index, entry in connection.execute(
            "SELECT stream, log_index, entry FROM entries ORDER BY stream, log_index"
        ):
            entries.setdefault(stream, []).append((index, entry))
        return Tables(
            records=connection.execute("SELECT * FROM records").fetchall(),
            events=connection.execute("SELECT * FROM events").fetchall(),
            entries=entries,
            outbox=connection.execute("SELECT * FROM outbox ORDER BY id").fetchall(),
            served=dict(
                connection.execute(
                    "SELECT stream, max(size) FROM snapshots GROUP BY stream"
                ).fetchall()
            ),
        )


@dataclass(frozen=True)
class Placed:
    """Where the furthest event of a batch stands in one stream."""

    stream: str
    log_index: int | None
    epoch: int | None
    """Of the first head that this node has signed over it."""


def placed_events(path: Path, batch_id: int) -> list[Placed]:
    """The last own event of a batch in each stream; none where all rows were known."""
    with _open(path) as connection:
        connection.execute("BEGIN")
        found = connection.execute(
            "SELECT stream, CASE WHEN count(log_index) = count(*) THEN max(log_index) END"
            " FROM events WHERE batch_id = ? GROUP BY stream",
            [batch_id],
        ).fetchall()
        return [Placed(stream, index, _epoch(connection, stream, index)) for stream, index in found]


def _epoch(connection: sqlite3.Connection, stream: str, index: int | None) -> int | None:
    (epoch,) = connection.execute(
        "SELECT min(live_epoch) FROM outbox WHERE stream = ? AND new_size > ?", [stream, index]
    ).fetchone()
    return None if epoch is None else int(epoch)


def pending(path: Path) -> int | None:
    """Accepted events that no stored snapshot covers; None while there is no snapshot."""
    tables = read_tables(path)
    if tables is None or not tables.served:
        return None
    waiting: int = sum(
        one["log_index"] is None or one["log_index"] >= tables.served.get(one["stream"], 0)
        for one in tables.events
    )
    return waiting


def overdue(path: Path, today: date) -> int:
    """Records in force although their last day is over."""
    tables = read_tables(path)
    if tables is None:
        return 0
    return sum(
        one["status"] == "in_force"
        and one["in_force_until"] is not None
        and one["in_force_until"] < today.isoformat()
        for one in tables.records
    )
