"""What every command does the same way: exit codes, JSON, text of others on a terminal, failing."""

import json
import unicodedata
from collections.abc import Mapping
from typing import Final, NoReturn

import typer

from ledger.errors import LedgerError, UnavailableError

USAGE: Final = 2
"""Exit code: the command line, a file or the call itself is wrong."""

NOT_PROVED: Final = 3
"""Exit code: nothing wrong was found, and not everything could be proved now."""


def print_json(content: Mapping[str, object]) -> None:
    """One JSON object on one line; ASCII, so that no terminal's encoding can spoil it."""
    typer.echo(json.dumps(content))


def printable(text: str) -> str:
    """A text of others without what would steer a terminal or turn the direction of writing."""
    return "".join("\ufffd" if unicodedata.category(one)[0] == "C" else one for one in text)


def exit_code_for(error: LedgerError | OSError) -> int:
    """The exit code of a command that ended with this error."""
    return NOT_PROVED if isinstance(error, UnavailableError) else USAGE


def reason(error: LedgerError | OSError) -> str:
    """What went wrong, in one line: the stable code first."""
    if isinstance(error, LedgerError):
        return printable(f"{error.code}: {error}")
    return printable(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def fail(command: str, error: LedgerError | OSError) -> NoReturn:
    """Say what went wrong on standard error and end with the exit code for it."""
    typer.echo(f"{command}: {reason(error)}", err=True)
    raise typer.Exit(exit_code_for(error)) from None
