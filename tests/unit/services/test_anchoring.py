"""Anchoring: whatever happens to transactions or the chain, one head an epoch; it converges."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from worlds.node import REGION, STREAMS, World, change, changes, penalties, penalty

from ledger.core.chain.head_slots import Head, stream_id
from ledger.errors import ChainUnavailableError, FatalStateError
from ledger.services.anchoring.comparison import compare
from ledger.services.lookup.answers import Result
from ledger.services.stored import (
    ANCHORED,
    MINED,
    SENT,
    SIGNED,
    WITHDRAWN,
    OutboxRow,
    StreamLog,
)

RECORDS = stream_id(REGION, "records")
LOG = StreamLog("records", 1)
NOW = datetime(2026, 10, 31, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def head_of(world: World) -> Head:
    head = world.chain.fetch_head(RECORDS)
    assert head is not None
    return head


def assert_converged(world: World) -> None:
    """Everything accepted is in the head on chain, and what is served is that head."""
    head, ours = head_of(world), world.records.head()
    assert (head.size, head.log_root, head.map_root) == (ours.size, ours.log_root, ours.map_root)
    assert world.records.served_size == ours.size
    assert world.store.unsequenced(LOG, 1) == ()
    newest = world.store.newest_outbox(LOG)
    assert newest is not None and newest.state == ANCHORED
    assert world.store.nonces_in_flight(world.anchor_key.address) == frozenset()
    assert world.worker.status().errors == ()


# --- The good path


def test_first_head_is_opened_and_the_next_anchored(world: World) -> None:
    world.settle(3)
    assert head_of(world).epoch == 1 and head_of(world).size == 1
    world.publish(penalties(penalty(1), penalty(2)))
    world.settle(3)
    assert head_of(world).epoch == 2 and head_of(world).size == 3
    assert_converged(world)
    assert len(world.chain.sent) == 2


def test_nothing_new_sends_nothing(world: World) -> None:
    for _ in range(20):
        world.tick()
    assert len(world.chain.sent) == 1
    snapshot = world.records.snapshot
    assert snapshot is not None and snapshot.block_number >= 19


def test_next_head_waits_for_the_snapshot_of_the_last(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settle(3)

    def no_proof(*_: object) -> Any:
        raise ChainUnavailableError("no proofs now")

    monkeypatch.setattr(world.chain, "fetch_proof", no_proof)
    world.publish(penalties(penalty(1)))
    world.settle(6)
    world.publish(penalties(penalty(2)))
    world.settle(6)
    assert head_of(world).epoch == 2
    (error,) = world.worker.status().errors
    assert (error.step, error.code) == ("snapshots:records", "chain-unavailable")
    monkeypatch.undo()
    world.clock.advance(60)
    world.settle(6)
    assert head_of(world).epoch == 3
    assert_converged(world)


def test_three_streams_share_one_key(tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    world.settle(6)
    assert {stream.epoch for stream in world.worker.status().streams} == {1}
    assert world.worker.status().is_ready
    world.publish(penalties(penalty(1)))
    world.settle(3)
    assert_converged(world)
    assert len(world.chain.sent) == 4


# --- Lost replies and nonces


def test_reply_lost_after_send_is_found_by_its_receipt(world: World) -> None:
    world.settle(3)
    world.publish(penalties(penalty(1)))
    world.chain.replies_lost = 1
    world.settle(3)
    assert_converged(world)
    assert len(world.chain.sent) == 2


def test_send_that_did_not_arrive_is_sent_again_as_the_same_bytes(world: World) -> None:
    world.settle(3)
    world.publish(penalties(penalty(1)))
    world.chain.sends_lost = 2
    world.settle(20)
    assert_converged(world)
    assert len(world.chain.sent) == 4
    assert len(set(world.chain.sent)) == 2


def test_pool_forgotten_by_the_chain_is_filled_again_with_the_same_bytes(world: World) -> None:
    world.settle(3)
    world.publish(penalties(penalty(1)))
    world.worker.run_once()
    world.chain.drop_pool()
    world.settle(12)
    assert_converged(world)
    assert len(set(world.chain.sent)) == 2


def test_nonce_used_by_another_transaction_signs_anew(world: World) -> None:
    world.settle(3)
    world.publish(penalties(penalty(1)))
    world.worker.run_once()
    world.chain.drop_pool()
    world.chain.use_nonce(world.anchor_key.address)
    world.chain.mine()
    world.settle(12)
    assert_converged(world)
    rows = world.store.find_outbox(LOG, 2)
    assert [row.state for row in rows] == [ANCHORED, WITHDRAWN]
    assert [row.nonce for row in rows] == [2, 1]


def test_nonce_missing_below_is_filled(world: World) -> None:
    """A transaction in flight whose predecessor will never come."""
    world.settle(3)
    world.chain.use_nonce(world.anchor_key.address)
    world.chain.mine()
    tip = world.chain.latest_block()
    world.publish(penalties(penalty(1)))
    world.worker.run_once()  # signed with nonce 2
    world.chain.roll_back(tip - 1)  # the transaction with nonce 1 is gone
    world.settle(12)
    assert_converged(world)


def test_chain_refusing_the_bytes_is_reported_and_overcome(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.services.onchain import SendOutcome, SendState

    world.settle(3)
    world.publish(penalties(penalty(1)))
    monkeypatch.setattr(
        world.chain, "send_raw", lambda raw: SendOutcome(SendState.REFUSED, "oversized data")
    )
    world.tick()
    (error,) = world.worker.status().errors
    assert error.code == "chain-unavailable" and "oversized" in error.message
    monkeypatch.undo()
    world.settle(20)
    assert_converged(world)


# --- The contract refuses


def test_contract_that_would_refuse_gets_no_transaction(world: World) -> None:
    world.settle(3)
    world.chain.pause()
    world.publish(penalties(penalty(1)))
    world.settle(4)
    assert len(world.chain.sent) == 1
    (error,) = world.worker.status().errors
    assert (error.step, error.code) == ("anchoring:records", "contract-revert")
    assert "HeadAnchorPaused" in error.message
    assert world.answer(1).result is Result.PENDING
    assert world.answer(2).result is Result.NONE


def test_key_not_approved_is_reported(world: World) -> None:
    world.chain.approve(RECORDS, b"\x99" * 20)
    world.settle(3)
    (error,) = world.worker.status().errors
    assert "HeadAnchorNotAnchorKey" in error.message
    assert world.worker.status().reason == "no-snapshot"
    world.chain.approve(RECORDS, world.anchor_key.address)
    world.clock.advance(60)
    world.settle(4)
    assert_converged(world)


def test_transaction_reverted_after_a_good_simulation_signs_anew(world: World) -> None:
    world.settle(3)
    world.publish(penalties(penalty(1)))
    world.worker.run_once()  # simulated, signed, sent
    world.chain.replace_anchor_key(RECORDS, b"\x99" * 20)  # the key is replaced before the block
    world.chain.mine()
    world.settle(2)
    assert [row.state for row in world.store.find_outbox(LOG, 2)] == [WITHDRAWN]
    assert head_of(world).epoch == 1
    world.chain.replace_anchor_key(RECORDS, world.anchor_key.address)
    world.clock.advance(60)
    world.settle(6)
    assert_converged(world)


# --- The chain is down, behind, or not ours


def test_chain_down_keeps_accepting_and_recovers(world: World) -> None:
    world.settle(3)
    world.chain.is_down = True
    world.publish(penalties(penalty(1)))
    world.settle(10)
    assert world.records.size == 2
    assert {error.code for error in world.worker.status().errors} == {"chain-unavailable"}
    assert world.answer(2).result is Result.NONE
    world.clock.advance(600)
    assert world.answer(2).result is Result.UNAVAILABLE
    world.chain.is_down = False
    world.settle(4)
    assert_converged(world)
    assert world.numbers(1) == ["31罚〔2026〕00001号"]


def test_chain_rolled_back_below_a_head_is_brought_up_again(world: World) -> None:
    world.settle(3)
    before = world.chain.latest_block()
    for number in (1, 2, 3):
        world.publish(penalties(penalty(number)))
        world.settle(3)
    assert head_of(world).epoch == 4
    world.chain.roll_back(before)
    assert head_of(world).epoch == 1
    world.settle(12)
    assert_converged(world)
    assert head_of(world).epoch == 2 and head_of(world).size == 4
    assert world.numbers(3) == ["31罚〔2026〕00003号"]
    assert [row.state for row in world.store.find_outbox(LOG, 3)] == [WITHDRAWN]


def test_chain_rolled_back_before_the_first_head_is_opened_again(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(4)
    world.chain.roll_back(1)
    world.settle(12)
    assert head_of(world).epoch == 1
    assert_converged(world)


def test_chain_rolled_back_while_the_node_was_down(world: World) -> None:
    world.settle(3)
    before = world.chain.latest_block()
    world.publish(penalties(penalty(1)))
    world.settle(3)
    world.publish(penalties(penalty(2)))
    world.tick()  # in flight
    world.kill()
    world.chain.roll_back(before)
    world.start()
    world.settle(14)
    assert_converged(world)
    assert world.numbers(2) == ["31罚〔2026〕00002号"]


def test_chain_rolled_back_with_three_streams_fills_every_nonce(tmp_path: Path) -> None:
    world = World(tmp_path, STREAMS)
    world.settle(6)
    world.publish(penalties(penalty(1)))
    world.settle(3)
    world.chain.roll_back(1)
    world.settle(30)
    assert world.worker.status().is_ready
    for stream in STREAMS:
        head = world.chain.fetch_head(stream_id(REGION, stream))
        assert head is not None and head.epoch == 1
    assert_converged(world)


def test_chain_that_mines_the_lost_transaction_after_all_is_followed(world: World) -> None:
    """Given up, signed anew, and then the old bytes are mined."""
    world.settle(3)
    before = world.chain.latest_block()
    world.publish(penalties(penalty(1)))
    world.settle(3)
    old = world.chain.sent[-1]
    world.chain.roll_back(before)
    world.publish(penalties(penalty(2)))
    for _ in range(8):
        world.tick()
        if len(world.store.find_outbox(LOG, 2)) == 2:
            break
    world.chain.roll_back(before)
    world.chain.send_raw(old)
    world.chain.mine()
    world.settle(14)
    assert_converged(world)
    assert head_of(world).epoch == 3
    assert world.numbers(2) == ["31罚〔2026〕00002号"]


def test_chain_behind_for_a_moment_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint that lags by a block is no rollback."""
    world.settle(3)
    old = head_of(world)
    world.publish(penalties(penalty(1)))
    world.settle(3)
    monkeypatch.setattr(world.chain, "fetch_head", lambda *_: old)
    world.tick()
    monkeypatch.undo()
    world.settle(3)
    assert_converged(world)
    assert [row.state for row in world.store.find_outbox(LOG, 2)] == [ANCHORED]


def test_chain_behind_for_two_moments_far_apart_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A doubt that was dispelled does not count when the next one comes."""
    world.settle(3)
    old = head_of(world)
    world.publish(penalties(penalty(1)))
    world.settle(3)
    for _ in range(2):
        with monkeypatch.context() as lagging:
            lagging.setattr(world.chain, "fetch_head", lambda *_: old)
            world.tick()
        world.tick()
        world.clock.advance(60)
    assert [row.state for row in world.store.find_outbox(LOG, 2)] == [ANCHORED]
    assert head_of(world).epoch == 2


def test_bytes_sent_before_the_clock_was_set_back_are_sent_again(world: World) -> None:
    world.chain.sends_lost = 1
    world.worker.run_once()
    world.clock.advance(-3600)
    world.settle(4)
    assert_converged(world)
    assert len(world.chain.sent) == 2


def test_head_nobody_signed_here_stops_the_worker(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(4)
    ours = head_of(world)
    world.chain.set_head(RECORDS, Head(9, ours.epoch + 1, 1, 1, 1, b"\x05" * 32, b"\x06" * 32))
    world.chain.mine()
    assert not world.worker.run_once()
    status = world.worker.status()
    assert status.stopped_by is not None and status.stopped_by.code == "fatal-state"
    assert not status.is_ready
    sent = len(world.chain.sent)
    world.publish(penalties(penalty(2)))
    assert not world.worker.run_once()
    assert len(world.chain.sent) == sent


def test_head_of_another_root_at_our_size_stops_the_worker(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(4)
    ours = head_of(world)
    world.chain.set_head(RECORDS, Head(ours.size, ours.epoch, 1, 1, 1, b"\x05" * 32, ours.map_root))
    world.chain.mine()
    assert not world.worker.run_once()
    assert world.worker.status().reason == "fatal-state"


def test_log_that_does_not_continue_the_chain_is_never_signed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory went bad: the pair assertion stops what the contract would refuse."""
    world.settle(3)
    world.publish(penalties(penalty(1)))
    monkeypatch.setattr(world.records, "consistency_path", lambda *_: (b"\x09" * 32,))
    assert not world.tick()
    status = world.worker.status()
    assert status.stopped_by is not None and "not a continuation" in status.stopped_by.message
    assert len(world.chain.sent) == 1


# --- Restart between any two steps

POINTS: list[tuple[str, Callable[[World], object]]] = [
    ("append_entries", lambda world: world.store),
    ("add_outbox", lambda world: world.store),
    ("set_outbox_state", lambda world: world.store),
    ("add_snapshot", lambda world: world.store),
    ("commit_endings", lambda world: world.store),
    ("send_raw", lambda world: world.chain),
    ("receipt", lambda world: world.chain),
    ("simulate", lambda world: world.chain),
    ("fetch_proof", lambda world: world.chain),
    ("fetch_head", lambda world: world.chain),
]


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("point", [name for name, _ in POINTS])
def test_kill_at_any_point_converges(
    world: World, monkeypatch: pytest.MonkeyPatch, point: str, is_after: bool
) -> None:
    world.settle(3)
    owner = dict(POINTS)[point](world)
    original = getattr(owner, point)

    def die(*arguments: Any, **named: Any) -> Any:
        if is_after:
            original(*arguments, **named)
        raise Killed

    monkeypatch.setattr(owner, point, die)
    world.publish(penalties(penalty(1), penalty(2, until="2026-10-30"), penalty(3)))
    world.publish(penalties(penalty(4, until="2026-10-31")))
    world.clock.at = datetime(2026, 10, 31, 16, 0, 1, tzinfo=UTC)
    with pytest.raises(Killed):
        for _ in range(6):
            world.tick()
    monkeypatch.undo()
    world.restart()
    world.publish(changes(change(3)))
    world.settle(12)
    assert_converged(world)
    assert world.numbers(1) == ["31罚〔2026〕00001号"]
    assert [world.numbers(number) for number in (2, 3, 4)] == [[], [], []]
    # Opening entry, four puts, three drops; nothing twice, nothing lost.
    assert world.records.size == 8


@pytest.mark.parametrize(
    "point", ["append_entries", "add_outbox", "set_outbox_state", "add_snapshot"]
)
@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_store_failing_once_at_any_write_converges(
    world: World, monkeypatch: pytest.MonkeyPatch, point: str, is_after: bool
) -> None:
    from ledger.errors import StoreUnavailableError

    world.settle(3)
    original, failures = getattr(world.store, point), [1, 1]

    def fail(*arguments: Any, **named: Any) -> Any:
        if not failures:
            return original(*arguments, **named)
        failures.pop()
        if is_after:
            original(*arguments, **named)
        raise StoreUnavailableError("disk full")

    monkeypatch.setattr(world.store, point, fail)
    world.publish(penalties(penalty(1)))
    world.settle(20)
    assert_converged(world)
    assert world.records.size == 2


# --- The comparison alone


def row(epoch: int, state: str, *, id: int = 0, old: int = 0, size: int | None = None) -> OutboxRow:
    new_size = epoch * 10 if size is None else size
    return OutboxRow(
        log=LOG,
        kind="anchor",
        epoch=epoch,
        old_size=old,
        new_size=new_size,
        log_root=bytes([new_size]) * 32,
        map_root=b"\x01" * 32,
        sender=None,
        nonce=0,
        raw_tx=b"",
        tx_hash=b"",
        created_at=NOW,
        id=id or epoch,
        state=state,
        block_number=None,
        sent_at=None,
    )


def on_chain(epoch: int, size: int | None = None, vrf_key: int = 1) -> Head:
    of = row(epoch, MINED, size=size)
    return Head(of.new_size, epoch, 1, 1, vrf_key, of.log_root, of.map_root)


def test_compare_level_changes_nothing() -> None:
    found = compare(on_chain(2), log=LOG, of_epoch=[row(2, ANCHORED)], after=[])
    assert (found.adopted, found.replaced, found.lost, found.stranded) == (None, (), (), ())


@pytest.mark.parametrize("state", [SIGNED, SENT, WITHDRAWN])
def test_compare_head_of_a_row_not_known_to_be_mined_adopts_it(state: str) -> None:
    ours = row(2, state)
    found = compare(on_chain(2), log=LOG, of_epoch=[ours], after=[])
    assert found.adopted == ours


def test_compare_withdrawn_row_found_on_chain_replaces_the_new_one() -> None:
    old, new = row(2, WITHDRAWN, id=1), row(2, SENT, id=2, size=25)
    found = compare(on_chain(2), log=LOG, of_epoch=[new, old], after=[])
    assert (found.adopted, found.replaced) == (old, (new,))


def test_compare_chain_behind_loses_mined_rows_and_strands_their_followers() -> None:
    lost, follower = row(3, ANCHORED, old=20), row(4, SENT, old=30)
    found = compare(
        on_chain(2),
        log=LOG,
        of_epoch=[row(2, ANCHORED)],
        after=[lost, follower],
    )
    assert (found.lost, found.stranded) == ((lost,), (follower,))
    assert found.is_behind


def test_compare_next_row_in_flight_is_left_alone() -> None:
    found = compare(
        on_chain(2),
        log=LOG,
        of_epoch=[row(2, ANCHORED)],
        after=[row(3, SENT, old=20)],
    )
    assert not found.is_behind
    first = compare(None, log=LOG, of_epoch=[], after=[row(1, SENT)])
    assert not first.is_behind


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        (on_chain(2, size=21), [row(2, ANCHORED)]),
        (on_chain(5), []),
        (on_chain(2, vrf_key=2), [row(2, ANCHORED)]),
    ],
    ids=["other-root", "unknown-epoch", "other-generation"],
)
def test_compare_foreign_head_is_fatal(head: Head, rows: list[OutboxRow]) -> None:
    with pytest.raises(FatalStateError):
        compare(head, log=LOG, of_epoch=rows, after=[])
