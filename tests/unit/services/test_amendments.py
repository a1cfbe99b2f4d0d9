"""Amendments: a record in force with other content, only where its sender says so."""

import json
from pathlib import Path
from typing import Any

import pytest
from oracle.verifier import verify as second_verify
from worlds.clock import StandingClock
from worlds.node import OTHER_ISSUER, RECORDS, World, change, changes, penalties, penalty, uscc

from ledger.core import canonical
from ledger.core.intake import FileError
from ledger.core.trust import encode_trust_root
from ledger.errors import ConflictError
from ledger.services.lookup.answers import Result
from ledger.services.publication import BatchReport, Effect, Mode, Outcome, State
from ledger.services.publication.pages import BatchPages
from ledger.services.publication.report import encode_report, parse_report

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def codes(report: BatchReport) -> list[str | None]:
    return [row.errors[0].code if row.errors else None for row in report.rows]


def entries(world: World) -> list[Any]:
    """Entries of the log after the opening one."""
    return [canonical.decode(one.entry) for one in world.store.entries(RECORDS, 1, 1_000)]


def waiting(world: World) -> int:
    return len(world.store.unsequenced(RECORDS, 10_000))


def fine(world: World, number: int) -> object:
    """The fine of the one record of a subject, proved."""
    verdict = world.verdict(number)
    assert verdict, verdict.steps
    (record,) = verdict.records
    return record.values["fine_fen"]


def test_amend_other_content_replaces_the_put_and_keeps_the_record(world: World) -> None:
    first = world.publish(penalties(penalty(1), penalty(2)))
    world.settle()
    report = world.amend(penalties(penalty(1, fine="2.000000")))
    (row,) = report.rows
    assert (row.outcome, row.effect) == (Outcome.ACCEPTED, Effect.AMENDED)
    assert row.record_id == first.rows[0].record_id
    assert (report.accepted, report.amended, report.mode) == (1, 1, Mode.AMEND)
    world.settle()
    assert entries(world)[-1]["op"] == "put" and entries(world)[-1]["replaces"] == 1
    assert fine(world, 1) == 2_000_000
    assert fine(world, 2) == 1_000_000


def test_amended_record_is_pending_until_its_new_head_is_proved(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle()
    assert world.answer(1).result is Result.RECORDS
    world.amend(penalties(penalty(1, fine="2.000000")))
    assert world.answer(1).result is Result.PENDING
    world.settle()
    assert world.answer(1).result is Result.RECORDS


def test_amended_evidence_shows_the_new_version_to_both_verifiers(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.amend(penalties(penalty(1, fine="2.000000")))
    world.amend(penalties(penalty(1, fine="3.000000")))
    world.settle()
    verdict = world.verdict(1)
    assert verdict, verdict.steps
    (record,) = verdict.records
    assert (record.version, record.values["fine_fen"]) == (3, 3_000_000)
    evidence = world.answer(1).evidence
    assert evidence is not None
    now = int(world.clock.now().timestamp())
    outcome, _ = second_verify(evidence, encode_trust_root(world.trust_root), now=now)
    assert outcome == "VALID"


def test_amend_put_that_waits_for_its_index_is_replaced_in_order(world: World) -> None:
    world.publish(penalties(penalty(1), penalty(2)))
    world.amend(penalties(penalty(1, fine="2.000000"), penalty(2, fine="4.000000")))
    world.amend(penalties(penalty(1, fine="3.000000")))
    assert waiting(world) == 5
    world.settle()
    assert [one["replaces"] for one in entries(world)] == [None, None, 1, 2, 3]
    assert (fine(world, 1), fine(world, 2)) == (3_000_000, 4_000_000)


def test_amend_put_that_is_sequenced_and_not_anchored_is_replaced(world: World) -> None:
    world.chain.is_down = True
    world.publish(penalties(penalty(1)))
    world.tick()
    assert waiting(world) == 0 and world.records.size == 2
    world.amend(penalties(penalty(1, fine="2.000000")))
    world.tick()
    world.chain.is_down = False
    world.settle()
    assert fine(world, 1) == 2_000_000


def test_publish_other_content_stays_a_conflict_after_an_amendment(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.amend(penalties(penalty(1, fine="2.000000")))
    assert codes(world.publish(penalties(penalty(1)))) == ["conflict"]
    assert world.publish(penalties(penalty(1, fine="2.000000"))).unchanged == 1
    assert waiting(world) == 2


def test_amend_same_content_is_unchanged(world: World) -> None:
    world.publish(penalties(penalty(1)))
    report = world.amend(penalties(penalty(1)))
    assert (report.unchanged, report.amended) == (1, 0)
    other = penalty(1).replace("〔", "[").replace("〕", "］")
    assert world.amend(penalties(other)).unchanged == 1
    assert waiting(world) == 1


def test_amend_sent_again_is_unchanged(world: World) -> None:
    world.publish(penalties(penalty(1)))
    file = penalties(penalty(1, fine="2.000000"))
    first = world.amend(file)
    again = world.amend(file)
    assert (again.unchanged, again.accepted) == (1, 0)
    assert again.rows[0].record_id == first.rows[0].record_id
    assert waiting(world) == 2


def test_amend_back_to_earlier_content_is_a_new_version(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.amend(penalties(penalty(1, fine="2.000000")))
    world.amend(penalties(penalty(1)))
    world.settle()
    (record,) = world.verdict(1).records
    assert (record.version, record.values["fine_fen"]) == (3, 1_000_000)


@pytest.mark.parametrize(
    "row",
    [
        penalty(2, fine="2.000000"),
        penalty(1, issuer=OTHER_ISSUER),
        penalty(1, subject=uscc(9)),
    ],
)
def test_amend_of_nothing_is_refused(world: World, row: str) -> None:
    world.publish(penalties(penalty(1)))
    report = world.amend(penalties(row))
    assert codes(report) == ["nothing-to-amend"]
    assert report.rows[0].record_id is None
    assert waiting(world) == 1


@pytest.mark.parametrize("kind", ["repair", "revoke"])
@pytest.mark.parametrize("amount", ["1.000000", "2.000000"])
def test_amend_of_an_ended_record_answers_already_ended(
    world: World, kind: str, amount: str
) -> None:
    world.publish(penalties(penalty(1)))
    world.publish(changes(change(1, kind=kind)))
    report = world.amend(penalties(penalty(1, fine=amount)))
    assert codes(report) == ["already-ended"]
    assert report.rows[0].errors[0].found == kind
    assert waiting(world) == 2


def test_amend_of_a_record_that_is_over_and_not_swept_cannot_bring_it_back(world: World) -> None:
    world.publish(penalties(penalty(1, until="2026-10-31")))
    world.clock.advance(86_400)
    report = world.amend(penalties(penalty(1, until="2027-10-31")))
    assert codes(report) == ["already-ended"]
    assert report.rows[0].errors[0].found == "expire"
    assert waiting(world) == 1


def test_amend_end_into_the_past_ends_at_once(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle()
    report = world.amend(penalties(penalty(1, until="2026-10-30")))
    assert report.rows[0].effect is Effect.AMENDED_AND_ENDED
    assert (report.accepted, report.amended) == (1, 1)
    world.settle()
    assert [(one["op"], one["replaces"]) for one in entries(world)] == [
        ("put", None),
        ("put", 1),
        ("drop", 2),
    ]
    assert world.answer(1).result is Result.NONE
    later = world.publication.report(report.batch_id)
    assert later is not None and later.rows[0].state is State.CONFIRMED
    again = world.amend(penalties(penalty(1, until="2026-10-30")))
    assert codes(again) == ["already-ended"]


def test_amend_end_that_is_over_by_the_clock_alone_does_not_end_at_once(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle()
    world.clock.advance(86_400)  # a clock that runs ahead of the chain
    report = world.amend(penalties(penalty(1, until="2026-10-31")))
    assert report.rows[0].effect is Effect.AMENDED


def test_amended_end_is_swept_on_its_own_day(world: World) -> None:
    world.publish(penalties(penalty(1, until="2026-10-31")))
    world.amend(penalties(penalty(1, until="2026-11-01")))
    world.settle()
    world.clock.advance(86_400)
    world.chain.mine()
    world.settle()
    assert world.numbers(1)
    world.clock.advance(86_400)
    world.chain.mine()
    world.settle()
    assert world.answer(1).result is Result.NONE
    assert entries(world)[-1] | {"event": "", "key": ""} == {
        "event": "",
        "key": "",
        "op": "drop",
        "replaces": 2,
        "v": 1,
    }


@pytest.mark.parametrize("settled", [False, True])
def test_change_after_an_amendment_drops_the_newest_put(world: World, settled: bool) -> None:
    world.publish(penalties(penalty(1)))
    world.amend(penalties(penalty(1, fine="2.000000")))
    if settled:
        world.settle()
    report = world.publish(changes(change(1)))
    assert report.rows[0].effect is Effect.ENDED
    world.settle()
    assert [(one["op"], one["replaces"]) for one in entries(world)] == [
        ("put", None),
        ("put", 1),
        ("drop", 2),
    ]
    assert world.answer(1).result is Result.NONE


def test_amend_twice_in_a_file_takes_the_first(world: World) -> None:
    world.publish(penalties(penalty(1)))
    report = world.amend(
        penalties(
            penalty(1, fine="2.000000"), penalty(1, fine="2.000000"), penalty(1, fine="3.000000")
        )
    )
    assert codes(report) == [None, None, "conflict"]
    assert [row.outcome for row in report.rows][:2] == [Outcome.ACCEPTED, Outcome.UNCHANGED]
    assert waiting(world) == 2


def test_amend_row_against_an_unchanged_row_of_its_file_is_a_conflict(world: World) -> None:
    world.publish(penalties(penalty(1)))
    report = world.amend(penalties(penalty(1), penalty(1, fine="2.000000")))
    assert codes(report) == [None, "conflict"]
    assert waiting(world) == 1


def test_amend_bad_rows_are_reported_and_good_ones_taken(world: World) -> None:
    world.publish(penalties(penalty(1), penalty(2)))
    report = world.amend(
        penalties(penalty(1, fine="约2万元"), penalty(2, fine="2.000000"), penalty(3, subject="1"))
    )
    assert codes(report) == ["amount-format", None, "uscc-length"]
    assert report.amended == 1


def test_amend_with_a_change_file_is_refused_whole(world: World) -> None:
    world.publish(penalties(penalty(1)))
    with pytest.raises(FileError) as caught:
        world.amend(changes(change(1)))
    assert caught.value.problem == "changes-as-amendment"
    assert waiting(world) == 1


def test_key_of_a_publication_is_not_answered_when_the_bytes_are_sent_as_an_amendment(
    world: World,
) -> None:
    file = penalties(penalty(1))
    world.publish(file, "once")
    with pytest.raises(ConflictError):
        world.amend(file, "once")
    first = world.amend(file, "twice")
    assert world.amend(file, "twice").batch_id == first.batch_id
    with pytest.raises(ConflictError):
        world.publish(file, "twice")


def slip_in(world: World, monkeypatch: Any, act: Any) -> None:
    """Let another process act between the decision and the write."""
    commit, slipped = world.store.commit_batch, []

    def late(*arguments: Any) -> Any:
        if not slipped:
            slipped.append(1)
            other = World.__new__(World)
            other.__dict__.update(world.__dict__)
            other.start()
            act(other)
        return commit(*arguments)

    monkeypatch.setattr(world.store, "commit_batch", late)


def test_amend_when_a_change_slips_in_answers_already_ended(world: World, monkeypatch: Any) -> None:
    world.publish(penalties(penalty(1), penalty(2)))
    slip_in(world, monkeypatch, lambda other: other.publish(changes(change(1))))
    report = world.amend(penalties(penalty(1, fine="2.000000"), penalty(2, fine="2.000000")))
    assert codes(report) == ["already-ended", None]
    assert waiting(world) == 4


def test_change_when_an_amendment_slips_in_drops_the_amended_put(
    world: World, monkeypatch: Any
) -> None:
    world.publish(penalties(penalty(1)))
    slip_in(world, monkeypatch, lambda other: other.amend(penalties(penalty(1, fine="2.000000"))))
    report = world.publish(changes(change(1)))
    assert report.rows[0].effect is Effect.ENDED
    *_, amended, dropped = world.store.unsequenced(RECORDS, 9)
    assert dropped.target_seq == amended.seq


def test_amend_when_the_same_amendment_slips_in_is_unchanged(
    world: World, monkeypatch: Any
) -> None:
    world.publish(penalties(penalty(1)))
    file = penalties(penalty(1, fine="2.000000"))
    slip_in(world, monkeypatch, lambda other: other.amend(file))
    assert world.amend(file).unchanged == 1
    assert waiting(world) == 2


def test_amend_when_another_amendment_slips_in_replaces_that_one(
    world: World, monkeypatch: Any
) -> None:
    world.publish(penalties(penalty(1)))
    slip_in(world, monkeypatch, lambda other: other.amend(penalties(penalty(1, fine="2.000000"))))
    world.amend(penalties(penalty(1, fine="3.000000")))
    world.settle()
    assert [one["replaces"] for one in entries(world)] == [None, 1, 2]
    (record,) = world.verdict(1).records
    assert (record.version, record.values["fine_fen"]) == (3, 3_000_000)


def test_sweep_when_an_amendment_slips_in_leaves_the_record_in_force(
    world: World, monkeypatch: Any
) -> None:
    world.publish(penalties(penalty(1, until="2026-10-31"), penalty(2, until="2026-10-31")))
    world.settle()
    world.clock.advance(86_400)
    world.chain.mine()
    commit, slipped = world.store.commit_endings, []

    def late(*arguments: Any) -> Any:
        if not slipped:
            slipped.append(1)
            other = World.__new__(World)
            other.__dict__.update(world.__dict__)
            other.clock = StandingClock()  # the day before, by a clock that is behind
            other.start()
            assert other.amend(penalties(penalty(1, until="2027-10-31"))).amended == 1
        return commit(*arguments)

    monkeypatch.setattr(world.store, "commit_endings", late)
    world.settle()
    world.clock.advance(61)
    world.settle()
    assert slipped
    assert world.numbers(1)
    assert world.answer(2).result is Result.NONE


def test_report_of_an_amendment_stored_and_read_is_the_same(world: World) -> None:
    world.publish(penalties(penalty(1), penalty(2)))
    report = world.amend(
        penalties(penalty(1, fine="2.000000"), penalty(2, until="2026-01-01"), penalty(3))
    )
    read = parse_report(
        encode_report(report),
        batch_id=report.batch_id,
        source_name=report.source_name,
        received_at=report.received_at,
    )
    assert encode_report(read) == encode_report(report)
    assert (read.mode, read.amended) == (Mode.AMEND, 2)
    effects = [row.effect for row in read.rows]
    assert effects == [Effect.AMENDED, Effect.AMENDED_AND_ENDED, None]


def test_report_stored_before_amendments_is_still_read(world: World) -> None:
    report = world.publish(penalties(penalty(1)))
    text = encode_report(report).replace(', "mode": "publish"', "")
    assert "mode" not in text
    read = parse_report(text, batch_id=1, source_name="a", received_at=report.received_at)
    assert (read.mode, read.amended, read.accepted) == (Mode.PUBLISH, 0, 1)


def test_amendment_survives_a_restart_at_any_moment(world: World) -> None:
    world.publish(penalties(penalty(1)))
    world.settle()
    world.amend(penalties(penalty(1, fine="2.000000")))
    world.restart()
    world.tick()
    world.restart()
    world.settle()
    assert fine(world, 1) == 2_000_000
    assert world.amend(penalties(penalty(1, fine="2.000000"))).unchanged == 1


def test_reports_from_before_an_amendment_keep_their_state(world: World) -> None:
    first = world.publish(penalties(penalty(1)))
    world.settle()
    same = world.publish(penalties(penalty(1)))
    amended = world.amend(penalties(penalty(1, fine="2.000000")))
    pages = BatchPages(world.store, world.node_streams)
    for batch, state in (
        (first, State.CONFIRMED),
        (same, State.CONFIRMED),
        (amended, State.ACCEPTED),
    ):
        report = world.publication.report(batch.batch_id)
        assert report is not None and [row.state for row in report.rows] == [state]
        rows = pages.rows(batch.batch_id, 0, 9)
        assert rows is not None and [row.state for _, row in rows] == [state]
        summary = pages.summary(batch.batch_id)
        assert summary is not None and summary.state is state
    world.settle()
    report = world.publication.report(amended.batch_id)
    assert report is not None and report.rows[0].state is State.CONFIRMED


def test_example_workbook_amends_as_its_generator_says(world: World) -> None:
    expected = json.loads((EXAMPLES / "expected.json").read_text(encoding="utf-8"))["amendments"]
    ((name, rows),) = expected.items()
    world.publish((EXAMPLES / "310000-cf.csv").read_bytes())
    report = world.amend((EXAMPLES / name).read_bytes())
    found = []
    for row in report.rows:
        codes = [error.code for error in row.errors]
        found.append(codes or [str(row.effect or row.outcome)])
    assert [[row["outcome"]] for row in rows] == found
    assert [row["row"] for row in rows] == [row.row for row in report.rows]
