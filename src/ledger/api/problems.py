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
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Scope

from ledger.api.problem_table import PROBLEMS
from ledger.core.intake.problems import FileError
from ledger.core.records.subject import UsccError
from ledger.errors import (
    ConflictError,
    FatalStateError,
    InputError,
    KeyReusedError,
    LedgerError,
    StateError,
    StoreFullError,
    UnavailableError,
    VerificationError,
)

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:credit-ledger:problem:"
MAX_ERRORS: Final = 32
"""Most field errors listed in one problem."""

_HTTP_CODES: Final[Mapping[int, str]] = {404: "not-found", 405: "method-not-allowed"}
_FAMILIES: Final[Mapping[int, str]] = {409: "state", 422: "input", 503: "unavailable"}
"""The code of a status, where an error has none of its own in the table."""

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
    meaning = PROBLEMS.get(problem.code) or PROBLEMS[_family(problem.status)]
    state = scope.setdefault("state", {})
    state["problem_code"] = problem.code  # for the log and the metrics
    request_id = state.get("request_id")
    title = meaning.en if language == "en" else meaning.zh
    body = problem_body(problem, title, request_id)
    headers = {"Content-Language": language, "Vary": "Accept-Language"} | problem.headers
    return JSONResponse(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def problem_body(problem: ApiProblem, title: str, request_id: str | None) -> dict[str, object]:
    """The members of a problem."""
    return {
        "type": TYPE_PREFIX + problem.code,
        "title": title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:uuid:{request_id or uuid.uuid4()}",
        "code": problem.code,
        "errors": problem.errors,
        "request_id": request_id,
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
        code = _HTTP_CODES.get(status, _family(status))
        detail = _HTTP_DETAILS.get(status, "the request cannot be answered")
        headers = dict(error.headers or {})
        if status == 405:
            # The router names the methods of the first route of this path only.
            headers["Allow"] = ", ".join(sorted(_methods_at(app, request.scope["path"])))
        return problem_response(request.scope, ApiProblem(status, code, detail, headers))


def _methods_at(app: FastAPI, path: str) -> set[str]:
    return {
        method
        for route in iter_route_contexts(app.routes)
        if route.path_regex.match(path)
        for method in route.methods or ()
    }


def problem_of(error: LedgerError) -> ApiProblem:
    """The problem for an expected error, by who must act.

    The messages of callers' mistakes and conflicts go out: they name no identifier. Those about the
    node's own state and surroundings stay in its log.
    """
    if isinstance(error, FileError):
        return ApiProblem(422, error.problem, str(error))
    if isinstance(error, UsccError):
        errors = [{"field": "subject", "code": f"uscc-{error.problem}"}]
        return ApiProblem(422, "uscc", "not a valid code", errors=errors)
    if isinstance(error, InputError | VerificationError | KeyReusedError):
        return _of(error, 422, str(error))
    if isinstance(error, ConflictError):
        return _of(error, 409, str(error))
    _log.warning("request not answered", code=error.code, reason=str(error))
    if isinstance(error, UnavailableError):
        headers = {"Retry-After": str(error.retry_after_s)}
        status = 507 if isinstance(error, StoreFullError) else 503
        return _of(error, status, "nothing is known now; try again", headers)
    if isinstance(error, StateError) and not isinstance(error, FatalStateError):
        return _of(error, 409, "the node's present state does not allow it")
    return _of(error, 500, "the node cannot go on; its operator was told")


def _of(
    error: LedgerError, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> ApiProblem:
    """The error's own code where the table has it, else that of its family: no other leaves."""
    own = PROBLEMS.get(error.code)
    is_listed = own is not None and own.status == status
    return ApiProblem(status, error.code if is_listed else _family(status), detail, headers)


def _family(status: int) -> str:
    return _FAMILIES.get(status, "malformed-request" if status < 500 else "internal")


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
