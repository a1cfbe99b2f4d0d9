"""Taking files in from the region's operator, and how far they have come."""

import asyncio
import unicodedata
from datetime import UTC
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Header, Path, Request, Response

from ledger.api.auth import OPERATOR_ONLY, Access, access
from ledger.api.context import NodeContext
from ledger.api.limits import MAX_FILE_BYTES, read_body
from ledger.api.problems import ApiProblem, problem_responses
from ledger.api.schemas import BatchOut, RowProblem
from ledger.core.intake.problems import RowError
from ledger.services.crash_points import reach
from ledger.services.publication import BatchReport, Outcome, State

router = APIRouter(tags=["publication"], dependencies=OPERATOR_ONLY)

_STATES = (State.ACCEPTED, State.SEQUENCED, State.INTEGRATED, State.ANCHORED)
_MEDIA_TYPES = ("text/csv", "application/octet-stream")
_FILE = {"text/csv": {"schema": {"type": "string", "format": "binary"}}}
_MAX_NAME_CHARS = 255
_MAX_HEADER_CHARS = 12 * _MAX_NAME_CHARS
"""Four bytes of UTF-8 a character, three characters of the header a byte."""


@router.post(
    "/v1/batches",
    status_code=202,
    summary="Publish a file of records or changes",
    responses=problem_responses(401, 408, 409, 413, 415, 422, 500, 503),
    openapi_extra={"requestBody": {"required": True, "content": _FILE}},
)
@access(Access.OPERATOR)
async def publish(
    request: Request,
    response: Response,
    source_name: Annotated[
        str,
        Header(alias="X-Source-Name", max_length=_MAX_HEADER_CHARS, description="percent-encoded"),
    ] = "upload.csv",
    idempotency_key: Annotated[
        str | None, Header(pattern=r"^[\x21-\x7e]+$", max_length=_MAX_NAME_CHARS)
    ] = None,
) -> BatchOut:
    """Accept a CSV file (UTF-8, UTF-8 with BOM or GB18030).

    Answered once everything it changes is stored: 202, because anchoring follows. Rows with errors
    are named in ``rejected``; the good rows of the same file are taken. Sending the same file again
    publishes nothing twice.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() not in _MEDIA_TYPES:
        raise ApiProblem(415, "media-type", "expected text/csv", {"Connection": "close"})
    context: NodeContext = request.app.state.context
    name = _file_name(source_name)
    # Only now: who may not publish does not make the node read megabytes.
    content = await read_body(request, MAX_FILE_BYTES)
    # One file at a time anyway; waiting here keeps the threads free for lookups.
    async with request.app.state.publishing:
        report = await asyncio.to_thread(context.publication.accept, content, name, idempotency_key)
    context.worker.wake()
    response.headers["Location"] = f"/v1/batches/{report.batch_id}"
    reach("publication.replying")
    return batch_out(report)


@router.get(
    "/v1/batches/{batch_id}",
    summary="How far a batch is",
    responses=problem_responses(401, 404, 422, 500, 503),
)
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
        kind=report.kind,
        record_type=report.record_type,
        received_at=f"{report.received_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        ignored_columns=list(report.ignored_columns),
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


def _file_name(encoded: str) -> str:
    """The name of a file from its header; a header is ASCII, so others are percent-encoded."""
    try:
        name = unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        name = ""
    printable = all(unicodedata.category(one)[0] != "C" for one in name)
    if not encoded.isascii() or not 1 <= len(name) <= _MAX_NAME_CHARS or not printable:
        errors = [{"field": "X-Source-Name", "code": "file-name"}]
        detail = f"expected 1 to {_MAX_NAME_CHARS} characters, percent-encoded UTF-8"
        raise ApiProblem(422, "invalid-request", detail, {"Connection": "close"}, errors)
    return name


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
