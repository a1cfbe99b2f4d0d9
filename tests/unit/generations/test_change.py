"""A stream goes over to its next generation: nothing is lost, and lookups go on being answered."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from oracle.verifier import verify as second_verify
from worlds.chain import address_of
from worlds.node import RECORDS, REGION, SEEDS, World, change, changes, penalties, penalty, uscc

from ledger.bootstrap.streams import make_streams
from ledger.core.chain.head_slots import Head, stream_id
from ledger.core.trust import encode_trust_root
from ledger.core.verify import verify_evidence
from ledger.errors import FatalStateError, GenerationChangingError
from ledger.services import crash_points
from ledger.services.anchoring import AnchorKey
from ledger.services.generations import carrying
from ledger.services.lookup.answers import Result
from ledger.services.lookup.material import Pending, Unavailable
from ledger.services.publication import Outcome, State
from ledger.services.publication.pages import BatchPages
from ledger.services.stored import Accepting, StreamLog

NEXT = StreamLog("records", 2)
STREAM = stream_id(REGION, "records")
PEOPLE = 6
"""Subjects 1..PEOPLE have a record each; 2 is amended, 3 repaired, 4 is over by its date."""


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    rows = [penalty(n, until="2026-11-05" if n == 4 else "") for n in range(1, PEOPLE + 1)]
    world.publish(penalties(*rows), "first")
    world.settle()
    world.amend(penalties(penalty(2, fine="7.000000")))
    world.publish(changes(change(3)))
    world.clock.advance(6 * 86_400)
    world.chain.mine()
    world.settle()
    assert [len(world.numbers(n)) for n in range(1, PEOPLE + 2)] == [1, 1, 0, 0, 1, 1, 0]
    yield world
    crash_points.watch(None)
    world.kill()


def head(world: World) -> Head:
    found = world.chain.fetch_head(STREAM)
    assert found is not None
    return found


def second(world: World, evidence: bytes, trust_root: bytes) -> str:
    """What the independent verifier says."""
    outcome, _ = second_verify(evidence, trust_root, now=int(world.clock.now().timestamp()))
    return outcome


def goes_over(world: World) -> None:
    world.renew()
    world.approve()
    world.settle()


def in_force(world: World) -> dict[int, list[object]]:
    return {n: world.numbers(n) for n in range(1, PEOPLE + 2)}


# --- The change


def test_next_generation_has_every_record_in_force_and_no_other(world: World) -> None:
    before, epoch = in_force(world), head(world).epoch
    goes_over(world)
    assert in_force(world) == before
    assert (head(world).vrf_key, head(world).epoch) == (2, epoch + 1)
    # The opening entry, and one put for each of four.
    assert head(world).size == world.records.size == PEOPLE - 2 + 1
    assert world.store.accepting() == {"records": Accepting(2, False)}
    assert world.node_streams["records"].former is None


def test_evidence_of_either_generation_is_valid_under_the_new_trust_root(world: World) -> None:
    old_root, before = encode_trust_root(world.trust_root), world.answer(1).evidence
    goes_over(world)
    root, after = encode_trust_root(world.trust_root), world.answer(1).evidence
    assert before is not None and after is not None
    for evidence in (before, after, world.answer(99).evidence):
        assert evidence is not None
        verdict = verify_evidence(evidence, root, now=world.clock.now())
        assert verdict, verdict.steps
        assert second(world, evidence, root) == "VALID"
    assert verify_evidence(before, old_root, now=world.clock.now())
    unknown = verify_evidence(after, old_root, now=world.clock.now())
    assert not unknown and second(world, after, old_root) == unknown.outcome


def test_amended_record_goes_over_with_its_newest_content(world: World) -> None:
    goes_over(world)
    (record,) = world.verdict(2).records
    assert record.values["fine_fen"] == 7_000_000


def test_commitments_and_keys_of_the_generations_have_nothing_in_common(world: World) -> None:
    goes_over(world)

    def seen(log: StreamLog) -> set[str]:
        entries = [json.loads(one.entry) for one in world.store.entries(log, 1, 100)]
        return {entry[name] for entry in entries for name in ("event", "key")}

    assert seen(RECORDS) and seen(NEXT)
    assert not seen(RECORDS) & seen(NEXT)


def test_records_that_went_over_are_amended_ended_and_known_as_before(world: World) -> None:
    goes_over(world)
    known = world.publish(penalties(penalty(1)))
    assert [row.outcome for row in known.rows] == [Outcome.UNCHANGED]
    world.amend(penalties(penalty(2, fine="9.000000")))
    world.publish(changes(change(5)))
    world.publish(penalties(penalty(50)))
    assert [type(world.ask(n)) for n in (2, 5, 50)] == [Pending] * 3
    world.settle()
    (record,) = world.verdict(2).records
    assert record.values["fine_fen"] == 9_000_000
    assert [len(world.numbers(n)) for n in (1, 5, 50)] == [1, 0, 1]


def test_record_that_went_over_ends_by_its_date(world: World) -> None:
    world.publish(penalties(penalty(60, until="2026-11-09")))
    world.settle()
    goes_over(world)
    assert len(world.numbers(60)) == 1
    world.clock.advance(4 * 86_400)
    world.chain.mine()
    world.settle()
    assert world.numbers(60) == []


def test_batches_of_the_former_generation_stay_confirmed(world: World) -> None:
    report = world.publication.report(1)
    assert report is not None
    confirmed = [State.CONFIRMED] * PEOPLE
    assert [row.state for row in report.rows] == confirmed
    pages = BatchPages(world.store, world.node_streams)
    rows = pages.rows(1, 0, 100)
    assert rows is not None and [row.state for _, row in rows] == confirmed
    summary = pages.summary(1)
    assert summary is not None and summary.state is State.CONFIRMED


def test_three_generations_after_another(world: World) -> None:
    before = in_force(world)
    for generation in (2, 3, 4):
        world.renew(generation)
        world.approve(generation)
        world.settle()
        assert in_force(world) == before
        assert head(world).vrf_key == generation


# --- While it goes on


def test_lookups_are_answered_from_the_former_log_until_the_first_head_is_proved(
    world: World,
) -> None:
    before = in_force(world)
    world.renew()
    world.settle(3)
    # Not approved: nothing was closed, and files are taken.
    assert world.store.accepting()["records"] == Accepting(1, False)
    assert [error.code for error in world.worker.status().errors] == ["contract-revert"]
    world.publish(penalties(penalty(70)))
    world.settle(6)
    assert len(world.numbers(70)) == 1
    world.approve()
    world.clock.advance(10)
    seen = set()
    for _ in range(12):
        world.tick()
        served = world.node_streams["records"].served.name
        seen.add((served.generation, world.store.accepting()["records"].generation))
        assert {n: world.numbers(n) for n in before} == before
        assert len(world.numbers(70)) == 1
    assert seen >= {(1, 2), (2, 2)}
    assert world.worker.status().streams[0].following is None


def test_status_tells_of_the_change(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "PART", 3)
    monkeypatch.setattr(carrying, "WORK_S", -1.0)
    world.renew()
    world.approve()
    told = []
    for _ in range(12):
        world.tick()
        (status,) = world.worker.status().streams
        told.append((status.generation, status.following, status.carried))
    items = PEOPLE - 2
    assert (1, 2, (3, items)) in told
    assert told[-1] == (2, None, None)


def test_files_are_refused_while_items_are_put_again_and_nothing_of_them_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "PART", 2)
    monkeypatch.setattr(carrying, "WORK_S", -1.0)
    world.renew()
    world.approve()
    world.worker.run_once()
    assert world.store.accepting()["records"] == Accepting(2, True)
    with pytest.raises(GenerationChangingError):
        world.publish(penalties(penalty(80)), "late")
    with pytest.raises(GenerationChangingError):
        world.publish(changes(change(1)))
    monkeypatch.undo()
    world.settle()
    report = world.publish(penalties(penalty(80)), "late")
    assert [row.outcome for row in report.rows] == [Outcome.ACCEPTED]
    world.settle()
    assert len(world.numbers(80)) == 1


def test_accepted_event_that_waits_is_brought_into_the_former_log_first(world: World) -> None:
    world.publish(penalties(penalty(81)))
    goes_over(world)
    assert len(world.numbers(81)) == 1
    (entry,) = world.store.entries(RECORDS, PEOPLE + 1 + 3, 100)
    assert json.loads(entry.entry)["op"] == "put"


def test_event_after_the_change_makes_its_key_wait_and_no_other(world: World) -> None:
    world.renew()
    world.approve()
    # Filled, and its opening on its way.
    world.worker.run_once()
    assert world.store.accepting()["records"] == Accepting(2, False)
    assert world.node_streams["records"].served.name == RECORDS
    world.publish(changes(change(1)))
    world.publish(penalties(penalty(90)))
    assert [type(world.ask(n)) for n in (1, 90)] == [Pending] * 2
    assert len(world.numbers(5)) == 1 and world.numbers(99) == []
    world.settle()
    assert (world.numbers(1), len(world.numbers(90))) == ([], 1)


# --- Its causes


def test_lost_vrf_secret_ends_in_unavailable_until_the_next_generation(world: World) -> None:
    before = in_force(world)
    del world.secrets[RECORDS]
    world.renew()
    world.tick()
    assert world.ask(1) == Unavailable("vrf-key-lost")
    assert world.answer(1).result is Result.UNAVAILABLE
    world.approve()
    world.settle()
    assert in_force(world) == before


def test_log_that_somebody_else_spoiled_is_replaced(world: World) -> None:
    """Whoever stole the anchor key wrote a head with entries nobody has."""
    before = in_force(world)
    spoiled = replace(
        head(world), size=10_000, epoch=head(world).epoch + 5, log_root=bytes([9]) * 32
    )
    world.chain.set_head(STREAM, spoiled)
    world.settle(3)
    assert world.worker.status().stopped_by is not None
    thief = world.anchor_keys[-1]
    world.anchor_keys.append(AnchorKey(address_of(b"\x43" * 32), b"\x43" * 32))
    world.renew()
    world.settle(3)
    assert world.worker.status().stopped_by is not None
    world.restart()
    world.approve()
    world.settle()
    assert (head(world).vrf_key, head(world).epoch) == (2, spoiled.epoch + 1)
    assert in_force(world) == before
    assert world.chain._state.anchor_keys[STREAM] != thief.address


@pytest.mark.parametrize("spoiled", [True, False])
def test_anchor_key_is_replaced_without_a_new_generation(world: World, spoiled: bool) -> None:
    world.anchor_keys.append(AnchorKey(address_of(b"\x43" * 32), b"\x43" * 32))
    world.restart()
    world.publish(penalties(penalty(95)))
    world.settle()
    assert len(world.numbers(95)) == 1
    sent = len(world.chain.sent)
    world.chain.replace_anchor_key(STREAM, world.anchor_keys[-1].address)
    world.publish(penalties(penalty(96)))
    world.settle()
    assert len(world.numbers(96)) == 1
    assert {json.loads(raw)["from"] for raw in world.chain.sent[sent:]} == {
        world.anchor_keys[-1].address.hex()
    }


def test_database_of_a_later_generation_than_the_trust_roots_is_refused(world: World) -> None:
    goes_over(world)
    with pytest.raises(FatalStateError, match="generation"):
        make_streams(world.store, {"records": 1})


def test_second_worker_that_took_over_stops_the_first_one_while_it_fills(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = in_force(world)
    monkeypatch.setattr(carrying, "PART", 2)
    monkeypatch.setattr(carrying, "WORK_S", -1.0)
    world.renew()
    world.approve()
    world.tick()
    other = world.new_worker()
    assert other.run_once()
    assert not world.worker.run_once()
    monkeypatch.undo()
    world.restart()
    world.settle()
    assert in_force(world) == before


# --- Crashes


class Killed(BaseException):
    """Stands for the end of the process."""


POINTS = [name for name in crash_points.CRASH_POINTS if name.startswith("generation.")]


@pytest.mark.parametrize("passing", [1, 2, 3])
@pytest.mark.parametrize("point", POINTS)
def test_crash_at_any_point_of_the_change_loses_and_doubles_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, point: str, passing: int
) -> None:
    monkeypatch.setattr(carrying, "PART", 3)
    before = in_force(world)
    passed = []

    def kill(name: str) -> None:
        if name == point:
            passed.append(name)
            if len(passed) == passing:
                raise Killed

    world.renew()
    world.approve()
    crash_points.watch(kill)
    try:
        world.settle()
    except Killed:
        world.restart()
    crash_points.watch(None)
    assert passed
    world.settle()
    assert in_force(world) == before
    assert head(world).size == PEOPLE - 2 + 1
    assert world.store.accepting() == {"records": Accepting(2, False)}


def test_kill_between_any_two_rounds_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "PART", 2)
    monkeypatch.setattr(carrying, "WORK_S", -1.0)
    before = in_force(world)
    world.renew()
    world.approve()
    for _ in range(24):
        world.tick()
        world.restart()
    world.settle()
    assert in_force(world) == before
    assert head(world).size == PEOPLE - 2 + 1
    assert SEEDS["records"] != world.secrets[NEXT]
    assert uscc(1) not in repr(world.worker.status())
