"""Verified snapshots of the chain."""

import json
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from ledger.adapters.sql.checksums import UNSET, renew
from ledger.adapters.sql.schema import snapshots
from ledger.core.chain.head_slots import Head
from ledger.core.verify.verdict import day_of, moment_of
from ledger.services.stored import Snapshot, StreamLog


def add(connection: Connection, new: Snapshot) -> None:
    """Store the newest snapshot; the one before stays if first of its epoch or last of its day."""
    day = day_of(moment_of(new.block_time)).isoformat()
    before = _newest(connection, new.log)
    is_first = before is None or before.epoch != new.head.epoch
    if before is not None and not (before.is_first or before.day != day):
        connection.execute(delete(snapshots).where(snapshots.c.id == before.id))
    added = connection.execute(
        insert(snapshots)
        .values(
            stream=new.stream,
            epoch=new.head.epoch,
            is_first=is_first,
            day=day,
            block_number=new.block_number,
            block_hash=new.block_hash,
            block_time=new.block_time,
            header=new.header,
            nodes=json.dumps([node.hex() for node in new.nodes]),
            words=None if new.words is None else json.dumps(new.words),
            size=new.head.size,
            anchored_at=new.head.anchored_at,
            map_function=new.head.map_function,
            vrf_key=new.head.vrf_key,
            log_root=new.head.log_root,
            map_root=new.head.map_root,
            checksum=UNSET,
        )
        .returning(snapshots.c.id)
    ).scalar_one()
    renew(connection, snapshots, snapshots.c.id == added)


def newest(connection: Connection, log: StreamLog) -> Snapshot | None:
    """The snapshot of a log that was stored last."""
    row = _newest(connection, log)
    if row is None:
        return None
    return Snapshot(
        stream=row.stream,
        block_number=row.block_number,
        block_hash=row.block_hash,
        block_time=row.block_time,
        header=row.header,
        nodes=tuple(bytes.fromhex(node) for node in json.loads(row.nodes)),
        words=None if row.words is None else tuple(json.loads(row.words)),
        head=Head(
            size=row.size,
            epoch=row.epoch,
            anchored_at=row.anchored_at,
            map_function=row.map_function,
            vrf_key=row.vrf_key,
            log_root=row.log_root,
            map_root=row.map_root,
        ),
    )


def highest_block(connection: Connection) -> int:
    """The highest block of any snapshot; 0 where there is none."""
    return connection.scalar(select(func.max(snapshots.c.block_number))) or 0


def _newest(connection: Connection, log: StreamLog) -> Row[Any] | None:
    # By number and not by block: after the chain was rolled back, the later snapshot has the lower
    # block.
    query = select(snapshots).where(
        snapshots.c.stream == log.stream, snapshots.c.vrf_key == log.generation
    )
    return connection.execute(query.order_by(snapshots.c.id.desc()).limit(1)).one_or_none()
