"""One publication in which the n-th statement or commit fails, for every n, in every way.

The database refuses before it did anything, does it and loses the reply, or the process dies there.
Whatever happened, the sender sends again what was not acknowledged, the node goes on or is started
again, and everything stands exactly once: in the database, in the log, on the chain.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from sqlalchemy import text
from worlds.node import REGION, World, change, changes, penalties, penalty, uscc

from ledger.core import canonical
from ledger.core.chain.head_slots import stream_id
from ledger.core.merkle import root_hash
from ledger.core.prefix_tree import PrefixTree
from ledger.core.stream.map_function import replay
from ledger.errors import LedgerError, UnavailableError

CALLS = ("do_execute", "do_execute_no_params", "do_executemany", "do_commit")
"""How SQLAlchemy reaches the driver; BEGIN is a statement like any other here."""

FILE = penalties(*(penalty(number) for number in range(2, 6)), penalty(6, until="2026-10-01"))
CHANGES = changes(change(1), change(3))
MOST = 400
"""No publication has as many calls; a count that reaches it has no end."""


class Killed(BaseException):
    """The process dies here."""


def io_error() -> Exception:
    error = pysqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = 10
    return error


class NthCall:
    """Counts the calls that reach a store's database and fails one of them.

    Args:
        number: Which; 0 for none.
        is_after: Whether it takes effect all the same.
        failure: What is raised.
    """

    def __init__(self, number: int, is_after: bool, failure: Callable[[], BaseException]) -> None:
        self.number = number
        self.is_after = is_after
        self.failure = failure
        self.seen = 0
        self.has_struck = False

    @contextmanager
    def at(self, world: World) -> Iterator[None]:
        dialect: Any = world.store._engine.dialect
        for name in CALLS:
            setattr(dialect, name, self._around(getattr(dialect, name)))
        try:
            yield
        finally:
            for name in CALLS:
                vars(dialect).pop(name, None)

    def _around(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.seen += 1
            strikes = self.seen == self.number and not self.has_struck
            if strikes:
                self.has_struck = True
                if not self.is_after:
                    raise self.failure()
            result = real(*arguments, **named)
            if strikes:
                raise self.failure()
            return result

        return call


WAYS: dict[str, tuple[bool, Callable[[], BaseException]]] = {
    "refused": (False, io_error),
    "reply-lost": (True, io_error),
    "killed-before": (False, Killed),
    "killed-after": (True, Killed),
}


def publish_and_work(world: World, unheard: list[bytes]) -> None:
    """What a sender and a node do; a file leaves ``unheard`` once it is acknowledged."""
    while unheard:
        try:
            report = world.publish(unheard[0], f"key-{len(unheard)}")
        except UnavailableError:
            continue
        assert not any(row.errors for row in report.rows), report
        unheard.pop(0)
    for _ in range(4):
        assert world.tick(), world.worker.status().stopped_by


def fail_at(folder: Path, number: int, way: str) -> NthCall:
    """A publication whose n-th call fails; what came of it is checked."""
    folder.mkdir()
    world = World(folder)
    world.publish(penalties(penalty(1)))
    world.settle()
    unheard = [FILE, CHANGES]
    fault = NthCall(number, *WAYS[way])
    try:
        with fault.at(world):
            publish_and_work(world, unheard)
    except Killed:
        world.restart()
        publish_and_work(world, unheard)
    world.clock.advance(30)  # Longer than any pause after a failure.
    world.settle(30)
    check(world)
    world.kill()
    return fault


def check(world: World) -> None:
    assert world.worker.status().errors == ()
    assert world.worker.status().stopped_by is None
    assert [len(world.numbers(number)) for number in range(1, 7)] == [0, 1, 0, 1, 1, 0]
    with world.store.reading() as connection:
        events = connection.execute(text("SELECT record_id, op, event, log_index FROM events"))
        rows = events.all()
        entries = connection.execute(text("SELECT log_index, entry, leaf_hash FROM entries")).all()
        subjects = connection.execute(text("SELECT subject FROM records")).scalars().all()
        batches = connection.scalar(text("SELECT count(*) FROM batches"))
    assert sorted(subjects) == sorted(uscc(number) for number in range(1, 7))
    assert batches == 3
    # Six puts, three ends: each once, each with one index, and no index without an entry.
    assert Counter(row.op for row in rows) == {"put": 6, "drop": 3}
    assert max(Counter((row.record_id, row.op) for row in rows).values()) == 1
    assert sorted(row.log_index for row in rows) == list(range(1, 10))
    assert [entry.log_index for entry in entries] == list(range(10))
    assert all(canonical.decode(row.event.encode())["record_id"] == row.record_id for row in rows)
    head = world.chain.fetch_head(stream_id(REGION, "records"))
    assert head is not None
    items, tree = replay(entry.entry for entry in entries), PrefixTree()
    tree.update({key: items.value(key) for key in items.lists})
    assert (head.size, head.log_root, head.map_root) == (
        10,
        root_hash([entry.leaf_hash for entry in entries]),
        tree.root(),
    )
    # No head was anchored twice: as many transactions took effect as there are epochs.
    assert world.chain.transaction_count(world.anchor_key.address) == head.epoch
    assert len(set(world.chain.sent)) == head.epoch


def calls_of_one_publication(folder: Path) -> int:
    fault = fail_at(folder, 0, "refused")
    assert 20 < fault.seen < MOST
    return fault.seen


@pytest.mark.parametrize("way", sorted(WAYS))
def test_publication_whose_nth_call_fails_loses_and_doubles_nothing(
    tmp_path: Path, way: str
) -> None:
    total = calls_of_one_publication(tmp_path / "none")
    # A share of the calls, another one for each way; the whole is in the slow test.
    chosen = random.Random(way).sample(range(1, total + 1), 3)
    for number in chosen:
        assert fail_at(tmp_path / str(number), number, way).has_struck


@pytest.mark.slow
@pytest.mark.skipif("LEDGER_FAULTS" not in os.environ, reason="set LEDGER_FAULTS: half an hour")
@pytest.mark.parametrize("way", sorted(WAYS))
def test_publication_whose_every_call_fails_once_loses_and_doubles_nothing(
    tmp_path: Path, way: str
) -> None:
    total = calls_of_one_publication(tmp_path / "none")
    for number in range(1, total + 1):
        assert fail_at(tmp_path / str(number), number, way).has_struck


def test_failing_call_is_seen_by_the_node_as_an_unavailable_store(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.settle()
    fault = NthCall(1, False, io_error)
    with fault.at(world), pytest.raises(LedgerError) as caught:
        world.publish(penalties(penalty(1)))
    assert caught.value.code == "store-unavailable"
