"""Errors as RFC 9457 problems: a stable code, nothing of the request echoed.

FastAPI's own 422 echoes the input; here it is replaced by names of fields and rules.
"""

import uuid
from collections.abc import Mapping
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from ledger.errors import (
    InputError,
    LedgerError,
    StateError,
    UnavailableError,
    VerificationError,
)

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:credit-ledger:problem:"

_TITLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("请求无法理解", "The request cannot be understood"),
    401: ("需要身份凭证", "Credentials are required"),
    404: ("没有此资源", "There is no such resource"),
    405: ("不支持此方法", "The method is not allowed"),
    409: ("与现有状态冲突", "Conflict with the present state"),
    413: ("请求过大", "The request is too large"),
    415: ("不支持此内容类型", "The content type is not supported"),
    422: ("请求内容有误", "The request content is wrong"),
    500: ("内部错误", "Internal error"),
    503: ("暂时无法服务", "Not available now"),
}
_STATUS_CODES: Final[Mapping[int, str]] = {404: "not-found", 405: "method-not-allowed"}
_log = structlog.get_logger("ledger.api")


class ApiProblem(Exception):
    """Ends a request with a problem of this status and code."""

    def __init__(
        self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail
        self.headers = dict(headers or {})


def problem_body(
    status: int, code: str, detail: str, *, language: str = "zh", errors: object = None
) -> dict[str, object]:
    """The members of a problem; ``language`` chooses the title."""
    titles = _TITLES.get(status, _TITLES[500])
    return {
        "type": TYPE_PREFIX + code,
        "title": titles[1] if language == "en" else titles[0],
        "status": status,
        "detail": detail,
        "instance": f"urn:uuid:{uuid.uuid4()}",
        "code": code,
        "errors": errors or [],
    }


def install_handlers(app: FastAPI) -> None:
    """Turn every error of the application into a problem."""

    @app.exception_handler(ApiProblem)
    async def on_problem(request: Request, error: ApiProblem) -> JSONResponse:
        return _respond(request, error.status, error.code, error.detail, headers=error.headers)

    @app.exception_handler(LedgerError)
    async def on_ledger_error(request: Request, error: LedgerError) -> JSONResponse:
        headers = {}
        if isinstance(error, UnavailableError):
            headers["Retry-After"] = str(error.retry_after_s)
        return _respond(request, status_of(error), error.code, str(error), headers=headers)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Only the place and the rule: ``input`` and ``ctx`` would echo identifiers.
        errors = [
            {
                "field": ".".join(str(part) for part in one["loc"] if part != "body"),
                "code": one["type"],
            }
            for one in error.errors()[:32]
        ]
        detail = "one or more fields break their rules"
        return _respond(request, 422, "invalid-request", detail, errors=errors)

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        code = _STATUS_CODES.get(error.status_code, "http-error")
        detail = "see title"
        return _respond(request, error.status_code, code, detail, headers=error.headers)

    @app.exception_handler(Exception)
    async def on_bug(request: Request, error: Exception) -> JSONResponse:
        _log.error("unexpected error", error_type=type(error).__name__, route=request.scope["path"])
        return _respond(request, 500, "internal", "an unexpected error was logged")


def status_of(error: LedgerError) -> int:
    """The HTTP status for an error, by who must act."""
    if isinstance(error, UnavailableError):
        return 503
    if isinstance(error, StateError):
        return 409
    if isinstance(error, InputError | VerificationError):
        return 422
    return 500


def _respond(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    errors: object = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    accepted = request.headers.get("accept-language", "zh").lower()
    body = problem_body(
        status, code, detail, language="en" if accepted.startswith("en") else "zh", errors=errors
    )
    body["request_id"] = getattr(request.state, "request_id", None)
    return JSONResponse(
        body, status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {})
    )
