"""A stream's change of generation, as every store must keep it."""

from dataclasses import replace

import pytest
from test_store import NOW, RECORDS, make_batch, make_ending, make_entries, make_put, make_row, rng

from ledger.errors import (
    ConflictError,
    FatalStateError,
    FencedError,
    GenerationChangingError,
    RollbackError,
)
from ledger.services.ports import Store
from ledger.services.stored import Accepting, CarriedItem, Ending, Put, SequencedEntry, StreamLog

NEXT = StreamLog("records", 2)
QUERIES = StreamLog("queries", 1)


def logged(store: Store, count: int) -> tuple[list[Put], list[int]]:
    """Puts in the first log at 1, 2, ..., and the numbers of their events."""
    puts = [make_put() for _ in range(count)]
    store.commit_batch(make_batch(), puts, [])
    seqs = [one.seq for one in store.unsequenced(RECORDS, 100)]
    fence = store.acquire_fence("worker")
    store.append_entries(fence, RECORDS, 0, make_entries(0, [None, *seqs]))
    return puts, seqs


def again(index: int, seq: int) -> CarriedItem:
    leaf_hash, key = bytes([100 + index]) * 32, rng.randbytes(32)
    entry = SequencedEntry(index, b"again %d" % index, leaf_hash, key, None)
    return CarriedItem(seq, entry, rng.randbytes(32), rng.randbytes(32))


OPENING = CarriedItem(0, SequencedEntry(0, b"opening", bytes(32), None, None), bytes(32), b"")


def go_over(store: Store, former: StreamLog, log: StreamLog, seqs: list[int]) -> list[CarriedItem]:
    """Put these events again, and let the next log take events."""
    fence = store.acquire_fence("worker")
    store.begin_carrying(fence, former, log)
    items = [again(index, seq) for index, seq in enumerate(seqs, 1)]
    store.carry(fence, former, log, 0, [OPENING, *items], NOW)
    store.finish_carrying(fence, log)
    return items


def of_generation(put: Put, generation: int) -> Put:
    return Put(replace(put.event, generation=generation), put.record)


def drop_of(store: Store, put: Put, generation: int) -> Ending:
    ending = make_ending(store, put)
    return replace(ending, event=replace(ending.event, generation=generation))


def test_stream_takes_events_of_the_generation_it_began_with(store: Store) -> None:
    store.start_first(NEXT)
    assert store.accepting()["records"] == Accepting(1, False)
    assert {*store.accepting()} == {"records", "restricted", "queries"}


@pytest.mark.parametrize("generation", [1, 2, 3])
def test_events_while_items_are_put_again_are_refused_whole(store: Store, generation: int) -> None:
    (known,), _ = logged(store, 1)
    fence = store.acquire_fence("worker")
    store.begin_carrying(fence, RECORDS, NEXT)
    put = of_generation(make_put(), generation)
    with pytest.raises(GenerationChangingError):
        store.commit_batch(make_batch("key"), [put], [])
    assert store.find_batch("key") is None
    assert store.records_by_natural_key([put.record.natural_key]) == {}
    with pytest.raises(GenerationChangingError):
        store.commit_batch(make_batch("key"), [], [drop_of(store, known, generation)])
    with pytest.raises(GenerationChangingError):
        store.commit_endings(fence, [drop_of(store, known, generation)], NOW)
    assert not store.positions([known.record.record_id])[known.record.record_id].is_ended


@pytest.mark.parametrize(("generation", "taken"), [(1, False), (2, True), (3, False)])
def test_events_after_the_change_are_those_of_the_next_generation(
    store: Store, generation: int, taken: bool
) -> None:
    _, seqs = logged(store, 2)
    go_over(store, RECORDS, NEXT, seqs)
    put = of_generation(make_put(), generation)
    if taken:
        store.commit_batch(make_batch(), [put], [])
        assert [one.map_key for one in store.unsequenced(NEXT, 9)] == [put.event.map_key]
        return
    with pytest.raises(GenerationChangingError):
        store.commit_batch(make_batch(), [put], [])
    assert store.unsequenced(StreamLog("records", generation), 9) == ()


def test_change_of_one_stream_leaves_the_others_as_they_are(store: Store) -> None:
    _, seqs = logged(store, 1)
    before = store.accepting()
    go_over(store, RECORDS, NEXT, seqs)
    assert store.accepting() == before | {"records": Accepting(2, False)}
    assert store.log_before(QUERIES) is None


def test_log_before_is_the_newest_that_has_entries(store: Store) -> None:
    _, seqs = logged(store, 1)
    assert (store.log_before(RECORDS), store.log_before(NEXT)) == (None, RECORDS)
    assert store.log_before(StreamLog("records", 9)) == RECORDS
    go_over(store, RECORDS, NEXT, seqs)
    assert store.log_before(StreamLog("records", 9)) == NEXT


def test_begin_with_an_event_that_waits_is_refused(store: Store) -> None:
    logged(store, 1)
    store.commit_batch(make_batch(), [make_put()], [])
    with pytest.raises(ConflictError, match="waits"):
        store.begin_carrying(store.acquire_fence("worker"), RECORDS, NEXT)
    assert store.accepting()["records"] == Accepting(1, False)


def test_begin_twice_or_from_another_generation_is_refused(store: Store) -> None:
    logged(store, 1)
    fence = store.acquire_fence("worker")
    with pytest.raises(ConflictError):
        store.begin_carrying(fence, NEXT, StreamLog("records", 3))
    store.begin_carrying(fence, RECORDS, NEXT)
    for log in (NEXT, StreamLog("records", 3)):
        with pytest.raises(ConflictError):
            store.begin_carrying(fence, RECORDS, log)
    assert store.accepting()["records"] == Accepting(2, True)


def test_items_and_the_end_before_their_beginning_are_refused(store: Store) -> None:
    _, seqs = logged(store, 1)
    fence = store.acquire_fence("worker")
    with pytest.raises(ConflictError):
        store.carry(fence, RECORDS, NEXT, 0, [OPENING, again(1, seqs[0])], NOW)
    with pytest.raises(ConflictError):
        store.finish_carrying(fence, NEXT)
    assert store.entries(NEXT, 0, 9) == ()


def test_items_put_again_repeat_the_event_and_keep_the_former_one(store: Store) -> None:
    puts, seqs = logged(store, 3)
    former = store.openable(RECORDS, [1, 2, 3])
    items = go_over(store, RECORDS, NEXT, [seqs[0], seqs[2]])
    assert [one.entry for one in store.entries(NEXT, 0, 9)] == [b"opening", b"again 1", b"again 2"]
    assert store.openable(RECORDS, [1, 2, 3]) == former
    for one, before, written in zip(
        store.openable(NEXT, [1, 2]), (former[0], former[2]), items, strict=True
    ):
        assert (one.event, one.disclosures) == (before.event, before.disclosures)
        assert one.salt == written.salt != before.salt
    # A publication stays where it was made.
    places = store.positions([put.record.record_id for put in puts])
    found = [places[put.record.record_id] for put in puts]
    assert [(one.put_log, one.put_index) for one in found] == [(RECORDS, n) for n in (1, 2, 3)]


def test_items_put_again_wait_for_nothing(store: Store) -> None:
    _, seqs = logged(store, 2)
    fence = store.acquire_fence("worker")
    store.begin_carrying(fence, RECORDS, NEXT)
    store.carry(fence, RECORDS, NEXT, 0, [OPENING, again(1, seqs[0])], NOW)
    assert store.unsequenced(NEXT, 9) == ()
    assert store.pending_count(NEXT, 0) == 0
    (entry,) = store.entries(NEXT, 1, 9)
    assert entry.map_key is not None and not store.is_pending(NEXT, entry.map_key, 0)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_items_at_another_size_are_refused_whole(store: Store, size: int) -> None:
    puts, seqs = logged(store, 2)
    fence = store.acquire_fence("worker")
    store.begin_carrying(fence, RECORDS, NEXT)
    with pytest.raises(RollbackError):
        store.carry(fence, RECORDS, NEXT, size, [again(size, seqs[0])], NOW)
    assert store.entries(NEXT, 0, 9) == ()
    (place,) = store.positions([puts[0].record.record_id]).values()
    assert place.put_log == RECORDS


def test_items_that_are_no_puts_of_the_former_log_are_refused_whole(store: Store) -> None:
    _, seqs = logged(store, 2)
    fence = store.acquire_fence("worker")
    store.begin_carrying(fence, RECORDS, NEXT)
    with pytest.raises(FatalStateError):
        store.carry(fence, RECORDS, NEXT, 0, [OPENING, again(1, seqs[0]), again(2, 999)], NOW)
    with pytest.raises(FatalStateError):
        store.carry(fence, QUERIES, NEXT, 0, [OPENING, again(1, seqs[0])], NOW)
    assert store.entries(NEXT, 0, 9) == ()


@pytest.mark.parametrize("step", ["begin", "carry", "finish"])
def test_worker_that_was_superseded_changes_no_generation(store: Store, step: str) -> None:
    _, seqs = logged(store, 1)
    old = store.acquire_fence("worker")
    if step != "begin":
        store.begin_carrying(old, RECORDS, NEXT)
    before = store.accepting()
    store.acquire_fence("worker")
    with pytest.raises(FencedError):
        if step == "begin":
            store.begin_carrying(old, RECORDS, NEXT)
        elif step == "carry":
            store.carry(old, RECORDS, NEXT, 0, [OPENING, again(1, seqs[0])], NOW)
        else:
            store.finish_carrying(old, NEXT)
    assert store.accepting() == before
    assert store.entries(NEXT, 0, 9) == ()


def test_record_that_went_over_ends_in_the_next_log(store: Store) -> None:
    (put, _), seqs = logged(store, 2)
    go_over(store, RECORDS, NEXT, seqs)
    store.commit_batch(make_batch(), [], [drop_of(store, put, 2)])
    (drop,) = store.unsequenced(NEXT, 9)
    assert (drop.op, drop.target_index) == ("drop", 1)
    store.append_entries(store.acquire_fence("worker"), NEXT, 3, make_entries(3, [drop.seq]))
    (place,) = store.positions([put.record.record_id]).values()
    assert (place.end_log, place.end_index, place.is_ended) == (NEXT, 3, True)


def test_items_go_over_again_and_again(store: Store) -> None:
    (put,), _ = logged(store, 1)
    former = RECORDS
    for generation in (2, 3, 4):
        log = StreamLog("records", generation)
        go_over(store, former, log, [one.seq for one in store.standing_items(former, [1])])
        former = log
    (record,) = store.records_by_natural_key([put.record.natural_key]).values()
    assert record.put_seq == store.standing_items(former, [1])[0].seq


def test_heads_of_two_generations_stand_side_by_side(store: Store) -> None:
    fence = store.acquire_fence("worker")
    first = store.add_outbox(fence, make_row(5))
    second = store.add_outbox(fence, make_row(5, 1, NEXT))
    assert store.newest_outbox(RECORDS) == first
    assert store.newest_outbox(NEXT) == second
    assert store.outbox_after(NEXT, 4) == (second,)
    assert store.find_outbox(RECORDS, 5) != store.find_outbox(NEXT, 5)
