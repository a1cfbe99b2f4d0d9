"""Records as the fold of their events, in order of acceptance.

Both tables are read side by side in the order of record ids, so that only one record and its events
are in memory at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from ledger.core.records.event_form import DROP_KINDS
from ledger.services.audit.case import Case
from ledger.services.audit.events import OpenedEvent, check_event_row
from ledger.services.inspected import EventRow, RecordRow
from ledger.services.stored import ENDED, IN_FORCE

_KINDS_OF_RECORDS: Final = ("publish", "amend", *DROP_KINDS)
"""Events of other kinds have no row among the records."""

_SECRET: Final = ("subject", "issuer", "document_number", "document_match")
"""What erasure takes away from a record."""

Opened = list[tuple[EventRow, OpenedEvent | None]]


@dataclass(slots=True)
class _Fold:
    """A record after the events so far."""

    put: EventRow
    said: OpenedEvent | None
    end: EventRow | None = None
    end_said: OpenedEvent | None = None


def check_records(case: Case) -> None:
    """Check every event by itself, and every record against its events."""
    for record, events in _side_by_side(case):
        opened = [(event, check_event_row(case, event)) for event in events]
        if record is not None and not events:
            _tell(case, record, "record-without-events", "record_id", "events of it")
        elif opened:
            _check(case, record, opened)


def _check(case: Case, record: RecordRow | None, opened: Opened) -> None:
    fold = _fold(case, opened)
    first = opened[0][0]
    if record is None:
        if any(event.kind in _KINDS_OF_RECORDS for event, _ in opened):
            case.findings.add("record-missing", "events", first.seq, "a record of it", "none")
        return
    if fold is None:
        return
    for name, value in _expected(fold).items():
        if getattr(record, name) != value:
            _tell(case, record, "record-fold", name, "what its events say")
    if fold.said is None:
        _check_erased(case, record, fold)
        return
    for name, value in (fold.said.record or {}).items():
        if getattr(record, name) != value:
            _tell(case, record, "record-identity", name, "what its newest put says")


def _fold(case: Case, opened: Opened) -> _Fold | None:
    """What the events make of a record; None if they cannot follow one another."""
    fold: _Fold | None = None
    for event, said in opened:
        if not _follows(fold, event):
            expected = "an event that can follow the ones before"
            case.findings.add("event-order", "events", event.seq, expected, "another")
            return None
        if event.op == "put":
            # One that is put again says the same as before, in another log.
            fold = _Fold(event, said)
        elif fold is not None:
            fold.end, fold.end_said = event, said
    return fold


def _follows(fold: _Fold | None, event: EventRow) -> bool:
    """Whether an event may come after those folded so far."""
    if fold is None:
        is_first = (event.version, event.target_seq, event.origin_seq) == (1, None, None)
        return event.op == "put" and event.kind != "amend" and is_first
    if event.origin_seq is not None:
        return _is_put_again(fold, event)
    if fold.end is not None or event.target_seq != fold.put.seq:
        return False
    if event.map_key != fold.put.map_key or event.log != fold.put.log:
        return False
    is_ordered = event.log_index is None or (
        fold.put.log_index is not None and fold.put.log_index < event.log_index
    )
    step = 1 if event.kind == "amend" else 0
    return is_ordered and event.kind != "publish" and event.version == fold.put.version + step


def _is_put_again(fold: _Fold, event: EventRow) -> bool:
    """Whether an event puts the same again, word for word, into a later generation."""
    put = fold.put
    if fold.end is not None or event.op != "put" or event.target_seq is not None:
        return False
    if event.stream != put.stream or event.generation <= put.generation:
        return False
    same = (put.kind, put.record_type, put.version, put.subject, put.event, put.disclosures)
    again = (event.kind, event.record_type, event.version, event.subject, event.event)
    if (*again, event.disclosures) != same:
        return False
    if event.salt is not None and event.salt == put.salt:
        return False
    return event.origin_seq == (put.origin_seq or put.seq) and event.log_index is not None


def _expected(fold: _Fold) -> dict[str, object]:
    """The columns of a record that follow from any events, erased ones too."""
    put, end = fold.put, fold.end
    expected: dict[str, object] = {
        "record_type": put.record_type,
        "stream": put.stream,
        "version": put.version,
        "status": IN_FORCE if end is None else ENDED,
        "ended_kind": None if end is None else end.kind,
        "put_seq": put.seq,
        "end_seq": None if end is None else end.seq,
    }
    if end is None:
        expected["ended_on"] = None
    elif fold.end_said is not None:
        expected["ended_on"] = fold.end_said.members["decided_on"]
    if fold.said is not None:
        expected["in_force_until"] = fold.said.members["in_force_until"]
    return expected


def _check_erased(case: Case, record: RecordRow, fold: _Fold) -> None:
    if fold.put.event is not None:
        return  # It could not be opened, which was told.
    if fold.end is None:
        case.findings.add(
            "event-erased", "events", fold.put.seq, "the content of a record in force", "none"
        )
    for name in _SECRET:
        if getattr(record, name) is not None:
            _tell(case, record, "record-erased", name, "nothing, as of its event")


def _side_by_side(case: Case) -> Iterator[tuple[RecordRow | None, list[EventRow]]]:
    """Each record id with its record and its events, where it has any."""
    groups = groupby(case.read(EventRow, "events"), key=lambda event: event.record_id)
    group = _next(groups)
    for record in case.read(RecordRow, "records"):
        while group is not None and group[0] < record.record_id:
            yield None, group[1]
            group = _next(groups)
        if group is not None and group[0] == record.record_id:
            yield record, group[1]
            group = _next(groups)
        else:
            yield record, []
    while group is not None:
        yield None, group[1]
        group = _next(groups)


def _next(groups: Iterator[tuple[str, Iterator[EventRow]]]) -> tuple[str, list[EventRow]] | None:
    found = next(groups, None)
    return None if found is None else (found[0], list(found[1]))


def _tell(case: Case, record: RecordRow, code: str, column: str, expected: str) -> None:
    case.findings.add(code, "records", record.put_seq, expected, "another", column=column)
