"""Command line of the fault tables; see ``scripts/faults``."""

import argparse
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from faulting.chain import command as chain
from faulting.network import FaultsError
from faulting.node import command as node


def main() -> int:
    """Run what was asked for; gives the exit code."""
    options = _options()
    # As an exception, so that chain, nodes and folders are cleared away.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    console = Console(width=100) if not sys.stdout.isatty() else Console()

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False)

    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="credit-ledger-faults-") as folder:
        make = chain.ChainTable if options.chain else node.NodeTable
        table = make(options, Path(folder), say)
        try:
            table.run()
        except FaultsError as error:
            console.print(f"faults: {error}", style="red", markup=False)
            return 1
        finally:
            table.report.took_s = time.monotonic() - begun
            table.report.show(console)
            if options.json is not None:
                table.report.save(options.json)
    return 0 if table.report.is_good else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults", description="Break things; nothing is lost.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--node", action="store_true", help="the node's crash table")
    which.add_argument("--chain", action="store_true", help="validators, endpoints, senders")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--json", type=Path, help="write the report here")
    node.add_options(parser)
    chain.add_options(parser)
    return parser.parse_args()


sys.exit(main())
