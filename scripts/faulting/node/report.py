"""The counts of the crash table."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from faulting.report import Report


@dataclass
class KillReport(Report):
    """Kills by point, and bits flipped.

    Args:
        points: Rows of the table, in order.
        times: Kills wanted at each.
    """

    points: tuple[str, ...] = ()
    times: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    rests: int = 0
    flips: dict[str, int] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether every kill was made and no flipped bit was missed."""
        made = all(self.kills[point] >= self.times for point in self.points)
        return made and not self.flips.get("missed", 0)

    @property
    def progress(self) -> str:
        """How far it is, in a line."""
        wanted = len(self.points) * self.times
        made = self.kills.total()
        return f"{made} of {wanted} kills" if wanted else f"{made} kills"

    def tables(self) -> list[Table]:
        """A row a point."""
        table = Table("point", "kills", "seconds a life", title="Killed by SIGKILL at")
        for point in self.points:
            kills = self.kills[point]
            mean = f"{self.seconds[point] / kills:.1f}" if kills else "-"
            table.add_row(point, f"{kills}/{self.times}", mean)
        return [table]

    def totals(self) -> dict[str, int]:
        """Kills, records and rests."""
        return {"kills": self.kills.total(), "records": self.records, "rests": self.rests}

    def content(self) -> dict[str, Any]:
        """Everything counted."""
        return {
            "times": self.times,
            "kills": {point: self.kills[point] for point in self.points},
            "seconds": {point: round(self.seconds[point], 2) for point in self.points},
            "total_kills": self.kills.total(),
            "rests": self.rests,
            "flips": self.flips,
        }

    def show(self, console: Console) -> None:
        """Print the table, the findings, the totals and the flips."""
        super().show(console)
        if self.flips:
            flips = "  ".join(f"{name} {count}" for name, count in self.flips.items())
            console.print(f"single-bit flips: {flips}", highlight=False)
