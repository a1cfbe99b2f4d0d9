"""``python -m fuzzing``: send, count, print a table, end with 1 if anything was found."""

import argparse
import json
import secrets
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fuzzing.node import FuzzedNode
from fuzzing.run import Found, run
from ledger.adapters.log_lines import configure_logging


def main() -> int:
    """Run and report."""
    arguments = _arguments()
    seed = secrets.randbelow(2**31) if arguments.seed is None else arguments.seed
    console = Console()
    console.print(f"seed {seed}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        with open(Path(folder) / "log", "w", encoding="utf-8") as log:
            configure_logging(log)
            node = FuzzedNode(Path(folder))
            try:
                found = run(node, requests=arguments.requests, seed=seed, say=console.print)
            finally:
                node.close()
    seconds = time.monotonic() - started
    _print(console, node, found, seconds)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(_content(node, found, seconds), indent=1) + "\n")
    return 1 if node.server_errors or node.complaints or found.failures or found.errors else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fuzz-api", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="at least so many")
    parser.add_argument("--seed", type=int, help="repeats a run")
    parser.add_argument("--json", type=Path, help="write the counts to this file")
    return parser.parse_args()


def _print(console: Console, node: FuzzedNode, found: Found, seconds: float) -> None:
    table = Table(title="Requests by operation", show_footer=True)
    table.add_column("operation", "total")
    table.add_column("requests", str(node.total), justify="right")
    table.add_column("answers")
    for operation, count in sorted(node.requests.items()):
        answers = sorted(
            (status, number)
            for (name, status), number in node.statuses.items()
            if name == operation
        )
        shown = "  ".join(f"{status}: {number}" for status, number in answers)
        table.add_row(operation, str(count), shown)
    console.print(table)
    undescribed = sum(node.complaints.values())
    console.print(
        f"{node.total} requests in {seconds:.0f} s, {found.rounds} rounds;"
        f" server errors {node.server_errors}, answers not described {undescribed},"
        f" failed checks {found.failures.total()}, errors of the run {found.errors.total()}"
    )
    for kind in (node.complaints, found.failures, found.errors):
        for text, count in kind.most_common(20):
            console.print(f"  {count} x {text}", markup=False)


def _content(node: FuzzedNode, found: Found, seconds: float) -> dict[str, object]:
    return {
        "seed": found.seed,
        "seconds": round(seconds),
        "requests": node.total,
        "by_operation": dict(sorted(node.requests.items())),
        "server_errors": node.server_errors,
        "not_described": dict(node.complaints),
        "failed_checks": dict(found.failures),
        "errors": dict(found.errors),
    }


if __name__ == "__main__":
    sys.exit(main())
