"""Ports that a service can leave and come back to."""

import socket
from pathlib import Path

import pytest

from ledger.adapters.devnet.ports import find_free_port, require_free
from ledger.errors import DevnetError


def test_free_port_is_never_one_that_an_outgoing_connection_can_be_given() -> None:
    span = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()
    assert all(find_free_port() < int(span[0]) for _ in range(20))


def test_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", find_free_port())):
        pass


def test_taken_port_is_refused_by_name() -> None:
    port = find_free_port()
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(DevnetError, match=f"port {port} "),
    ):
        require_free(port)
