"""Batches in bounded parts. A report is one JSON text; the database takes it apart, not we."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, func, select, text

from ledger.adapters.sql.schema import batches, events
from ledger.adapters.sql.texts import parse_time
from ledger.services.publication.pages import BatchFacts, BatchHead, Reached
from ledger.services.publication.report import AMENDING, RowReport, parse_row
from ledger.services.stored import StreamLog
from ledger.services.stream.streams import Sizes

_ROWS: Final[Mapping[str, str]] = {
    "sqlite": (
        "SELECT part.key AS place, part.value AS content,"
        " json_extract(part.value, '$.outcome') AS outcome,"
        " json_extract(part.value, '$.effect') AS effect,"
        " json_extract(part.value, '$.record_id') AS record_id"
        " FROM batches, json_each(batches.report, '$.rows') AS part WHERE batches.id = :batch"
    ),
    "postgresql": (
        "SELECT part.place - 1 AS place, part.content::text AS content,"
        " part.content ->> 'outcome' AS outcome, part.content ->> 'effect' AS effect,"
        " part.content ->> 'record_id' AS record_id"
        " FROM batches, jsonb_array_elements(CAST(batches.report AS jsonb) -> 'rows')"
        " WITH ORDINALITY AS part(content, place) WHERE batches.id = :batch"
    ),
}
"""The rows of a report as a table, by database."""

_HEAD: Final[Mapping[str, str]] = {
    "sqlite": "SELECT json_remove(report, '$.rows') FROM batches WHERE id = :batch",
    "postgresql": (
        "SELECT CAST(CAST(report AS jsonb) - 'rows' AS text) FROM batches WHERE id = :batch"
    ),
}
"""A report without its rows."""


def heads(connection: Connection, before: int | None, limit: int) -> tuple[BatchHead, ...]:
    """Batches with a number below ``before``, newest first."""
    query = select(batches.c.id, batches.c.source_name, batches.c.received_at)
    if before is not None:
        query = query.where(batches.c.id < before)
    found = connection.execute(query.order_by(batches.c.id.desc()).limit(limit))
    return tuple(BatchHead(row.id, row.source_name, parse_time(row.received_at)) for row in found)


def facts(connection: Connection, batch_id: int, most_rejected: int) -> BatchFacts | None:
    """What never changes about a batch."""
    found = heads_of(connection, batch_id)
    if found is None:
        return None
    named = {"batch": batch_id}
    members: dict[str, Any] = json.loads(
        connection.execute(text(_HEAD[connection.dialect.name]), named).scalar_one()
    )
    counts: dict[str, int] = {}
    amended = 0
    counting = f"SELECT outcome, effect, count(*) FROM ({_rows(connection)}) r GROUP BY 1, 2"  # noqa: S608 # both parts are constants of this module
    for outcome, effect, count in connection.execute(text(counting), named):
        counts[outcome] = counts.get(outcome, 0) + count
        amended += count if effect in AMENDING else 0
    rejected = rows(connection, batch_id, 0, most_rejected, "rejected")
    return BatchFacts(
        head=found,
        kind=members["kind"],
        record_type=members["record_type"],
        mode=members.get("mode"),
        ignored_columns=tuple(members["ignored_columns"]),
        counts=counts,
        amended=amended,
        rejected=tuple(row for _place, row in rejected),
    )


def heads_of(connection: Connection, batch_id: int) -> BatchHead | None:
    """The head of one batch."""
    found = heads(connection, batch_id + 1, 1)
    return found[0] if found and found[0].id == batch_id else None


def rows(
    connection: Connection, batch_id: int, start: int, limit: int, outcome: str | None
) -> tuple[tuple[int, RowReport], ...]:
    """Rows from a place on, each with its place."""
    wanted = "" if outcome is None else " AND outcome = :outcome"
    query = (
        f"SELECT place, content FROM ({_rows(connection)}) r"  # noqa: S608 # constants of this module
        f" WHERE place >= :start{wanted} ORDER BY place LIMIT :most"
    )
    named = {"batch": batch_id, "start": start, "most": limit, "outcome": outcome}
    if outcome is None:
        del named["outcome"]
    return tuple(
        (place, parse_row(json.loads(content)))
        for place, content in connection.execute(text(query), named)
    )


def reached(
    connection: Connection, batch_id: int, sizes: Mapping[StreamLog, Sizes]
) -> tuple[Reached, ...]:
    """How far a batch's own events are."""
    found = []
    for log, (size, anchored, served) in sizes.items():
        lowest = _lowest(log, sizes)
        index = events.c.log_index
        query = select(
            func.count(),
            func.count(index),
            func.count(index).filter(index < size),
            func.count(index).filter(index < anchored),
            func.count(index).filter(index < served),
        ).where(
            events.c.batch_id == batch_id,
            events.c.stream == log.stream,
            events.c.generation.between(lowest, log.generation),
        )
        found.append(Reached(*connection.execute(query).one()))
    return tuple(found)


def unchanged_reached(
    connection: Connection, batch_id: int, of_ends: bool, sizes: Mapping[StreamLog, Sizes]
) -> tuple[Reached, ...]:
    """How far the earlier events are that the unchanged rows speak of."""
    # Of an amended record: the put that was the newest when the batch was accepted.
    newest = "SELECT max(p.seq) FROM events p WHERE p.record_id = k.record_id AND p.op = 'put'"
    seq = "k.end_seq" if of_ends else f"({newest} AND p.batch_id <= :batch)"
    query = (
        "SELECT count(*), count(e.log_index),"  # noqa: S608 # constants of this module
        " count(CASE WHEN e.log_index < :size THEN 1 END),"
        " count(CASE WHEN e.log_index < :anchored THEN 1 END),"
        " count(CASE WHEN e.log_index < :served THEN 1 END)"
        f" FROM ({_rows(connection)}) r JOIN records k ON k.record_id = r.record_id"
        f" JOIN events e ON e.seq = {seq}"
        " WHERE r.outcome = 'unchanged' AND k.stream = :stream"
        " AND e.generation BETWEEN :lowest AND :generation"
    )
    found = []
    for log, (size, anchored, served) in sizes.items():
        named = {"batch": batch_id, "stream": log.stream, "size": size}
        named |= {"anchored": anchored, "served": served, "generation": log.generation}
        named["lowest"] = _lowest(log, sizes)
        found.append(Reached(*connection.execute(text(query), named).one()))
    return tuple(found)


def _lowest(log: StreamLog, sizes: Mapping[StreamLog, Sizes]) -> int:
    """The first generation whose events count with a log's: a stream's lowest counts for all."""
    below = [one.generation for one in sizes if one.stream == log.stream and one < log]
    return max(below, default=0) + 1


def _rows(connection: Connection) -> str:
    return _ROWS[connection.dialect.name]
