"""Taking files in from the region's operator, and how far they have come."""

import asyncio
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Header, Path, Request, Response

from ledger.api.auth import OPERATOR_ONLY, Access, access
from ledger.api.context import NodeContext
from ledger.api.problems import ApiProblem
from ledger.api.schemas import BatchOut, RowProblem
from ledger.core.intake.problems import RowError
from ledger.services.publication import BatchReport, Outcome, State

router = APIRouter(tags=["publication"], dependencies=OPERATOR_ONLY)

_STATES = (State.ACCEPTED, State.SEQUENCED, State.INTEGRATED, State.ANCHORED)
_MEDIA_TYPES = ("text/csv", "application/octet-stream")
_FILE = {"text/csv": {"schema": {"type": "string", "format": "binary"}}}


@router.post(
    "/v1/batches",
    status_code=202,
    response_model=BatchOut,
    summary="Publish a file of records or changes",
    openapi_extra={"requestBody": {"required": True, "content": _FILE}},
)
@access(Access.OPERATOR)
async def publish(
    request: Request,
    response: Response,
    source_name: Annotated[str, Header(alias="X-Source-Name", max_length=765)] = "upload.csv",
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> BatchOut:
    """Accept a CSV file (UTF-8, UTF-8 with BOM or GB18030).

    Answered once everything it changes is stored: 202, because anchoring follows. Rows with errors
    are named in ``rejected``; the good rows of the same file are taken. Sending the same file again
    publishes nothing twice.
    """
    if request.headers.get("content-type", "").split(";")[0].strip() not in _MEDIA_TYPES:
        raise ApiProblem(415, "media-type", "expected text/csv")
    context: NodeContext = request.app.state.context
    content = await request.body()
    report = await asyncio.to_thread(
        context.publication.accept, content, unquote(source_name), idempotency_key
    )
    context.worker.wake()
    response.headers["Location"] = f"/v1/batches/{report.batch_id}"
    return batch_out(report)


@router.get("/v1/batches/{batch_id}", response_model=BatchOut, summary="How far a batch is")
@access(Access.OPERATOR)
async def batch(batch_id: Annotated[int, Path(ge=1, le=2**53 - 1)], request: Request) -> BatchOut:
    """The report of a batch with the present state of its events."""
    context: NodeContext = request.app.state.context
    report = await asyncio.to_thread(context.publication.report, batch_id)
    if report is None:
        raise ApiProblem(404, "not-found", "there is no such batch")
    return batch_out(report)


def batch_out(report: BatchReport) -> BatchOut:
    """A report as the API shows it; the state is that of the row that is furthest behind."""
    states = [row.state for row in report.rows if row.state is not None]
    behind = min(states, key=_STATES.index, default=State.ANCHORED)
    return BatchOut(
        id=report.batch_id,
        source_name=report.source_name,
        rows=len(report.rows),
        accepted=report.accepted,
        unchanged=report.unchanged,
        skipped=report.skipped,
        rejected=[
            _problem(error)
            for row in report.rows
            if row.outcome is Outcome.REJECTED
            for error in row.errors
        ],
        state=behind.value,
    )


def _problem(error: RowError) -> RowProblem:
    return RowProblem(
        row=error.row,
        field=error.field,
        code=error.code,
        expected=error.expected,
        found=error.found,
        message=error.message_zh,
        message_en=error.message_en,
    )
