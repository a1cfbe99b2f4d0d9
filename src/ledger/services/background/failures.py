"""Failures in a row of one step, and how long to wait after them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from ledger.errors import LedgerError

BACK_OFF_S: Final = 1.0
"""Pause of a step after its first failure; doubles up to ``LONGEST_BACK_OFF_S``."""

LONGEST_BACK_OFF_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class StepError:
    """The last error of a step, kept until the step succeeds."""

    step: str
    code: str
    message: str
    since: datetime
    """First of the failures in a row."""
    at: datetime
    """The last of them."""
    failures: int

    def is_over(
        self,
        now: datetime,
        first_s: float = BACK_OFF_S,
        longest_s: float = LONGEST_BACK_OFF_S,
    ) -> bool:
        """Whether the step may be tried again.

        Args:
            now: The present; a clock that was set back ends the pause too.
            first_s: The pause after the first failure; it doubles with each further one.
            longest_s: The longest pause.
        """
        seconds = first_s * 2.0 ** min(self.failures - 1, 10)
        return abs(now - self.at) >= timedelta(seconds=min(seconds, longest_s))


def error_of(step: str, error: Exception, earlier: StepError | None, now: datetime) -> StepError:
    """A failure, counted together with the ones before it; a bug's message may hold anything."""
    if isinstance(error, LedgerError):
        code, message = error.code, str(error)
    else:
        code, message = "internal", type(error).__name__
    if earlier is not None:
        return replace(earlier, code=code, message=message, at=now, failures=earlier.failures + 1)
    return StepError(step=step, code=code, message=message, since=now, at=now, failures=1)


def text_of(moment: datetime) -> str:
    """A moment in RFC 3339."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
