"""Things that look wrong, and are believed only after they have looked so for a while."""

from datetime import datetime, timedelta

from ledger.services.ports import Clock


class Doubts:
    """Since when each thing has looked wrong without a moment in which it did not.

    Args:
        clock: The node's clock.
        patience_s: How long a doubt must last to be certain.
    """

    def __init__(self, clock: Clock, patience_s: int) -> None:
        self._clock = clock
        self._patience = timedelta(seconds=patience_s)
        self._since: dict[str | int, datetime] = {}

    def __bool__(self) -> bool:
        return bool(self._since)

    def is_certain(self, about: str | int) -> bool:
        """Whether this has looked wrong for long enough, now included."""
        now = self._clock.now()
        since = self._since.setdefault(about, now)
        if now < since:
            self._since[about] = since = now  # The clock was set back.
        return now - since >= self._patience

    def dispel(self, about: str | int) -> None:
        """This looks right again, or was dealt with."""
        self._since.pop(about, None)
