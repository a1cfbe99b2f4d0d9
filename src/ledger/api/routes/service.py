"""The service about itself: alive, ready, version, trust root."""

import asyncio
import hashlib
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Request, Response

from ledger.api.auth import OPERATOR_ONLY, Access, access
from ledger.api.context import NodeContext
from ledger.api.problems import ApiProblem, problem_responses

router = APIRouter(tags=["service"])


@router.get("/livez", summary="Is the process alive")
@access(Access.ANYONE)
async def alive() -> dict[str, str]:
    """Answers as long as the process does."""
    return {"status": "alive"}


@router.get(
    "/readyz",
    summary="Can lookups about this region be proved now",
    responses=problem_responses(503),
)
@access(Access.ANYONE)
async def ready(request: Request) -> dict[str, object]:
    """Ready once every stream serves a fresh snapshot; otherwise 503 with the reason's code."""
    context: NodeContext = request.app.state.context
    status = await asyncio.to_thread(context.worker.status)
    if not status.is_ready:
        raise ApiProblem(503, "not-ready", status.reason, {"Retry-After": "2"})
    return {"status": "ready", "region": context.region}


@router.get("/version", summary="Version of software and formats")
@access(Access.ANYONE)
async def software_version() -> dict[str, object]:
    """The release and the versions of the formats it reads and writes."""
    return {"version": version("yangtze-credit-ledger"), "evidence": 1, "trust_root": 1}


@router.get("/openapi.json", summary="This description")
@access(Access.ANYONE)
async def description(request: Request) -> dict[str, Any]:
    """OpenAPI 3.1 of this interface."""
    content: dict[str, Any] = request.app.openapi()
    return content


@router.get("/v1/trust-root", summary="The trust root this node verifies against")
@access(Access.ANYONE)
async def trust_root(request: Request) -> Response:
    """The exact file. Do not pin it from here: compare its SHA-256 with one you trust."""
    context: NodeContext = request.app.state.context
    etag = '"' + hashlib.sha256(context.trust_root_bytes).hexdigest() + '"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(context.trust_root_bytes, media_type="application/json", headers=headers)


@router.get(
    "/v1/status",
    dependencies=OPERATOR_ONLY,
    summary="How far the node is",
    responses=problem_responses(401, 500),
)
@access(Access.OPERATOR)
async def status(request: Request) -> dict[str, object]:
    """Sizes, epochs, pending counts, snapshot age and the last error of each step."""
    context: NodeContext = request.app.state.context
    found = await asyncio.to_thread(context.worker.status)
    return {"region": context.region, "worker": found.as_json()}
