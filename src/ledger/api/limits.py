"""What a request may weigh, counted while it streams; strict JSON before anything else sees it."""

import json
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.api.problems import MEDIA_TYPE, problem_body

DEFAULT_BODY_BYTES: Final = 64 << 10
"""Largest body of a route without a limit of its own."""

BODY_BYTES: Final = {"/v1/batches": 32 << 20, "/v1/lookups": 256 << 10, "/v1/answers": 256 << 10}
"""Largest body by path."""

MAX_DEPTH: Final = 16
MAX_NUMBER_CHARS: Final = 17


class BodyTooLargeError(Exception):
    """More bytes than the route takes."""


class LooseJsonError(Exception):
    """JSON with repeated names, floats, deep nesting or broken text."""


class BodyLimit:
    """Reads the body under a limit, checks JSON strictly and hands the body on whole.

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
        headers = {name.lower(): value for name, value in scope["headers"]}
        limit = BODY_BYTES.get(scope["path"], DEFAULT_BODY_BYTES)
        if b"content-encoding" in headers:
            await _refuse(send, 415, "content-encoding", "expected a body without encoding")
            return
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or len(declared) > 12 or int(declared) > limit:
            await _refuse(send, 413, "body-too-large", f"expected at most {limit} bytes")
            return
        try:
            body = await _read(receive, limit)
            if headers.get(b"content-type", b"").split(b";")[0].strip() == b"application/json":
                check_json(body)
        except BodyTooLargeError:
            await _refuse(send, 413, "body-too-large", f"expected at most {limit} bytes")
            return
        except LooseJsonError as error:
            await _refuse(send, 400, "malformed-json", str(error))
            return
        pending = [body]

        async def replay() -> Message:
            if pending:
                return {"type": "http.request", "body": pending.pop(), "more_body": False}
            return await receive()

        await self._app(scope, replay, send)


async def _read(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    total = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        part = message.get("body", b"")
        total += len(part)
        if total > limit:
            raise BodyTooLargeError
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def check_json(body: bytes) -> None:
    """Refuse JSON two parsers might read differently.

    Raises:
        LooseJsonError: No UTF-8, too deep, a repeated name, a float, a lone surrogate.
    """
    if not body:
        return
    _check_depth(body)
    try:
        value = json.loads(
            body.decode("utf-8", "strict"),
            object_pairs_hook=_distinct,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_short_int,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeError, json.JSONDecodeError, RecursionError):
        raise LooseJsonError("expected JSON in UTF-8") from None


def _check_depth(body: bytes) -> None:
    depth, in_text, escaped = 0, False, False
    for byte in body:
        if in_text:
            in_text = escaped or byte != 0x22
            escaped = not escaped and byte == 0x5C
        elif byte == 0x22:
            in_text = True
        elif byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise LooseJsonError(f"expected at most {MAX_DEPTH} levels")
        elif byte in b"]}":
            depth -= 1


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise LooseJsonError("expected distinct member names")
    return members


def _no_float(_: str) -> object:
    raise LooseJsonError("expected integers only")


def _short_int(digits: str) -> int:
    if len(digits) > MAX_NUMBER_CHARS:
        raise LooseJsonError("expected integers within 2^53")
    return int(digits)


async def _refuse(send: Send, status: int, code: str, detail: str) -> None:
    body = json.dumps(problem_body(status, code, detail), ensure_ascii=False).encode()
    headers = [
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
