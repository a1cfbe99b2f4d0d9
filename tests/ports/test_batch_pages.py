"""Batches in parts and numbers for probes, as every database must give them."""

from datetime import UTC, datetime

from test_store import NOW, RECORDS, make_batch, make_entries, make_put, make_row

from ledger.adapters.sql import SqlStore
from ledger.core.intake.problems import Problem, row_error
from ledger.services.publication.report import (
    BatchReport,
    Effect,
    Mode,
    Outcome,
    RowReport,
    encode_report,
)
from ledger.services.stored import ANCHORED, NewBatch, Put, StoredBatch
from ledger.services.stream.streams import Sizes


def report_of(*rows: RowReport) -> str:
    return encode_report(
        BatchReport(0, "名单.csv", "records", "cf", NOW, ("备注",), (), rows, Mode.AMEND)
    )


def commit(store: SqlStore, rows: list[RowReport], puts: list[Put]) -> StoredBatch:
    batch = NewBatch("名单.csv", b"\x01" * 32, None, NOW, report_of(*rows))
    return store.commit_batch(batch, puts, [])


def rejected(row: int) -> RowReport:
    error = row_error(row, "CF_WSH", Problem("too-long", "at most 3", "“引号” \\ \n"))
    return RowReport(row, Outcome.REJECTED, errors=(error,))


def test_heads_are_newest_first_and_bounded(store: SqlStore) -> None:
    for _ in range(4):
        store.commit_batch(make_batch(), [], [])
    assert [one.id for one in store.batch_heads(None, 3)] == [4, 3, 2]
    assert [one.id for one in store.batch_heads(2, 3)] == [1]
    assert store.batch_heads(1, 3) == ()
    assert store.batch_heads(None, 1)[0].received_at == NOW


def test_facts_count_rows_and_name_the_first_rejected(store: SqlStore) -> None:
    puts = [make_put(), make_put()]
    effects = (Effect.PUT, Effect.AMENDED)
    rows = [
        RowReport(number, Outcome.ACCEPTED, effect, put.record.record_id)
        for number, (put, effect) in enumerate(zip(puts, effects, strict=True), 2)
    ]
    stored = commit(store, [*rows, rejected(4), RowReport(5, Outcome.SKIPPED), rejected(6)], puts)
    facts = store.batch_facts(stored.id, 1)
    assert facts is not None
    assert (facts.head.source_name, facts.kind, facts.record_type) == ("名单.csv", "records", "cf")
    assert (facts.mode, facts.ignored_columns) == ("amend", ("备注",))
    assert facts.counts == {"accepted": 2, "rejected": 2, "skipped": 1}
    assert facts.amended == 1
    assert facts.rejected == (rejected(4),)
    assert store.batch_facts(stored.id + 1, 1) is None


def test_rows_come_in_order_from_a_place_on_and_by_outcome(store: SqlStore) -> None:
    rows = [rejected(n) if n % 3 == 0 else RowReport(n, Outcome.SKIPPED) for n in range(2, 30)]
    stored = commit(store, rows, [])
    other = commit(store, [RowReport(2, Outcome.SKIPPED)], [])
    assert store.batch_rows(stored.id, 0, 3, None) == tuple(enumerate(rows[:3]))
    assert store.batch_rows(stored.id, 26, 9, None) == tuple(enumerate(rows[26:], 26))
    found = store.batch_rows(stored.id, 5, 2, "rejected")
    assert [row.row for _place, row in found] == [9, 12]
    assert [rows[place] for place, _row in found] == [row for _place, row in found]
    assert len(store.batch_rows(other.id, 0, 9, None)) == 1
    assert store.batch_rows(stored.id, 99, 9, None) == ()


def test_reached_counts_events_by_what_they_have_come_to(store: SqlStore) -> None:
    puts = [make_put() for _ in range(5)]
    rows = [
        RowReport(number, Outcome.ACCEPTED, Effect.PUT, put.record.record_id)
        for number, put in enumerate(puts, 2)
    ]
    stored = commit(store, rows, puts)
    fence = store.acquire_fence("worker")
    seqs = [one.seq for one in store.unsequenced(RECORDS, 4)]
    store.append_entries(fence, RECORDS, 0, make_entries(0, [None, *seqs]))
    sizes = {RECORDS: Sizes(4, 3, 2)}
    (own,) = store.batch_reached(stored.id, sizes)
    assert (own.events, own.sequenced, own.integrated, own.anchored, own.served) == (5, 4, 3, 2, 1)
    again = [
        RowReport(number, Outcome.UNCHANGED, None, put.record.record_id)
        for number, put in enumerate(puts[1:3], 2)
    ]
    second = commit(store, again, [])
    (own,) = store.batch_reached(second.id, sizes)
    (earlier,) = store.unchanged_reached(second.id, False, sizes)
    assert own.events == 0
    assert (earlier.events, earlier.sequenced, earlier.integrated) == (2, 2, 2)
    assert (earlier.anchored, earlier.served) == (1, 0)
    (ends,) = store.unchanged_reached(second.id, True, sizes)
    assert ends.events == 0


def test_backlog_counts_heads_without_a_snapshot(store: SqlStore) -> None:
    fence = store.acquire_fence("worker")
    empty = store.backlog()
    assert (empty.heads, empty.oldest_head) == (0, None)
    assert empty.schema
    first = store.add_outbox(fence, make_row(1, 0))
    store.add_outbox(fence, make_row(2, 1))
    found = store.backlog()
    assert (found.heads, found.oldest_head) == (2, NOW)
    store.set_outbox_state(fence, first.id, ANCHORED, at=NOW)
    assert store.backlog().heads == 1


def test_accepted_between_tells_when_a_stretch_was_accepted(store: SqlStore) -> None:
    later = datetime(2026, 10, 31, 5, 0, tzinfo=UTC)
    store.commit_batch(make_batch(), [make_put(), make_put()], [])
    second = NewBatch("b.csv", b"\x02" * 32, None, later, '{"rows": []}')
    store.commit_batch(second, [make_put()], [])
    fence = store.acquire_fence("worker")
    seqs = [one.seq for one in store.unsequenced(RECORDS, 9)]
    store.append_entries(fence, RECORDS, 0, make_entries(0, [None, *seqs]))
    assert store.accepted_between(RECORDS, 0, 4) == ((NOW, 2), (later, 1))
    assert store.accepted_between(RECORDS, 2, 3) == ((NOW, 1),)
    assert store.accepted_between(RECORDS, 4, 9) == ()
