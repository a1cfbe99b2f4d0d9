"""The application behind the server it runs with, over a socket: what ASGI alone cannot show."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi import FastAPI
from worlds.node import uscc

from ledger.bootstrap.server import server_config


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(server_config(app, "127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield listening.getsockname()[:2]
        server.should_exit = True
        thread.join(10)


def exchange(address: tuple[str, int], *parts: bytes, wait_s: float = 5) -> bytes:
    """Send raw bytes, give everything that comes back until the server closes."""
    with socket.create_connection(address, timeout=wait_s) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass
        received = b""
        try:
            while chunk := connection.recv(65_536):
                received += chunk
        except ConnectionResetError:
            pass
        return received


def post(path: bytes, *headers: bytes) -> bytes:
    lines = [b"POST " + path + b" HTTP/1.1", b"Host: node", b"Content-Type: application/json"]
    return b"\r\n".join([*lines, *headers, b"", b""])


def test_server_answers_and_names_neither_itself_nor_its_version(
    address: tuple[str, int],
) -> None:
    answer = exchange(address, b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"uvicorn" not in answer.lower()


def test_server_chunked_body_over_the_limit_is_cut_off_and_the_connection_closed(
    address: tuple[str, int],
) -> None:
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    head = post(b"/v1/lookups", b"Transfer-Encoding: chunked")
    answer = exchange(address, head, *[chunk] * 64)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"application/problem+json" in answer


def test_server_expect_continue_is_refused_before_the_body(address: tuple[str, int]) -> None:
    head = post(b"/v1/lookups", b"Content-Length: 99999999", b"Expect: 100-continue")
    answer = exchange(address, head)
    assert answer.startswith(b"HTTP/1.1 413")


def test_server_endless_header_is_cut_off(address: tuple[str, int]) -> None:
    answer = exchange(address, b"GET / HTTP/1.1\r\nX: ", *[b"a" * 65_536] * 8)
    assert answer == b"" or answer.split()[1] in (b"400", b"431")
    assert uscc(5).encode() not in answer


def test_server_garbage_is_not_echoed(address: tuple[str, int]) -> None:
    code = uscc(5).encode()
    for garbage in (
        code + b"\r\n\r\n",
        b"GET /" + code + b" HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
    ):
        assert code not in exchange(address, garbage)


def test_server_length_and_chunked_together_are_refused(address: tuple[str, int]) -> None:
    smuggled = b"GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
    head = post(b"/v1/lookups", b"Content-Length: 4", b"Transfer-Encoding: chunked")
    answer = exchange(address, head, b"0\r\n\r\n", smuggled)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_server_websocket_upgrade_is_not_taken(address: tuple[str, int]) -> None:
    lines = (
        b"GET /v1/lookups HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13",
        b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
    )
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(b"\r\n".join(lines))
        assert connection.recv(64).startswith(b"HTTP/1.1 405")
