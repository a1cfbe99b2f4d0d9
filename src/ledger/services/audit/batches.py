"""Batches: their reports can be read, and speak of exactly the events that came with them."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby

from ledger.services.audit.case import Case
from ledger.services.audit.moments import parse_moment
from ledger.services.inspected import BatchEventRow, BatchRow
from ledger.services.publication.report import (
    ENDING,
    BatchReport,
    Effect,
    Outcome,
    parse_report,
)

Written = Counter[tuple[str, str]]
"""(record id, op) -> how many events."""


def check_batches(case: Case) -> None:
    """Compare every batch with the events that name it."""
    groups = groupby(case.read(BatchEventRow), key=lambda event: event.batch_id)
    group = _next(groups)
    for row in case.read(BatchRow, "batches"):
        while group is not None and group[0] < row.id:
            _tell_lost(case, group[1])
            group = _next(groups)
        events = group[1] if group is not None and group[0] == row.id else []
        if events:
            group = _next(groups)
        _check(case, row, events)
    while group is not None:
        _tell_lost(case, group[1])
        group = _next(groups)


def _check(case: Case, row: BatchRow, events: list[BatchEventRow]) -> None:
    report = _parse(row)
    if report is None:
        case.findings.add("batch-report", "batches", row.id, "a report", "other text")
        return
    if len(row.content_digest) != 32:
        case.findings.add("batch-report", "batches", row.id, "a digest of 32 bytes", "another")
    written = Counter((event.record_id, event.op) for event in events)
    if written != _reported(report):
        found = f"{written.total()} events"
        expected = f"{_reported(report).total()} events of its report"
        case.findings.add("batch-events", "batches", row.id, expected, found)
    for event in events:
        if event.accepted_at != row.received_at:
            expected = f"the time of batch {row.id}"
            case.findings.add(
                "event-time", "events", event.seq, expected, "another", column="accepted_at"
            )


def _reported(report: BatchReport) -> Written:
    """The events that the accepted rows of a report speak of."""
    reported: Written = Counter()
    for row in report.rows:
        if row.outcome is not Outcome.ACCEPTED or row.record_id is None:
            continue
        if row.effect is not Effect.ENDED:
            reported[row.record_id, "put"] += 1
        if row.effect in ENDING:
            reported[row.record_id, "drop"] += 1
    return reported


def _parse(row: BatchRow) -> BatchReport | None:
    received_at = parse_moment(row.received_at)
    if received_at is None:
        return None
    try:
        return parse_report(
            row.report, batch_id=row.id, source_name=row.source_name, received_at=received_at
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _tell_lost(case: Case, events: list[BatchEventRow]) -> None:
    for event in events:
        case.findings.add(
            "event-batch", "events", event.seq, "a batch that exists", "none", column="batch_id"
        )


def _next(
    groups: Iterator[tuple[int, Iterator[BatchEventRow]]],
) -> tuple[int, list[BatchEventRow]] | None:
    found = next(groups, None)
    return None if found is None else (found[0], list(found[1]))
