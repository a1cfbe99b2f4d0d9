"""The service about itself: alive, ready, version, metrics, trust root."""

import asyncio
import hashlib
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from ledger.api import examples
from ledger.api.auth import OPERATOR_ONLY, Access, access
from ledger.api.context import NodeContext
from ledger.api.description import fails_with
from ledger.api.metrics import MEDIA_TYPE as METRICS_TYPE
from ledger.api.problems import ApiProblem
from ledger.api.room import InWork
from ledger.api.schemas import AliveOut, CheckOut, ReadyOut, StatusOut, VersionOut
from ledger.services.background.failures import text_of
from ledger.services.background.watch import Check

router = APIRouter(tags=["service"])


@router.get("/livez", summary="Is the process alive", responses={200: examples.ALIVE})
@fails_with()
@access(Access.ANYONE)
async def livez() -> AliveOut:
    """Answers as long as the process does."""
    return AliveOut(status="alive")


@router.get(
    "/readyz",
    summary="Can lookups about this region be proved now",
    responses={200: examples.READY},
)
@fails_with("not-ready", "invalid-request")
@access(Access.ANYONE)
async def readyz(
    request: Request,
    verbose: Annotated[
        str | None, Query(max_length=8, description="list every check, not only what is wrong")
    ] = None,
) -> ReadyOut:
    """Ready once every stream serves a fresh snapshot; otherwise 503, its `errors` say why.

    Checked: database and its schema, the worker, the age of each served snapshot. A chain that is
    away or stands is shown as a warning: what is served is proved without it until the snapshot is
    too old.
    Read from what the node saw of itself within the last second or two.
    """
    context: NodeContext = request.app.state.context
    in_work: InWork = request.app.state.in_work
    checks = context.watch.checks()
    if in_work.is_stopping:
        checks = (Check("process", "stopping"), *checks)
    wrong = [one for one in checks if one.counts and not one.is_ok]
    if wrong:
        others = [one for one in checks if not one.counts and not one.is_ok]
        errors = [{"field": one.name, "code": one.code} for one in (*wrong, *others)]
        raise ApiProblem(503, "not-ready", wrong[0].code, {"Retry-After": "2"}, errors)
    shown = checks if verbose is not None else [one for one in checks if not one.is_ok]
    return ReadyOut(
        status="ready", region=context.region, checks=[_check_out(one) for one in shown]
    )


@router.get(
    "/version", summary="Version of software and formats", responses={200: examples.VERSION}
)
@fails_with()
@access(Access.ANYONE)
async def software_version() -> VersionOut:
    """The release and the versions of the formats it reads and writes."""
    return VersionOut(version=version("yangtze-credit-ledger"), evidence=1, trust_root=1)


@router.get(
    "/metrics",
    dependencies=OPERATOR_ONLY,
    summary="Numbers for Prometheus",
    response_class=Response,
    responses={200: examples.METRICS},
)
@fails_with("unauthorized")
@access(Access.OPERATOR)
async def metrics(request: Request) -> Response:
    """Prometheus' text format, for the operator's token; no label holds an identifier."""
    context: NodeContext = request.app.state.context
    content = await asyncio.to_thread(context.metrics.text)
    return Response(content, headers={"Content-Type": METRICS_TYPE})


@router.get("/openapi.json", summary="This description", responses={200: examples.DESCRIPTION})
@fails_with()
@access(Access.ANYONE)
async def description(request: Request) -> dict[str, Any]:
    """OpenAPI 3.1 of this interface."""
    content: dict[str, Any] = request.app.openapi()
    return content


@router.get(
    "/v1/trust-root",
    summary="The trust root this node verifies against",
    responses={
        200: examples.TRUST_ROOT | {"headers": {"ETag": {"schema": {"type": "string"}}}},
        304: {"description": "It is the one named in If-None-Match"},
    },
)
@fails_with()
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
    responses={200: examples.STATUS},
)
@fails_with("unauthorized")
@access(Access.OPERATOR)
async def node_status(request: Request) -> StatusOut:
    """Sizes, epochs, pending counts, snapshot age, the last error of each step, files in work."""
    context: NodeContext = request.app.state.context
    in_work: InWork = request.app.state.in_work
    found = await asyncio.to_thread(context.worker.status)
    return StatusOut(region=context.region, worker=found.as_json(), in_work=in_work.files_json())


def _check_out(check: Check) -> CheckOut:
    failed: Literal["failed", "warning"] = "failed" if check.counts else "warning"
    return CheckOut(
        name=check.name,
        state="ok" if check.is_ok else failed,
        code=check.code,
        since=None if check.since is None else text_of(datetime.fromtimestamp(check.since, UTC)),
        lasted_s=check.lasted_s,
    )
