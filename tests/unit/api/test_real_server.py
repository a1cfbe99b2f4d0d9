"""The application behind the server it runs with, over a socket: what ASGI alone cannot show."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from worlds.node import World, uscc
from worlds.node_app import app_of

from ledger.api import connections
from ledger.api.connections import Server
from ledger.api.rate_limits import RequestLimits
from ledger.bootstrap.server import server_config


@contextmanager
def served(app: FastAPI, **settings: Any) -> Iterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(server_config(app, "127.0.0.1", 0, **settings), app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + 10
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield listening.getsockname()[:2]
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def address(app: FastAPI) -> Iterator[tuple[str, int]]:
    with served(app) as address:
        yield address


def exchange(address: tuple[str, int], *parts: bytes, wait_s: float = 20) -> bytes:
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


def problem_of(answer: bytes) -> tuple[int, str]:
    """Status and code of a problem; checks what every problem has."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    headers = dict(line.lower().split(b": ", 1) for line in lines[1:])
    content = json.loads(body)
    assert headers[b"content-type"] == b"application/problem+json"
    assert headers[b"x-request-id"].decode() == content["request_id"]
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"connection"] == b"close"
    assert int(headers[b"content-length"]) == len(body)
    status = int(lines[0].split()[1])
    assert content["status"] == status
    return status, content["code"]


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
    # The client may still be sending when the answer and the reset arrive.
    assert answer == b"" or problem_of(answer) == (400, "malformed-request")
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


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\nnonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: b\x00\r\n\r\n",
        b"GET /\xe5\xbc\xa0 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
def test_server_what_is_no_request_answers_a_400_problem(
    address: tuple[str, int], garbage: bytes
) -> None:
    assert problem_of(exchange(address, garbage)) == (400, "malformed-request")


def test_server_head_that_never_ends_answers_408(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.2)
    for begun in (b"", b"GET /livez HT", b"GET /livez HTTP/1.1\r\nHost: x\r\nX: y"):
        assert problem_of(exchange(address, begun)) == (408, "head-too-slow")


def test_server_body_nobody_reads_does_not_hold_the_connection(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.2)
    head = b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    answer = exchange(address, head, b"drip")
    assert answer.startswith(b"HTTP/1.1 404")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_server_connection_too_many_answers_503(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
    alive = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(address, timeout=20) as one:
        one.sendall(alive)
        assert one.recv(65_536).startswith(b"HTTP/1.1 200")
        with socket.create_connection(address, timeout=20) as two:
            two.sendall(alive)
            assert two.recv(65_536).startswith(b"HTTP/1.1 200")
            assert problem_of(exchange(address)) == (503, "overloaded")
    closed = exchange(address, b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert closed.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("trusted", "statuses"),
    [
        ("", [200, 429, 429, 429]),
        ("192.0.2.0/24", [200, 429, 429, 429]),
        ("127.0.0.1", [200, 429, 200, 200]),
        ("127.0.0.0/8, 198.51.100.7", [200, 429, 200, 200]),
    ],
)
def test_server_believes_a_forwarded_address_from_its_proxy_only(
    world: World, trusted: str, statuses: list[int]
) -> None:
    app = app_of(world, limits=RequestLimits(anyone=1))
    found = []
    with served(app, trusted_proxies=trusted) as address:
        # The last one is what the proxy saw; what stands before it is the client's own word.
        for said in (b"203.0.113.1", b"9.9.9.9, 203.0.113.1", b"203.0.113.2", b"203.0.113.3"):
            head = b"GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            answer = exchange(address, head + b"X-Forwarded-For: " + said + b"\r\n\r\n")
            found.append(int(answer.split()[1]))
    assert found == statuses
