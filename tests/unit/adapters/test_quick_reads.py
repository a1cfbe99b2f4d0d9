"""Reads past SQLAlchemy say what SQLAlchemy says, at once, and fail as it fails."""

import threading
from pathlib import Path

import pytest
from worlds.node import RECORDS, World, change, changes, penalties, penalty, uscc

from ledger.adapters.sql import log, open_store
from ledger.errors import LedgerError
from ledger.services.stored import StreamLog


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def slow_is_pending(world: World, key: bytes, size: int) -> bool:
    with world.store.reading() as connection:
        return log.is_pending(connection, RECORDS, key, size)


def test_is_pending_agrees_with_the_usual_query_at_every_size(world: World) -> None:
    world.publish(penalties(penalty(1), penalty(2), penalty(2, issuer=uscc(7))))
    world.settle(3)
    world.publish(changes(change(1)))
    keys = [world.keys.map_key_of(RECORDS, "cf", uscc(number)) for number in (1, 2, 3)]
    for key in [*keys, bytes(32)]:
        for size in range(6):
            quick = world.store._quick.is_pending(RECORDS, key, size)
            assert quick is slow_is_pending(world, key, size)
        assert world.store.is_pending(StreamLog("queries", 1), key, 0) is False
    assert [world.store.is_pending(RECORDS, key, 9) for key in keys] == [True, False, False]


def test_openable_agrees_with_the_usual_query(world: World) -> None:
    world.publish(penalties(*(penalty(number) for number in range(1, 9))))
    world.settle(3)
    for indices in ([], [3], [5, 2, 8], [0], [0, 1, 99], list(range(1200))):
        with world.store.reading() as connection:
            expected = log.openable(connection, RECORDS, indices)
        assert world.store._quick.openable(RECORDS, indices) == expected
        assert world.store.openable(RECORDS, indices) == expected


def test_is_pending_sees_what_another_process_committed_a_moment_ago(world: World) -> None:
    key = world.keys.map_key_of(RECORDS, "cf", uscc(1))
    assert not world.store.is_pending(RECORDS, key, 1)
    other = World.__new__(World)
    other.__dict__ |= world.__dict__
    other.store = open_store(f"sqlite:///{world.folder}/node.db")
    world.publish(penalties(penalty(1)))
    assert other.store.is_pending(RECORDS, key, 1)
    assert world.store.is_pending(RECORDS, key, 1)
    other.store.close()


def test_reads_after_the_driver_fails_raise_the_ledgers_error(world: World) -> None:
    key = bytes(32)
    assert not world.store.is_pending(RECORDS, key, 1)
    with world.store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE events RENAME TO gone")
    with pytest.raises(Exception) as caught:
        world.store.is_pending(RECORDS, key, 1)
    # A missing table is a bug, not the world: what counts is that nothing was answered.
    assert not isinstance(caught.value, LedgerError)
    with world.store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO events")
    assert not world.store.is_pending(RECORDS, key, 1)


def test_reads_of_many_threads_share_a_few_connections(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(3)
    found: list[int] = []

    def read() -> None:
        for _ in range(50):
            found.append(len(world.store.openable(RECORDS, [1])))

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 300
    assert 1 <= len(world.store._quick._idle) <= 6
    world.store.close()
    assert not world.store._quick._idle
