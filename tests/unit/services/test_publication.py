"""Accepting files: every row once, all or nothing, and a report that says what became of it."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

import pytest
from worlds.node import (
    CHANGE_COLUMNS,
    OTHER_ISSUER,
    RECORDS,
    REGION,
    World,
    change,
    changes,
    penalties,
    penalty,
    uscc,
)

from ledger.core.intake import FileError
from ledger.errors import ConflictError, FatalStateError, InputError, StoreUnavailableError
from ledger.services.publication import BatchReport, Effect, Outcome, Publication, State, reading
from ledger.services.publication.identity import RecordIdentity
from ledger.services.publication.report import encode_report, parse_report
from ledger.services.publication.slices import SLICE_ROWS


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def codes(report: BatchReport) -> list[str | None]:
    return [row.errors[0].code if row.errors else None for row in report.rows]


def waiting(world: World) -> int:
    return len(world.store.unsequenced(RECORDS, 10_000))


def test_accept_good_rows_puts_each_once(world: World) -> None:
    report = world.publish(penalties(penalty(1), penalty(2)))
    assert (report.accepted, report.rejected) == (2, 0)
    assert [row.row for row in report.rows] == [2, 3]
    assert {row.effect for row in report.rows} == {Effect.PUT}
    assert {row.state for row in report.rows} == {State.ACCEPTED}
    assert waiting(world) == 2


def test_accept_takes_good_rows_and_reports_bad_ones(world: World) -> None:
    report = world.publish(penalties(penalty(1), penalty(2, subject="12"), penalty(3)))
    assert [row.outcome for row in report.rows] == [
        Outcome.ACCEPTED,
        Outcome.REJECTED,
        Outcome.ACCEPTED,
    ]
    assert codes(report)[1] == "uscc-length"
    assert waiting(world) == 2


def test_accept_same_file_twice_publishes_nothing_twice(world: World) -> None:
    first = world.publish(penalties(penalty(1), penalty(2)))
    second = world.publish(penalties(penalty(1), penalty(2)))
    assert (second.accepted, second.unchanged) == (0, 2)
    assert second.batch_id != first.batch_id
    assert [row.record_id for row in second.rows] == [row.record_id for row in first.rows]
    assert waiting(world) == 2


def test_accept_other_spelling_of_the_number_is_unchanged(world: World) -> None:
    world.publish(penalties(penalty(1)))
    other = penalty(1).replace("〔", "[").replace("〕", "］")
    assert world.publish(penalties(other)).unchanged == 1


def test_accept_other_content_is_a_conflict(world: World) -> None:
    first = world.publish(penalties(penalty(1)))
    second = world.publish(penalties(penalty(1, fine="2.000000")))
    assert codes(second) == ["conflict"]
    assert second.rows[0].record_id == first.rows[0].record_id
    assert waiting(world) == 1


def test_accept_same_row_twice_in_a_file_is_unchanged(world: World) -> None:
    report = world.publish(penalties(penalty(1), penalty(1)))
    assert [row.outcome for row in report.rows] == [Outcome.ACCEPTED, Outcome.UNCHANGED]
    assert report.rows[0].record_id == report.rows[1].record_id
    assert waiting(world) == 1


def test_accept_contradicting_rows_in_a_file_takes_the_first(world: World) -> None:
    report = world.publish(penalties(penalty(1), penalty(1, fine="3.000000")))
    assert codes(report) == [None, "conflict"]
    assert waiting(world) == 1


def test_accept_same_number_of_another_issuer_is_another_record(world: World) -> None:
    report = world.publish(penalties(penalty(1), penalty(1, issuer=OTHER_ISSUER)))
    assert report.accepted == 2


def test_accept_row_past_its_end_is_put_and_ended_at_once(world: World) -> None:
    report = world.publish(
        penalties(penalty(1, until="2026-10-30"), penalty(2, until="2026-10-31"))
    )
    assert [row.effect for row in report.rows] == [Effect.PUT_AND_ENDED, Effect.PUT]
    assert report.accepted == 2
    assert [event.op for event in world.store.unsequenced(RECORDS, 9)] == ["put", "put", "drop"]


def test_accept_row_of_an_expired_record_answers_already_ended(world: World) -> None:
    file = penalties(penalty(1, until="2026-10-30"))
    world.publish(file)
    assert codes(world.publish(file)) == ["already-ended"]


@pytest.mark.parametrize("kind", ["repair", "revoke"])
def test_accept_row_of_an_ended_record_answers_already_ended(world: World, kind: str) -> None:
    world.publish(penalties(penalty(1)))
    ended = world.publish(changes(change(1, kind=kind)))
    assert ended.rows[0].effect is Effect.ENDED
    again = world.publish(penalties(penalty(1)))
    assert codes(again) == ["already-ended"]
    assert again.rows[0].errors[0].found == kind
    assert waiting(world) == 2


def test_change_of_an_unknown_record_is_reported(world: World) -> None:
    world.publish(penalties(penalty(1)))
    report = world.publish(changes(change(2), change(1, subject=uscc(2))))
    assert codes(report) == ["unknown-record", "unknown-record"]


def test_change_of_another_region_is_skipped(world: World) -> None:
    world.publish(penalties(penalty(1)))
    report = world.publish(changes(change(1, region="320000"), change(1)))
    assert [row.outcome for row in report.rows] == [Outcome.SKIPPED, Outcome.ACCEPTED]
    assert report.skipped == 1


def test_change_that_matches_two_issuers_is_ambiguous(world: World) -> None:
    world.publish(penalties(penalty(1), penalty(1, issuer=OTHER_ISSUER)))
    report = world.publish(changes(change(1)))
    assert codes(report) == ["ambiguous"]
    assert waiting(world) == 2


def test_change_that_names_its_issuer_is_not_ambiguous(world: World) -> None:
    first = world.publish(penalties(penalty(1), penalty(1, issuer=OTHER_ISSUER)))
    row = f"{change(1)},{OTHER_ISSUER}"
    report = world.publish(changes(row, columns=f"{CHANGE_COLUMNS},CF_CFJGDM"))
    assert report.rows[0].record_id == first.rows[1].record_id
    wrong = f"{change(1)},{uscc(3, '11310104MA')}"
    report = world.publish(changes(wrong, columns=f"{CHANGE_COLUMNS},CF_CFJGDM"))
    assert codes(report) == ["unknown-record"]


def test_change_sent_twice_ends_once(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.publish(changes(change(1)))
    again = world.publish(changes(change(1)))
    assert (again.unchanged, again.rejected) == (1, 0)
    assert waiting(world) == 2


def test_change_sent_twice_is_as_far_as_the_end_is(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle(4)
    world.publish(changes(change(1)))
    again = world.publish(changes(change(1)))
    assert [row.state for row in again.rows] == [State.ACCEPTED]
    world.settle(4)
    later = world.publication.report(again.batch_id)
    assert later is not None and [row.state for row in later.rows] == [State.CONFIRMED]


def test_change_of_a_record_ended_otherwise_answers_already_ended(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.publish(changes(change(1, kind="repair")))
    assert codes(world.publish(changes(change(1, kind="revoke")))) == ["already-ended"]


def test_change_twice_in_a_file_ends_once(world: World) -> None:
    world.publish(penalties(penalty(1)))
    report = world.publish(changes(change(1), change(1), change(1, kind="revoke")))
    assert [row.outcome for row in report.rows] == [
        Outcome.ACCEPTED,
        Outcome.UNCHANGED,
        Outcome.REJECTED,
    ]
    assert waiting(world) == 2


def test_key_sent_again_is_answered_with_the_first_report(world: World) -> None:
    file = penalties(penalty(1), penalty(2, until="2026-01-01"), penalty(3, subject="1"))
    first = world.publish(file, "once")
    again = world.publish(file, "once")
    assert again == first
    assert waiting(world) == 3


def test_key_sent_with_other_bytes_is_a_conflict(world: World) -> None:
    world.publish(penalties(penalty(1)), "once")
    with pytest.raises(ConflictError):
        world.publish(penalties(penalty(2)), "once")
    assert waiting(world) == 1


def test_key_too_long_is_refused(world: World) -> None:
    with pytest.raises(InputError):
        world.publish(penalties(penalty(1)), "k" * 256)
    with pytest.raises(InputError):
        world.publish(penalties(penalty(1)), "")


@pytest.mark.parametrize("unfit", ["a\x00b", "a\nb", "\ud800"])
def test_name_no_database_takes_is_refused(world: World, unfit: str) -> None:
    for name, key in ((unfit, None), ("file.csv", unfit)):
        with pytest.raises(InputError) as caught:
            world.publication.accept(penalties(penalty(1)), name, key)
        assert unfit not in str(caught.value)
    assert waiting(world) == 0


def test_database_filled_under_another_node_key_takes_nothing(world: World) -> None:
    """No record would be known again: every row would be published twice."""
    world.publish(penalties(penalty(1)))
    other = Publication(
        region=REGION,
        store=world.store,
        keys=world.keys,
        node_key=b"\x08" * 32,
        clock=world.clock,
        entropy=world.entropy,
        streams=world.node_streams,
    )
    with pytest.raises(FatalStateError):
        other.accept(penalties(penalty(1)), "file.csv")
    assert waiting(world) == 1


def test_row_over_by_the_clock_alone_is_not_ended_at_once(world: World) -> None:
    world.settle(3)
    world.restart()  # nothing is served yet
    world.clock.advance(86_400)  # a clock that runs ahead of the chain
    report = world.publish(
        penalties(penalty(1, until="2026-10-31"), penalty(2, until="2026-10-30"))
    )
    assert [row.effect for row in report.rows] == [Effect.PUT, Effect.PUT_AND_ENDED]


def test_file_that_cannot_be_read_writes_nothing(world: World) -> None:
    with pytest.raises(FileError):
        world.publish(b"")
    assert world.store.batch(1) is None


def test_report_read_later_says_how_far_rows_are(world: World) -> None:
    first = world.publish(penalties(penalty(1), penalty(2, until="2026-01-01")))
    world.settle(4)
    later = world.publication.report(first.batch_id)
    assert later is not None
    assert [row.state for row in later.rows] == [State.CONFIRMED, State.CONFIRMED]
    world.publish(changes(change(1)))
    again = world.publication.report(first.batch_id)
    assert again is not None and again.rows[0].state is State.CONFIRMED
    assert world.publication.report(99) is None


def test_report_stored_and_read_is_the_same(world: World) -> None:
    report = world.publish(penalties(penalty(1), penalty(2, subject="12"), penalty(1)))
    read = parse_report(
        encode_report(report),
        batch_id=report.batch_id,
        source_name=report.source_name,
        received_at=report.received_at,
    )
    assert [row.errors for row in read.rows] == [row.errors for row in report.rows]
    assert [row.outcome for row in read.rows] == [row.outcome for row in report.rows]
    assert encode_report(read) == encode_report(report)


def test_progress_is_told_until_every_row_is_done(world: World) -> None:
    told: list[tuple[int, int]] = []
    rows = [penalty(n) for n in range(SLICE_ROWS + 1)]
    content = penalties(*rows, penalty(1), penalty(2, subject="12"))
    world.publication.accept(content, "a.csv", progress=lambda *at: told.append(at))
    total = len(rows) + 2
    assert told == [(2, total), (SLICE_ROWS + 2, total), (total, total)]
    told.clear()
    world.publication.accept(content, "a.csv", progress=lambda *at: told.append(at))
    assert told == [(total, total)]


def test_file_stopped_in_its_midst_writes_nothing(world: World) -> None:
    class StoppedError(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done == total:
            raise StoppedError

    content = penalties(*[penalty(n) for n in range(SLICE_ROWS + 1)])
    with pytest.raises(StoppedError):
        world.publication.accept(content, "a.csv", progress=stop)
    assert world.store.batch(1) is None
    assert waiting(world) == 0
    assert world.publish(content).accepted == SLICE_ROWS + 1


def test_file_over_midnight_is_published_on_the_new_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day passes while the puts beyond those made ahead are made, within the transaction."""
    monkeypatch.setattr(reading, "AHEAD_SLICES", 1)

    def pass_midnight(done: int, total: int) -> None:
        if done == total and world.clock.now().day == 31:
            world.clock.advance(86_400)

    content = penalties(*[penalty(n) for n in range(SLICE_ROWS + 1)])
    report = world.publication.accept(content, "a.csv", progress=pass_midnight)
    assert report.accepted == SLICE_ROWS + 1
    assert report.received_at == world.clock.now()
    world.settle(3)
    events = world.store.openable(RECORDS, [1, SLICE_ROWS + 1])
    assert [json.loads(one.event or b"")["published_on"] for one in events] == ["2026-11-01"] * 2
    assert world.records.size == SLICE_ROWS + 2


def test_published_on_is_the_nodes_day_in_china(world: World) -> None:
    world.clock.at = datetime(2026, 10, 31, 16, 30, tzinfo=UTC)  # 00:30 of 1 November
    report = world.publish(penalties(penalty(1, until="2026-10-31")))
    assert report.rows[0].effect is Effect.PUT_AND_ENDED
    with world.store.reading() as connection:
        from sqlalchemy import text

        assert '"published_on":"2026-11-01"' in str(
            connection.execute(text("SELECT event FROM events")).scalars().first()
        )


def test_midnight_while_deciding_decides_again(world: World) -> None:
    world.clock.at = datetime(2026, 10, 31, 15, 59, 59, tzinfo=UTC)

    def pass_midnight(done: int, total: int) -> None:
        world.clock.at = datetime(2026, 10, 31, 16, 0, 1, tzinfo=UTC)

    report = world.publication.accept(
        penalties(penalty(1, until="2026-10-31")), "a.csv", progress=pass_midnight
    )
    assert report.rows[0].effect is Effect.PUT_AND_ENDED


def test_other_writer_in_between_is_noticed(world: World, monkeypatch: Any) -> None:
    """Another process publishes the same row between the decision and the write."""
    commit, slipped = world.store.commit_batch, []

    def slip_in(batch: Any, puts: Any, endings: Any) -> Any:
        if not slipped:
            slipped.append(1)
            other = World.__new__(World)
            other.__dict__.update(world.__dict__)
            other.start()
            other.publish(penalties(penalty(1)))
        return commit(batch, puts, endings)

    monkeypatch.setattr(world.store, "commit_batch", slip_in)
    report = world.publish(penalties(penalty(1), penalty(2)))
    assert [row.outcome for row in report.rows] == [Outcome.UNCHANGED, Outcome.ACCEPTED]
    assert waiting(world) == 2


def test_same_key_from_another_process_at_once_gives_one_batch(
    world: World, monkeypatch: Any
) -> None:
    commit, slipped = world.store.commit_batch, []

    def slip_in(batch: Any, puts: Any, endings: Any) -> Any:
        if not slipped:
            slipped.append(1)
            commit(batch, puts, endings)
        return commit(batch, puts, endings)

    monkeypatch.setattr(world.store, "commit_batch", slip_in)
    report = world.publish(penalties(penalty(1)), "once")
    assert report.batch_id == 1 and report.accepted == 1
    assert waiting(world) == 1
    assert world.store.batch(2) is None


def test_other_writer_always_quicker_gives_up(world: World, monkeypatch: Any) -> None:
    def refuse(*_: object) -> None:
        raise ConflictError("store: IntegrityError")

    monkeypatch.setattr(world.store, "commit_batch", refuse)
    with pytest.raises(StoreUnavailableError):
        world.publish(penalties(penalty(1)))


def test_same_file_from_many_threads_is_published_once(world: World) -> None:
    reports: list[BatchReport] = []
    threads = [
        Thread(target=lambda: reports.append(world.publish(penalties(penalty(1), penalty(2)))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.accepted for report in reports) == 2
    assert waiting(world) == 2


def test_node_key_of_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        RecordIdentity(region="310000", node_key=b"short")


def test_thousand_rows_take_a_bearable_time(world: World, capsys: Any) -> None:
    file = penalties(*(penalty(number) for number in range(1, 1_001)))
    begin = perf_counter()
    report = world.publish(file)
    accepted = perf_counter() - begin
    world.tick()
    sequenced = perf_counter() - begin - accepted
    assert report.accepted == 1_000 and world.records.size == 1_001
    with capsys.disabled():
        print(f"\n1,000 rows: accepted in {accepted:.2f} s, sequenced in {sequenced:.2f} s")


def test_stored_report_holds_every_member_of_every_row(world: World) -> None:
    world.publish(penalties(penalty(1)))
    report = world.publish(penalties(penalty(1), penalty(2), penalty(3, subject="12"), "," * 13))
    assert len({row.outcome for row in report.rows}) == 4
    bare = replace(report, rows=tuple(replace(row, state=None) for row in report.rows))
    members = asdict(bare)
    stored = json.loads(encode_report(report))
    assert list(stored["rows"][0]) == list(members["rows"][0])
    for name, value in stored.items():
        assert value == json.loads(json.dumps(members[name]))
