"""``faults --node``: what its options mean, and its run."""

import argparse
import random
from collections.abc import Callable
from pathlib import Path

from faulting.network import REGIONS, network
from faulting.node.report import KillReport
from faulting.node.run import run_lanes
from faulting.node.table import every_point, share_out

TIMES = 20
DEEP_TIMES = 100
FLIPS = 10_000


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the crash table."""
    found = parser.add_argument_group("with --node")
    found.add_argument("--times", type=int, default=TIMES, help="kills at each point")
    found.add_argument("--deep", action="store_true", help=f"{DEEP_TIMES} kills at each point")
    found.add_argument("--points", nargs="+", choices=every_point(len(REGIONS)), metavar="POINT")
    found.add_argument(
        "--flips", type=int, default=FLIPS, help="single bits flipped under fsck; 0: none"
    )
    found.add_argument("--lanes", type=int, choices=range(1, 5), default=4, help="nodes at once")


class NodeTable:
    """The crash table.

    Args:
        options: As parsed.
        folder: Where everything is kept.
        say: Told how far it is.
    """

    def __init__(
        self, options: argparse.Namespace, folder: Path, say: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._say = say
        self._regions = REGIONS[: options.lanes]
        self._flips = options.flips
        self.report = KillReport(
            options.seed,
            points=tuple(options.points or every_point(options.lanes)),
            times=DEEP_TIMES if options.deep else options.times,
        )

    def run(self) -> None:
        """Make every kill of the table and flip the bits.

        Raises:
            FaultsError: The run itself cannot go on.
        """
        report, regions = self.report, self._regions
        self._say(f"seed {report.seed}: {len(report.points)} points x {report.times}")
        chance = random.Random(report.seed)  # noqa: S311 - a schedule, not a secret
        shares = share_out(report.points, report.times, len(regions), chance)
        with network(self._folder) as net:
            places = net.found(*regions)
            self._say(f"chain and {len(regions)} regions made")
            run_lanes(net, places, shares, report, self._say)
        if self._flips:
            report.flips = self._flip()

    def _flip(self) -> dict[str, int]:
        # Its database comes from the worlds of the tests.
        from faulting.node.flips import run

        found = run(self._flips, self._say, self.report.seed)
        return {
            "flips": self._flips,
            "found": sum(found.found.values()),
            "harmless": sum(found.harmless.values()),
            "missed": len(found.missed) + len(found.broken),
        }
