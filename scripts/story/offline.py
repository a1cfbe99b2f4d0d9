"""Runs the command line with networking denied: every socket this process asks for is refused.

Where the system allows it, the process is also put into a network namespace of its own, which has
no interface but an idle loopback.
"""

import shutil
import subprocess
import sys
from pathlib import Path


def deny_network() -> None:
    """Refuse every use of sockets from here on, in this process."""

    def refuse(event: str, _: tuple[object, ...]) -> None:
        if event.startswith("socket."):
            raise PermissionError(f"networking is denied here: {event}")

    sys.addaudithook(refuse)


def offline_command(*arguments: str) -> list[str]:
    """The command that runs ``credit-ledger`` with these arguments and no network."""
    command = [sys.executable, str(Path(__file__).resolve()), *arguments]
    unshare = shutil.which("unshare")
    if unshare is None:
        return command
    isolated = [unshare, "--net", "--map-root-user", "--"]
    probe = subprocess.run([*isolated, "true"], capture_output=True, check=False)
    return [*isolated, *command] if probe.returncode == 0 else command


if __name__ == "__main__":
    deny_network()
    from ledger.cli import main

    main()
