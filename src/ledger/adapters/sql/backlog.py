"""What is on its way, in a few numbers: for probes and metrics, asked once a second."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, column, func, select, table

from ledger.adapters.sql.schema import events, outbox
from ledger.adapters.sql.texts import parse_time
from ledger.services.background.watch import Backlog
from ledger.services.stored import ANCHORED, StreamLog

MOST_MOMENTS: Final = 1_000
"""Different times of acceptance taken from one stretch of the log."""

_version = table("alembic_version", column("version_num"))


def backlog(connection: Connection) -> Backlog:
    """Schema revision, and heads that are signed and have no snapshot yet."""
    waiting = select(func.count(), func.min(outbox.c.created_at)).where(
        outbox.c.live_epoch.is_not(None), outbox.c.state != ANCHORED
    )
    heads, oldest = connection.execute(waiting).one()
    schema = connection.scalar(select(_version.c.version_num)) or ""
    return Backlog(schema, heads, None if oldest is None else parse_time(oldest))


def accepted_between(
    connection: Connection, log: StreamLog, start: int, end: int
) -> tuple[tuple[datetime, int], ...]:
    """When the events of a stretch of the log were accepted: (time, how many), the first of them.

    Args:
        connection: Within a transaction.
        log: One of the node's own.
        start: First log index.
        end: One past the last.
    """
    query = (
        select(events.c.accepted_at, func.count())
        .where(
            events.c.stream == log.stream,
            events.c.generation == log.generation,
            events.c.log_index >= start,
            events.c.log_index < end,
            events.c.origin_seq.is_(None),
        )
        .group_by(events.c.accepted_at)
        .order_by(events.c.accepted_at)
        .limit(MOST_MOMENTS)
    )
    return tuple((parse_time(at), count) for at, count in connection.execute(query))
