"""Entries in log order, and the events that wait for an index or open an entry."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, func, or_, select

from ledger.adapters.sql.bulk import give_indices, insert_many
from ledger.adapters.sql.schema import entries, events
from ledger.adapters.sql.texts import chunks, parse_strings
from ledger.errors import FatalStateError, RollbackError
from ledger.services.stored import OpenableEvent, SequencedEntry, StreamLog, Unsequenced


def unsequenced(connection: Connection, log: StreamLog, limit: int) -> tuple[Unsequenced, ...]:
    """The oldest accepted events without an index."""
    target = events.alias()
    query = (
        select(
            events.c.seq,
            events.c.op,
            events.c.map_key,
            events.c.commitment,
            events.c.target_seq,
            target.c.log_index,
        )
        .join_from(events, target, events.c.target_seq == target.c.seq, isouter=True)
        .where(_is_of(log), events.c.log_index.is_(None))
        .order_by(events.c.seq)
        .limit(limit)
    )
    return tuple([Unsequenced(*row) for row in connection.execute(query).all()])


def append(
    connection: Connection, log: StreamLog, size: int, new: Sequence[SequencedEntry]
) -> None:
    """Write entries from index ``size`` on and give their events their indices."""
    write_entries(connection, log, size, new)
    given = [(one.log_index, one.seq) for one in new if one.seq is not None]
    # One index an event, for ever: an event that has one already is not given another.
    changed = give_indices(connection, given)
    if changed != len(given):
        raise FatalStateError(f"events: expected {len(given)} without index, found {changed}")


def write_entries(
    connection: Connection, log: StreamLog, size: int, new: Sequence[SequencedEntry]
) -> None:
    """Write entries from index ``size`` on; their events are the caller's."""
    newest = connection.scalar(select(func.max(entries.c.log_index)).where(_has_entries(log)))
    stored = 0 if newest is None else newest + 1
    if stored != size:
        raise RollbackError(f"log: expected {size} entries, found {stored}")
    insert_many(
        connection,
        entries,
        ("stream", "generation", "log_index", "entry", "leaf_hash", "map_key"),
        [
            (log.stream, log.generation, one.log_index, one.entry, one.leaf_hash, one.map_key)
            for one in new
        ],
    )


def read(
    connection: Connection, log: StreamLog, start: int, limit: int
) -> tuple[SequencedEntry, ...]:
    """Entries from ``start`` on."""
    query = (
        select(entries.c.log_index, entries.c.entry, entries.c.leaf_hash, entries.c.map_key)
        .where(_has_entries(log), entries.c.log_index >= start)
        .order_by(entries.c.log_index)
        .limit(limit)
    )
    return tuple([SequencedEntry(*row, seq=None) for row in connection.execute(query).all()])


def openable(
    connection: Connection, log: StreamLog, indices: Sequence[int]
) -> tuple[OpenableEvent, ...]:
    """What opens these entries."""
    query = (
        select(
            entries.c.log_index,
            entries.c.entry,
            events.c.event,
            events.c.salt,
            events.c.disclosures,
        )
        .join_from(
            entries,
            events,
            (entries.c.stream == events.c.stream)
            & (entries.c.generation == events.c.generation)
            & (entries.c.log_index == events.c.log_index),
        )
        .where(_has_entries(log))
        .order_by(entries.c.log_index)
    )
    return tuple(
        OpenableEvent(
            log_index=index,
            entry=entry,
            event=None if event is None else event.encode(),
            salt=salt,
            disclosures=parse_strings(disclosures),
        )
        for chunk in chunks(sorted(indices))
        for index, entry, event, salt, disclosures in connection.execute(
            query.where(entries.c.log_index.in_(chunk))
        )
    )


def is_pending(connection: Connection, log: StreamLog, map_key: bytes, served_size: int) -> bool:
    """Whether an accepted event of the key is not served yet."""
    query = (
        select(events.c.seq)
        .where(events.c.map_key == map_key, _is_after(log, served_size))
        .limit(1)
    )
    return connection.scalar(query) is not None


def pending_count(connection: Connection, log: StreamLog, served_size: int) -> int:
    """Accepted events that are not served yet."""
    query = select(func.count()).select_from(events).where(_is_after(log, served_size))
    return connection.scalar(query) or 0


def _is_of(log: StreamLog) -> ColumnElement[bool]:
    return (events.c.stream == log.stream) & (events.c.generation == log.generation)


def _has_entries(log: StreamLog) -> ColumnElement[bool]:
    return (entries.c.stream == log.stream) & (entries.c.generation == log.generation)


def _is_after(log: StreamLog, size: int) -> ColumnElement[bool]:
    later = or_(events.c.log_index.is_(None), events.c.log_index >= size)
    # What was put again is in force already: nothing is to be waited for.
    return _is_of(log) & later & events.c.origin_seq.is_(None)
