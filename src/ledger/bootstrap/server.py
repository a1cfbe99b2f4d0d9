"""Running a node: the server in front of its application."""

from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI

from ledger.adapters.log_lines import configure_logging
from ledger.api.connections import Connection, Server
from ledger.bootstrap.node import build_node
from ledger.errors import FatalStateError
from ledger.settings import load_settings

GRACEFUL_STOP_S: Final = 30
MAX_HEAD_BYTES: Final = 32 << 10
"""Request line and headers, as far as the server reads them; the API takes less."""


def run_node(folder: Path, *, host: str | None = None, port: int | None = None) -> None:
    """Run a node until it is told to stop.

    Raises:
        InputError: The folder holds no node, or no trust root yet.
        FatalStateError: Keys, database, clock or chain do not belong together, or the server does
            not start.
        WrongChainError: The chain has another id than the trust root.
    """
    settings = load_settings(folder, host=host, port=port)
    configure_logging()
    node = build_node(folder, settings)
    node.genesis.check()
    config = server_config(
        node.app,
        settings.host,
        settings.port,
        trusted_proxies=settings.trusted_proxies,
        graceful_stop_s=settings.graceful_stop_s,
    )
    server = Server(config, node.app)
    server.run()
    if not server.started:
        raise FatalStateError("server: did not start; the log says why")


def server_config(
    app: FastAPI,
    host: str,
    port: int,
    *,
    trusted_proxies: str = "",
    graceful_stop_s: int = GRACEFUL_STOP_S,
) -> uvicorn.Config:
    """How the server in front of the application behaves: bounded, and silent about itself.

    Args:
        app: The application.
        host: Where it listens.
        port: Where it listens.
        trusted_proxies: Addresses or networks whose X-Forwarded-For is believed.
        graceful_stop_s: Seconds that requests in work have to end.
    """
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=Connection,  # h11: bounds the head of a request, httptools does not
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ws="none",
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=graceful_stop_s,
    )
