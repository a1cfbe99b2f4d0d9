"""Answers as response bytes; evidence goes out exactly as it was made."""

import json
from collections.abc import Iterable
from datetime import datetime

from ledger.core.verify import Verdict
from ledger.services.lookup.answers import Answer


def render_answers(answers: Iterable[Answer], *, region: str | None = None) -> bytes:
    """Encode answers as canonical JSON without decoding their evidence again.

    Args:
        answers: In the order they were asked.
        region: Set for a region's own answers.
    """
    body = b'{"answers":[' + b",".join(_render(answer) for answer in answers) + b"]"
    return body + (b"}" if region is None else f',"region":{_json(region)}}}'.encode())


def _render(answer: Answer) -> bytes:
    question = answer.question
    members = {
        "code": _json(answer.code).encode(),
        "evidence": answer.evidence or b"null",
        "record_type": _json(question.record_type).encode(),
        "region": _json(question.region).encode(),
        "result": _json(answer.result.value).encode(),
        "subject": _json(question.subject).encode(),
        "verdict": _json(None if answer.verdict is None else _verdict(answer.verdict)).encode(),
    }
    # Names in ascending order, so that the whole body is its own canonical JSON.
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), members[name]) for name in members) + b"}"


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


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


# Made once: an answer has seven values, and making it takes longer than using it.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode
