"""What surrounds every request: its id, its limits, headers of the answer, one line in the log.

The last resort stands here too. An unexpected error ends as a problem and as a line that names the
place in the code and the pattern of the route: no message, no path, no value.
"""

import time
import traceback
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.api.limits import check_head
from ledger.api.metrics import Metrics
from ledger.api.problems import ApiProblem, problem_response
from ledger.api.rate_limits import Allowance, RateLimits
from ledger.api.room import InWork, stopping

HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}
"""On every answer, unless the route says otherwise."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
"""Methods that are logged by name; any other is a text of the caller's."""

PROBES: Final = ("/livez", "/readyz", "/metrics")
"""Routes asked every few seconds; only their failures are logged."""

SERVED_WHILE_STOPPING: Final = frozenset(PROBES)
"""What is still answered once the node was told to stop."""

FOR_NOW: Final = frozenset({429, 503, 507})
"""Statuses of requests that may succeed later."""

_log = structlog.get_logger("ledger.api")


class Frame:
    """The outermost layer of the application.

    Args:
        app: The application behind.
        rates: How often callers may ask.
        in_work: Whether the node takes more.
        metrics: Where answers are counted.
    """

    def __init__(
        self, app: ASGIApp, *, rates: RateLimits, in_work: InWork, metrics: Metrics
    ) -> None:
        self._app = app
        self._rates = rates
        self._in_work = in_work
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        # Our own id: a caller's could carry an identifier into the logs.
        request_id = str(uuid.uuid4())
        allowance = self._rates.allowance(scope)
        scope.setdefault("state", {}).update(request_id=request_id, allowance=allowance)
        status = 0

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                if allowance is not None:
                    headers.update(allowance.headers())
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._handle(scope, receive, send_framed, allowance)
        except ClientDisconnect:
            pass
        except Exception as error:
            _log.error("unexpected error", **_seen(scope), **_where(error))
            if status == 0:
                problem = ApiProblem(500, "internal", "an unexpected error was logged")
                await problem_response(scope, problem)(scope, receive, send_framed)
        self._note(scope, status, time.monotonic() - started)

    async def _handle(
        self, scope: Scope, receive: Receive, send: Send, allowance: Allowance | None
    ) -> None:
        problem = self._refusal(scope, allowance)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await problem_response(scope, problem)(scope, receive, send)

    def _refusal(self, scope: Scope, allowance: Allowance | None) -> ApiProblem | None:
        """What is wrong with a request before anybody reads it, or None."""
        try:
            if allowance is not None:
                allowance.charge()
        except ApiProblem as problem:
            return problem
        if self._in_work.is_stopping and scope["path"] not in SERVED_WHILE_STOPPING:
            return stopping()
        target = scope.get("raw_path", b"") + scope.get("query_string", b"")
        return check_head(scope["headers"], target)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        seen = _seen(scope)
        self._metrics.note_request(
            method=seen["method"], route=seen["route"], status=status, seconds=seconds
        )
        if (code := scope["state"].get("problem_code")) is not None:
            seen["code"] = code
            if status in FOR_NOW:
                self._metrics.note_refused(code)
        allowance: Allowance | None = scope["state"]["allowance"]
        if status == 429 and allowance is not None and allowance.refused > 1:
            return  # The first says it; whoever hammers on must not fill the disk as well.
        if status >= 400 or seen["route"] not in PROBES:
            _log.info("request", **seen, status=status, duration_ms=round(seconds * 1000))


def _seen(scope: Scope) -> dict[str, str]:
    """What may be logged of a request: the pattern of its route, never its path."""
    method = scope["method"]
    return {
        "request_id": scope["state"]["request_id"],
        "method": method if method in METHODS else "other",
        "route": getattr(scope.get("route"), "path", "none"),
    }


def _where(error: Exception) -> dict[str, str]:
    """Type and place of an error; its message may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(one.filename).name}:{one.lineno}" for one in frames[-3:]]
    return {"error_type": type(error).__name__, "places": " ".join(places)}
