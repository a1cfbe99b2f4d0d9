"""A node serves what enough mirrors confirmed, anchors nothing on top before, and says so."""

from dataclasses import replace
from pathlib import Path

import pytest
from worlds.node import REGION, World, penalties, penalty

from ledger.core.chain.head_slots import CONTRADICTION, stream_id
from ledger.core.trust import Confirmation, Mirror
from ledger.services.anchoring.tally import Tally
from ledger.services.background.status import StreamStatus, WorkerStatus
from ledger.services.lookup.answers import Result

RECORDS = stream_id(REGION, "records")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A node whose first head two of three mirrors have confirmed."""
    world = World(tmp_path)
    mirrors = tuple(Mirror(n, f"{n}20000", "region") for n in (1, 2, 3))
    rule = Confirmation(REGION, "records", (1, 2, 3), 2)
    world.trust_root = replace(world.trust_root, mirrors=mirrors, confirmations=(rule,))
    world.restart()
    for number in (1, 2):
        world.chain.confirm(RECORDS, number, 1)
    world.settle(4)
    assert world.answer(1).result is Result.NONE
    return world


def tally(world: World) -> Tally:
    (stream,) = world.worker.status().streams
    assert stream.confirmations is not None
    return stream.confirmations


def states(world: World, batch_id: int) -> list[object]:
    report = world.publication.report(batch_id)
    assert report is not None
    return [row.state for row in report.rows]


def test_publication_is_anchored_by_a_block_and_confirmed_by_mirrors(world: World) -> None:
    report = world.publish(penalties(penalty(1)))
    world.settle(4)
    assert states(world, report.batch_id) == ["anchored"]
    assert world.answer(1).result is Result.PENDING
    world.chain.confirm(RECORDS, 1, 2)
    world.settle(3)
    assert states(world, report.batch_id) == ["anchored"]
    assert tally(world) == Tally(2, 2, 1, (1,), (), is_enough=False)
    world.chain.confirm(RECORDS, 3, 2)
    world.settle(3)
    assert states(world, report.batch_id) == ["confirmed"]
    assert tally(world) == Tally(2, 2, 2, (1, 3), (), is_enough=True)
    assert world.numbers(1)


def test_next_head_waits_for_the_confirmations_of_the_last(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(4)
    later = world.publish(penalties(penalty(2)))
    world.settle(6)
    head = world.chain.fetch_head(RECORDS)
    assert head is not None and head.epoch == 2
    assert states(world, later.batch_id) == ["integrated"]
    for number in (1, 2):
        world.chain.confirm(RECORDS, number, 2)
    world.settle(4)
    head = world.chain.fetch_head(RECORDS)
    assert head is not None and head.epoch == 3


def test_contradiction_is_shown_and_does_not_count(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.publish(penalties(penalty(1)))
    world.chain.confirm(RECORDS, 1, 2)
    world.chain.confirm(RECORDS, 2, 2 + CONTRADICTION)
    world.settle(6)
    assert tally(world) == Tally(2, 2, 1, (1,), (2,), is_enough=False)
    assert caplog.text.count("ALARM contradicted: records/1: by mirrors (2,)") == 1
    world.chain.confirm(RECORDS, 3, 2)
    world.settle(3)
    assert tally(world).is_enough
    assert world.numbers(1)


def test_too_few_confirmations_end_in_unavailable_and_say_why(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(4)
    world.clock.advance(500)
    world.chain.mine()
    world.settle(1)
    assert world.answer(9).result is Result.NONE
    assert world.worker.status().is_ready
    world.clock.advance(160)
    world.chain.mine()
    world.settle(2)
    assert world.answer(9).result is Result.UNAVAILABLE
    assert world.answer(9).code == "snapshot-too-old"
    assert world.worker.status().reason == "not-confirmed"
    for number in (2, 3):
        world.chain.confirm(RECORDS, number, 2)
    world.settle(3)
    assert world.worker.status().is_ready
    assert world.answer(9).result is Result.NONE


@pytest.mark.parametrize(
    ("age", "is_enough", "reason"),
    [
        (None, False, "not-confirmed"),
        (None, True, "no-snapshot"),
        (601, False, "not-confirmed"),
        (601, True, "snapshot-too-old"),
        (600, False, "ready"),
        (-61, False, "snapshot-in-the-future"),
    ],
)
def test_status_names_missing_confirmations_only_where_they_are_the_cause(
    age: int | None, is_enough: bool, reason: str
) -> None:
    found = Tally(1, 2, 2 if is_enough else 1, (), (), is_enough)
    stream = StreamStatus("records", 1, 1, 1, 0, 1, 1, age, "mined", found)
    status = WorkerStatus(True, None, (stream,), (), 600)
    assert (status.reason, status.mirrors) == (reason, ())
    assert status.as_json()["mirroring"] is None
