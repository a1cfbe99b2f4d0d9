"""Verification: fourteen steps in a fixed order, then one word.

Rules of the engine:

1. A step passes, fails, is unknown or is skipped; each carries a stable code.
2. After a fail nothing is judged; the remaining steps are skipped as ``not-reached``.
3. After an unknown the next steps still run, because a fail outweighs it, unless they cannot.
4. The outcome follows from the steps alone; no outcome is read from the evidence.

Pure: needs the evidence, the trust root, the caller's clock and policy. No node, no network.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from ledger.core.evidence import parse_evidence
from ledger.core.headers import parse_header
from ledger.core.trust import TrustRoot, parse_trust_root
from ledger.core.verify import chain_steps, item_steps, map_steps
from ledger.core.verify.case import STALE, Case, StepEnd
from ledger.core.verify.verdict import (
    STEPS,
    UNSUPPORTED_PREFIX,
    Basis,
    Outcome,
    Policy,
    Step,
    StepState,
    Verdict,
    day_of,
    moment_of,
)
from ledger.errors import InputError, LedgerError, UnsupportedFormatError

_CHECKS: Final[tuple[Callable[[Case], str | None], ...]] = (
    chain_steps.check_trust_root,
    chain_steps.check_consensus,
    chain_steps.check_state,
    chain_steps.check_freshness,
    chain_steps.check_confirmation,
    map_steps.check_subject_key,
    map_steps.check_map,
    map_steps.check_list,
    item_steps.check_log,
    item_steps.check_opening,
    item_steps.check_authority,
    item_steps.check_status,
    item_steps.check_consent,
)
"""Steps 2 to 14; step 1 makes the ``Case`` they share."""


def verify_evidence(
    evidence: bytes, trust_root: bytes, *, now: datetime, policy: Policy | None = None
) -> Verdict:
    """Verify one evidence offline.

    Args:
        evidence: The evidence file's bytes. Whatever they are, the answer is a verdict.
        trust_root: The bytes of a trust root the caller has pinned.
        now: The caller's clock, aware.
        policy: Age limit, as-of day and the caller's own id; the default policy when None.

    Returns:
        The verdict; true for VALID only.

    Raises:
        CanonicalizationError: The trust root is not canonical JSON.
        MalformedTrustRootError: The trust root breaks its format.
        InputError: ``now`` has no time zone.

    Source: docs/formats.md, "Verification".
    """
    if now.utcoffset() is None:
        raise InputError("now: expected an aware time, found one without a zone")
    try:
        root = parse_trust_root(trust_root)
    except UnsupportedFormatError as error:
        return _only_format(StepState.UNKNOWN, "unsupported-trust-root-version", str(error), False)
    return verify_against(evidence, root, now=now, policy=policy or Policy())


def verify_against(evidence: bytes, root: TrustRoot, *, now: datetime, policy: Policy) -> Verdict:
    """As ``verify_evidence``, for a trust root that was parsed before (many files, one root)."""
    try:
        parsed = parse_evidence(evidence)
        header = parse_header(parsed.chain.header)
        day_of(moment_of(header.timestamp))
    except UnsupportedFormatError as error:
        return _only_format(
            StepState.UNKNOWN, "unsupported-version", str(error), root.is_development
        )
    except LedgerError as error:
        return _only_format(StepState.FAIL, error.code, str(error), root.is_development)
    except OverflowError:
        return _only_format(StepState.FAIL, "malformed-evidence", "block time", root.is_development)
    case = Case(evidence=parsed, root=root, header=header, now=now, policy=policy)
    steps = [Step(1, STEPS[0], StepState.PASS, "ok")]
    for check in _CHECKS:
        step, stops = _run(check, case, number=len(steps) + 1)
        steps.append(step)
        if stops:
            break
    steps += [
        Step(number, STEPS[number - 1], StepState.SKIPPED, "not-reached")
        for number in range(len(steps) + 1, len(STEPS) + 1)
    ]
    return Verdict(
        outcome=outcome_of(steps),
        steps=tuple(steps),
        claim=parsed.claim,
        basis=_basis(case),
        records=tuple(case.records),
        is_development=root.is_development,
    )


def _run(check: Callable[[Case], str | None], case: Case, *, number: int) -> tuple[Step, bool]:
    try:
        code = check(case)
    except StepEnd as end:
        return Step(number, STEPS[number - 1], end.state, end.code, end.detail), end.stops
    except LedgerError as error:
        # Whatever a check of ours refuses is wrong evidence: never a crash, never a pass.
        return Step(number, STEPS[number - 1], StepState.FAIL, error.code, str(error)), True
    return Step(number, STEPS[number - 1], StepState.PASS, code or "ok"), False


def outcome_of(steps: list[Step]) -> Outcome:
    """Any fail; else unsupported; else age alone; else any unknown; else VALID."""
    if any(step.state is StepState.FAIL for step in steps):
        return Outcome.INVALID
    unknowns = [step.code for step in steps if step.state is StepState.UNKNOWN]
    if any(code.startswith(UNSUPPORTED_PREFIX) for code in unknowns):
        return Outcome.UNSUPPORTED
    if unknowns == [STALE]:
        return Outcome.STALE
    return Outcome.INCOMPLETE if unknowns else Outcome.VALID


def _basis(case: Case) -> Basis:
    number, block_hash, time = case.header.number, case.header.block_hash, case.block_time
    if case.state is None:
        return Basis(block_number=number, block_hash=block_hash, block_time=time)
    return Basis(
        block_number=number,
        block_hash=case.evidence.chain.block_hash,
        block_time=time,
        epoch=case.head.epoch,
        anchored_at=moment_of(case.head.anchored_at),
        log_size=case.head.size,
        confirmed_by=case.confirmed_by,
        contradicting_mirrors=case.contradicting,
    )


def _only_format(state: StepState, code: str, detail: str, is_development: bool) -> Verdict:
    steps = [Step(1, STEPS[0], state, code, detail)]
    steps += [
        Step(number, STEPS[number - 1], StepState.SKIPPED, "not-reached")
        for number in range(2, len(STEPS) + 1)
    ]
    return Verdict(outcome_of(steps), tuple(steps), is_development=is_development)
