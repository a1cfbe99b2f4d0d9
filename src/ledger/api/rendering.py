"""Answers as response bytes; evidence goes out exactly as it was made."""

import json
from collections.abc import Iterable

from ledger.core.verify import Verdict
from ledger.services.answers import Answer


def render_answers(answers: Iterable[Answer], *, region: str | None = None) -> bytes:
    """Encode answers as canonical JSON without decoding their evidence again.

    Args:
        answers: In the order they were asked.
        region: Set for a region's own answers.
    """
    body = b'{"answers":[' + b",".join(_render(answer) for answer in answers) + b"]"
    return body + (b"}" if region is None else f',"region":"{region}"'.encode() + b"}")


def _render(answer: Answer) -> bytes:
    # Member names in ascending order, so that the whole body is its own canonical JSON.
    question = answer.question
    members = {
        "code": answer.code,
        "record_type": question.record_type,
        "region": question.region,
        "result": answer.result.value,
        "subject": question.subject,
        "verdict": None if answer.verdict is None else _verdict(answer.verdict),
    }
    parts = [f'"code":{_json(members.pop("code"))}'.encode()]
    parts.append(b'"evidence":' + (answer.evidence or b"null"))
    parts += [f'"{name}":{_json(value)}'.encode() for name, value in members.items()]
    return b"{" + b",".join(parts) + b"}"


def _verdict(verdict: Verdict) -> dict[str, object]:
    basis = verdict.basis
    return {
        "anchored_at": None if basis is None else _time(basis.anchored_at),
        "block_number": None if basis is None else basis.block_number,
        "block_time": None if basis is None else _time(basis.block_time),
        "development": verdict.is_development,
        "epoch": None if basis is None else basis.epoch,
        "outcome": verdict.outcome.value,
    }


def _time(moment: object) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
