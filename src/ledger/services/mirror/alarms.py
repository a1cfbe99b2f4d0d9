"""What a region did that no honest node does."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ledger.errors import VerificationError

LOG_ROOT_DIFFERS: Final = "log-root-differs"
"""The entries that a region hands out are not those of its anchored log."""

OPENING_DIFFERS: Final = "opening-entry-differs"
"""A log does not begin with the opening entry of its region, stream and generation."""

MAP_ROOT_DIFFERS: Final = "map-root-differs"
"""The anchored map is not the one that follows from the anchored log."""

MAP_FUNCTION_UNKNOWN: Final = "map-function-unknown"
"""A head names a map function that this release does not have."""

LOG_TOO_LONG: Final = "log-too-long"
"""A log is longer than a mirror takes."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Stands until it is resolved."""

    code: str
    message: str
    """Both values."""
    epoch: int
    """Of the head it is about."""
    since: datetime


class AlarmError(VerificationError):
    """A region's log or map is not what was anchored.

    Attributes:
        alarm: One of the codes of this module.
    """

    code = "mirror-alarm"

    def __init__(self, alarm: str, message: str) -> None:
        super().__init__(message)
        self.alarm = alarm
