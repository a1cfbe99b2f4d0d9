"""Command line of the measurements; see ``scripts/bench``."""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pysqlite3
from rich.console import Console
from rich.table import Table

from benchmarks.figure import SEED, Figure
from benchmarks.topic import NAMED_ONLY, TOPICS, Outcome, measure_apart

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Measure; gives the exit code: 1 if a topic failed."""
    options = _options()
    started_at = datetime.now(UTC)
    outcomes = [measure_apart(topic, quick=options.quick) for topic in options.topics or TOPICS]
    console = Console(width=None if sys.stdout.isatty() else 160)
    machine = _machine()
    console.print(", ".join(f"{name} {value}" for name, value in machine.items()))
    for outcome in outcomes:
        _show(console, outcome)
    if options.json is not None:
        members = {
            "started_at": started_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "quick": options.quick,
            "seed": SEED,
            "machine": machine,
            "topics": [_members(outcome) for outcome in outcomes],
        }
        text = json.dumps(members, ensure_ascii=False, indent=1) + "\n"
        options.json.write_text(text, encoding="utf-8")
    return int(any(outcome.error for outcome in outcomes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="How fast the ledger is.")
    parser.add_argument("--quick", action="store_true", help="small sizes, within two minutes")
    parser.add_argument("--json", type=Path, help="write figures and machine facts here")
    known = (*TOPICS, *NAMED_ONLY)
    shown = f"{', '.join(TOPICS)}; only where named: {', '.join(NAMED_ONLY)}"
    parser.add_argument("topics", nargs="*", metavar="TOPIC", help=shown)
    options = parser.parse_args()
    unknown = set(options.topics) - set(known)
    if unknown:
        parser.error(f"unknown topic {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    return options


def _show(console: Console, outcome: Outcome) -> None:
    title = f"{outcome.topic} ({outcome.seconds:.1f} s, {outcome.cpu_seconds:.1f} s of CPU)"
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading in ("figure", "value", "unit", "floor", "x floor", "aim", "note"):
        numeric = heading in ("value", "floor", "x floor", "aim")
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for figure in outcome.figures:
        table.add_row(*_cells(figure))
    console.print(table if outcome.error is None else f"{title}: failed: {outcome.error}")
    for line in _floor_lines(outcome.figures):
        console.print(f"  {line}", style="dim")


def _cells(figure: Figure) -> Sequence[str]:
    aim = "" if figure.aim is None else f"{'>=' if figure.more_is_better else '<='} "
    reached = {None: "", True: " ok", False: " no"}[figure.reaches_aim]
    return (
        figure.name,
        _number(figure.value),
        figure.unit,
        _number(figure.floor),
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        aim + _number(figure.aim) + reached,
        figure.note,
    )


def _floor_lines(figures: Sequence[Figure]) -> list[str]:
    """What each floor is, said once, with the figures it stands beside."""
    beside: dict[str, list[str]] = {}
    for figure in figures:
        if figure.floor_name is not None:
            beside.setdefault(figure.floor_name, []).append(figure.name)
    return [f"floor of {', '.join(names)}: {floor}" for floor, names in beside.items()]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"


def _members(outcome: Outcome) -> dict[str, Any]:
    return {**asdict(outcome), "figures": [asdict(figure) for figure in outcome.figures]}


def _machine() -> dict[str, Any]:
    """Facts without which figures say nothing; no name of the machine."""
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 1),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "python": platform.python_version(),
        "sqlite": pysqlite3.sqlite_version,
        "commit": _commit(),
    }


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _commit() -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main())
