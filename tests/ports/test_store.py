"""The store port, as every adapter must keep it."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Thread

import pytest

from ledger.adapters.sql import open_store
from ledger.core.chain.head_slots import Head
from ledger.errors import (
    ConflictError,
    FatalStateError,
    FencedError,
    RollbackError,
)
from ledger.services.ports import Store
from ledger.services.stored import (
    ANCHORED,
    MINED,
    SENT,
    SIGNED,
    WITHDRAWN,
    Ending,
    NewBatch,
    NewEvent,
    NewOutboxRow,
    NewRecord,
    Put,
    SequencedEntry,
    Snapshot,
    StreamLog,
)

RECORDS = StreamLog("records", 1)
SENDER = b"\x05" * 20

NOW = datetime(2026, 10, 31, 4, 0, tzinfo=UTC)
SUBJECT = "91310118MACNEUG142"
ISSUER = "11310151MA9WKMT95F"
rng = random.Random(7)


def make_event(op: str = "put", kind: str = "publish", record_id: str | None = None) -> NewEvent:
    return NewEvent(
        stream="records",
        generation=1,
        kind=kind,
        op=op,
        record_type="cf",
        subject=SUBJECT,
        record_id=record_id or rng.randbytes(16).hex(),
        version=1,
        map_key=rng.randbytes(32),
        commitment=rng.randbytes(32),
        event=b'{"v":1}',
        salt=rng.randbytes(32),
        disclosures=("WyJh", "WyJi"),
    )


def make_put(until: date | None = None, natural_key: bytes | None = None) -> Put:
    event = make_event()
    return Put(
        event,
        NewRecord(
            record_id=event.record_id,
            record_type="cf",
            stream="records",
            subject=SUBJECT,
            issuer=ISSUER,
            document_number="31罚〔2026〕1号",
            document_match="31罚(2026)1号",
            natural_key=natural_key or rng.randbytes(32),
            content_digest=rng.randbytes(32),
            in_force_until=until,
        ),
    )


def make_batch(key: str | None = None) -> NewBatch:
    return NewBatch("a.csv", b"\x01" * 32, key, NOW, '{"rows": []}')


def make_ending(store: Store, put: Put, kind: str = "repair") -> Ending:
    record = store.records_by_natural_key([put.record.natural_key])[put.record.natural_key]
    event = make_event("drop", kind, record.record_id)
    return Ending(event, kind, date(2026, 10, 30), record.put_seq)


def make_entries(start: int, seqs: list[int | None]) -> list[SequencedEntry]:
    return [
        SequencedEntry(index, b"entry %d" % index, bytes([index]) * 32, None, seq)
        for index, seq in enumerate(seqs, start)
    ]


def make_row(epoch: int = 1, nonce: int = 0, log: StreamLog = RECORDS) -> NewOutboxRow:
    return NewOutboxRow(
        log,
        "open",
        epoch,
        0,
        epoch,
        b"\x02" * 32,
        b"\x03" * 32,
        SENDER,
        nonce,
        b"raw",
        b"\x04" * 32,
        NOW,
    )


def make_snapshot(block: int, epoch: int = 1, seconds: int = 1_793_419_200) -> Snapshot:
    head = Head(epoch, epoch, seconds, 1, 1, b"\x02" * 32, b"\x03" * 32)
    number = block.to_bytes(32, "big")
    return Snapshot(
        "records", block, number, seconds + block, b"hdr", (b"\x01", b"\x02"), (0,), head
    )


def test_batch_committed_is_found_by_number_and_key(store: Store) -> None:
    stored = store.commit_batch(make_batch("key"), [make_put(), make_put()], [])
    assert store.batch(stored.id) == store.find_batch("key") == stored
    assert stored.received_at == NOW
    assert store.find_batch("other") is None


def test_batch_same_idempotency_key_is_refused_whole(store: Store) -> None:
    store.commit_batch(make_batch("key"), [], [])
    put = make_put()
    with pytest.raises(ConflictError):
        store.commit_batch(make_batch("key"), [put], [])
    assert store.records_by_natural_key([put.record.natural_key]) == {}


def test_batch_same_natural_key_is_refused_whole(store: Store) -> None:
    first, second = make_put(), make_put()
    store.commit_batch(make_batch(), [first], [])
    with pytest.raises(ConflictError):
        store.commit_batch(
            make_batch(), [second, make_put(natural_key=first.record.natural_key)], []
        )
    assert store.records_by_natural_key([second.record.natural_key]) == {}
    assert len(store.unsequenced(RECORDS, 10)) == 1


def test_records_found_by_document_are_of_every_issuer(store: Store) -> None:
    first, second = make_put(), make_put()
    second = replace(second, record=replace(second.record, issuer="11310104MAK4D0YH8F"))
    store.commit_batch(make_batch(), [first, second], [])
    found = store.records_by_document("cf", "31罚(2026)1号", SUBJECT)
    assert [one.issuer for one in found] == [ISSUER, "11310104MAK4D0YH8F"]
    assert store.records_by_document("xk", "31罚(2026)1号", SUBJECT) == ()


def test_natural_keys_by_the_thousand_are_found(store: Store) -> None:
    puts = [make_put() for _ in range(1_200)]
    store.commit_batch(make_batch(), puts, [])
    keys = [put.record.natural_key for put in puts]
    assert set(store.records_by_natural_key(keys)) == set(keys)
    assert len(store.positions([put.record.record_id for put in puts])) == 1_200


def test_ending_marks_the_record_and_keeps_its_put(store: Store) -> None:
    put = make_put()
    store.commit_batch(make_batch(), [put], [])
    store.commit_batch(make_batch(), [], [make_ending(store, put)])
    record = store.records_by_natural_key([put.record.natural_key])[put.record.natural_key]
    assert (record.status, record.ended_kind, record.ended_on) == (
        "ended",
        "repair",
        date(2026, 10, 30),
    )
    first, second = store.unsequenced(RECORDS, 10)
    assert second.target_seq == first.seq == record.put_seq
    assert second.target_index is None


def test_ending_of_an_ended_record_is_refused_whole(store: Store) -> None:
    put, other = make_put(), make_put()
    store.commit_batch(make_batch(), [put], [])
    ending = make_ending(store, put)
    store.commit_batch(make_batch(), [], [ending])
    with pytest.raises(ConflictError):
        store.commit_batch(make_batch(), [other], [ending])
    assert store.records_by_natural_key([other.record.natural_key]) == {}


def test_put_with_its_end_takes_one_transaction(store: Store) -> None:
    put = make_put(until=date(2026, 1, 1))
    put = replace(
        put,
        ending=Ending(
            make_event("drop", "expire", put.record.record_id), "expire", date(2026, 1, 1), None
        ),
    )
    store.commit_batch(make_batch(), [put], [])
    waiting = store.unsequenced(RECORDS, 10)
    assert [one.op for one in waiting] == ["put", "drop"]
    assert waiting[1].target_seq == waiting[0].seq
    position = store.positions([put.record.record_id])[put.record.record_id]
    assert position.is_ended and position.put_index is None and position.end_index is None


def amendment_of(store: Store, put: Put, until: date | None = None) -> Put:
    known = store.records_by_natural_key([put.record.natural_key])[put.record.natural_key]
    version = known.version + 1
    record = replace(
        put.record,
        content_digest=rng.randbytes(32),
        document_number="31罚[2026]1号",
        in_force_until=until,
    )
    event = replace(make_event(kind="amend", record_id=known.record_id), version=version)
    return Put(event, record, target_seq=known.put_seq)


def test_amendment_moves_the_record_to_its_newest_put(store: Store) -> None:
    put, other = make_put(), make_put()
    store.commit_batch(make_batch(), [put, other], [])
    amended = amendment_of(store, put, date(2027, 1, 1))
    store.commit_batch(make_batch(), [amended, make_put()], [])
    known = store.records_by_natural_key([put.record.natural_key, other.record.natural_key])
    record = known[put.record.natural_key]
    assert (record.record_id, record.version, record.status) == (
        put.record.record_id,
        2,
        "in_force",
    )
    assert record.content_digest == amended.record.content_digest
    assert record.in_force_until == date(2027, 1, 1)
    first, _, third, _ = store.unsequenced(RECORDS, 10)
    assert (third.op, third.target_seq, third.target_index) == ("put", first.seq, None)
    assert record.put_seq == third.seq
    assert known[other.record.natural_key].version == 1
    (found,) = [
        one
        for one in store.records_by_document("cf", put.record.document_match, SUBJECT)
        if one.record_id == record.record_id
    ]
    assert found == record


def test_amendment_of_a_sequenced_put_knows_its_index(store: Store) -> None:
    put = make_put()
    store.commit_batch(make_batch(), [put], [])
    fence = store.acquire_fence("worker")
    (event,) = store.unsequenced(RECORDS, 10)
    store.append_entries(fence, RECORDS, 0, make_entries(0, [None, event.seq]))
    store.commit_batch(make_batch(), [amendment_of(store, put)], [])
    (waiting,) = store.unsequenced(RECORDS, 10)
    assert (waiting.target_seq, waiting.target_index) == (event.seq, 1)
    position = store.positions([put.record.record_id])[put.record.record_id]
    assert (position.put_index, position.is_ended) == (None, False)


def test_position_of_an_amended_record_is_that_of_the_batch_that_speaks_of_it(
    store: Store,
) -> None:
    put = make_put()
    record_id = put.record.record_id
    first = store.commit_batch(make_batch(), [put], [])
    between = store.commit_batch(make_batch(), [], [])
    fence = store.acquire_fence("worker")
    (event,) = store.unsequenced(RECORDS, 10)
    store.append_entries(fence, RECORDS, 0, make_entries(0, [None, event.seq]))
    second = store.commit_batch(make_batch(), [amendment_of(store, put)], [])
    for batch, index in ((first, 1), (between, 1), (second, None)):
        assert store.positions([record_id], batch.id)[record_id].put_index == index
    (event,) = store.unsequenced(RECORDS, 10)
    store.append_entries(fence, RECORDS, 2, make_entries(2, [event.seq]))
    for batch, index in ((first, 1), (between, 1), (second, 2)):
        assert store.positions([record_id], batch.id)[record_id].put_index == index
    assert store.positions([record_id])[record_id].put_index == 2


def test_amendment_decided_on_an_older_put_is_refused_whole(store: Store) -> None:
    put, other = make_put(), make_put()
    store.commit_batch(make_batch(), [put], [])
    first, second = amendment_of(store, put), amendment_of(store, put)
    store.commit_batch(make_batch(), [first], [])
    with pytest.raises(ConflictError):
        store.commit_batch(make_batch(), [other, second], [])
    assert store.records_by_natural_key([other.record.natural_key]) == {}
    (record,) = store.records_by_natural_key([put.record.natural_key]).values()
    assert (record.version, record.content_digest) == (2, first.record.content_digest)
    assert len(store.unsequenced(RECORDS, 10)) == 2


def test_amendment_of_an_ended_record_is_refused_whole(store: Store) -> None:
    put = make_put()
    store.commit_batch(make_batch(), [put], [])
    amended = amendment_of(store, put)
    store.commit_batch(make_batch(), [], [make_ending(store, put)])
    with pytest.raises(ConflictError):
        store.commit_batch(make_batch(), [amended], [])
    (record,) = store.records_by_natural_key([put.record.natural_key]).values()
    assert (record.version, record.status) == (1, "ended")


def test_amendment_of_a_record_that_is_not_there_is_refused_whole(store: Store) -> None:
    put = make_put()
    store.commit_batch(make_batch(), [put], [])
    amended = amendment_of(store, put)
    stranger = replace(amended, record=replace(amended.record, record_id="0" * 32))
    with pytest.raises(ConflictError):
        store.commit_batch(make_batch(), [stranger], [])
    assert len(store.unsequenced(RECORDS, 10)) == 1


def test_ending_decided_before_an_amendment_is_refused_whole(store: Store) -> None:
    put = make_put()
    store.commit_batch(make_batch(), [put], [])
    ending = make_ending(store, put)
    store.commit_batch(make_batch(), [amendment_of(store, put)], [])
    fence = store.acquire_fence("worker")
    for write in (
        lambda: store.commit_batch(make_batch(), [], [ending]),
        lambda: store.commit_endings(fence, [ending], NOW),
    ):
        with pytest.raises(ConflictError):
            write()
    (record,) = store.records_by_natural_key([put.record.natural_key]).values()
    assert record.status == "in_force"


def test_amendment_with_its_end_drops_the_put_of_the_amendment(store: Store) -> None:
    put = make_put()
    store.commit_batch(make_batch(), [put], [])
    day = date(2026, 1, 1)
    amended = amendment_of(store, put, day)
    drop = make_event("drop", "expire", put.record.record_id)
    store.commit_batch(
        make_batch(), [replace(amended, ending=Ending(drop, "expire", day, None))], []
    )
    _, second, third = store.unsequenced(RECORDS, 10)
    assert (third.op, third.target_seq) == ("drop", second.seq)
    (record,) = store.records_by_natural_key([put.record.natural_key]).values()
    assert (record.status, record.put_seq, record.version) == ("ended", second.seq, 2)


def test_amendments_by_the_thousand_are_all_made(store: Store) -> None:
    puts = [make_put() for _ in range(1_200)]
    store.commit_batch(make_batch(), puts, [])
    seqs = {
        one.record_id: one.put_seq
        for one in store.records_by_natural_key([put.record.natural_key for put in puts]).values()
    }
    amended = [
        Put(
            replace(make_event(kind="amend", record_id=put.record.record_id), version=2),
            put.record,
            target_seq=seqs[put.record.record_id],
        )
        for put in puts
    ]
    store.commit_batch(make_batch(), amended, [])
    found = store.records_by_natural_key([put.record.natural_key for put in puts])
    assert {one.version for one in found.values()} == {2}


def test_records_past_end_follow_an_amendment(store: Store) -> None:
    puts = [make_put(date(2026, 10, 30)), make_put(None)]
    store.commit_batch(make_batch(), puts, [])
    amended = [
        amendment_of(store, puts[0], None),
        amendment_of(store, puts[1], date(2026, 10, 29)),
    ]
    store.commit_batch(make_batch(), amended, [])
    found = store.records_past_end(date(2026, 10, 31), 10)
    assert [one.in_force_until for one in found] == [date(2026, 10, 29)]


def test_records_past_end_are_those_in_force_only(store: Store) -> None:
    puts = [make_put(date(2026, 10, day)) for day in (29, 30, 31)] + [make_put(None)]
    store.commit_batch(make_batch(), puts, [])
    fence = store.acquire_fence("worker")
    today = date(2026, 10, 31)
    found = store.records_past_end(today, 10)
    assert [one.in_force_until for one in found] == [date(2026, 10, 29), date(2026, 10, 30)]
    store.commit_endings(fence, [make_ending(store, puts[0], "expire")], NOW)
    assert [one.in_force_until for one in store.records_past_end(today, 10)] == [date(2026, 10, 30)]


def test_entries_appended_give_their_events_an_index(store: Store) -> None:
    puts = [make_put(), make_put()]
    store.commit_batch(make_batch(), puts, [])
    fence = store.acquire_fence("worker")
    first, second = store.unsequenced(RECORDS, 10)
    entries = make_entries(0, [None, first.seq, second.seq])
    store.append_entries(fence, RECORDS, 0, entries)
    assert [one.entry for one in store.entries(RECORDS, 1, 10)] == [b"entry 1", b"entry 2"]
    assert store.unsequenced(RECORDS, 10) == ()
    opened = store.openable(RECORDS, [2, 1])
    assert [one.log_index for one in opened] == [1, 2]
    assert opened[0].event == b'{"v":1}' and opened[0].disclosures == ("WyJh", "WyJi")
    position = store.positions([puts[1].record.record_id])[puts[1].record.record_id]
    assert (position.put_index, position.is_ended) == (2, False)


def test_entries_of_another_stream_do_not_count(store: Store) -> None:
    fence = store.acquire_fence("worker")
    store.append_entries(fence, RECORDS, 0, make_entries(0, [None, None]))
    store.append_entries(fence, StreamLog("queries", 1), 0, make_entries(0, [None]))
    assert len(store.entries(StreamLog("queries", 1), 0, 10)) == 1


def test_entries_at_another_size_are_refused(store: Store) -> None:
    fence = store.acquire_fence("worker")
    store.append_entries(fence, RECORDS, 0, make_entries(0, [None]))
    with pytest.raises(RollbackError):
        store.append_entries(fence, RECORDS, 0, make_entries(0, [None]))
    with pytest.raises(RollbackError):
        store.append_entries(fence, RECORDS, 2, make_entries(2, [None]))
    assert len(store.entries(RECORDS, 0, 10)) == 1


def test_event_with_an_index_is_never_given_another(store: Store) -> None:
    store.commit_batch(make_batch(), [make_put()], [])
    fence = store.acquire_fence("worker")
    (event,) = store.unsequenced(RECORDS, 10)
    store.append_entries(fence, RECORDS, 0, make_entries(0, [event.seq]))
    with pytest.raises(FatalStateError):
        store.append_entries(fence, RECORDS, 1, make_entries(1, [event.seq]))
    assert len(store.entries(RECORDS, 0, 10)) == 1


def test_key_is_pending_until_its_events_are_served(store: Store) -> None:
    put = make_put()
    key = put.event.map_key
    assert not store.is_pending(RECORDS, key, 0)
    store.commit_batch(make_batch(), [put], [])
    assert store.is_pending(RECORDS, key, 100)
    assert not store.is_pending(StreamLog("queries", 1), key, 100)
    fence = store.acquire_fence("worker")
    (event,) = store.unsequenced(RECORDS, 10)
    store.append_entries(fence, RECORDS, 0, make_entries(0, [None, event.seq]))
    assert store.is_pending(RECORDS, key, 1)
    assert not store.is_pending(RECORDS, key, 2)
    assert (store.pending_count(RECORDS, 1), store.pending_count(RECORDS, 2)) == (1, 0)


def test_fence_superseded_writes_nothing(store: Store) -> None:
    old = store.acquire_fence("worker")
    new = store.acquire_fence("worker")
    other = store.acquire_fence("mirror")
    for write in (
        lambda: store.append_entries(old, RECORDS, 0, make_entries(0, [None])),
        lambda: store.add_outbox(old, make_row()),
        lambda: store.set_outbox_state(old, 1, SENT, at=NOW),
        lambda: store.add_snapshot(old, make_snapshot(1), 1),
        lambda: store.commit_endings(old, [], NOW),
        lambda: store.check_fence(old),
    ):
        with pytest.raises(FencedError):
            write()
    assert store.entries(RECORDS, 0, 1) == () and store.newest_outbox(RECORDS) is None
    store.check_fence(new)
    store.check_fence(other)


def test_outbox_row_goes_through_its_states(store: Store) -> None:
    fence = store.acquire_fence("worker")
    row = store.add_outbox(fence, make_row())
    assert (row.state, row.sent_at, row.raw_tx) == (SIGNED, None, b"raw")
    store.set_outbox_state(fence, row.id, SENT, at=NOW)
    store.set_outbox_state(fence, row.id, MINED, at=NOW, block_number=7)
    newest = store.newest_outbox(RECORDS)
    assert newest is not None
    assert (newest.state, newest.sent_at, newest.block_number) == (MINED, NOW, 7)
    store.add_snapshot(fence, make_snapshot(8), row.id)
    newest = store.newest_outbox(RECORDS)
    assert newest is not None and newest.state == ANCHORED


def test_outbox_epoch_is_held_by_one_row_at_a_time(store: Store) -> None:
    fence = store.acquire_fence("worker")
    first = store.add_outbox(fence, make_row())
    with pytest.raises(ConflictError):
        store.add_outbox(fence, make_row(nonce=1))
    store.add_outbox(fence, make_row(log=StreamLog("queries", 1)))
    store.set_outbox_state(fence, first.id, WITHDRAWN, at=NOW)
    second = store.add_outbox(fence, make_row(nonce=1))
    assert [one.id for one in store.find_outbox(RECORDS, 1)] == [second.id, first.id]
    newest = store.newest_outbox(RECORDS)
    assert newest is not None and newest.id == second.id
    with pytest.raises(ConflictError):
        store.set_outbox_state(fence, first.id, MINED, at=NOW)


def test_outbox_after_an_epoch_leaves_out_the_withdrawn(store: Store) -> None:
    fence = store.acquire_fence("worker")
    rows = [store.add_outbox(fence, make_row(epoch)) for epoch in (1, 2, 3)]
    store.set_outbox_state(fence, rows[1].id, WITHDRAWN, at=NOW)
    assert [one.epoch for one in store.outbox_after(RECORDS, 1)] == [3]


def test_nonces_in_flight_are_of_signed_and_sent_rows(store: Store) -> None:
    fence = store.acquire_fence("worker")
    assert store.nonces_in_flight(SENDER) == frozenset()
    row = store.add_outbox(fence, make_row(nonce=6))
    store.set_outbox_state(fence, row.id, SENT, at=NOW)
    other = store.add_outbox(fence, make_row(nonce=7, log=StreamLog("queries", 1)))
    assert store.nonces_in_flight(SENDER) == {6, 7}
    store.set_outbox_state(fence, row.id, MINED, at=NOW, block_number=1)
    store.set_outbox_state(fence, other.id, WITHDRAWN, at=NOW)
    assert store.nonces_in_flight(SENDER) == frozenset()


def test_snapshots_kept_are_first_of_epoch_last_of_day_and_newest(store: Store) -> None:
    fence = store.acquire_fence("worker")
    row = store.add_outbox(fence, make_row())
    midnight = 1_793_462_400  # 2026-11-01T00:00:00+08:00
    for block, epoch, seconds in [
        (1, 1, midnight - 100),
        (2, 1, midnight - 100),
        (3, 1, midnight - 100),
        (4, 1, midnight),
        (5, 1, midnight),
        (6, 2, midnight),
        (7, 2, midnight),
    ]:
        store.add_snapshot(fence, make_snapshot(block, epoch, seconds), row.id)
    newest = store.newest_snapshot(RECORDS)
    assert newest == make_snapshot(7, 2, midnight)
    assert store.newest_snapshot(StreamLog("queries", 1)) is None
    from sqlalchemy import text

    with store.reading() as connection:  # type: ignore[attr-defined]
        kept = connection.execute(text("SELECT block_number FROM snapshots ORDER BY id")).scalars()
        assert list(kept) == [1, 3, 6, 7]


def test_fact_bound_twice_must_be_equal(store: Store) -> None:
    store.bind("region", "310000")
    store.bind("region", "310000")
    with pytest.raises(FatalStateError):
        store.bind("region", "320000")


def test_writers_at_once_all_succeed(store: Store) -> None:
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(5):
                store.commit_batch(make_batch(), [make_put()], [])
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(store.unsequenced(RECORDS, 100)) == 20


def test_store_reopened_has_everything(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/node.db"
    first = open_store(url)
    first.start_first(RECORDS)
    stored = first.commit_batch(make_batch("key"), [make_put()], [])
    first.close()
    second = open_store(url)
    assert second.find_batch("key") == stored
    second.close()


def test_values_printed_say_nothing_of_a_subject(store: Store) -> None:
    new = make_put()
    store.commit_batch(make_batch(), [new], [])
    (stored,) = store.records_by_natural_key([new.record.natural_key]).values()
    for shown in (repr(new), repr(stored)):
        for secret in (SUBJECT, new.record.document_number, repr(new.event.salt)):
            assert secret not in shown
