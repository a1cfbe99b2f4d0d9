"""Connections as the server in front of the application treats them.

The application never sees a request whose head is no HTTP, too large or endless, nor a connection
too many. uvicorn answers such a request with plain text, or waits for its head for ever; here it is
a problem like any other, and waiting has a limit.
"""

import asyncio
import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

import h11
import structlog
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from ledger.api.app import stop_taking
from ledger.api.frame import HEADERS
from ledger.api.problem_table import PROBLEMS
from ledger.api.problems import MEDIA_TYPE, ApiProblem, problem_body

MAX_CONNECTIONS: Final = 512
HEAD_WITHIN_S: Final = 10.0
"""Seconds within which the head of a request must have arrived."""

_PHRASES: Final[Mapping[int, bytes]] = {
    400: b"Bad Request",
    408: b"Request Timeout",
    503: b"Service Unavailable",
}
_log = structlog.get_logger("ledger.api")


class _Joining:
    """A transport that sends in one piece what is written in one turn of the event loop.

    The server writes the head of an answer and its body apart; each would be a packet.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if data and not self._parts:
            self._loop.call_soon(self._flush)
        if data:
            self._parts.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(b"".join(parts))


class Connection(H11Protocol):
    """One connection; its requests go to the application once their heads are read."""

    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Refuse a connection too many; otherwise wait for a head, but not for ever."""
        super().connection_made(_Joining(transport, self.loop))  # type: ignore[arg-type]
        if len(self.connections) > MAX_CONNECTIONS:
            detail = f"expected at most {MAX_CONNECTIONS} connections"
            self._refuse(ApiProblem(503, "overloaded", detail, {"Retry-After": "1"}))
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._head_arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the timer stops once they make a request."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._head_arrived()

    def on_response_complete(self) -> None:
        """After an answer the next head is awaited, and the rest of a body nobody wanted."""
        answered = self.cycle
        super().on_response_complete()
        if not self.transport.is_closing() and self.cycle is answered:
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request; ``msg`` is uvicorn's and is not repeated."""
        self._refuse(ApiProblem(400, "malformed-request", "expected an HTTP/1.1 request"))

    def _await_head(self) -> None:
        self._head_arrived()
        self._head_timer = self.loop.call_later(HEAD_WITHIN_S, self._head_is_late)

    def _head_arrived(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        detail = f"expected a request's head within {HEAD_WITHIN_S:g} s"
        self._refuse(ApiProblem(408, "head-too-slow", detail))

    def _refuse(self, problem: ApiProblem) -> None:
        """Answer with a problem and close; nothing of the connection is read any more."""
        self._head_arrived()
        if self.transport.is_closing():
            return
        request_id = str(uuid.uuid4())
        _log.info(
            "request", request_id=request_id, method="none", route="none", status=problem.status
        )
        # Once an answer has begun, another one would be read as its body.
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(_response(problem, request_id))
        self.transport.close()


class Server(uvicorn.Server):
    """A server that tells its application as soon as it is told to stop.

    Args:
        config: What it serves and where.
        app: The application; refuses new requests from the signal on.
    """

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM or SIGINT: requests in work end, new ones are refused."""
        stop_taking(self._app)
        super().handle_exit(sig, frame)


def _response(problem: ApiProblem, request_id: str) -> bytes:
    body = json.dumps(
        problem_body(problem, PROBLEMS[problem.code].zh, request_id), ensure_ascii=False
    ).encode()
    headers = {
        **HEADERS,
        **problem.headers,
        "Content-Type": MEDIA_TYPE,
        "Content-Language": "zh",
        "Content-Length": str(len(body)),
        "X-Request-ID": request_id,
        "Connection": "close",
    }
    lines = [b"HTTP/1.1 %d %s" % (problem.status, _PHRASES[problem.status])]
    lines += [f"{name}: {value}".encode() for name, value in headers.items()]
    return b"\r\n".join([*lines, b"", body])
