"""Verdicts for people and for programs."""

from datetime import datetime

from ledger.cli.language import (
    LIMITS,
    OUTCOMES,
    RECORD_TYPES,
    REGIONS,
    STEPS,
    TEST_CHAIN,
    name_of,
    pick,
)
from ledger.cli.output import printable
from ledger.core.evidence import Claim
from ledger.core.evidence.encode import claim_json
from ledger.core.verify import CHINA, Outcome, ProvedRecord, StepState, Verdict

EXIT_CODES = {Outcome.VALID: 0, Outcome.INVALID: 1}
"""Exit code by outcome; every other outcome is 3."""

_MARKS = {
    StepState.PASS: "✓",
    StepState.FAIL: "✗",
    StepState.UNKNOWN: "?",
    StepState.SKIPPED: "–",
}


def exit_code_of(outcomes: list[Outcome]) -> int:
    """The exit code for several verdicts: the worst of them, INVALID being worst."""
    codes = {EXIT_CODES.get(outcome, 3) for outcome in outcomes}
    return 1 if 1 in codes else max(codes, default=0)


def verdict_json(name: str, verdict: Verdict) -> dict[str, object]:
    """A verdict as a JSON object; the same members on every surface."""
    basis = verdict.basis
    return {
        "file": name,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason,
        "development": verdict.is_development,
        "claim": None if verdict.claim is None else claim_json(verdict.claim),
        "basis": None
        if basis is None
        else {
            "block_number": basis.block_number,
            "block_hash": "0x" + basis.block_hash.hex(),
            "block_time": _utc(basis.block_time),
            "epoch": basis.epoch,
            "anchored_at": None if basis.anchored_at is None else _utc(basis.anchored_at),
            "log_size": basis.log_size,
            "confirmed_by": basis.confirmed_by,
            "contradicting_mirrors": list(basis.contradicting_mirrors),
        },
        "steps": [
            {
                "number": step.number,
                "id": step.id,
                "state": step.state.value,
                "code": step.code,
                "detail": step.detail,
            }
            for step in verdict.steps
        ],
        # Records of a verdict that is not VALID prove nothing and are not shown as if they did.
        "records": [record_json(record) for record in verdict.records] if verdict else [],
    }


def record_json(record: ProvedRecord) -> dict[str, object]:
    """A proved record as a JSON object: its event's members beside the disclosed fields."""
    return {
        "record_id": record.record_id,
        "kind": record.kind,
        "version": record.version,
        "index": record.index,
        "issuer": record.issuer,
        "decided_on": record.decided_on,
        "published_on": record.published_on,
        "in_force_until": record.in_force_until,
        "about": record.about,
        "fields": dict(sorted(record.values.items())),
    }


def verdict_lines(name: str, verdict: Verdict) -> list[str]:
    """A verdict as lines of text: the claim, each step, the records, the outcome, its limits."""
    lines = [pick("证据  ", "Evidence  ") + printable(name)]
    if verdict.claim is not None:
        lines.append(pick("主张  ", "Claim  ") + claim_line(verdict.claim))
    for step in verdict.steps:
        label = name_of(STEPS, step.id)
        detail = f"  {printable(step.detail)}" if step.detail else ""
        lines.append(f" {_MARKS[step.state]} {step.number:>2} {label}  {step.code}{detail}")
    if verdict:
        lines += [f"   · {record_line(record)}" for record in verdict.records]
    lines.append(outcome_line(verdict))
    if verdict:
        lines.append(pick(*LIMITS))
    return lines


def claim_line(claim: Claim) -> str:
    """What the evidence claims, in one line."""
    what = f"{claim.region} {name_of(REGIONS, claim.region)} · {claim.subject} · "
    what += f"{claim.record_type} {name_of(RECORD_TYPES, claim.record_type)} · "
    if claim.is_absence:
        return what + pick("没有有效记录", "no record in force")
    if claim.count is not None:
        return what + pick(f"有效记录共 {claim.count} 条", f"all {claim.count} records in force")
    return what + pick("一条有效记录", "one record in force")


def record_line(record: ProvedRecord) -> str:
    """A proved record in one line."""
    number = record.values.get("document_number", record.record_id)
    parts = [str(number), record.decided_on]
    fine = record.values.get("fine_fen")
    if isinstance(fine, int):
        yuan = f"{fine // 100}.{fine % 100:02d}"
        parts.append(pick(f"罚款 {yuan} 元", f"fine {yuan} yuan"))
    if record.in_force_until is not None:
        parts.append(pick(f"至 {record.in_force_until}", f"until {record.in_force_until}"))
    return printable("  ".join(parts))


def outcome_line(verdict: Verdict) -> str:
    """The outcome with block, times and epoch; a development chain's is marked."""
    line = f"{name_of(OUTCOMES, verdict.outcome.value)} {verdict.outcome.value}"
    if verdict.is_development:
        line += f"  [{pick(*TEST_CHAIN)}]"
    if verdict.reason != "ok":
        line += f"  {verdict.reason}"
    basis = verdict.basis
    if basis is None or basis.anchored_at is None:
        return line
    block = pick("区块", "block")
    anchored = pick("上链", "anchored")
    line += (
        f"  {block} {basis.block_number} {_local(basis.block_time)}"
        f"  epoch {basis.epoch}  {anchored} {_local(basis.anchored_at)}"
    )
    # Under a forgery it would praise what nobody confirmed.
    if basis.confirmed_by and verdict.outcome is not Outcome.INVALID:
        count = basis.confirmed_by
        line += pick(f"  {count} 个地区确认", f"  confirmed by {count} regions")
    return line


def _local(moment: datetime) -> str:
    return moment.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S +08:00")


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
