"""Evidence of every kind an honest region gives is VALID, and says what it proves."""

from dataclasses import replace
from datetime import date

import pytest
from worlds.paper import NOW, PaperWorld
from worlds.paper_block import CANCUN_FIELDS, SLOTS
from worlds.people import AUTHORITIES, CLEAN, COMPANIES, licence, penalty, plain_event

from ledger.core.chain.head_slots import head_slots, stream_id
from ledger.core.evidence import encode_evidence
from ledger.core.verify import STEPS, Outcome, StepState, Verdict

ANHUI = "340000"
COMPANY = COMPANIES[0]


def world_with(records: int) -> PaperWorld:
    """Anhui's log holds others' entries and so many penalties of the company."""
    world = PaperWorld()
    stream = world.stream(ANHUI)
    stream.fill(5)
    for number in range(records):
        stream.publish(penalty(COMPANY, number))
        stream.fill(11)
    return world


def codes(verdict: Verdict) -> list[str]:
    return [step.code for step in verdict.steps]


def assert_valid(verdict: Verdict) -> None:
    assert (verdict.outcome, verdict.reason) == (Outcome.VALID, "ok")
    assert verdict
    assert [step.number for step in verdict.steps] == list(range(1, 15))
    assert tuple(step.id for step in verdict.steps) == STEPS
    assert {step.state for step in verdict.steps} <= {StepState.PASS, StepState.SKIPPED}


ABSENCE_CODES = [
    *("ok", "ok", "development-chain", "ok", "ok", "no-mirrors-required", "ok", "ok"),
    *["nothing-to-check"] * 5,
    "public-type",
]
RECORD_CODES = [
    *("ok", "ok", "development-chain", "ok", "ok", "no-mirrors-required"),
    *["ok"] * 5,
    *("authority-not-required", "ok", "public-type"),
]


def test_absence_from_an_empty_map_is_valid() -> None:
    world = PaperWorld()
    verdict = world.verify(world.complete("310000", "cf", CLEAN))
    assert_valid(verdict)
    assert codes(verdict) == ABSENCE_CODES
    assert verdict.records == ()
    assert verdict.basis is not None
    assert (verdict.basis.epoch, verdict.basis.log_size) == (7, 1)


def test_absence_from_an_empty_map_with_a_stored_zero_word_is_valid() -> None:
    """Some nodes keep a leaf with 0 where others keep nothing."""
    world = PaperWorld()
    slot = head_slots(SLOTS["heads"], stream_id("310000", "records"))[2]
    block = world.block(zero_leaves=(slot,))
    assert_valid(world.verify(world.complete("310000", "cf", CLEAN, block=block)))


@pytest.mark.parametrize("shared", [*range(12), 31, 32, 100, 254, 255])
def test_absence_by_another_leaf_at_any_depth_is_valid(shared: int) -> None:
    world = PaperWorld()
    stream = world.stream(ANHUI)
    key = stream.key("cf", CLEAN)
    near = stream.put_near(key, shared)
    if shared:
        stream.put_near(near, shared - 1)
    evidence = world.complete(ANHUI, "cf", CLEAN)
    assert evidence.map_proof.end is not None
    assert evidence.map_proof.end[0] == near
    assert_valid(world.verify(evidence))


@pytest.mark.parametrize("shared", [*range(12), 100, 254])
def test_absence_by_nothing_at_any_depth_is_valid(shared: int) -> None:
    world = PaperWorld()
    stream = world.stream(ANHUI)
    near = stream.put_near(stream.key("cf", CLEAN), shared)
    stream.put_near(near, shared + 1)
    evidence = world.complete(ANHUI, "cf", CLEAN)
    assert evidence.map_proof.end is None
    assert len(evidence.map_proof.siblings) == shared + 1
    assert_valid(world.verify(evidence))


@pytest.mark.parametrize("records", [1, 2, 3, 7])
def test_all_records_opened_is_valid(records: int) -> None:
    world = world_with(records)
    verdict = world.verify(world.complete(ANHUI, "cf", COMPANY))
    assert_valid(verdict)
    assert codes(verdict) == RECORD_CODES
    assert len(verdict.records) == records
    first = verdict.records[0]
    assert (first.kind, first.version, first.issuer) == ("publish", 1, AUTHORITIES[ANHUI])
    assert first.values["fine_fen"] == 2_000_000
    assert (first.decided_on, first.in_force_until) == ("2026-03-05", "2027-03-05")


@pytest.mark.parametrize("position", [0, 1, 2])
def test_current_record_is_valid(position: int) -> None:
    world = world_with(3)
    index = world.stream(ANHUI).pairs("cf", COMPANY)[position][0]
    verdict = world.verify(world.current(ANHUI, "cf", COMPANY, index))
    assert_valid(verdict)
    assert [record.index for record in verdict.records] == [index]


def test_disclosing_fewer_fields_is_valid_and_shows_only_those() -> None:
    world = world_with(1)
    evidence = world.complete(ANHUI, "cf", COMPANY)
    item = evidence.opened[0]
    shown = replace(evidence, opened=(replace(item, disclosures=item.disclosures[:2]),))
    verdict = world.verify(shown)
    assert_valid(verdict)
    assert list(verdict.records[0].values) == ["party_name", "party_category"]


def test_amended_record_shows_the_amendment_alone() -> None:
    world = world_with(2)
    stream = world.stream(ANHUI)
    index = stream.pairs("cf", COMPANY)[0][0]
    stream.amend(penalty(COMPANY, 0, fine_fen=3_000_000), index)
    verdict = world.verify(world.complete(ANHUI, "cf", COMPANY))
    assert_valid(verdict)
    assert [(r.kind, r.version, r.values["fine_fen"]) for r in verdict.records] == [
        ("publish", 1, 2_000_000),
        ("amend", 2, 3_000_000),
    ]


def test_repaired_record_is_absent() -> None:
    world = world_with(1)
    stream = world.stream(ANHUI)
    stream.repair(stream.pairs("cf", COMPANY)[0][0])
    evidence = world.complete(ANHUI, "cf", COMPANY)
    assert evidence.claim.count == 0
    assert_valid(world.verify(evidence))


def test_disputed_record_is_valid_and_says_disputed() -> None:
    world = world_with(1)
    stream = world.stream(ANHUI)
    disputed = stream.events[stream.pairs("cf", COMPANY)[0][0]].event["record_id"]
    stream.put(plain_event(stream.random, subject=COMPANY, kind="dispute", about=disputed))
    verdict = world.verify(world.complete(ANHUI, "cf", COMPANY))
    assert_valid(verdict)
    assert verdict.steps[12].code == "disputed"
    assert [record.about for record in verdict.records] == [None, disputed]


def test_licence_without_end_is_valid() -> None:
    world = PaperWorld()
    world.stream("310000").publish(licence(COMPANY))
    verdict = world.verify(world.complete("310000", "xk", COMPANY))
    assert_valid(verdict)
    assert verdict.records[0].in_force_until is None


def test_header_with_later_fields_is_valid() -> None:
    world = world_with(1)
    block = world.block(later_fields=CANCUN_FIELDS)
    assert_valid(world.verify(world.complete(ANHUI, "cf", COMPANY, block=block)))


def test_record_in_force_until_the_day_of_the_block_is_valid() -> None:
    world = PaperWorld()
    world.stream(ANHUI).publish(penalty(COMPANY, publicity_until="2026-10-31"))
    assert_valid(world.verify(world.complete(ANHUI, "cf", COMPANY)))


def test_as_of_the_day_of_the_block_is_valid() -> None:
    world = world_with(1)
    assert_valid(world.verify(world.complete(ANHUI, "cf", COMPANY), as_of=date(2026, 10, 31)))


def test_evidence_is_the_same_bytes_every_time() -> None:
    first, second = world_with(2), world_with(2)
    assert encode_evidence(first.complete(ANHUI, "cf", COMPANY)) == encode_evidence(
        second.complete(ANHUI, "cf", COMPANY)
    )
    assert first.verify(first.complete(ANHUI, "cf", COMPANY), now=NOW)
