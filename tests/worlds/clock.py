"""A clock that stands until it is moved, and chance that repeats itself."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 10, 31, 4, 0, tzinfo=UTC)
"""12:00+08:00 of 2026-10-31."""


class StandingClock:
    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def entropy(seed: int = 1) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes
