"""One row being run: what it is told, and the figures it gives."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from faulting.chain.report import Figure, shown
from faulting.checks import Finding


@dataclass
class Run:
    """One row being run.

    Args:
        name: Of the row.
        folder: Where everything of it is kept.
        seed: Decides what happens, as far as it can be decided.
        is_quick: Whether a small form of it is enough.
        kinds: RPC faults to inject, where not all.
        say: Told how far it is.
        report: Told what must not be.
    """

    name: str
    folder: Path
    seed: str
    is_quick: bool
    kinds: tuple[str, ...]
    say: Callable[[str], None]
    report: Callable[[Finding], None]
    figures: dict[str, Figure] = field(default_factory=dict)
    records: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - a schedule, not a secret

    def note(self, name: str, value: Figure) -> None:
        """Keep a figure and say it."""
        self.figures[name] = value
        self.say(f"{self.name}: {name}: {shown(value)}")
