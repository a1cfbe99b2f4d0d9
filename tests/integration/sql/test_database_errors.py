"""A database that is full, read-only, locked, damaged or gone is named as what it is, and heals."""

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from sqlalchemy import event, exc, text
from worlds.node import RECORDS, World, penalties, penalty

from ledger.adapters.sql import engine as engine_module
from ledger.adapters.sql import open_store
from ledger.adapters.sql.errors import POSTGRESQL, SQLITE, mapped
from ledger.adapters.sql.store import SqlStore
from ledger.errors import (
    FatalStateError,
    LedgerError,
    StoreBusyError,
    StoreDamagedError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
)

EXTENDED = {
    # Codes that SQLite really gives, with their primary code in the low byte (rescode.html).
    "SQLITE_BUSY_SNAPSHOT": (517, StoreBusyError),
    "SQLITE_BUSY_TIMEOUT": (773, StoreBusyError),
    "SQLITE_CANTOPEN": (14, StoreUnavailableError),
    "SQLITE_CORRUPT_INDEX": (779, StoreDamagedError),
    "SQLITE_FULL": (13, StoreFullError),
    "SQLITE_IOERR": (10, StoreUnavailableError),
    "SQLITE_IOERR_FSYNC": (1034, StoreUnavailableError),
    "SQLITE_IOERR_WRITE": (778, StoreUnavailableError),
    "SQLITE_LOCKED_SHAREDCACHE": (262, StoreBusyError),
    "SQLITE_NOMEM": (7, StoreUnavailableError),
    "SQLITE_NOTADB": (26, StoreDamagedError),
    "SQLITE_PROTOCOL": (15, StoreUnavailableError),
    "SQLITE_READONLY_DBMOVED": (1032, StoreReadOnlyError),
}


def driver_error(**members: object) -> Exception:
    error = pysqlite3.OperationalError("words of the driver")
    for name, value in members.items():
        setattr(error, name, value)
    return error


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    opened = open_store(f"sqlite:///{tmp_path}/node.db")
    yield opened
    opened.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_MS", 50)


# --- Codes


@pytest.mark.parametrize("name", sorted(EXTENDED))
def test_result_code_of_sqlite_is_told_apart(name: str) -> None:
    code, expected = EXTENDED[name]
    assert getattr(sqlite3, name, code) == code
    error = exc.OperationalError("SELECT secret", {}, driver_error(sqlite_errorcode=code))
    with pytest.raises(LedgerError) as caught, mapped():
        raise error
    assert type(caught.value) is expected
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("state", sorted(POSTGRESQL))
def test_state_of_postgresql_is_told_apart(state: str) -> None:
    with pytest.raises(LedgerError) as caught, mapped():
        raise exc.OperationalError("SELECT secret", {}, driver_error(sqlstate=state))
    assert type(caught.value) is POSTGRESQL[state]


@pytest.mark.parametrize("statement", ["SELECT * FROM nowhere", "SELECT nothing FROM facts"])
def test_mistake_of_this_package_stays_a_bug(store: SqlStore, statement: str) -> None:
    with pytest.raises(exc.OperationalError), store.reading() as connection:
        connection.execute(text(statement))


def test_every_error_of_the_database_has_its_own_stable_code() -> None:
    kinds = {*SQLITE.values(), *POSTGRESQL.values(), StoreUnavailableError}
    assert {kind.code for kind in kinds} == {
        "store-busy",
        "store-damaged",
        "store-full",
        "store-read-only",
        "store-unavailable",
    }
    for kind in kinds - {StoreDamagedError}:
        assert issubclass(kind, StoreUnavailableError)
        assert kind("words").retry_after_s >= 1  # type: ignore[attr-defined]
    assert issubclass(StoreDamagedError, FatalStateError)


# --- The real thing


def test_locked_database_is_busy_after_the_timeout_and_free_again(
    tmp_path: Path, impatient: None
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/node.db")
    with closing(pysqlite3.connect(tmp_path / "node.db")) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError, match="locked"):
            store.bind("a", "1")
        assert store.newest_outbox(RECORDS) is None  # Readers do not wait for writers.
        other.execute("ROLLBACK")
    store.bind("a", "1")
    store.close()


def test_database_that_may_not_be_written_is_read_only_and_read(
    tmp_path: Path, store: SqlStore
) -> None:
    store.bind("a", "1")
    with closing(open_read_only(tmp_path)) as read_only:
        with pytest.raises(StoreReadOnlyError, match="readonly"):
            read_only.bind("b", "2")
        assert read_only.newest_outbox(RECORDS) is None
    store.bind("b", "2")


def open_read_only(folder: Path) -> SqlStore:
    store = open_store(f"sqlite:///{folder}/node.db")

    def forbid(connection: Any, _record: object, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    event.listen(store._engine, "checkout", forbid)
    return store


def test_page_that_was_overwritten_is_damage(tmp_path: Path, store: SqlStore) -> None:
    store.bind("a", "1" * 50_000)
    store.close()
    content = bytearray((tmp_path / "node.db").read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    (tmp_path / "node.db").write_bytes(content)
    with pytest.raises(StoreDamagedError):
        open_store(f"sqlite:///{tmp_path}/node.db")


def test_disk_without_room_is_full_for_writers_alone(store: SqlStore) -> None:
    with store.writing() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(StoreFullError, match="full"):
        store.bind("big", "x" * 200_000)
    assert store.newest_outbox(RECORDS) is None
    with store.writing() as connection:
        connection.execute(text("PRAGMA max_page_count = 1000000"))
    store.bind("big", "x" * 200_000)


# --- The node above it


class FullDisk:
    """Refuses every page that a store's database would grow by; what is there can be read."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        with store.reading() as connection:
            self._pages = connection.scalar(text("PRAGMA page_count"))

    def __enter__(self) -> None:
        event.listen(self._store._engine, "checkout", self._limit)

    def __exit__(self, *_: object) -> None:
        event.remove(self._store._engine, "checkout", self._limit)
        event.listen(self._store._engine, "checkout", self._free)

    def _limit(self, connection: Any, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {self._pages}")

    def _free(self, connection: Any, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1000000")


def test_node_on_a_full_disk_acknowledges_nothing_serves_and_heals(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish(penalties(penalty(1)))
    world.settle()
    great = penalties(*(penalty(number) for number in range(2, 400)))
    with FullDisk(world.store):
        with pytest.raises(StoreFullError):
            world.publish(great, "key")
        for _ in range(6):
            world.tick(20)
        assert world.numbers(1) == ["31罚〔2026〕00001号"]
        assert world.records.snapshot is not None
        assert world.store.pending_count(RECORDS, world.records.served_size) == 0
    report = world.publish(great, "key")
    assert report.accepted == 398
    for _ in range(8):
        world.tick(20)
    assert world.worker.status().errors == ()
    assert world.numbers(399) == ["31罚〔2026〕00399号"]


def test_node_whose_database_is_locked_answers_lookups_and_refuses_files(
    tmp_path: Path, impatient: None
) -> None:
    world = World(tmp_path)
    world.publish(penalties(penalty(1)))
    world.settle()
    with closing(pysqlite3.connect(tmp_path / "node.db")) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusyError):
            world.publish(penalties(penalty(2)))
        assert world.tick()
        assert {error.code for error in world.worker.status().errors} == {"store-busy"}
        assert world.numbers(1) == ["31罚〔2026〕00001号"]
        other.execute("ROLLBACK")
    world.publish(penalties(penalty(2)))
    world.settle()
    assert world.worker.status().errors == ()
    assert world.numbers(2) == ["31罚〔2026〕00002号"]


def test_node_whose_database_cannot_be_written_keeps_its_answers_fresh(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish(penalties(penalty(1)))
    world.settle()

    def forbid(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    event.listen(world.store._engine, "checkout", forbid)
    for _ in range(40):  # Longer than a snapshot may be old.
        assert world.tick(20)
    assert {error.code for error in world.worker.status().errors} == {"store-read-only"}
    assert world.numbers(1) == ["31罚〔2026〕00001号"]


def test_worker_stops_at_a_damaged_database_and_says_so(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.publish(penalties(penalty(1)))
    world.settle()

    def damaged(*_: object) -> None:
        raise exc.DatabaseError("SELECT", {}, driver_error(sqlite_errorcode=11))

    event.listen(world.store._engine, "before_cursor_execute", damaged)
    assert not world.tick()
    stopped_by = world.worker.status().stopped_by
    assert stopped_by is not None and stopped_by.code == "store-damaged"
    assert not re.search(r"SELECT|9131", stopped_by.message)


def test_many_threads_over_few_connections_wait_or_are_told(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/node.db")
    failed: list[Exception] = []

    def bind(number: int) -> None:
        try:
            store.bind(f"fact-{number}", "x")
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=bind, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    store.close()
