"""One measured figure beside what it is compared with, and how topics make figures.

A topic is a module with ``run(*, quick: bool, say: Callable[[str], None]) -> list[Figure]``.
"""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Final

SEED: Final = 20_261
"""Seed of everything that is drawn by chance, so that two runs measure the same work."""

Say = Callable[[str], None]
"""Tells what is being measured."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and the floor or peer it stands beside."""

    name: str
    value: float
    unit: str
    floor_name: str | None = None
    """What the floor is made of, or who the peer is."""
    floor: float | None = None
    """The same figure of the floor, in the same unit, measured in the same run."""
    ratio: float | None = None
    """Cost in multiples of the floor's cost, whichever way the unit runs: 1.0 is the floor."""
    aim: float | None = None
    """What is aimed at, in the same unit."""
    note: str = ""
    more_is_better: bool = False
    """Whether the unit is a rate and the aim a least one."""

    @property
    def reaches_aim(self) -> bool | None:
        """Whether the aim is reached; None without one."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.more_is_better else self.value <= self.aim


def make_rate(
    name: str,
    value: float,
    unit: str,
    *,
    floor_name: str | None = None,
    floor: float | None = None,
    aim: float | None = None,
    note: str = "",
) -> Figure:
    """A figure of which more is better, such as rows a second."""
    ratio = floor / value if floor and value else None
    return Figure(name, value, unit, floor_name, floor, ratio, aim, note, more_is_better=True)


def make_cost(
    name: str,
    value: float,
    unit: str,
    *,
    floor_name: str | None = None,
    floor: float | None = None,
    aim: float | None = None,
    note: str = "",
) -> Figure:
    """A figure of which less is better, such as milliseconds, bytes or gas."""
    ratio = value / floor if floor else None
    return Figure(name, value, unit, floor_name, floor, ratio, aim, note)


def time_best(work: Callable[[], object], *, repeat: int = 5) -> float:
    """Seconds of CPU of this process that the quickest of some runs of ``work`` took."""
    best = float("inf")
    for _ in range(repeat):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


def time_median(work: Callable[[], object], *, repeat: int = 5) -> float:
    """Seconds of CPU that the middle one of some runs took, beside what is measured only once."""
    return median(time_best(work, repeat=1) for _ in range(repeat))


@contextmanager
def uncollected() -> Iterator[None]:
    """Without garbage collections inside, which would fall to whoever allocates at that moment."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
