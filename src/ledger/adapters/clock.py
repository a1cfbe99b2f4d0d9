"""The machine's clock, which a development chain may shift."""

from datetime import UTC, datetime, timedelta


class SystemClock:
    """The present plus a fixed offset.

    Args:
        offset_s: Seconds added to the machine's time. Anything but 0 is for development chains,
            where a whole run can be set on another day; ``bootstrap`` refuses it elsewhere.
    """

    def __init__(self, offset_s: int = 0) -> None:
        self._offset = timedelta(seconds=offset_s)

    def now(self) -> datetime:
        """The present, aware, in UTC."""
        return datetime.now(UTC) + self._offset
