"""``credit-ledger`` as people type it, in this process: starting one takes longer than it runs."""

import subprocess
import sys
from typing import Any

from typer.testing import CliRunner

from ledger.cli.app import app


def attempt(*words: object) -> Any:
    """Run a command, whatever comes of it."""
    return CliRunner().invoke(app, ["--lang", "en", *map(str, words)])


def ledger(*words: object) -> str:
    """Run a command and give what it says; it must succeed."""
    done = attempt(*words)
    assert done.exit_code == 0, f"{words}: {done.output}"
    return str(done.output)


def ledger_apart(*words: object) -> None:
    """Run a command in a process of its own, for it leaves others behind; it must succeed."""
    command = [sys.executable, "-m", "ledger", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
