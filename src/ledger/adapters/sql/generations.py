"""Which generation of each stream takes events, and the change from one to the next."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from ledger.adapters.sql.bulk import insert_many, next_seq
from ledger.adapters.sql.checksums import COVERED, checksum_of, renew
from ledger.adapters.sql.log import write_entries
from ledger.adapters.sql.schema import entries, events, generations, records
from ledger.adapters.sql.texts import chunks, encode_time
from ledger.errors import ConflictError, FatalStateError, GenerationChangingError
from ledger.services.stored import Accepting, CarriedItem, NewEvent, StandingItem, StreamLog


def accepting(connection: Connection) -> dict[str, Accepting]:
    """The generation of each stream that takes events."""
    query = select(generations.c.stream, generations.c.generation, generations.c.is_carrying)
    return {
        stream: Accepting(generation, bool(is_carrying))
        for stream, generation, is_carrying in connection.execute(query)
    }


def require(known: Mapping[str, Accepting], new: Iterable[NewEvent]) -> None:
    """Refuse events for a generation that takes none.

    Raises:
        GenerationChangingError: One of them is.
    """
    for event in new:
        found = known.get(event.stream)
        if found is None or found.is_carrying or found.generation != event.generation:
            raise GenerationChangingError(
                f"{event.stream}: generation {event.generation} takes no events now"
            )


def log_before(connection: Connection, log: StreamLog) -> StreamLog | None:
    """The newest generation before a log of which there are entries."""
    found = connection.scalar(
        select(func.max(entries.c.generation)).where(
            entries.c.stream == log.stream, entries.c.generation < log.generation
        )
    )
    return None if found is None else StreamLog(log.stream, found)


def standing_items(
    connection: Connection, log: StreamLog, indices: Sequence[int]
) -> tuple[StandingItem, ...]:
    """The events of these entries, ascending by index."""
    query = (
        select(
            events.c.seq,
            events.c.log_index,
            events.c.record_type,
            events.c.subject,
            events.c.event,
        )
        .where(
            events.c.stream == log.stream,
            events.c.generation == log.generation,
            events.c.event.is_not(None),
        )
        .order_by(events.c.log_index)
    )
    return tuple(
        StandingItem(seq, index, record_type, subject or "", event.encode())
        for chunk in chunks(sorted(indices))
        for seq, index, record_type, subject, event in connection.execute(
            query.where(events.c.log_index.in_(chunk))
        )
    )


def start_first(connection: Connection, log: StreamLog) -> None:
    """Let a stream that never took events take them."""
    known = accepting(connection).get(log.stream)
    if known is None:
        _write(connection, log, is_carrying=False)


def begin(connection: Connection, former: StreamLog, log: StreamLog) -> None:
    """Close the former generation."""
    if accepting(connection).get(log.stream) != Accepting(former.generation, False):
        raise ConflictError(f"{log}: expected {former} to take events, found another")
    waiting = select(events.c.seq).where(
        events.c.stream == former.stream,
        events.c.generation == former.generation,
        events.c.log_index.is_(None),
    )
    if connection.scalar(waiting.limit(1)) is not None:
        raise ConflictError(f"{former}: expected every event in the log, found one that waits")
    _write(connection, log, is_carrying=True)


def finish(connection: Connection, log: StreamLog) -> None:
    """Let the next generation take events."""
    if accepting(connection).get(log.stream) != Accepting(log.generation, True):
        raise ConflictError(f"{log}: expected it to be filled, found another")
    _write(connection, log, is_carrying=False)


def carry(
    connection: Connection,
    former: StreamLog,
    log: StreamLog,
    size: int,
    items: Sequence[CarriedItem],
    at: datetime,
) -> None:
    """Put items again from index ``size`` on."""
    if accepting(connection).get(log.stream) != Accepting(log.generation, True):
        raise ConflictError(f"{log}: expected it to be filled, found another")
    write_entries(connection, log, size, [item.entry for item in items])
    # The opening entry stands for no event.
    carried = [item for item in items if item.entry.log_index > 0]
    standing = _standing(connection, former, [item.seq for item in carried])
    first = next_seq(connection)
    insert_many(
        connection,
        events,
        _COLUMNS,
        (
            _row(seq, log, standing[item.seq], item, encode_time(at))
            for seq, item in enumerate(carried, first)
        ),
    )
    if carried:
        connection.execute(
            _MOVE,
            [{"from": item.seq, "to": seq} for seq, item in enumerate(carried, first)],
        )


def _standing(
    connection: Connection, former: StreamLog, seqs: Sequence[int]
) -> dict[int, Row[Any]]:
    found = {}
    for chunk in chunks(list(seqs)):
        query = select(events).where(
            events.c.seq.in_(chunk),
            events.c.stream == former.stream,
            events.c.generation == former.generation,
            events.c.op == "put",
        )
        found.update({row.seq: row for row in connection.execute(query)})
    if len(found) != len(seqs):
        raise FatalStateError(f"{former}: expected {len(seqs)} puts, found {len(found)}")
    return found


_COLUMNS = (
    *("seq", "generation", "log_index", "origin_seq"),
    *COVERED["events"],
    *("subject", "event", "salt", "disclosures", "checksum"),
)


def _row(
    seq: int, log: StreamLog, before: Row[Any], item: CarriedItem, at: str
) -> tuple[object, ...]:
    """The event again, word for word, under a fresh salt and another key; of no batch."""
    covered = (
        before.stream,
        before.kind,
        before.op,
        before.record_type,
        before.record_id,
        before.version,
        item.entry.map_key,
        item.commitment,
        None,
        None,
        at,
    )
    return (
        *(seq, log.generation, item.entry.log_index, before.origin_seq or before.seq),
        *covered,
        *(before.subject, before.event, item.salt, before.disclosures),
        checksum_of("events", covered),
    )


def _write(connection: Connection, log: StreamLog, *, is_carrying: bool) -> None:
    values = {"generation": log.generation, "is_carrying": is_carrying}
    changed = connection.execute(
        update(generations).where(generations.c.stream == log.stream).values(values)
    )
    if changed.rowcount == 0:
        connection.execute(insert(generations).values(stream=log.stream, **values))
    renew(connection, generations, generations.c.stream == log.stream)


_MOVE = (
    update(records).where(records.c.put_seq == bindparam("from")).values(put_seq=bindparam("to"))
)
"""A record stands by its newest put; an item that is no record has none to move."""
