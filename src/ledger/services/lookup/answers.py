"""Questions about a subject and the answers to them, one per (region, record type).

``records`` and ``none`` are the only proved results and the only ones with evidence. The others say
why there is no proof; none of them may ever be shown as ``none``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ledger.core.verify import Verdict


class Result(StrEnum):
    """What a lookup found out."""

    RECORDS = "records"
    NONE = "none"
    PENDING = "pending"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    INVALID = "invalid"


PROVED: Final = (Result.RECORDS, Result.NONE)
"""Results that carry evidence."""

REGION_CODES: Final = frozenset(
    {
        "change-not-anchored",
        "consent-required",
        "fatal-state",
        "no-snapshot",
        "not-covered",
        "other-region",
        "snapshot-in-the-future",
        "snapshot-too-old",
        "store-unavailable",
        "stream-not-served",
        "too-many-items",
    }
)
"""Codes a region gives with an answer it does not prove."""


@dataclass(frozen=True, slots=True)
class Question:
    """One subject, one region, one record type; the subject is in its one spelling."""

    subject: str
    region: str
    record_type: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question.

    ``code`` says why, in one stable word; ``evidence`` is set exactly for proved results;
    ``verdict`` is set once the evidence has been verified.
    """

    question: Question
    result: Result
    code: str
    evidence: bytes | None = None
    verdict: Verdict | None = None

    def __post_init__(self) -> None:
        if self.is_proved != (self.evidence is not None):
            raise ValueError(f"{self.result}: expected evidence exactly with a proved result")

    @property
    def is_proved(self) -> bool:
        """Whether the answer is ``records`` or ``none``."""
        return self.result in PROVED
