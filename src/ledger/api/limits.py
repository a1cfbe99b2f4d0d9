"""What a request may weigh, counted while it streams; strict JSON before anything else sees it."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message

from ledger.api.problems import ApiProblem

MAX_JSON_BYTES: Final = 256 << 10
MAX_FILE_BYTES: Final = 32 << 20
MAX_DEPTH: Final = 16
MAX_MEMBERS: Final = 256
"""Members of one object."""
MAX_NUMBER_CHARS: Final = 17
"""Digits and sign of 2^53, and one more."""

MAX_HEADER_BYTES: Final = 16 << 10
MAX_TARGET_BYTES: Final = 2048
BODY_WITHIN_S: Final = 60.0
"""Seconds within which a body must have arrived."""

_CLOSE: Final = {"Connection": "close"}
"""With an answer before the end of a body: what is still under way must not be read."""

_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)
_JSON_TYPE: Final = re.compile(r"application/json\s*(?:;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE)


class LooseJsonError(Exception):
    """JSON with repeated names, floats, deep nesting or broken text."""


class JsonRoute(APIRoute):
    """A route that takes JSON and nothing else, of limited size and without two readings."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Check the body, then hand it to the route whole."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            body, _value = await checked_json(request)
            return await handle(replayed(request, body))

        return strict


async def checked_json(request: Request) -> tuple[bytes, object]:
    """The body of a request and the value it holds.

    Raises:
        ApiProblem: 415 for another type, 400 for JSON with two readings, or as ``read_body``.
    """
    # Two content types are two readings: the check's and the parser's.
    declared = request.headers.getlist("content-type")
    if len(declared) != 1 or _JSON_TYPE.fullmatch(declared[0]) is None:
        raise ApiProblem(415, "media-type", "expected application/json", _CLOSE)
    body = await read_body(request, MAX_JSON_BYTES)
    try:
        return body, check_json(body)
    except LooseJsonError as error:
        raise ApiProblem(400, "malformed-json", str(error)) from None


def replayed(request: Request, body: bytes) -> Request:
    """The request as it was before its body was read."""
    pending = [body]

    async def replay() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await request.receive()

    return Request(request.scope, replay)


async def read_body(request: Request, most: int) -> bytes:
    """The whole body, counted while it arrives.

    Args:
        request: Its body was not read yet.
        most: Largest body in bytes.

    Raises:
        ApiProblem: 413 for a larger body, 408 for one that takes too long.
        ClientDisconnect: The connection ended before the body did; a part is never handed on.
    """
    problem = ApiProblem(413, "body-too-large", f"expected at most {most} bytes", _CLOSE)
    declared = request.headers.get("content-length", "0")
    if len(declared) > 12 or not declared.isascii() or not declared.isdigit():
        raise ApiProblem(400, "content-length", "expected a number of bytes", _CLOSE)
    if int(declared) > most:
        raise problem
    parts: list[bytes] = []
    total = 0
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for part in request.stream():
                total += len(part)
                if total > most:
                    raise problem
                parts.append(part)
    except TimeoutError:
        detail = f"expected the body within {BODY_WITHIN_S:g} s"
        raise ApiProblem(408, "body-too-slow", detail, _CLOSE) from None
    return b"".join(parts)


def check_head(headers: list[tuple[bytes, bytes]], target: bytes) -> ApiProblem | None:
    """What is wrong with a request before its body, or None.

    Args:
        headers: Names in lower case and values, as received.
        target: Path and query as received.
    """
    if len(target) > MAX_TARGET_BYTES:
        detail = f"expected at most {MAX_TARGET_BYTES} bytes"
        return ApiProblem(414, "target-too-long", detail, _CLOSE)
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        detail = f"expected at most {MAX_HEADER_BYTES} bytes"
        return ApiProblem(431, "header-too-large", detail, _CLOSE)
    names = {name for name, _value in headers}
    if {b"content-length", b"transfer-encoding"} <= names:
        # A proxy in front may have read the other one: where this request ends is not agreed.
        return ApiProblem(400, "framing", "expected one length of the body", _CLOSE)
    if b"content-encoding" in names:
        # A compressed body weighs more than it says.
        return ApiProblem(415, "content-encoding", "expected a body without encoding", _CLOSE)
    return None


def check_json(body: bytes) -> object:
    """Refuse JSON two parsers might read differently; gives its value.

    Raises:
        LooseJsonError: No UTF-8, too deep, a repeated name, a float, a lone surrogate.
    """
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check_depth(body)
    try:
        value: object = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_distinct,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_short_int,
        )
        if b"\\u" in body:
            # Only an escape can say a lone surrogate.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (UnicodeError, json.JSONDecodeError):
        raise LooseJsonError("expected JSON in UTF-8") from None
    return value


def _check_depth(body: bytes) -> None:
    """Count brackets outside strings, so that no parser recurses into a bomb."""
    depth = 0
    for match in _STRUCTURE.finditer(body):
        first = body[match.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise LooseJsonError(f"expected at most {MAX_DEPTH} levels")
        elif first in b"]}":
            depth -= 1


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(pairs) > MAX_MEMBERS:
        raise LooseJsonError(f"expected at most {MAX_MEMBERS} members in an object")
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
