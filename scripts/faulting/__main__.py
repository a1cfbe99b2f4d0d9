"""Command line of the fault tables; see ``scripts/faults``."""

import argparse
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from faulting.network import REGIONS, FaultsError
from faulting.report import Report
from faulting.run import run_table
from faulting.table import every_point

DEFAULT_TIMES = 20
DEEP_TIMES = 100
DEFAULT_FLIPS = 10_000


def main() -> int:
    """Run what was asked for; gives the exit code."""
    options = _options()
    # As an exception, so that chain and folders are cleared away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(width=100) if not sys.stdout.isatty() else Console()
    times = DEEP_TIMES if options.deep else options.times
    points = tuple(options.points or every_point(options.lanes))
    report = Report(options.seed, points, times)

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False)

    say(f"seed {report.seed}: {len(report.points)} points x {times}")
    with tempfile.TemporaryDirectory(prefix="credit-ledger-faults-") as folder:
        try:
            run_table(Path(folder), report, say, REGIONS[: options.lanes])
            report.flips = _flip(options.flips, say, report.seed)
        except FaultsError as error:
            console.print(f"faults: {error}", style="red", markup=False)
            return 1
        finally:
            report.show(console)
            if options.json is not None:
                report.save(options.json)
    return 0 if report.is_good else 1


def _flip(count: int, say: Callable[[str], None], seed: int) -> dict[str, int]:
    if not count:
        return {}
    # Its database comes from the worlds of the tests.
    from faulting.flips import run

    found = run(count, say, seed)
    return {
        "flips": count,
        "found": sum(found.found.values()),
        "harmless": sum(found.harmless.values()),
        "missed": len(found.missed) + len(found.broken),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description="Kill nodes; nothing may be lost.")
    parser.add_argument("--node", action="store_true", required=True, help="the node's crash table")
    parser.add_argument("--times", type=int, default=DEFAULT_TIMES, help="kills at each point")
    parser.add_argument("--deep", action="store_true", help=f"{DEEP_TIMES} kills at each point")
    parser.add_argument("--points", nargs="+", choices=every_point(len(REGIONS)), metavar="POINT")
    parser.add_argument(
        "--flips", type=int, default=DEFAULT_FLIPS, help="single bits flipped under fsck; 0: none"
    )
    parser.add_argument("--lanes", type=int, choices=range(1, 5), default=4, help="nodes at once")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--json", type=Path, help="write the report here")
    return parser.parse_args()


sys.exit(main())
