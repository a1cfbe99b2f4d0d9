"""Which region's node is killed where and in which order; decided by a seed alone."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.services.crash_points import CRASH_POINTS

ANY_MOMENT = "any moment"
"""Killed from outside, at a time that nobody chose."""

ANY_MOMENT_S = 3.0
"""A process without a point is killed within this time."""

PASSINGS = (1, 1, 2, 3)
"""The passing at which a process dies; the first often lies in the recovery."""

ONCE_A_LIFE = ("startup.migrated", "startup.fence-taken", "startup.loaded")
"""Points that one life passes once, whatever is published."""


@dataclass(frozen=True)
class Step:
    """One kill."""

    point: str
    passing: int = 1
    longest_s: float = ANY_MOMENT_S
    """When nobody chose a point, the process is killed within this time."""

    @property
    def armed(self) -> str | None:
        """What the process is told; None when it is killed from outside."""
        return None if self.point == ANY_MOMENT else f"{self.point}:{self.passing}"

    @property
    def is_expiry(self) -> bool:
        """Whether records must be over for the process to come here."""
        return self.point.startswith("expiry.")


def every_point(lanes: int) -> tuple[str, ...]:
    """All rows of the table; a node that is alone mirrors nobody.

    Nobody gives these nodes another generation: its points have a test of their own.
    """
    left_out = ("generation.",) if lanes > 1 else ("generation.", "mirror.")
    points = [name for name in CRASH_POINTS if not name.startswith(left_out)]
    return (*points, ANY_MOMENT)


def share_out(
    points: Sequence[str], times: int, lanes: int, chance: random.Random
) -> list[list[Step]]:
    """Every point so many times, shuffled and dealt out.

    Each kill is the recovery of the one before, so shuffling makes every pair of points possible.
    """
    steps = [_step(point, chance) for point in points for _ in range(times)]
    chance.shuffle(steps)
    return [steps[number::lanes] for number in range(lanes)]


def _step(point: str, chance: random.Random) -> Step:
    single = point in ONCE_A_LIFE or point.startswith(("startup.", "expiry."))
    return Step(point, 1 if single else chance.choice(PASSINGS))
