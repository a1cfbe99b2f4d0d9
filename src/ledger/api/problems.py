"""Errors as RFC 9457 problems: a stable code, nothing of the request echoed.

FastAPI's own 422 echoes the input; here it is replaced by names of fields and rules. What went
wrong inside the node is for its log: a caller learns the code and when to try again.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from ledger.core.intake.problems import FileError
from ledger.core.records.subject import UsccError
from ledger.errors import (
    ConflictError,
    FatalStateError,
    InputError,
    LedgerError,
    StateError,
    UnavailableError,
    VerificationError,
)

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:credit-ledger:problem:"
SCHEMA: Final = {"$ref": "#/components/schemas/ProblemOut"}
MAX_ERRORS: Final = 32
"""Most field errors listed in one problem."""

TITLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("请求无法理解", "The request cannot be understood"),
    401: ("需要身份凭证", "Credentials are required"),
    404: ("没有此资源", "There is no such resource"),
    405: ("不支持此方法", "The method is not allowed"),
    408: ("请求超时", "The request took too long"),
    409: ("与现有状态冲突", "Conflict with the present state"),
    413: ("请求过大", "The request is too large"),
    414: ("地址过长", "The target is too long"),
    415: ("不支持此内容类型", "The content type is not supported"),
    422: ("请求内容有误", "The request content is wrong"),
    431: ("请求头过大", "The request header is too large"),
    500: ("内部错误", "Internal error"),
    503: ("暂时无法服务", "Not available now"),
}
"""Title by status, Chinese and English."""

_HTTP_CODES: Final[Mapping[int, str]] = {404: "not-found", 405: "method-not-allowed"}
_HTTP_DETAILS: Final[Mapping[int, str]] = {
    404: "nothing is served at this path",
    405: "expected one of the methods in Allow",
}
_LANGUAGE: Final = re.compile(
    r"\s*([a-z]{1,8}|\*)(?:-[a-z0-9-]{1,35})?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*"
)
_log = structlog.get_logger("ledger.api")


class ApiProblem(Exception):
    """Ends a request with a problem of this status and code."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail
        self.headers = dict(headers or {})
        self.errors = [dict(error) for error in errors]


def problem_response(scope: Scope, problem: ApiProblem) -> JSONResponse:
    """The answer to the request of this scope; its title is in the language asked for."""
    language = _language(Headers(scope=scope).get("accept-language", ""))
    title = TITLES.get(problem.status, TITLES[400 if problem.status < 500 else 500])
    request_id = scope.get("state", {}).get("request_id")
    body = {
        "type": TYPE_PREFIX + problem.code,
        "title": title[1] if language == "en" else title[0],
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:uuid:{request_id or uuid.uuid4()}",
        "code": problem.code,
        "errors": problem.errors,
        "request_id": request_id,
    }
    headers = {"Content-Language": language, "Vary": "Accept-Language"} | problem.headers
    return JSONResponse(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI description of a route's problems, with an example of each."""
    return {
        status: {
            "description": TITLES[status][1],
            "content": {MEDIA_TYPE: {"schema": SCHEMA, "example": _example(status)}},
        }
        for status in statuses
    }


def install_handlers(app: FastAPI) -> None:
    """Turn every expected error of the application into a problem."""

    @app.exception_handler(ApiProblem)
    async def on_problem(request: Request, error: ApiProblem) -> JSONResponse:
        return problem_response(request.scope, error)

    @app.exception_handler(LedgerError)
    async def on_ledger_error(request: Request, error: LedgerError) -> JSONResponse:
        return problem_response(request.scope, problem_of(error))

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Only the place and the rule: ``input`` and ``ctx`` would echo identifiers.
        errors = [
            {"field": _place(one), "code": one["type"].replace("_", "-")}
            for one in error.errors()[:MAX_ERRORS]
        ]
        detail = "one or more fields break their rules"
        return problem_response(
            request.scope, ApiProblem(422, "invalid-request", detail, errors=errors)
        )

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        status = error.status_code
        code = _HTTP_CODES.get(status, "bad-request" if status < 500 else "internal")
        detail = _HTTP_DETAILS.get(status, "the request cannot be answered")
        return problem_response(request.scope, ApiProblem(status, code, detail, error.headers))


def problem_of(error: LedgerError) -> ApiProblem:
    """The problem for an expected error, by who must act.

    The messages of callers' mistakes and conflicts go out: they name no identifier. Those about the
    node's own state and surroundings stay in its log.
    """
    if isinstance(error, FileError):
        return ApiProblem(422, error.problem, str(error))
    if isinstance(error, UsccError):
        return ApiProblem(422, f"uscc-{error.problem}", str(error))
    if isinstance(error, InputError | VerificationError):
        return ApiProblem(422, error.code, str(error))
    if isinstance(error, ConflictError):
        return ApiProblem(409, error.code, str(error))
    _log.warning("request not answered", code=error.code, reason=str(error))
    if isinstance(error, UnavailableError):
        headers = {"Retry-After": str(error.retry_after_s)}
        return ApiProblem(503, error.code, "nothing is known now; try again", headers)
    if isinstance(error, StateError) and not isinstance(error, FatalStateError):
        return ApiProblem(409, error.code, "the node's present state does not allow it")
    return ApiProblem(500, error.code, "the node cannot go on; its operator was told")


def _place(error: Mapping[str, Any]) -> str:
    # A member we do not know is named by its parent: its own name is the caller's text.
    parts = error["loc"][:-1] if error["type"] == "extra_forbidden" else error["loc"]
    return ".".join(str(part) for part in parts[1:]) or str(parts[0])


def _language(accepted: str) -> str:
    """``en`` where the caller prefers it to Chinese, else ``zh``."""
    quality = {"zh": 0.0, "en": 0.0}
    for part in accepted.lower()[:256].split(","):
        match = _LANGUAGE.fullmatch(part)
        if match is not None and match[1] in quality:
            quality[match[1]] = max(quality[match[1]], float(match[2] or 1))
    return "en" if quality["en"] > quality["zh"] else "zh"


def _example(status: int) -> dict[str, object]:
    request_id = "6f1d2c3e-0000-4000-8000-000000000000"
    code = _EXAMPLE_CODES[status]
    return {
        "type": TYPE_PREFIX + code,
        "title": TITLES[status][1],
        "status": status,
        "detail": "what was expected and what was found",
        "instance": f"urn:uuid:{request_id}",
        "code": code,
        "errors": [],
        "request_id": request_id,
    }


_EXAMPLE_CODES: Final[Mapping[int, str]] = {
    400: "malformed-json",
    401: "unauthorized",
    404: "not-found",
    408: "body-too-slow",
    409: "conflict",
    413: "body-too-large",
    415: "media-type",
    422: "invalid-request",
    500: "internal",
    503: "not-ready",
}
