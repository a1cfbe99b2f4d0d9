"""The rows of the chain's table: what was done, and the figures it gave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from faulting.report import Report

Figure = int | float | str | None


@dataclass
class RowResult:
    """What one row gave."""

    name: str
    figures: dict[str, Figure]
    found: int
    """Findings of this row."""
    took_s: float


@dataclass
class RowReport(Report):
    """All rows.

    Args:
        wanted: Names of the rows that are to be run.
    """

    wanted: tuple[str, ...] = ()
    rows: list[RowResult] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether every row came to its end."""
        return [row.name for row in self.rows] == list(self.wanted)

    def tables(self) -> list[Table]:
        """A row and its figures."""
        table = Table("row", "figures", "found", "s", title="Faults of the chain", show_lines=True)
        for row in self.rows:
            table.add_row(row.name, _lines(row.figures), str(row.found), f"{row.took_s:.0f}")
        return [table]

    def totals(self) -> dict[str, int]:
        """Rows and records."""
        return {"rows": len(self.rows), "records": self.records}

    def content(self) -> dict[str, Any]:
        """Every figure."""
        return {
            "wanted": list(self.wanted),
            "rows": {
                row.name: {**row.figures, "found": row.found, "took_s": round(row.took_s, 1)}
                for row in self.rows
            },
        }


def _lines(figures: Mapping[str, Figure]) -> str:
    return "\n".join(f"{name}: {shown(value)}" for name, value in figures.items())


def shown(value: Figure) -> str:
    """A figure for people; seconds with two digits."""
    return f"{value:.2f}" if isinstance(value, float) else str(value)
