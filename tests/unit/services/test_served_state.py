"""Integrated and served: what a lookup may say at each moment of a record's life."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from worlds.node import (
    RECORDS,
    REGION,
    SECRETS,
    SEEDS,
    World,
    change,
    changes,
    penalties,
    penalty,
    uscc,
)

from ledger.core import vrf
from ledger.core.merkle import verify_inclusion
from ledger.core.stream.map_key import alpha
from ledger.errors import (
    FatalStateError,
    MalformedRecordError,
    NotIntegratedError,
    RollbackError,
)
from ledger.services.lookup.answers import REGION_CODES, Result
from ledger.services.lookup.material import Material, Pending, Unavailable
from ledger.services.stored import StreamLog, Unsequenced
from ledger.services.stream.sequencing import Sequencer, place
from ledger.services.stream.state import StreamState
from ledger.services.stream.subject_keys import SubjectKeys


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_material_before_the_first_snapshot_is_unavailable(world: World) -> None:
    assert world.ask(1) == Unavailable("no-snapshot")
    assert world.material.material("queries", "cf", uscc(1)) == Unavailable("stream-not-served")


def test_material_of_an_empty_region_proves_absence(world: World) -> None:
    world.settle(3)
    assert world.numbers(1) == []
    assert world.records.size == 1


def test_material_of_a_record_proves_it(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(3)
    material = world.ask(1)
    assert isinstance(material, Material)
    (item,) = material.items
    head = material.snapshot.head
    verify_inclusion(
        leaf_hash=item.leaf_hash,
        index=item.index,
        tree_size=head.size,
        path=item.path,
        root_hash=head.log_root,
    )
    assert world.numbers(1) == ["31罚〔2026〕00001号"]
    assert world.numbers(2) == []


def test_material_of_a_key_is_pending_until_its_head_is_proved(world: World) -> None:
    world.settle(3)
    assert world.answer(1).result is Result.NONE
    world.publish(penalties(penalty(1)))
    assert world.ask(1) == Pending()
    assert world.answer(2).result is Result.NONE
    world.tick()  # sequenced, integrated and sent
    assert world.records.size == 2
    assert world.ask(1) == Pending()
    assert world.answer(2).result is Result.NONE
    world.settle(2)
    assert world.answer(1).result is Result.RECORDS


def test_material_of_a_repaired_record_is_pending_then_absent(world: World) -> None:
    world.publish(penalties(penalty(1), penalty(2)))
    world.settle(3)
    world.publish(changes(change(1)))
    assert world.ask(1) == Pending()
    world.settle(3)
    assert world.numbers(1) == []
    assert world.numbers(2) == ["31罚〔2026〕00002号"]


def test_material_of_a_row_expired_at_once_is_absent(world: World) -> None:
    world.settle(3)
    world.publish(penalties(penalty(1, until="2026-10-30")))
    assert world.ask(1) == Pending()
    world.settle(3)
    assert world.numbers(1) == []
    assert world.records.size == 3


def test_material_past_the_last_day_is_pending_before_the_sweep(world: World) -> None:
    world.publish(penalties(penalty(1, until="2026-10-31"), penalty(2, until="2026-11-01")))
    world.settle(3)
    world.clock.at = datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC)
    world.chain.mine()
    world.tick(seconds=0)
    assert isinstance(world.ask(1), Material)
    world.clock.at = datetime(2026, 10, 31, 16, 0, 0, tzinfo=UTC)  # midnight in +08:00
    assert world.ask(1) == Pending()
    assert isinstance(world.ask(2), Material)
    world.settle(6)
    assert world.numbers(1) == []
    assert world.numbers(2) == ["31罚〔2026〕00002号"]


def test_material_published_after_the_blocks_day_is_pending(world: World) -> None:
    """The clock is past midnight, the chain is not: verifiers refuse a record of tomorrow."""
    world.clock.at = datetime(2026, 10, 31, 15, 59, 40, tzinfo=UTC)
    world.chain.lag_s = 30
    world.settle(3)
    world.clock.at = datetime(2026, 10, 31, 16, 0, 5, tzinfo=UTC)
    world.publish(penalties(penalty(1)))
    for _ in range(4):
        world.tick()
    assert world.records.served_size == 2
    assert world.ask(1) == Pending()
    world.clock.at = datetime(2026, 10, 31, 16, 0, 30, tzinfo=UTC)
    world.chain.mine()
    world.settle(3)
    assert world.numbers(1) == ["31罚〔2026〕00001号"]


def test_material_ended_by_the_blocks_day_is_pending(world: World) -> None:
    """The chain is past midnight, the clock is not."""
    world.chain.lag_s = -30
    world.publish(penalties(penalty(1, until="2026-10-31")))
    world.settle(3)
    assert world.numbers(1) == ["31罚〔2026〕00001号"]
    world.clock.at = datetime(2026, 10, 31, 15, 59, 40, tzinfo=UTC)
    world.chain.mine()
    world.settle(4)
    assert world.ask(1) == Pending()
    world.clock.at = datetime(2026, 10, 31, 16, 0, 1, tzinfo=UTC)
    world.settle(5)
    assert world.numbers(1) == []


def test_material_of_more_items_than_evidence_holds_is_unavailable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.services.lookup.material.MAX_OPENED", 2)
    subject = uscc(7)
    world.publish(penalties(*(penalty(number, subject=subject) for number in (1, 2, 3))))
    world.settle(3)
    assert world.ask(7) == Unavailable("too-many-items")


def test_answer_larger_than_evidence_may_be_is_unavailable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(3)
    evidence = world.answer(1).evidence
    assert evidence is not None
    monkeypatch.setattr("ledger.services.lookup.region.MAX_BYTES", len(evidence) - 1)
    answer = world.answer(1)
    assert (answer.result, answer.code) == (Result.UNAVAILABLE, "too-many-items")
    assert answer.code in REGION_CODES


def test_material_of_an_old_snapshot_is_unavailable(world: World) -> None:
    world.settle(3)
    snapshot = world.records.snapshot
    assert snapshot is not None
    world.clock.at = datetime.fromtimestamp(snapshot.block_time + 600, UTC)
    assert isinstance(world.ask(1), Material)
    world.clock.advance(1)
    assert world.ask(1) == Unavailable("snapshot-too-old")
    world.clock.at = datetime.fromtimestamp(snapshot.block_time - 61, UTC)
    assert world.ask(1) == Unavailable("snapshot-in-the-future")


def test_material_of_several_records_lists_all_in_order(world: World) -> None:
    subject = uscc(7)
    world.publish(penalties(*(penalty(number, subject=subject) for number in (1, 2, 3, 4))))
    world.settle(3)
    world.publish(changes(change(2, subject=subject)))
    world.publish(penalties(penalty(5, subject=subject)))
    world.settle(3)
    assert world.numbers(7) == [f"31罚〔2026〕{number:05d}号" for number in (1, 3, 4, 5)]


def test_material_of_an_erased_item_is_fatal(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(3)
    with world.store.writing() as connection:
        connection.execute(text("UPDATE events SET salt = NULL"))
    with pytest.raises(FatalStateError):
        world.ask(1)


def test_state_after_a_restart_is_the_same(world: World) -> None:
    world.publish(penalties(*(penalty(number) for number in range(1, 30))))
    world.settle(3)
    world.publish(changes(change(3), change(4)))
    world.tick()
    before = (world.records.head(), world.records.served_size, world.records.snapshot)
    world.restart()
    world.worker.run_once()
    after = world.records
    assert after.head() == before[0]
    assert after.served_size >= before[1]


def test_state_refuses_an_entry_that_was_changed_on_disk(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(3)
    with world.store.writing() as connection:
        changed = text("UPDATE entries SET entry = :other WHERE log_index = 1")
        connection.execute(changed, {"other": b"something else"})
    world.restart()
    assert not world.worker.run_once()
    status = world.worker.status()
    assert status.stopped_by is not None and status.stopped_by.code == "fatal-state"
    assert status.reason == "fatal-state" and not status.is_ready


def test_state_refuses_a_gap_in_the_log(world: World) -> None:
    world.publish(penalties(penalty(1), penalty(2)))
    world.settle(3)
    with world.store.writing() as connection:
        connection.execute(text("DELETE FROM entries WHERE log_index = 1"))
    with pytest.raises(FatalStateError):
        StreamState(RECORDS, world.store).catch_up()


def test_state_refuses_an_end_missing_on_disk(world: World) -> None:
    world.publish(penalties(penalty(1), penalty(2)))
    world.settle(3)
    snapshot = world.records.snapshot
    assert snapshot is not None
    state = StreamState(RECORDS, world.store)
    state.catch_up()
    with world.store.writing() as connection:
        connection.execute(text("DELETE FROM entries"))
    with pytest.raises(FatalStateError):
        state.serve(snapshot)


def test_serve_another_root_stops_serving(world: World) -> None:
    from dataclasses import replace

    world.publish(penalties(penalty(1)))
    world.settle(3)
    snapshot = world.records.snapshot
    assert snapshot is not None
    forged = replace(snapshot, head=replace(snapshot.head, map_root=b"\x09" * 32))
    with pytest.raises(FatalStateError):
        world.records.serve(forged)
    assert world.ask(1) == Unavailable("no-snapshot")


def test_serve_a_larger_or_smaller_head_is_refused(world: World) -> None:
    from dataclasses import replace

    world.publish(penalties(penalty(1)))
    world.settle(3)
    snapshot = world.records.snapshot
    assert snapshot is not None
    for size in (1, 99):
        with pytest.raises(NotIntegratedError):
            world.records.serve(replace(snapshot, head=replace(snapshot.head, size=size)))
    assert isinstance(world.ask(1), Material)
    with pytest.raises(NotIntegratedError):
        world.records.log_root(99)
    assert world.records.log_root(snapshot.head.size) == snapshot.head.log_root


def test_state_in_chunks_is_the_same_as_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish(penalties(*(penalty(number) for number in range(1, 30))))
    world.settle(3)
    snapshot = world.records.snapshot
    assert snapshot is not None
    monkeypatch.setattr("ledger.services.stream.state.CHUNK", 7)
    state = StreamState(RECORDS, world.store)
    assert state.catch_up() == 30
    state.serve(snapshot)
    assert state.head() == world.records.head()
    assert state.served_size == 30


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE events SET event = replace(event, '310000', '310001')",
        "UPDATE events SET event = ' ' || event",
        "UPDATE events SET salt = zeroblob(32)",
        "UPDATE events SET event = NULL, salt = NULL",
        "UPDATE entries SET entry = CAST(replace(entry, 'put', 'pup') AS BLOB) WHERE log_index = 1",
        "DELETE FROM entries WHERE log_index = 1",
    ],
)
def test_material_damaged_in_the_store_is_unavailable_and_never_evidence(
    world: World, damage: str
) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(3)
    with world.store.writing() as connection:
        connection.execute(text(damage))
    answer = world.answer(1)
    assert (answer.result, answer.code) == (Result.UNAVAILABLE, "fatal-state")
    assert world.answer(2).result is Result.NONE


def test_place_of_a_drop_is_that_of_its_put() -> None:
    key, event = b"\x01" * 32, b"\x02" * 32
    entries = place(
        [
            Unsequenced(11, "put", key, event, None, None),
            Unsequenced(12, "drop", key, event, 11, None),
            Unsequenced(13, "drop", key, event, 4, 2),
        ],
        5,
    )
    assert [one.log_index for one in entries] == [5, 6, 7]
    assert b'"replaces":5' in entries[1].entry and b'"replaces":2' in entries[2].entry


def test_place_of_a_drop_without_its_put_is_fatal() -> None:
    with pytest.raises(FatalStateError):
        place([Unsequenced(12, "drop", b"\x01" * 32, b"\x02" * 32, 11, None)], 5)


def test_sequencing_after_a_write_without_reply_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction committed, the worker heard an error."""
    from ledger.errors import StoreUnavailableError

    world.publish(penalties(penalty(1), penalty(2)))
    fence = world.store.acquire_fence("worker")
    sequencer = Sequencer(region=REGION, store=world.store, fence=fence)
    append = world.store.append_entries

    def lose_reply(*arguments: object) -> None:
        append(*arguments)  # type: ignore[arg-type]
        raise StoreUnavailableError("connection lost")

    monkeypatch.setattr(world.store, "append_entries", lose_reply)
    with pytest.raises(StoreUnavailableError):
        sequencer.step(world.records)
    monkeypatch.undo()
    assert sequencer.step(world.records) == 2
    assert world.records.size == 3
    assert sequencer.step(world.records) == 0


def test_sequencing_on_an_old_size_is_refused(world: World) -> None:
    world.publish(penalties(penalty(1)))
    fence = world.store.acquire_fence("worker")
    Sequencer(region=REGION, store=world.store, fence=fence).step(world.records)
    with pytest.raises(RollbackError):
        world.store.append_entries(fence, RECORDS, 0, world.store.entries(RECORDS, 0, 1))


def test_subject_key_is_proved_by_its_proof() -> None:
    keys = SubjectKeys(region=REGION, secrets=SECRETS)
    key = keys.key_of(RECORDS, "cf", uscc(1))
    message = alpha(REGION, "records", "cf", uscc(1))
    public = vrf.public_key(SEEDS["records"])
    assert vrf.verify(public, message, key.vrf_proof)[:32] == key.map_key
    assert keys.key_of(RECORDS, "cf", uscc(1)) is key
    assert keys.key_of(StreamLog("restricted", 1), "cf", uscc(1)).map_key != key.map_key


def test_subject_keys_forget_the_oldest() -> None:
    keys = SubjectKeys(region=REGION, secrets=SECRETS, remembered=2)
    first = keys.key_of(RECORDS, "cf", uscc(1))
    second = keys.key_of(RECORDS, "cf", uscc(2))
    assert keys.key_of(RECORDS, "cf", uscc(1)) is first
    keys.key_of(RECORDS, "cf", uscc(3))
    assert keys.key_of(RECORDS, "cf", uscc(1)) is first
    again = keys.key_of(RECORDS, "cf", uscc(2))
    assert again is not second and again == second


def test_map_key_without_a_proof_is_the_one_that_is_proved() -> None:
    keys = SubjectKeys(region=REGION, secrets=SECRETS, remembered=2)
    for number in (1, 2, 3, 1):
        for record_type in ("cf", "xk"):
            name = (RECORDS, record_type, uscc(number))
            assert keys.map_key_of(*name) == keys.key_of(*name).map_key
    with pytest.raises(MalformedRecordError):
        keys.map_key_of(RECORDS, "cf", uscc(1).lower())
    with pytest.raises(MalformedRecordError):
        keys.map_key_of(RECORDS, "CF", uscc(1))


# --- What a database is bound to


def test_database_under_another_vrf_key_is_never_served(world: World) -> None:
    """Under another key every subject would be proved absent."""
    world.publish(penalties(penalty(1)))
    world.settle(3)
    world.kill()
    world.start()
    world.keys._provers[RECORDS] = vrf.Prover(b"\x99" * 32)
    world.tick()
    stopped = world.worker.status().stopped_by
    assert stopped is not None and stopped.code == "fatal-state"
    assert world.ask(1) == Unavailable("no-snapshot")


@pytest.mark.parametrize("column", ["header", "nodes", "size", "block_hash"])
def test_stored_snapshot_that_does_not_verify_is_not_served(world: World, column: str) -> None:
    world.settle(3)
    changed = {
        "header": "zeroblob(600)",
        "nodes": "'[]'",
        "size": "2",
        "block_hash": "zeroblob(32)",
    }
    with world.store.writing() as connection:
        connection.execute(text(f"UPDATE snapshots SET {column} = {changed[column]}"))
    world.chain.is_down = True
    world.restart()
    world.tick()
    assert world.ask(1) == Unavailable("no-snapshot")
    world.chain.is_down = False
    world.clock.advance(60)
    world.settle(4)
    assert world.numbers(1) == []
