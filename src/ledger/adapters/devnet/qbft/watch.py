"""Whether the chain goes on, and when it needs help: a pure decision on what was seen.

After a stall the validators' round timers have doubled many times, without an end. With a quorum
up again they may still wait for minutes or for ever; restarting all of them resets the timers.
"""

from dataclasses import dataclass
from typing import Final

STALL_S: Final = 15.0
"""Nothing sealed for so long although a quorum was up all the while: all are started again."""

SETTLE_S: Final = 25.0
"""So long after such a restart the chain is given to find together."""


@dataclass(slots=True)
class Watch:
    """Remembers when the chain last moved, and since when a quorum is up."""

    quorum: int
    highest: int = -1
    moved_at: float = 0.0
    quorate_since: float | None = None
    restarted_at: float = -SETTLE_S
    restarts: int = 0

    def see(self, now: float, height: int | None, reachable: int) -> bool:
        """Take in a look at the chain; whether all validators should be started again.

        Args:
            now: Seconds of a clock that only goes forward.
            height: The highest block any validator has; None where none answers.
            reachable: Validators in the largest part that can reach each other and run.
        """
        if height is not None and height > self.highest:
            self.highest, self.moved_at = height, now
        if reachable < self.quorum:
            self.quorate_since = None
            return False
        if self.quorate_since is None:
            self.quorate_since = now
        stalled_since = max(self.moved_at, self.quorate_since)
        if now - stalled_since < STALL_S or now - self.restarted_at < SETTLE_S:
            return False
        self.restarted_at, self.restarts = now, self.restarts + 1
        return True
