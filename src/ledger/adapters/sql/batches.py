"""Batches, records and accepted events."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select, update

from ledger.adapters.sql import generations
from ledger.adapters.sql.amendments import amend_records, places_by_batch
from ledger.adapters.sql.bulk import ROWS, Values, insert_many, known_among, next_seq
from ledger.adapters.sql.checksums import COVERED, UNSET, checksum, checksum_of
from ledger.adapters.sql.schema import batches, events, records
from ledger.adapters.sql.texts import (
    chunks,
    encode_day,
    encode_strings,
    encode_time,
    parse_day,
    parse_time,
)
from ledger.errors import ConflictError
from ledger.services.stored import (
    ENDED,
    IN_FORCE,
    Ending,
    NewBatch,
    NewEvent,
    Put,
    RecordPosition,
    StoredBatch,
    StoredRecord,
    StreamLog,
)


def find_batch(connection: Connection, idempotency_key: str) -> StoredBatch | None:
    """The batch accepted under this key."""
    query = select(batches).where(batches.c.idempotency_key == idempotency_key)
    return _batch(connection.execute(query).one_or_none())


def batch(connection: Connection, batch_id: int) -> StoredBatch | None:
    """A batch by its number."""
    return _batch(connection.execute(select(batches).where(batches.c.id == batch_id)).one_or_none())


def records_by_natural_key(
    connection: Connection, keys: Sequence[bytes]
) -> dict[bytes, StoredRecord]:
    """The records among these natural keys."""
    found: dict[bytes, StoredRecord] = {}
    # Which of them are known is asked first: of a new file hardly any is.
    for chunk in chunks(known_among(connection, keys)):
        for record in _records(connection, select(records).where(records.c.natural_key.in_(chunk))):
            found[record.natural_key] = record
    return found


def records_by_document(
    connection: Connection, record_type: str, document_match: str, subject: str
) -> tuple[StoredRecord, ...]:
    """Records of a document number and subject, of any issuer."""
    named = {"of_type": record_type, "of_subject": subject, "of_document": document_match}
    return _records(connection, _BY_DOCUMENT, named)


def records_past_end(connection: Connection, today: date, limit: int) -> tuple[StoredRecord, ...]:
    """Records in force whose last day lies before ``today``."""
    query = select(records).where(
        records.c.status == IN_FORCE, records.c.in_force_until < encode_day(today)
    )
    return _records(connection, query.order_by(records.c.in_force_until).limit(limit))


def positions(
    connection: Connection, record_ids: Sequence[str], batch_id: int | None = None
) -> dict[str, RecordPosition]:
    """Where the events of these records stand, amended since that batch or not."""
    newest, put, end = events.alias(), events.alias(), events.alias()
    joined = (
        select(
            records.c.record_id,
            records.c.stream,
            put.c.generation,
            put.c.log_index,
            end.c.generation,
            end.c.log_index,
            records.c.version,
        )
        .join_from(records, newest, records.c.put_seq == newest.c.seq)
        # What was put again into a later generation is where it was put first.
        .join(put, put.c.seq == func.coalesce(newest.c.origin_seq, newest.c.seq))
        .join(end, records.c.end_seq == end.c.seq, isouter=True)
    )
    found, amended = {}, []
    for chunk in chunks(record_ids):
        for row in connection.execute(joined.where(records.c.record_id.in_(chunk))):
            record_id, stream, generation, put_index, end_generation, end_index, version = row
            is_ended = end_generation is not None
            found[record_id] = RecordPosition(
                put_log=StreamLog(stream, generation),
                put_index=put_index,
                is_ended=is_ended,
                end_log=StreamLog(stream, end_generation) if is_ended else None,
                end_index=end_index,
            )
            if version > 1:
                amended.append(record_id)
    if batch_id is not None:
        for record_id, (generation, index) in places_by_batch(
            connection, amended, batch_id
        ).items():
            log = StreamLog(found[record_id].put_log.stream, generation)
            found[record_id] = replace(found[record_id], put_log=log, put_index=index)
    return found


def add_batch(
    connection: Connection, new: NewBatch, puts: Iterable[Put], endings: Sequence[Ending]
) -> StoredBatch:
    """Write a batch with all its effects; puts are asked for as they are written."""
    accepting = generations.accepting(connection)
    batch_id = _add_batch_row(connection, new)
    ended_at_once: list[tuple[Ending, int]] = []
    rest = iter(puts)
    generations.require(accepting, (end.event for end in endings))
    while part := list(islice(rest, ROWS)):
        generations.require(accepting, (put.event for put in part))
        seqs = _add_events(
            connection, [(put.event, put.target_seq) for put in part], new.received_at, batch_id
        )
        placed = list(zip(part, seqs, strict=True))
        amend_records(connection, [(put, seq) for put, seq in placed if put.target_seq is not None])
        insert_many(
            connection,
            records,
            _RECORD_COLUMNS,
            [_record_row(put, seq) for put, seq in placed if put.target_seq is None],
        )
        ended_at_once += [(put.ending, seq) for put, seq in placed if put.ending is not None]
    add_endings(connection, ended_at_once, new.received_at, batch_id)
    add_endings(connection, [(end, _target(end)) for end in endings], new.received_at, batch_id)
    return StoredBatch(
        id=batch_id,
        source_name=new.source_name,
        content_digest=new.content_digest,
        idempotency_key=new.idempotency_key,
        received_at=new.received_at,
        report=new.report,
    )


def _add_batch_row(connection: Connection, new: NewBatch) -> int:
    row: dict[str, object] = {
        "source_name": new.source_name,
        "content_digest": new.content_digest,
        "idempotency_key": new.idempotency_key,
        "received_at": encode_time(new.received_at),
        "report": new.report,
    }
    inserted = insert(batches).values(**row, checksum=UNSET).returning(batches.c.id)
    batch_id: int = connection.execute(inserted).scalar_one()
    covered = checksum("batches", {**row, "id": batch_id})
    connection.execute(update(batches).where(batches.c.id == batch_id).values(checksum=covered))
    return batch_id


def add_endings(
    connection: Connection,
    endings: Sequence[tuple[Ending, int]],
    accepted_at: datetime,
    batch_id: int | None,
) -> None:
    """Write drop events, each with the put it removes, and mark their records as ended."""
    seqs = _add_events(
        connection, [(end.event, target) for end, target in endings], accepted_at, batch_id
    )
    if not endings:
        return
    # All in one statement: the write lock is held meanwhile, and a file may end 100,000 records.
    connection.execute(
        _END,
        [
            {
                "of_record": end.event.record_id,
                "by_put": target,
                "kind": end.kind,
                "day": encode_day(end.decided_on),
                "by": seq,
            }
            for (end, target), seq in zip(endings, seqs, strict=True)
        ],
    )
    _require_ended(
        connection, {end.event.record_id: seq for (end, _), seq in zip(endings, seqs, strict=True)}
    )


def add_expiries(connection: Connection, endings: Sequence[Ending], accepted_at: datetime) -> None:
    """Write drop events that came with no batch."""
    generations.require(generations.accepting(connection), (end.event for end in endings))
    add_endings(connection, [(end, _target(end)) for end in endings], accepted_at, None)


def _require_ended(connection: Connection, seqs: dict[str, int]) -> None:
    # How many rows a statement for many changed is not told alike by all drivers: it is read back.
    for chunk in chunks(list(seqs)):
        ended = select(records.c.record_id, records.c.end_seq).where(records.c.record_id.in_(chunk))
        found = {record_id: seq for record_id, seq in connection.execute(ended)}
        # Decided on older state: somebody ended or amended the record since. All is rolled back.
        if any(found.get(record_id) != seqs[record_id] for record_id in chunk):
            raise ConflictError(
                "record to be ended: expected it in force, found it ended or amended"
            )


def _target(ending: Ending) -> int:
    if ending.target_seq is None:
        raise ConflictError("ending: expected the put that it removes, found none")
    return ending.target_seq


def _add_events(
    connection: Connection,
    new: Sequence[tuple[NewEvent, int | None]],
    accepted_at: datetime,
    batch_id: int | None,
) -> range:
    at = encode_time(accepted_at)
    first = next_seq(connection)
    insert_many(
        connection,
        events,
        _EVENT_COLUMNS,
        (
            _event_row(seq, event, target, batch_id, at)
            for seq, (event, target) in enumerate(new, first)
        ),
    )
    return range(first, first + len(new))


_EVENT_COLUMNS = (
    *("seq", "generation"),
    *COVERED["events"],
    *("subject", "event", "salt", "disclosures", "checksum"),
)


def _event_row(
    seq: int, event: NewEvent, target: int | None, batch_id: int | None, accepted_at: str
) -> Values:
    covered = (
        event.stream,
        event.kind,
        event.op,
        event.record_type,
        event.record_id,
        event.version,
        event.map_key,
        event.commitment,
        target,
        batch_id,
        accepted_at,
    )
    return (
        seq,
        event.generation,
        *covered,
        event.subject,
        event.event.decode(),
        event.salt,
        encode_strings(event.disclosures),
        checksum_of("events", covered),
    )


_RECORD_COLUMNS = (
    *COVERED["records"],
    *("content_digest", "subject", "issuer", "document_number", "document_match"),
    *("version", "status", "in_force_until", "put_seq", "checksum"),
)


def _record_row(put: Put, put_seq: int) -> Values:
    record = put.record
    covered = (record.record_id, record.record_type, record.stream, record.natural_key)
    return (
        *covered,
        record.content_digest,
        record.subject,
        record.issuer,
        record.document_number,
        record.document_match,
        put.event.version,
        IN_FORCE,
        encode_day(record.in_force_until),
        put_seq,
        checksum_of("records", covered),
    )


def _batch(row: Row[Any] | None) -> StoredBatch | None:
    if row is None:
        return None
    return StoredBatch(
        id=row.id,
        source_name=row.source_name,
        content_digest=row.content_digest,
        idempotency_key=row.idempotency_key,
        received_at=parse_time(row.received_at),
        report=row.report,
    )


def _records(
    connection: Connection, query: Select[Any], named: dict[str, Any] | None = None
) -> tuple[StoredRecord, ...]:
    return tuple(
        StoredRecord(
            record_id=row.record_id,
            record_type=row.record_type,
            stream=row.stream,
            subject=row.subject or "",
            issuer=row.issuer or "",
            natural_key=row.natural_key,
            content_digest=row.content_digest,
            in_force_until=parse_day(row.in_force_until),
            status=row.status,
            ended_kind=row.ended_kind,
            ended_on=parse_day(row.ended_on),
            put_seq=row.put_seq,
            version=row.version,
        )
        for row in connection.execute(query, named)
    )


_BY_DOCUMENT = (
    select(records)
    .where(
        records.c.record_type == bindparam("of_type"),
        records.c.subject == bindparam("of_subject"),
        records.c.document_match == bindparam("of_document"),
    )
    .order_by(records.c.put_seq)
)
_END = (
    update(records)
    .where(
        records.c.record_id == bindparam("of_record"),
        records.c.put_seq == bindparam("by_put"),
        records.c.status == IN_FORCE,
    )
    .values(
        status=ENDED,
        ended_kind=bindparam("kind"),
        ended_on=bindparam("day"),
        end_seq=bindparam("by"),
    )
)
"""Both are built once: a file of changes runs them once a row."""
