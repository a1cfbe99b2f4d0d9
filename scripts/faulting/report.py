"""What a run has found, as a table and as JSON; each table adds its own rows."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from faulting.checks import KINDS, Finding


@dataclass
class Report:
    """What a run has seen so far.

    Args:
        seed: From which everything follows.
    """

    seed: int
    findings: list[Finding] = field(default_factory=list)
    records: int = 0
    took_s: float = 0.0

    @property
    def counts(self) -> dict[str, int]:
        """Findings by kind."""
        found = Counter(one.kind for one in self.findings)
        return {kind: found[kind] for kind in KINDS}

    @property
    def is_complete(self) -> bool:
        """Whether everything was done that was to be done."""
        return True

    @property
    def is_good(self) -> bool:
        """Whether everything was done and nothing was found."""
        return self.is_complete and not self.findings

    def tables(self) -> list[Table]:
        """The rows, for people."""
        return []

    def totals(self) -> dict[str, int]:
        """What was done in all."""
        return {"records": self.records}

    def content(self) -> dict[str, Any]:
        """The rows, for programs."""
        return {}

    def show(self, console: Console) -> None:
        """Print the tables, the findings and the totals."""
        for table in self.tables():
            console.print(table)
        for one in self.findings:
            console.print(f"{one.kind}: {one.text}", style="red", markup=False)
        shown = "  ".join(
            f"{name} {count}" for name, count in (self.totals() | self.counts).items()
        )
        console.print(f"seed {self.seed}  {shown}  {self.took_s:.0f} s", highlight=False)

    def save(self, path: Path) -> None:
        """Write everything as JSON."""
        content = {
            "seed": self.seed,
            **self.content(),
            "records": self.records,
            **self.counts,
            "findings": [f"{one.kind}: {one.text}" for one in self.findings],
            "took_s": round(self.took_s, 1),
        }
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
