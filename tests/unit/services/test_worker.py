"""The worker: steps fail alone, a second worker is harmless, status is honest; the sweep."""

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from worlds.chain import ChainTwin
from worlds.node import World, change, changes, penalties, penalty

from ledger.errors import ChainUnavailableError
from ledger.services.background.status import StepError, StreamStatus, WorkerStatus
from ledger.services.lookup.material import Unavailable


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_second_worker_fences_the_first(world: World) -> None:
    world.settle(3)
    first = world.worker
    second = world.new_worker()
    world.publish(penalties(penalty(1)))
    assert second.run_once()
    world.clock.advance(1)
    world.chain.mine()
    assert not first.run_once()
    status = first.status()
    assert status.stopped_by is not None and status.stopped_by.code == "fenced"
    assert status.reason == "fenced"
    world.worker = second
    world.settle(6)
    assert world.numbers(1) == ["31罚〔2026〕00001号"]
    assert len(world.chain.sent) == 2


def test_fenced_worker_does_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.settle(3)
    world.store.acquire_fence("worker")
    world.tick()
    monkeypatch.setattr(ChainTwin, "latest_block", lambda self: pytest.fail("asked the chain"))
    assert not world.worker.run_once()


def test_step_that_fails_backs_off_and_does_not_stop_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settle(3)
    calls: list[datetime] = []

    def fail(*_: object) -> Any:
        calls.append(world.clock.now())
        raise ChainUnavailableError("down")

    monkeypatch.setattr(world.chain, "fetch_head", fail)
    begin = world.clock.now()
    for _ in range(100):
        world.tick()
    waits = [(at - begin).total_seconds() for at in calls]
    assert waits == [0, 1, 3, 7, 15, 31, 61, 91]
    (error,) = world.worker.status().errors
    assert (error.step, error.failures) == ("anchoring:records", 8)
    assert (error.since, error.at) == (calls[0], calls[-1])
    snapshot = world.records.snapshot
    assert snapshot is not None and world.clock.now().timestamp() - snapshot.block_time < 3


def test_step_with_a_bug_is_named_without_its_message(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.settle(3)

    def crash(*_: object) -> Any:
        raise KeyError("91310118MACNEUG142")

    monkeypatch.setattr(world.chain, "fetch_head", crash)
    world.tick()
    (error,) = world.worker.status().errors
    assert (error.code, error.message) == ("internal", "KeyError")
    assert "9131" not in caplog.text
    monkeypatch.undo()
    world.settle(4)
    assert world.worker.status().errors == ()


def test_start_without_a_store_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.errors import StoreUnavailableError

    def fail(_: str) -> Any:
        raise StoreUnavailableError("locked")

    monkeypatch.setattr(world.store, "acquire_fence", fail)
    assert world.worker.run_once()
    status = world.worker.status()
    assert status.reason == "starting" and status.errors[0].step == "start"
    monkeypatch.undo()
    world.clock.advance(2)
    world.settle(4)
    assert world.worker.status().is_ready


def test_thread_runs_until_it_is_stopped(world: World) -> None:
    worker = world.new_worker()
    worker.start()
    world.publish(penalties(penalty(1)))
    worker.wake()
    deadline = time.monotonic() + 20
    while world.records.size < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert worker.status().is_running
    worker.stop()
    assert not worker.status().is_running
    assert world.records.size == 2


def test_status_goes_into_json(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(4)
    world.publish(changes(change(1)))
    world.chain.is_down = True
    world.tick()
    status = world.worker.status()
    members = json.loads(json.dumps(status.as_json()))
    assert members["is_ready"] is True and members["reason"] == "ready"
    (stream,) = members["streams"]
    assert stream["pending"] == 1 and stream["size"] == 3 and stream["served_size"] == 2
    assert {error["code"] for error in members["errors"]} == {"chain-unavailable"}
    assert members["errors"][0]["at"].endswith("Z")


def test_status_while_the_store_is_down_is_still_given(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.errors import StoreUnavailableError

    def fail(*_: object) -> Any:
        raise StoreUnavailableError("locked")

    world.settle(3)
    monkeypatch.setattr(world.store, "pending_count", fail)
    (stream,) = world.worker.status().streams
    assert stream.pending is None and stream.epoch == 1


@pytest.mark.parametrize(
    ("age", "reason"),
    [
        (None, "no-snapshot"),
        (601, "snapshot-too-old"),
        (600, "ready"),
        (-60, "ready"),
        (-61, "snapshot-in-the-future"),
    ],
)
def test_status_is_ready_with_fresh_snapshots_only(age: int | None, reason: str) -> None:
    stream = StreamStatus("records", 1, 1, 1, 0, 1, 1, age, "anchored")
    status = WorkerStatus(True, None, (stream,), (), 600)
    assert status.reason == reason and status.is_ready == (reason == "ready")


def test_status_of_a_stopped_worker_names_the_cause() -> None:
    at = datetime(2026, 10, 31, tzinfo=UTC)
    error = StepError("anchoring:records", "fatal-state", "why", at, at, 1)
    status = WorkerStatus(False, error, (), (), 600)
    assert status.reason == "fatal-state"
    assert status.as_json()["stopped_by"] == {
        "step": "anchoring:records",
        "code": "fatal-state",
        "message": "why",
        "since": "2026-10-31T00:00:00Z",
        "at": "2026-10-31T00:00:00Z",
        "failures": 1,
    }


# --- Expiry


def test_sweep_right_after_midnight_in_china(world: World) -> None:
    world.publish(penalties(penalty(1, until="2026-10-31"), penalty(2, until="2026-11-01")))
    world.clock.at = datetime(2026, 10, 31, 15, 59, 50, tzinfo=UTC)
    world.settle(3)
    assert world.records.size == 3
    world.clock.at = datetime(2026, 10, 31, 16, 0, 0, tzinfo=UTC)
    world.chain.mine()
    world.tick(seconds=0)
    world.tick(seconds=0)
    assert world.records.size == 4
    world.settle(4)
    assert world.numbers(1) == [] and world.numbers(2) == ["31罚〔2026〕00002号"]


def test_sweep_every_minute(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    swept: list[datetime] = []
    look = world.store.records_past_end

    def count(*arguments: Any) -> Any:
        swept.append(world.clock.now())
        return look(*arguments)

    world.settle(3)
    world.restart()
    world.worker.run_once()  # serves what is stored
    look = world.store.records_past_end
    monkeypatch.setattr(world.store, "records_past_end", count)
    world.clock.advance(60)
    begin = world.clock.now()
    for _ in range(130):
        world.worker.run_once()
        world.clock.advance(1)
    assert [(at - begin).total_seconds() for at in swept] == [0, 60, 120]


def test_sweep_by_a_clock_that_runs_ahead_of_the_chain_ends_nothing(world: World) -> None:
    world.publish(penalties(penalty(1, until="2026-10-31")))
    world.settle(3)
    size = world.records.size
    noon = world.clock.at
    world.clock.at = noon + timedelta(days=1)
    world.worker.run_once()
    assert isinstance(world.ask(1), Unavailable)
    world.clock.at = noon + timedelta(seconds=5)
    world.settle(3)
    assert world.records.size == size
    assert world.numbers(1) == ["31罚〔2026〕00001号"]


def test_sweep_of_very_many_leaves_room_for_the_other_steps(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.services.background.expiry.BATCH", 2)
    monkeypatch.setattr("ledger.services.background.expiry.BATCHES", 2)
    world.publish(penalties(*(penalty(number, until="2026-10-31") for number in range(1, 11))))
    world.settle(3)
    world.clock.at = datetime(2026, 10, 31, 16, 0, 0, tzinfo=UTC)
    world.chain.mine()
    world.worker.run_once()
    sizes = []
    for _ in range(4):
        world.worker.run_once()
        sizes.append(world.records.size)
    assert sizes == [15, 19, 21, 21]


def test_sweep_of_many_records_takes_them_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.services.background.expiry.BATCH", 4)
    world.publish(penalties(*(penalty(number, until="2026-10-31") for number in range(1, 11))))
    world.clock.at = datetime(2026, 10, 31, 16, 0, 0, tzinfo=UTC)
    world.settle(4)
    assert world.records.size == 21
    assert world.numbers(5) == []


def test_sweep_meeting_a_repair_ends_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish(penalties(penalty(1, until="2026-10-31")))
    world.settle(3)
    world.clock.at = datetime(2026, 10, 31, 16, 0, 0, tzinfo=UTC)
    commit = world.store.commit_endings

    def repaired_meanwhile(*arguments: Any) -> None:
        monkeypatch.undo()
        world.publish(changes(change(1)))
        commit(*arguments)

    monkeypatch.setattr(world.store, "commit_endings", repaired_meanwhile)
    world.settle(6)
    assert world.records.size == 3
    assert world.numbers(1) == []
