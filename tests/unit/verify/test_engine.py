"""The engine: order of steps, the one word, what a verdict shows, and what it never does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from worlds.paper import BLOCK_TIME, NOW
from worlds.paper_block import RUNNING
from worlds.trials import (
    ANHUI,
    TRIALS,
    Given,
    honest,
    honest_absence,
    honest_current,
)
from worlds.trials_chain import sealed_by, validator_range
from worlds.trials_seals import sealed_evidence, sealed_root, sealed_world
from worlds.trials_valid import MIRRORS, NAME, mirrored

from ledger.core.chain.head_slots import unpack_head
from ledger.core.evidence import encode_evidence
from ledger.core.headers import parse_header
from ledger.core.trust import encode_trust_root, parse_trust_root
from ledger.core.verify import (
    STEPS,
    Outcome,
    Policy,
    Step,
    StepState,
    Verdict,
    verify_against,
    verify_evidence,
)
from ledger.core.verify.case import Case
from ledger.core.verify.chain_state import (
    StreamState,
    confirmation_words,
    read_stream_state,
    slots_to_prove,
)
from ledger.core.verify.engine import outcome_of
from ledger.errors import FatalStateError, InputError, MalformedProofError, MalformedTrustRootError

ONE = encode_evidence(honest(1)[1])
ROOT = encode_trust_root(honest(1)[0].trust_root())


def step(state: StepState, code: str) -> Step:
    return Step(1, "format", state, code)


PASS = step(StepState.PASS, "ok")
SKIPPED = step(StepState.SKIPPED, "public-type")
FAIL = step(StepState.FAIL, "superseded")
STALE = step(StepState.UNKNOWN, "stale")
PAUSED = step(StepState.UNKNOWN, "paused")
UNSUPPORTED = step(StepState.UNKNOWN, "unsupported-consent")


@pytest.mark.parametrize(
    ("steps", "outcome", "reason"),
    [
        ([PASS, SKIPPED], Outcome.VALID, "ok"),
        ([PASS, STALE], Outcome.STALE, "stale"),
        ([PAUSED, PASS], Outcome.INCOMPLETE, "paused"),
        ([STALE, PAUSED], Outcome.INCOMPLETE, "stale"),
        ([STALE, STALE], Outcome.INCOMPLETE, "stale"),
        ([PAUSED, STALE, UNSUPPORTED], Outcome.UNSUPPORTED, "unsupported-consent"),
        ([UNSUPPORTED, PAUSED, STALE, FAIL], Outcome.INVALID, "superseded"),
    ],
)
def test_outcome_follows_from_the_steps_alone(
    steps: list[Step], outcome: Outcome, reason: str
) -> None:
    assert outcome_of(steps) is outcome
    verdict = Verdict(outcome, tuple(steps))
    assert verdict.reason == reason
    assert bool(verdict) is (outcome is Outcome.VALID)


def test_trials_reach_every_outcome_and_every_step() -> None:
    assert {trial.outcome for trial in TRIALS} == set(Outcome)
    assert {trial.step for trial in TRIALS} - {None} == set(STEPS)


def test_after_a_fail_nothing_is_judged() -> None:
    verdict = Given(honest(1)[1], replace(honest(1)[0].trust_root(), chain_id=1)).verdict()
    assert [one.code for one in verdict.steps[2:]] == ["not-reached"] * 12
    assert {one.state for one in verdict.steps[2:]} == {StepState.SKIPPED}


def test_after_an_unknown_the_next_steps_still_run() -> None:
    world, evidence = honest(1)
    verdict = world.verify(evidence, now=NOW + timedelta(hours=1))
    assert verdict.outcome is Outcome.STALE
    assert [one.state for one in verdict.steps].count(StepState.UNKNOWN) == 1
    assert [one.code for one in verdict.steps].count("not-reached") == 0
    assert len(verdict.records) == 1


def test_stream_without_rule_is_unconfirmed_off_development() -> None:
    world, evidence = honest_absence()
    changed = {**sealed_by(validator_range(0, None)), "confirmations": ()}
    verdict = world.verify(evidence, root=world.trust_root(**changed))
    assert verdict.steps[5].code == "map-unconfirmed"


def test_verdict_shows_block_time_epoch_and_anchoring() -> None:
    world, evidence = honest(3)
    verdict = world.verify(evidence)
    basis = verdict.basis
    assert basis is not None
    assert basis.block_number == 1_000
    assert basis.block_hash == evidence.chain.block_hash
    assert basis.block_time == datetime.fromtimestamp(BLOCK_TIME, UTC)
    assert basis.anchored_at == basis.block_time - timedelta(seconds=60)
    assert (basis.epoch, basis.log_size) == (7, 13)
    assert verdict.claim == evidence.claim
    assert verdict.is_development


def test_verdict_before_the_state_is_proved_shows_no_epoch() -> None:
    world, evidence = honest(1)
    basis = world.verify(evidence, root=world.trust_root(chain_id=1)).basis
    assert basis is not None
    assert (basis.epoch, basis.anchored_at, basis.log_size) == (None, None, None)


def test_verdict_shows_contradicting_mirrors() -> None:
    world = mirrored()
    for mirror in (0, 6):
        world.confirm(NAME, mirror)
    world.contradict(NAME, 1)
    verdict = world.verify(world.complete(ANHUI, "cf", honest(1)[1].claim.subject))
    assert verdict
    assert verdict.basis is not None
    assert verdict.basis.contradicting_mirrors == (1,)


def test_verdict_of_an_unreadable_file_shows_nothing() -> None:
    verdict = verify_evidence(b"", ROOT, now=NOW)
    assert (verdict.claim, verdict.basis, verdict.records) == (None, None, ())
    assert verdict.is_development
    assert not verdict


def test_verdict_under_a_trust_root_of_another_version_is_not_marked() -> None:
    verdict = verify_evidence(ONE, b'{"v":7}', now=NOW)
    assert verdict.outcome is Outcome.UNSUPPORTED
    assert not verdict.is_development


# --- What the caller hands in


def test_verify_evidence_without_policy_uses_the_default() -> None:
    assert verify_evidence(ONE, ROOT, now=NOW)
    assert not verify_evidence(ONE, ROOT, now=NOW + timedelta(seconds=596))
    assert Policy().max_age_s == 600


def test_verify_against_a_parsed_root_is_the_same() -> None:
    root = parse_trust_root(ROOT)
    assert verify_against(ONE, root, now=NOW, policy=Policy()) == verify_evidence(
        ONE, ROOT, now=NOW
    )


class Nowhere(tzinfo):
    """A zone that does not know its offset."""

    def utcoffset(self, _: datetime | None) -> None:
        return None


@pytest.mark.parametrize("now", [NOW.replace(tzinfo=None), NOW.replace(tzinfo=Nowhere())])
def test_verify_evidence_at_a_time_without_zone_is_refused(now: datetime) -> None:
    with pytest.raises(InputError):
        verify_evidence(ONE, ROOT, now=now)


def test_verify_evidence_under_a_broken_trust_root_is_refused() -> None:
    with pytest.raises(MalformedTrustRootError):
        verify_evidence(ONE, b"{}", now=NOW)


@pytest.mark.parametrize("now", [datetime.min, datetime.max])
@pytest.mark.parametrize("max_age_s", [0, -1, 10**30, None])
def test_verify_evidence_at_the_ends_of_time_is_never_valid(
    now: datetime, max_age_s: int | None
) -> None:
    policy = Policy(max_age_s=max_age_s)
    verdict = verify_evidence(ONE, ROOT, now=now.replace(tzinfo=UTC), policy=policy)
    assert verdict.outcome in (Outcome.INVALID, Outcome.INCOMPLETE)


def test_verify_evidence_with_a_limit_beyond_any_age_is_valid() -> None:
    assert verify_evidence(ONE, ROOT, now=NOW, policy=Policy(max_age_s=10**30))


def test_verify_evidence_under_a_trust_root_of_the_first_second_is_valid() -> None:
    world, evidence = honest(1)
    root = world.trust_root(issued_at=datetime(1, 1, 1, tzinfo=UTC))
    assert world.verify(evidence, root=root)


def test_the_head_asked_for_before_it_is_proved_is_a_bug_with_a_name() -> None:
    _, evidence = honest(1)
    header = parse_header(evidence.chain.header)
    case = Case(evidence, parse_trust_root(ROOT), header, NOW, Policy())
    with pytest.raises(FatalStateError):
        _ = case.head


# --- What the chain says, as a node reads it


def test_slots_to_prove_are_status_head_and_words() -> None:
    root = mirrored().trust_root()
    words = confirmation_words(root, *NAME)
    assert words == (0, 1)
    assert len(set(slots_to_prove(root.head_anchor, *NAME, words))) == 6
    assert confirmation_words(root, ANHUI, "queries") == ()
    assert confirmation_words(replace(root, confirmations=()), *NAME) == ()


def test_lane_of_a_word_that_was_not_proved_is_refused() -> None:
    world, evidence = honest(1)
    state = read_stream_state(
        contract=world.trust_root().head_anchor,
        region=ANHUI,
        stream="records",
        state_root=world.block().accounts.root_hash,
        nodes=evidence.chain.nodes,
        words=(),
    )
    with pytest.raises(MalformedProofError):
        state.lane(0)
    assert isinstance(state, StreamState)
    assert state.status.state == RUNNING >> 160
    assert state.head == world.head(NAME)


def test_lane_of_a_word_never_written_is_zero() -> None:
    world = mirrored()
    evidence = world.complete(ANHUI, "cf", honest(1)[1].claim.subject)
    state = read_stream_state(
        contract=world.trust_root().head_anchor,
        region=ANHUI,
        stream="records",
        state_root=world.block().accounts.root_hash,
        nodes=evidence.chain.nodes,
        words=(0, 1),
    )
    assert [state.lane(one.number) for one in MIRRORS] == [0, 0, 0, 0]
    assert unpack_head(1 | 1 << 64 | 1 << 128, 1, 0).size == 1


# --- Sealed chains


@pytest.mark.parametrize("last_block", [None, 2_000])
def test_verify_evidence_of_a_sealed_block_is_no_development_verdict(
    last_block: int | None,
) -> None:
    closing = (None, None) if last_block is None else (b"\x01" * 32, BLOCK_TIME)
    root = sealed_root(last_block, *closing)
    verdict = sealed_world().verify(sealed_evidence(), root=root)
    assert verdict
    assert not verdict.is_development
    assert verdict.steps[2].code == "ok"
    aged = sealed_world().verify(sealed_evidence(), root=root, max_age_s=None)
    assert aged.steps[4].code == ("any-age" if last_block is None else "any-age-closed-range")


def test_current_evidence_shows_one_record() -> None:
    world, evidence = honest_current()
    assert len(world.verify(evidence).records) == 1
