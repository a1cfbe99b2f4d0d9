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
from ledger.api.problems import ApiProblem, problem_response

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

PROBES: Final = ("/livez", "/readyz")
"""Routes asked every few seconds; only their failures are logged."""

_log = structlog.get_logger("ledger.api")


class Frame:
    """The outermost layer of the application.

    Args:
        app: The application behind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        # Our own id: a caller's could carry an identifier into the logs.
        request_id = str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._handle(scope, receive, send_framed)
        except ClientDisconnect:
            pass
        except Exception as error:
            _log.error("unexpected error", **_seen(scope), **_where(error))
            if status == 0:
                problem = ApiProblem(500, "internal", "an unexpected error was logged")
                await problem_response(scope, problem)(scope, receive, send_framed)
        seen = _seen(scope)
        if status >= 400 or seen["route"] not in PROBES:
            duration_ms = round((time.monotonic() - started) * 1000)
            _log.info("request", **seen, status=status, duration_ms=duration_ms)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        target = scope.get("raw_path", b"") + scope.get("query_string", b"")
        problem = check_head(scope["headers"], target)
        if problem is None:
            await self._app(scope, receive, send)
        else:
            await problem_response(scope, problem)(scope, receive, send)


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
