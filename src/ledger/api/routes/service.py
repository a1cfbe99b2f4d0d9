"""The service about itself: alive, ready, version, trust root."""

import hashlib
from importlib.metadata import version

from fastapi import APIRouter, Request, Response

from ledger.api.auth import OPERATOR_ONLY, Access, access
from ledger.api.context import NodeContext
from ledger.api.problems import ApiProblem

router = APIRouter(tags=["service"])


@router.get("/livez", summary="Is the process alive")
@access(Access.ANYONE)
async def alive() -> dict[str, str]:
    """Answers as long as the process does."""
    return {"status": "alive"}


@router.get("/readyz", summary="Can lookups about this region be proved now")
@access(Access.ANYONE)
async def ready(request: Request) -> dict[str, object]:
    """Ready once every stream serves a fresh snapshot; otherwise 503 with the reason's code."""
    context: NodeContext = request.app.state.context
    status = context.worker.status()
    if not status.is_ready:
        raise ApiProblem(503, "not-ready", status.reason, {"Retry-After": "2"})
    return {"status": "ready", "region": context.region}


@router.get("/version", summary="Version of software and formats")
@access(Access.ANYONE)
async def software_version() -> dict[str, object]:
    """The release and the versions of the formats it reads and writes."""
    return {"version": version("yangtze-credit-ledger"), "evidence": 1, "trust_root": 1}


@router.get("/v1/trust-root", summary="The trust root this node verifies against")
@access(Access.ANYONE)
async def trust_root(request: Request) -> Response:
    """The exact file. Do not pin it from here: compare its SHA-256 with one you trust."""
    context: NodeContext = request.app.state.context
    etag = '"' + hashlib.sha256(context.trust_root_bytes).hexdigest() + '"'
    return Response(context.trust_root_bytes, media_type="application/json", headers={"ETag": etag})


@router.get("/v1/status", dependencies=OPERATOR_ONLY, summary="How far the node is")
@access(Access.OPERATOR)
async def status(request: Request) -> dict[str, object]:
    """Sizes, epochs, pending counts, snapshot age and the last error of each step."""
    context: NodeContext = request.app.state.context
    return {"region": context.region, "worker": context.worker.status().as_json()}
