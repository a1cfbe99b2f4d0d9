"""``faults --chain``: what its options mean, and its run."""

import argparse
import os
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from worlds.rpc_faults import FAULTS

from faulting.chain.report import RowReport, RowResult
from faulting.chain.run import Run
from faulting.chain.table import ROWS
from faulting.checks import WRONG, Finding
from faulting.network import FaultsError
from ledger.errors import LedgerError

ENVIRONMENT = {
    # The table asks more than clients may.
    "CREDIT_LEDGER_REQUESTS_ANYONE": "0",
    "CREDIT_LEDGER_REQUESTS_REGIONS": "0",
    "CREDIT_LEDGER_REQUESTS_OPERATOR": "0",
    # Only development chains allow it by themselves.
    "CREDIT_LEDGER_PEERS_ON_THIS_MACHINE": "true",
}
"""What every node of the table is told."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of the chain's table."""
    found = parser.add_argument_group("with --chain")
    found.add_argument("--only", nargs="+", choices=ROWS, metavar="NAME", help=", ".join(ROWS))
    found.add_argument("--quick", action="store_true", help="a small form of every row")
    found.add_argument(
        "--kinds", nargs="+", choices=FAULTS, metavar="KIND", default=(), help="RPC faults, not all"
    )


class ChainTable:
    """The fault table of the chain.

    Args:
        options: As parsed.
        folder: Where everything is kept.
        say: Told how far it is.
    """

    def __init__(
        self, options: argparse.Namespace, folder: Path, say: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._options = options
        self._begun = time.monotonic()
        self._say_plain = say
        wanted = tuple(name for name in ROWS if not options.only or name in options.only)
        self.report = RowReport(options.seed, wanted=wanted)

    def run(self) -> None:
        """Run every wanted row; one that breaks off does not end the others."""
        os.environ.update(ENVIRONMENT)
        self._say(f"seed {self.report.seed}: {', '.join(self.report.wanted)}")
        for name in self.report.wanted:
            self._one(name)

    def _one(self, name: str) -> None:
        before, begun = len(self.report.findings), time.monotonic()
        run = Run(
            name=name,
            folder=self._folder / name,
            seed=f"{self.report.seed} {name}",
            is_quick=self._options.quick,
            kinds=tuple(self._options.kinds),
            say=self._say,
            report=self._note,
        )
        try:
            ROWS[name](run)
        except (FaultsError, LedgerError, OSError, AssertionError) as error:
            self._say(traceback.format_exc())
            self._note(Finding(WRONG, f"{name} broke off: {type(error).__name__}: {error}"))
        found = len(self.report.findings) - before
        took_s = time.monotonic() - begun
        self.report.records += run.records
        self.report.rows.append(RowResult(name, run.figures, found, took_s))
        self._say(f"{name}: {found} findings, {took_s:.0f} s")

    def _note(self, one: Finding) -> None:
        if one in self.report.findings:
            return  # Seen again at the next look.
        self.report.findings.append(one)
        self._say(f"{one.kind}: {one.text}")

    def _say(self, text: str) -> None:
        self._say_plain(f"[{time.monotonic() - self._begun:6.0f} s] {text}")
