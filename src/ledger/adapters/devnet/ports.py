"""Ports of this machine: whether one can be listened on, and one that stays free."""

import contextlib
import secrets
import socket
from collections.abc import Collection
from typing import Final

from ledger.errors import DevnetError

LASTING: Final = range(20_000, 32_000)
"""Where a free port is looked for: below the range from which Linux gives outgoing connections
theirs (32,768 and up). One of those could take the port while its service is down for a moment."""

TRIES: Final = 100


def find_free_port(besides: Collection[int] = ()) -> int:
    """A port on 127.0.0.1 that a service can leave and come back to.

    Args:
        besides: Ports that were found before and are not listened on yet.

    Raises:
        DevnetError: None was found.
    """
    for _ in range(TRIES):
        candidate = secrets.choice(LASTING)
        if candidate in besides:
            continue
        with contextlib.suppress(DevnetError):
            require_free(candidate)
            return candidate
    raise DevnetError(
        "port-in-use", f"no free port found from {LASTING.start} to {LASTING.stop - 1}"
    )


def require_free(port: int) -> None:
    """Check that a port on 127.0.0.1 can be used.

    Raises:
        DevnetError: It cannot.
    """
    if not 0 < port < 65_536:
        raise DevnetError("usage", f"port: expected 0 to 65535, found {port}")
    with socket.socket() as probe:
        # As anvil binds; otherwise connections of the last run, still closing, would count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DevnetError(
                "port-in-use",
                f"port {port} on 127.0.0.1 cannot be used ({error.strerror}): stop what uses it, or"
                " choose another with --port (0 takes a free one)",
            ) from None
