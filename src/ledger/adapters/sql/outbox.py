"""Heads on their way to the chain, each with the only bytes that are ever sent for it."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, or_, select, update

from ledger.adapters.sql.checksums import UNSET, renew
from ledger.adapters.sql.schema import outbox
from ledger.adapters.sql.texts import encode_time, parse_time
from ledger.services.stored import (
    ANCHORED,
    IN_FLIGHT,
    SENT,
    SIGNED,
    WITHDRAWN,
    NewOutboxRow,
    OutboxRow,
    StreamLog,
)


def newest(connection: Connection, log: StreamLog) -> OutboxRow | None:
    """The row of the highest epoch that is not withdrawn."""
    query = select(outbox).where(_is_of(log), outbox.c.live_epoch.is_not(None))
    row = connection.execute(query.order_by(outbox.c.live_epoch.desc()).limit(1)).one_or_none()
    return None if row is None else _row(row)


def after(connection: Connection, log: StreamLog, epoch: int) -> tuple[OutboxRow, ...]:
    """Rows above an epoch that are not withdrawn, ascending."""
    query = select(outbox).where(_is_of(log), outbox.c.live_epoch > epoch)
    return tuple(_row(row) for row in connection.execute(query.order_by(outbox.c.live_epoch)))


def of_epoch(connection: Connection, log: StreamLog, epoch: int) -> tuple[OutboxRow, ...]:
    """All rows of an epoch, newest first."""
    query = select(outbox).where(_is_of(log), outbox.c.epoch == epoch)
    return tuple(_row(row) for row in connection.execute(query.order_by(outbox.c.id.desc())))


def nonces_in_flight(connection: Connection, sender: bytes) -> frozenset[int]:
    """Nonces of the sender's rows that are signed or sent; one without a sender counts for all."""
    is_its = or_(outbox.c.sender == sender, outbox.c.sender.is_(None))
    query = select(outbox.c.nonce).where(outbox.c.state.in_(IN_FLIGHT), is_its)
    return frozenset(connection.execute(query).scalars())


def add(connection: Connection, new: NewOutboxRow) -> OutboxRow:
    """Store a signed head."""
    values = {
        "stream": new.log.stream,
        "generation": new.log.generation,
        "kind": new.kind,
        "epoch": new.epoch,
        "live_epoch": new.epoch,
        "old_size": new.old_size,
        "new_size": new.new_size,
        "log_root": new.log_root,
        "map_root": new.map_root,
        "sender": new.sender,
        "nonce": new.nonce,
        "raw_tx": new.raw_tx,
        "tx_hash": new.tx_hash,
        "state": SIGNED,
        "created_at": encode_time(new.created_at),
        "checksum": UNSET,
    }
    row = _row(connection.execute(insert(outbox).values(values).returning(outbox)).one())
    renew(connection, outbox, outbox.c.id == row.id)
    return row


def set_state(
    connection: Connection, row_id: int, state: str, at: datetime, block_number: int | None
) -> None:
    """Move a row on; a withdrawn row gives its epoch back, a reinstated one takes it again."""
    values: dict[str, Any] = {
        "state": state,
        "live_epoch": None if state == WITHDRAWN else outbox.c.epoch,
    }
    if state == SENT:
        values["sent_at"] = encode_time(at)
    if block_number is not None:
        values["block_number"] = block_number
    connection.execute(update(outbox).where(outbox.c.id == row_id).values(values))
    renew(connection, outbox, outbox.c.id == row_id)


def set_anchored(connection: Connection, row_id: int) -> None:
    """Note that a verified snapshot of the row's epoch is stored."""
    connection.execute(
        update(outbox)
        .where(outbox.c.id == row_id, outbox.c.state != ANCHORED)
        .values(state=ANCHORED, live_epoch=outbox.c.epoch)
    )
    renew(connection, outbox, outbox.c.id == row_id)


def _is_of(log: StreamLog) -> ColumnElement[bool]:
    return (outbox.c.stream == log.stream) & (outbox.c.generation == log.generation)


def _row(row: Row[Any]) -> OutboxRow:
    return OutboxRow(
        id=row.id,
        log=StreamLog(row.stream, row.generation),
        kind=row.kind,
        epoch=row.epoch,
        old_size=row.old_size,
        new_size=row.new_size,
        log_root=row.log_root,
        map_root=row.map_root,
        sender=row.sender,
        nonce=row.nonce,
        raw_tx=row.raw_tx,
        tx_hash=row.tx_hash,
        state=row.state,
        block_number=row.block_number,
        created_at=parse_time(row.created_at),
        sent_at=None if row.sent_at is None else parse_time(row.sent_at),
    )
