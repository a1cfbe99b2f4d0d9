"""Records whose content was amended: their columns become those of their newest put event."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select, update

from ledger.adapters.sql.schema import events, records
from ledger.adapters.sql.texts import chunks, encode_day
from ledger.errors import ConflictError
from ledger.services.stored import IN_FORCE, Put


def amend_records(connection: Connection, amended: Sequence[tuple[Put, int]]) -> None:
    """Move each record to the put that amends it.

    Rule for whoever derives records from events: version, content digest, document number, last day
    in force and put of a record are those of its put event with the highest version; its id, type,
    stream, subject, issuer, natural key and the match form of its number are the same in all.

    Args:
        connection: A writing transaction in which the put events are stored already.
        amended: Puts with ``target_seq``, each with the number of its own event.

    Raises:
        ConflictError: A record ended or was amended since it was read: the decision was made on
            older state, and the whole transaction must be rolled back.
    """
    if not amended:
        return
    # All in one statement: the write lock is held meanwhile.
    connection.execute(_AMEND, [_values(put, seq) for put, seq in amended])
    # How many rows a statement for many changed is not told alike by all drivers: it is read back.
    seqs = {put.record.record_id: seq for put, seq in amended}
    for chunk in chunks(list(seqs)):
        query = select(records.c.record_id, records.c.put_seq)
        newest = {
            record_id: seq
            for record_id, seq in connection.execute(query.where(records.c.record_id.in_(chunk)))
        }
        if any(newest.get(record_id) != seqs[record_id] for record_id in chunk):
            raise ConflictError("record to be amended: expected it as it was read, found a change")


def places_by_batch(
    connection: Connection, record_ids: Sequence[str], batch_id: int
) -> dict[str, tuple[int, int | None]]:
    """Generation and log index of each record's newest put at the time a batch was accepted.

    What a batch says of a record is about that put; later amendments have states of their own.
    """
    found: dict[str, tuple[int, int | None]] = {}
    for chunk in chunks(record_ids):
        query = (
            select(events.c.record_id, events.c.generation, events.c.log_index)
            .where(
                events.c.record_id.in_(chunk),
                events.c.op == "put",
                events.c.batch_id <= batch_id,
            )
            .order_by(events.c.seq)
        )
        found.update(
            (record_id, (generation, index))
            for record_id, generation, index in connection.execute(query)
        )
    return found


def _values(put: Put, seq: int) -> dict[str, object]:
    return {
        "of_record": put.record.record_id,
        "instead_of": put.target_seq,
        "digest": put.record.content_digest,
        "number": put.record.document_number,
        "until": encode_day(put.record.in_force_until),
        "to_version": put.event.version,
        "by": seq,
    }


_AMEND = (
    update(records)
    .where(
        records.c.record_id == bindparam("of_record"),
        records.c.put_seq == bindparam("instead_of"),
        records.c.status == IN_FORCE,
    )
    .values(
        content_digest=bindparam("digest"),
        document_number=bindparam("number"),
        in_force_until=bindparam("until"),
        version=bindparam("to_version"),
        put_seq=bindparam("by"),
    )
)
"""Neither an ended record nor one whose put is another than the one read is touched."""
