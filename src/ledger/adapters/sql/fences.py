"""Facts that never change, and fence tokens: only the newest worker of a name writes."""

from sqlalchemy import Connection, insert, select, update

from ledger.adapters.sql.checksums import renew
from ledger.adapters.sql.schema import facts, fences
from ledger.errors import FatalStateError, FencedError
from ledger.services.stored import Fence


def bind(connection: Connection, name: str, value: str) -> None:
    """Write a fact, or compare it with the one written first."""
    stored = connection.scalar(select(facts.c.value).where(facts.c.name == name))
    if stored is None:
        connection.execute(insert(facts).values(name=name, value=value))
        renew(connection, facts, facts.c.name == name)
    elif stored != value:
        raise FatalStateError(f"{name}: expected {value}, found {stored} in the database")


def acquire(connection: Connection, name: str) -> Fence:
    """Hand out the next token."""
    raised = connection.execute(
        update(fences).where(fences.c.name == name).values(token=fences.c.token + 1)
    )
    if raised.rowcount == 0:
        connection.execute(insert(fences).values(name=name, token=1))
    renew(connection, fences, fences.c.name == name)
    query = select(fences.c.token).where(fences.c.name == name)
    return Fence(name=name, token=connection.execute(query).scalar_one())


def compare(connection: Connection, fence: Fence) -> None:
    """Refuse a fence that is not the newest; writes nothing, so it goes on while nothing can be."""
    found = connection.scalar(select(fences.c.token).where(fences.c.name == fence.name))
    if found != fence.token:
        raise FencedError(f"fence {fence.name}: expected token {fence.token}, found {found}")


def require(connection: Connection, fence: Fence) -> None:
    """Refuse a fence that is not the newest; run first in every transaction of a worker.

    An update and not a select, so that the row stays locked until the commit: a newer token cannot
    be handed out between this check and the writes that follow.
    """
    held = connection.execute(
        update(fences)
        .where(fences.c.name == fence.name, fences.c.token == fence.token)
        .values(token=fences.c.token)
    )
    if held.rowcount != 1:
        found = connection.scalar(select(fences.c.token).where(fences.c.name == fence.name))
        raise FencedError(f"fence {fence.name}: expected token {fence.token}, found {found}")
