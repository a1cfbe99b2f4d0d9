"""The command ``credit-ledger``; heavy libraries are imported by the commands that need them."""

from ledger.cli.app import main

__all__ = ["main"]
