"""The outcome of a verification: numbered steps, what was proved, and one word."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final

from ledger.core.evidence import Claim

CHINA: Final = timezone(timedelta(hours=8), "+08:00")
"""The zone in which days of records begin and end."""

STEPS: Final = (
    "format",
    "trust-root",
    "consensus",
    "state",
    "freshness",
    "confirmation",
    "subject-key",
    "map",
    "list",
    "log",
    "opening",
    "authority",
    "status",
    "consent",
)
"""Step ids in order; step 1 is the first."""


UNSUPPORTED_PREFIX: Final = "unsupported-"
"""Unknown codes that make a verdict UNSUPPORTED begin with this."""


class Outcome(StrEnum):
    """The one word of a verdict, worst first."""

    INVALID = "INVALID"
    UNSUPPORTED = "UNSUPPORTED"
    STALE = "STALE"
    INCOMPLETE = "INCOMPLETE"
    VALID = "VALID"


class StepState(StrEnum):
    """What became of one step."""

    PASS = "pass"  # noqa: S105 - a state, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step; ``code`` is stable, ``detail`` is for people and may change."""

    number: int
    id: str
    state: StepState
    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the caller asks beyond the proofs.

    Attributes:
        max_age_s: Largest accepted age of block M in seconds; None for any age.
        as_of: The day the answer is wanted for, in +08:00; None for the day of M.
        verifier: The caller's own id, for evidence given under a consent; None where there is none.
    """

    max_age_s: int | None = 600
    as_of: date | None = None
    verifier: str | None = None


@dataclass(frozen=True, slots=True)
class ProvedRecord:
    """An opened item; ``values`` holds the disclosed fields by name."""

    index: int
    kind: str
    record_id: str
    version: int
    issuer: str
    decided_on: str
    published_on: str
    in_force_until: str | None
    about: str | None
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class Basis:
    """Where the proof stands: block M and the head it proves."""

    block_number: int
    block_hash: bytes
    block_time: datetime
    epoch: int | None = None
    anchored_at: datetime | None = None
    log_size: int | None = None
    confirmed_by: int = 0
    """Distinct operators whose mirrors have confirmed the map."""
    contradicting_mirrors: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of verifying one evidence.

    True in a boolean context for VALID only. ``records`` is filled as far as step 11 went; it means
    something only together with the outcome.
    """

    outcome: Outcome
    steps: tuple[Step, ...]
    claim: Claim | None = None
    basis: Basis | None = None
    records: tuple[ProvedRecord, ...] = ()
    is_development: bool = False

    def __bool__(self) -> bool:
        return self.outcome is Outcome.VALID

    @property
    def reason(self) -> str:
        """The code of the step that decided the outcome, or ``ok``."""
        failed = [step.code for step in self.steps if step.state is StepState.FAIL]
        unknown = [step.code for step in self.steps if step.state is StepState.UNKNOWN]
        unsupported = [code for code in unknown if code.startswith(UNSUPPORTED_PREFIX)]
        return next(iter(failed + unsupported + unknown), "ok")


def day_of(moment: datetime) -> date:
    """The calendar day of a moment in +08:00."""
    return moment.astimezone(CHINA).date()


def moment_of(seconds: int) -> datetime:
    """Unix seconds as an aware UTC time.

    Raises:
        OverflowError: Beyond year 9999.
    """
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
