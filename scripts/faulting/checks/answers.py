"""What a node answers once it is at rest, verified as a bank would, against the sender's book."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime

import httpx

from faulting.book import Book
from faulting.checks.findings import LOST, WRONG, Finding
from faulting.network import Place
from ledger.core import canonical
from ledger.core.verify import Outcome, verify_evidence

SUBJECTS = 12
"""Subjects asked about at each rest."""


def check_answers(
    place: Place, book: Book, today: date, chance: random.Random, client: httpx.Client
) -> Iterator[Finding]:
    """Ask about some subjects and compare what is proved with what was acknowledged."""
    known = sorted({record.subject for record in book.records.values()})
    asked = chance.sample(known, min(len(known), SUBJECTS))
    if not asked:
        return
    questions = [{"subject": subject, "record_type": "cf"} for subject in asked]
    response = client.post("/v1/answers", json={"questions": questions})
    if not response.is_success:
        text = f"{place.region}: answers: {response.status_code} {response.text[:200]}"
        yield Finding(WRONG, text)
        return
    trust_root = (place.folder / "trust-root.json").read_bytes()
    for subject, answer in zip(asked, response.json()["answers"], strict=True):
        yield from _check(place, answer, trust_root, book.in_force(subject, today))


def _check(
    place: Place, answer: dict[str, object], trust_root: bytes, expected: list[str]
) -> Iterator[Finding]:
    evidence = answer["evidence"]
    if evidence is None:
        text = f"{place.region}: expected {len(expected)} records, answered {answer['result']}"
        yield Finding(WRONG, f"{text} ({answer['code']})")
        return
    content = canonical.encode(json.loads(json.dumps(evidence)))
    verdict = verify_evidence(content, trust_root, now=datetime.now(UTC))
    if verdict.outcome is not Outcome.VALID:
        yield Finding(WRONG, f"{place.region}: evidence is {verdict.outcome}: {verdict.steps}")
        return
    found = sorted(str(record.values["document_number"]) for record in verdict.records)
    if found != expected:
        yield Finding(LOST, f"{place.region}: expected in force {expected}, proved {found}")
