"""Taking files in from the region's operator, and how far they have come."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Request, Response

from ledger.api import examples
from ledger.api.auth import OPERATOR_ONLY, Access, access
from ledger.api.context import NodeContext
from ledger.api.cursors import MAX_CURSOR_CHARS, encode_cursor, parse_cursor
from ledger.api.description import fails_with
from ledger.api.file_types import MEDIA_TYPES, file_encoding
from ledger.api.limits import MAX_FILE_BYTES, read_body
from ledger.api.names import MAX_HEADER_CHARS, MAX_NAME_CHARS, file_name, idempotency_key
from ledger.api.problem_table import FILE, STORE
from ledger.api.problems import ApiProblem
from ledger.api.room import InWork
from ledger.api.schemas import (
    BatchItem,
    BatchList,
    BatchOut,
    EventsReached,
    RowList,
    RowOut,
    RowProblem,
)
from ledger.core.intake.problems import RowError
from ledger.core.intake.table import MAX_COLUMNS, MAX_ROWS
from ledger.services.crash_points import reach
from ledger.services.publication import Mode, Outcome, RowReport
from ledger.services.publication.pages import BatchSummary

router = APIRouter(tags=["publication"], dependencies=OPERATOR_ONLY)

MAX_BATCHES: Final = 100
MAX_ROWS_A_PAGE: Final = 1_000
MAX_BATCH_ID: Final = 2**53 - 1

_FILE: Final = {"schema": {"type": "string", "format": "binary"}}

_OF_BATCH: Final = {"batch_id": "$response.body#/id"}
_TAKEN: Final[dict[str, Any]] = {
    "headers": {"Location": {"description": "the batch", "schema": {"type": "string"}}},
    "links": {
        "batch": {"operationId": "batch", "parameters": _OF_BATCH},
        "rows": {"operationId": "batchRows", "parameters": _OF_BATCH},
    },
}
_NEXT: Final[dict[str, Any]] = {"parameters": {"cursor": "$response.body#/next_cursor"}}

BatchId = Annotated[int, Path(ge=1, le=MAX_BATCH_ID, examples=[17])]
Cursor = Annotated[
    str | None,
    Query(max_length=MAX_CURSOR_CHARS, description="`next_cursor` of the page before"),
]


@router.post(
    "/v1/batches",
    status_code=202,
    summary="Publish a file of records or changes",
    description="Accept an XLSX workbook or a CSV file (UTF-8, GB18030, UTF-16 with BOM; or as"
    " `charset` of its content type says). Which it is, is seen from its bytes.\n\n"
    "Answered once everything it changes is stored: 202, because anchoring follows; `GET` the"
    " Location to see how far it is. Rows with errors are named in `rejected`; the good rows of"
    " the same file are taken. Sending the same file again publishes nothing twice.\n\n"
    f"Limits: {MAX_FILE_BYTES} bytes, {MAX_ROWS} rows, {MAX_COLUMNS} columns.",
    responses={202: examples.BATCH | _TAKEN},
    openapi_extra={"requestBody": {"required": True, "content": dict.fromkeys(MEDIA_TYPES, _FILE)}},
)
@fails_with(
    *("unauthorized", "invalid-request", "idempotency-key-reused", "request-in-flight"),
    *("conflict", "state", "input", "overloaded"),
    *FILE,
    *STORE,
)
@access(Access.OPERATOR)
async def publish_file(
    request: Request,
    response: Response,
    mode: Annotated[
        Mode,
        Query(
            description="`publish`: a row that differs from its record in force is a conflict;"
            " `amend`: it amends the record, and a row without a record in force is refused"
        ),
    ] = Mode.PUBLISH,
    x_source_name: Annotated[
        str,
        Header(max_length=MAX_HEADER_CHARS, description="percent-encoded", examples=["cf.csv"]),
    ] = "upload.csv",
    idempotency_key_header: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            max_length=MAX_NAME_CHARS,
            pattern=r"^[\x21-\x7e]+$",
            description="names this sending, for ever: with the same content it is answered with"
            " the report of the first time, with other content 422; 409 while the first is in work",
        ),
    ] = None,
) -> BatchOut:
    """Accept a file of records or changes."""
    encoding = file_encoding(request.headers.getlist("content-type"))
    context: NodeContext = request.app.state.context
    in_work: InWork = request.app.state.in_work
    name = file_name(x_source_name)
    key = idempotency_key(idempotency_key_header)
    with in_work.files.place(), in_work.key(key):
        # Only now: who may not publish does not make the node read megabytes.
        content = await read_body(request, MAX_FILE_BYTES)
        async with in_work.one_file:
            try:
                report = await asyncio.to_thread(
                    context.publication.accept,
                    content,
                    name,
                    key,
                    mode=mode,
                    encoding=encoding,
                    progress=in_work.note_progress,
                )
            finally:
                in_work.note_end()
    context.metrics.note_batch(report)
    context.worker.wake()
    response.headers["Location"] = f"/v1/batches/{report.batch_id}"
    summary = await asyncio.to_thread(context.batches.summary, report.batch_id)
    if summary is None:
        raise ApiProblem(500, "internal", "the batch was stored and is not found")
    reach("publication.replying")
    return batch_out(summary)


@router.get(
    "/v1/batches",
    summary="List batches, newest first",
    responses={200: examples.BATCHES | {"links": {"next": _NEXT | {"operationId": "listBatches"}}}},
)
@fails_with("unauthorized", "invalid-request", "invalid-cursor", *STORE)
@access(Access.OPERATOR)
async def list_batches(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MAX_BATCHES, description="most items of the page")] = 20,
    cursor: Cursor = None,
) -> BatchList:
    """Number, name and time of each; how far one is, its own resource says."""
    context: NodeContext = request.app.state.context
    key = context.operator_token_digest
    before = None if cursor is None else parse_cursor(key, "batches", cursor)
    # One more than asked for: whether there is a next page is known without asking again.
    found = await asyncio.to_thread(context.batches.heads, before, limit + 1)
    more = len(found) > limit
    return BatchList(
        items=[
            BatchItem(id=one.id, source_name=one.source_name, received_at=_time(one.received_at))
            for one in found[:limit]
        ],
        next_cursor=encode_cursor(key, "batches", found[limit - 1].id) if more else None,
    )


@router.get("/v1/batches/{batch_id}", summary="How far a batch is", responses={200: examples.BATCH})
@fails_with("unauthorized", "not-found", "invalid-request", *STORE)
@access(Access.OPERATOR)
async def batch(batch_id: BatchId, request: Request) -> BatchOut:
    """The report of a batch with the present state of its events; asking often costs little."""
    context: NodeContext = request.app.state.context
    summary = await asyncio.to_thread(context.batches.summary, batch_id)
    if summary is None:
        raise _no_batch()
    return batch_out(summary)


@router.get(
    "/v1/batches/{batch_id}/rows",
    summary="What became of each row of a batch",
    responses={200: examples.ROWS},
)
@fails_with("unauthorized", "not-found", "invalid-request", "invalid-cursor", *STORE)
@access(Access.OPERATOR)
async def batch_rows(
    batch_id: BatchId,
    request: Request,
    limit: Annotated[
        int, Query(ge=1, le=MAX_ROWS_A_PAGE, description="most items of the page")
    ] = 100,
    cursor: Cursor = None,
    outcome: Annotated[Outcome | None, Query(description="only rows with this outcome")] = None,
) -> RowList:
    """In the order of the file, with the present state of each."""
    context: NodeContext = request.app.state.context
    key = context.operator_token_digest
    of_list = f"rows/{batch_id}/{outcome or ''}"
    start = 0 if cursor is None else parse_cursor(key, of_list, cursor)
    found = await asyncio.to_thread(context.batches.rows, batch_id, start, limit + 1, outcome)
    if found is None:
        raise _no_batch()
    more = len(found) > limit
    return RowList(
        items=[_row_out(row) for _place, row in found[:limit]],
        next_cursor=encode_cursor(key, of_list, found[limit][0]) if more else None,
    )


def batch_out(summary: BatchSummary) -> BatchOut:
    """A batch as the API shows it."""
    facts = summary.facts
    return BatchOut(
        id=facts.head.id,
        source_name=facts.head.source_name,
        kind=facts.kind,
        record_type=facts.record_type,
        received_at=_time(facts.head.received_at),
        ignored_columns=list(facts.ignored_columns),
        mode=facts.mode or Mode.PUBLISH.value,
        rows=sum(facts.counts.values()),
        accepted=facts.counts.get(Outcome.ACCEPTED, 0),
        amended=facts.amended,
        unchanged=facts.counts.get(Outcome.UNCHANGED, 0),
        skipped=facts.counts.get(Outcome.SKIPPED, 0),
        rejected=[_problem(error) for row in facts.rejected for error in row.errors],
        rejected_rows=facts.counts.get(Outcome.REJECTED, 0),
        state=summary.state.value,
        events=EventsReached(**{state.value: count for state, count in summary.events.items()}),
    )


def _row_out(row: RowReport) -> RowOut:
    return RowOut(
        row=row.row,
        outcome=row.outcome.value,
        effect=None if row.effect is None else row.effect.value,
        state=None if row.state is None else row.state.value,
        problems=[_problem(error) for error in row.errors],
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


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _no_batch() -> ApiProblem:
    return ApiProblem(404, "not-found", "there is no such batch")
