"""The counts of a run, as a table and as JSON."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from faulting.checks import KINDS, Finding


@dataclass
class Report:
    """What a run has seen so far.

    Args:
        seed: From which everything follows.
        points: Rows of the table, in order.
        times: Kills wanted at each.
    """

    seed: int
    points: tuple[str, ...]
    times: int
    kills: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    records: int = 0
    rests: int = 0
    flips: dict[str, int] = field(default_factory=dict)
    took_s: float = 0.0

    @property
    def counts(self) -> dict[str, int]:
        """Findings by kind."""
        found = Counter(one.kind for one in self.findings)
        return {kind: found[kind] for kind in KINDS}

    @property
    def is_good(self) -> bool:
        """Whether every kill was made and nothing was found."""
        made = all(self.kills[point] >= self.times for point in self.points)
        return made and not self.findings and not self.flips.get("missed", 0)

    def show(self, console: Console) -> None:
        """Print the table and the totals."""
        table = Table("point", "kills", "seconds a life", title="Killed by SIGKILL at")
        for point in self.points:
            kills = self.kills[point]
            mean = f"{self.seconds[point] / kills:.1f}" if kills else "-"
            table.add_row(point, f"{kills}/{self.times}", mean)
        console.print(table)
        for one in self.findings:
            console.print(f"{one.kind}: {one.text}", style="red", markup=False)
        totals = {"kills": self.kills.total(), "records": self.records, "rests": self.rests}
        shown = "  ".join(f"{name} {count}" for name, count in (totals | self.counts).items())
        console.print(f"seed {self.seed}  {shown}  {self.took_s:.0f} s", highlight=False)
        if self.flips:
            flips = "  ".join(f"{name} {count}" for name, count in self.flips.items())
            console.print(f"single-bit flips: {flips}", highlight=False)

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        content = {
            "seed": self.seed,
            "times": self.times,
            "kills": {point: self.kills[point] for point in self.points},
            "seconds": {point: round(self.seconds[point], 2) for point in self.points},
            "total_kills": self.kills.total(),
            "records": self.records,
            "rests": self.rests,
            **self.counts,
            "findings": [f"{one.kind}: {one.text}" for one in self.findings],
            "flips": self.flips,
            "took_s": round(self.took_s, 1),
        }
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
