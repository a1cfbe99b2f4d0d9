"""One accepted event: its bytes, its commitment, its disclosures, its place in the map.

What an event says twice, in its bytes and in columns beside them, must agree; what it keeps secret
must open. Everything here depends on the row and the node's keys alone.
"""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from ledger.core import canonical
from ledger.core.records.disclosure import digest, open_disclosure
from ledger.core.records.event import commitment
from ledger.core.records.event_form import DROP_KINDS, check_event
from ledger.core.records.record import FieldValue, Record, match_form
from ledger.core.stream.entry import DROP, PUT
from ledger.core.verify.verdict import day_of
from ledger.errors import InputError, LedgerError
from ledger.services.audit.case import Case
from ledger.services.audit.moments import parse_moment
from ledger.services.inspected import EventRow
from ledger.services.publication.identity import RecordIdentity

_REPEATED: Final = ("stream", "kind", "record_type", "record_id", "version", "subject")
"""Members of an event that have columns of their own."""

RECORD_PUTS: Final = ("publish", "amend")
"""Kinds of events that put a record in force."""

_ERASED: Final = ("subject", "event", "salt", "disclosures")
"""What erasure takes away, all of it at once."""


@dataclass(frozen=True, slots=True)
class OpenedEvent:
    """What an event says.

    Attributes:
        members: The event itself.
        record: The columns that follow from its fields; None where it puts no record.
    """

    members: dict[str, Any]
    record: dict[str, object] | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Why an event cannot be opened: a code and what differs."""

    code: str
    column: str
    expected: str


def check_event_row(case: Case, row: EventRow) -> OpenedEvent | None:
    """Check one event by itself; None for one that was erased or cannot be opened."""
    if not case.node.has_log(row.log):
        _tell(case, row, "stream-unknown", "stream", "a log of this node")
    if row.op != (DROP if row.kind in DROP_KINDS else PUT):
        _tell(case, row, "event-column", "op", "that of its kind")
    if row.log_index is not None and row.log_index < 1:
        _tell(case, row, "event-index", "log_index", "at least 1")
    if row.batch_id is None and row.kind != "expire" and row.origin_seq is None:
        _tell(case, row, "event-batch", "batch_id", "a batch")
    missing = [name for name in _ERASED if getattr(row, name) is None]
    if missing:
        if len(missing) < len(_ERASED):
            _tell(case, row, "event-erased", missing[0], "all of it or nothing of it")
        return None
    opened = case.memory.of(
        open_event, case.node.records, row.event, row.salt, row.disclosures, row.commitment
    )
    if isinstance(opened, Refused):
        _tell(case, row, opened.code, opened.column, opened.expected)
        return None
    _check_columns(case, row, opened.members)
    _check_days(case, row, opened.members)
    if not case.is_quick:
        _check_map_key(case, row)
    return opened


def open_event(
    identity: RecordIdentity, event: str, salt: bytes, disclosures: str, committed: bytes
) -> OpenedEvent | Refused:
    """Open an event completely: form, commitment, every field, and the record they make.

    Args:
        identity: Derives natural keys and content digests.
        event: The event's canonical JSON.
        salt: Its salt.
        disclosures: JSON array of its disclosures.
        committed: The commitment beside it.
    """
    try:
        event_bytes = event.encode()
        members = canonical.decode(event_bytes)
        check_event(members)
    except (LedgerError, UnicodeEncodeError):
        return Refused("event-form", "event", "a canonical event of version 1")
    try:
        if commitment(event_bytes, salt) != committed:
            return Refused("event-commitment", "commitment", "that of event and salt")
    except LedgerError:
        return Refused("event-commitment", "salt", "32 bytes")
    try:
        values = _open_fields(members["fields"], disclosures)
    except (LedgerError, ValueError, RecursionError):
        return Refused("event-disclosure", "disclosures", "every field under its digest")
    if members["kind"] not in RECORD_PUTS:
        return OpenedEvent(members, None)
    try:
        return OpenedEvent(members, _columns(identity, _record(members, values)))
    except (LedgerError, KeyError):
        return Refused("event-record", "disclosures", "a record of the catalogue")


def _open_fields(digests: dict[str, str], disclosures: str) -> dict[str, FieldValue]:
    listed = json.loads(disclosures)
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise ValueError
    if json.dumps(listed) != disclosures:
        raise ValueError  # Another spelling: something in it was changed.
    values: dict[str, FieldValue] = {}
    for disclosure in listed:
        opened = open_disclosure(disclosure)
        if opened.name in values or digests.get(opened.name) != digest(disclosure):
            raise ValueError
        if isinstance(opened.value, bool):
            raise ValueError
        values[opened.name] = opened.value
    if len(values) != len(digests):
        raise ValueError
    return values


def _record(members: dict[str, Any], values: dict[str, FieldValue]) -> Record:
    until = members["in_force_until"]
    return Record(
        record_type=members["record_type"],
        subject=members["subject"],
        issuer=members["issuer"],
        document_number=str(values["document_number"]),
        decided_on=date.fromisoformat(members["decided_on"]),
        in_force_until=None if until is None else date.fromisoformat(until),
        fields=values,
        schema=members["schema"],
        catalogue=members["catalogue"],
        rule=members["rule"],
    )


def _columns(identity: RecordIdentity, record: Record) -> dict[str, object]:
    return {
        "subject": record.subject,
        "issuer": record.issuer,
        "document_number": record.document_number,
        "document_match": match_form(record.document_number),
        "natural_key": identity.natural_key(record),
        "content_digest": identity.content_digest(record),
    }


def _check_columns(case: Case, row: EventRow, members: dict[str, Any]) -> None:
    if members["region"] != case.node.region:
        _tell(case, row, "event-column", "event", "an event of this region")
    for name in _REPEATED:
        if getattr(row, name) != members[name]:
            _tell(case, row, "event-column", name, "what the event says")


def _check_days(case: Case, row: EventRow, members: dict[str, Any]) -> None:
    """A file's events are published on the day it came; the sweep's may be of the day before."""
    accepted = parse_moment(row.accepted_at)
    if accepted is None:
        _tell(case, row, "event-time", "accepted_at", "a time")
        return
    day, published = day_of(accepted).isoformat(), members["published_on"]
    if published > day or (row.batch_id is not None and published != day):
        _tell(case, row, "event-time", "accepted_at", "the day of publication")


def _check_map_key(case: Case, row: EventRow) -> None:
    if case.node.has_log(row.log) and row.log not in case.node.vrf_public_keys:
        case.findings.leave("vrf-secret-missing", f"map keys of {row.log}: its secret is not here")
        return
    try:
        expected = case.memory.of(case.node.map_key_of, row.log, row.record_type, row.subject)
    except (InputError, KeyError):
        _tell(case, row, "event-map-key", "map_key", "a stream and type with a key")
        return
    if row.map_key != expected:
        _tell(case, row, "event-map-key", "map_key", "that of the subject")


def _tell(case: Case, row: EventRow, code: str, column: str, expected: str) -> None:
    case.findings.add(
        code, "events", row.seq, expected, "another", column=column, place=_place(case, row)
    )


def _place(case: Case, row: EventRow) -> str | None:
    # A damaged name is not repeated.
    return str(row.log) if case.node.has_log(row.log) else None
