"""The OpenAPI 3.1 description: what each operation takes, answers and refuses.

FastAPI derives parameters and success answers from the code. The failures come from what each
endpoint declares with ``fails_with`` and from the table of problems: one response a status, one
named example a code. Nothing else may leave an operation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeVar

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from ledger.api.frame import SERVED_WHILE_STOPPING
from ledger.api.problem_table import EVERYWHERE, PROBLEMS
from ledger.api.problems import MEDIA_TYPE, TYPE_PREFIX
from ledger.api.rate_limits import EXEMPT_PATHS
from ledger.api.schemas import ProblemOut

_CODES: Final = "__problem_codes__"
_REQUEST_ID: Final = "6f1d2c3e-5a3b-4c4d-9e5f-000000000000"
_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])

OVERVIEW: Final = """
One region's node of the Yangtze Delta credit ledger.

* Failures are RFC 9457 problems. Switch on `code`; `title` follows `Accept-Language` (zh, en).
* A lookup that finds nothing, or finds a wrong answer, is a 200: its `result` says what was found.
* Identifiers of subjects stand in bodies only, never in paths, queries or headers.
* Lists are `{"items": [], "next_cursor": null}`; a cursor is opaque and belongs to its list.
* Every answer carries `X-Request-ID`; name it when you report a problem.
* Rate limits are told by `RateLimit-Policy` and `RateLimit`; 429 and 503 carry `Retry-After`.
* A path that is not listed answers 404 `not-found`, another method 405 `method-not-allowed`; what
  is no HTTP request answers 400 `malformed-request`, an endless head 408 `head-too-slow`.
"""

_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "X-Request-ID": {
        "description": "the node's own id of this request",
        "schema": {"type": "string", "format": "uuid"},
    },
    "RateLimit-Policy": {
        "description": 'quota and window in seconds, such as `"anyone";q=600;w=60`',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'what is left and when it is full again, such as `"anyone";r=599;t=1`',
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "seconds to wait before the next try",
        "schema": {"type": "integer", "minimum": 0},
    },
    "WWW-Authenticate": {"description": "the scheme asked for", "schema": {"type": "string"}},
}
_OF_STATUS: Final = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


def fails_with(*codes: str) -> Callable[[_Endpoint], _Endpoint]:
    """Say which problems an endpoint answers with, beyond those of every operation."""

    def mark(endpoint: _Endpoint) -> _Endpoint:
        setattr(endpoint, _CODES, frozenset(codes))
        return endpoint

    return mark


def codes_of(endpoint: Callable[..., Any] | None, path: str) -> frozenset[str]:
    """Every problem code that an operation may answer with."""
    own: frozenset[str] = getattr(endpoint, _CODES, frozenset())
    found = own | frozenset(EVERYWHERE)
    if path not in EXEMPT_PATHS:
        found |= {"rate-limited"}
    if path not in SERVED_WHILE_STOPPING:
        found |= {"stopping"}
    return found


def operation_id(route: APIRoute) -> str:
    """The endpoint's name in camel case: short, and stable while the path is."""
    first, *rest = route.name.split("_")
    return first + "".join(word.title() for word in rest)


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of an application, made once."""
    if app.openapi_schema is None:
        content = get_openapi(
            title=app.title,
            version=app.version,
            description=OVERVIEW.strip(),
            routes=app.routes,
            tags=app.openapi_tags,
        )
        components = content.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["ProblemOut"] = ProblemOut.model_json_schema()
        components["examples"] = {code: {"value": _example(code)} for code in sorted(PROBLEMS)}
        components["headers"] = _HEADERS
        for route in iter_route_contexts(app.routes):
            _complete(content, route)
        app.openapi_schema = content
    return app.openapi_schema


def _complete(content: dict[str, Any], route: RouteContext) -> None:
    path = route.path_format or route.path or ""
    for method in route.methods or ():
        operation = content["paths"].get(path, {}).get(method.lower())
        if operation is None:
            continue
        codes = codes_of(route.endpoint, path)
        answers = operation["responses"]
        for status in [one for one in answers if int(one) >= 400]:
            del answers[status]
        _restore_examples(answers, route.responses)
        answers |= _failures(codes)
        for status, answer in answers.items():
            names = ["X-Request-ID"]
            if "rate-limited" in codes:
                names += ["RateLimit-Policy", "RateLimit"]
            if int(status) in _OF_STATUS:
                names.append(_OF_STATUS[int(status)])
            headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
            answer["headers"] = headers | answer.get("headers", {})


def _restore_examples(answers: dict[str, Any], given: Mapping[int | str, dict[str, Any]]) -> None:
    """Put examples back as they were given: FastAPI drops their members that are null."""
    for status, answer in given.items():
        for media_type, described in answer.get("content", {}).items():
            if "examples" in described:
                answers[str(status)]["content"][media_type]["examples"] = described["examples"]


def _failures(codes: Iterable[str]) -> dict[str, Any]:
    """One response for each status, with an example of each code."""
    by_status: dict[int, list[str]] = {}
    for code in sorted(codes):
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    return {str(status): _failure(status, named) for status, named in sorted(by_status.items())}


def _failure(status: int, codes: Sequence[str]) -> dict[str, Any]:
    meanings = "; ".join(f"`{code}`: {PROBLEMS[code].en}" for code in codes)
    return {
        "description": f"{HTTPStatus(status).phrase}. {meanings}",
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemOut"},
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def _example(code: str) -> dict[str, object]:
    meaning = PROBLEMS[code]
    return {
        "type": TYPE_PREFIX + code,
        "title": meaning.en,
        "status": meaning.status,
        "detail": "what was expected and what was found",
        "instance": f"urn:uuid:{_REQUEST_ID}",
        "code": code,
        "errors": [{"field": "record_types.0", "code": "too-long"}]
        if code == "invalid-request"
        else [],
        "request_id": _REQUEST_ID,
    }
