"""Lookups across regions, and a region's answers to other regions' nodes.

Identifiers stand in the body only: paths and queries end up in access logs.
"""

import asyncio

from fastapi import APIRouter, Request, Response

from ledger.api.auth import Access, access
from ledger.api.context import NodeContext
from ledger.api.limits import JsonRoute
from ledger.api.problems import ApiProblem, problem_responses
from ledger.api.rendering import render_answers
from ledger.api.schemas import (
    MAX_QUESTIONS,
    AnswersRequest,
    AnswersResponse,
    LookupRequest,
    LookupResponse,
)
from ledger.core.records.subject import UsccError, normalize_uscc
from ledger.services.lookup.answers import Question
from ledger.services.lookup.region import OPEN_CLASSES

router = APIRouter(
    tags=["lookup"],
    route_class=JsonRoute,
    responses=problem_responses(400, 408, 413, 415, 422, 500, 503),
)


@router.post("/v1/lookups", response_model=LookupResponse, summary="Ask all regions about subjects")
@access(Access.ANYONE)
async def look_up(body: LookupRequest, request: Request) -> Response:
    """Ask each region and verify each answer before it is passed on.

    A region that is down is ``unavailable``; the others stand. Only ``records`` and ``none`` are
    proved, and only they carry evidence.
    """
    context: NodeContext = request.app.state.context
    coverage = context.trust_root.coverage
    regions = body.regions or sorted({one.region for one in coverage})
    types = body.record_types or sorted(
        {one.record_type for one in coverage if one.klass in OPEN_CLASSES}
    )
    subjects = [_subject(text, f"subjects.{place}") for place, text in enumerate(body.subjects)]
    questions = list(
        dict.fromkeys(
            Question(subject, region, record_type)
            for subject in subjects
            for region in regions
            for record_type in types
        )
    )
    if len(questions) > MAX_QUESTIONS:
        detail = f"expected at most {MAX_QUESTIONS} questions, found {len(questions)}"
        raise ApiProblem(422, "too-many-questions", detail)
    answers = await context.federation.lookup(questions)
    return _json_response(await asyncio.to_thread(render_answers, answers))


@router.post("/v1/answers", response_model=AnswersResponse, summary="Ask this region only")
@access(Access.ANYONE)
async def answer(body: AnswersRequest, request: Request) -> Response:
    """This region's own answers with evidence; used by other regions' nodes."""
    context: NodeContext = request.app.state.context
    questions = dict.fromkeys(
        Question(
            _subject(one.subject, f"questions.{place}.subject"), context.region, one.record_type
        )
        for place, one in enumerate(body.questions)
    )
    answers = await asyncio.to_thread(context.own_lookup.answer, list(questions))
    content = await asyncio.to_thread(render_answers, answers, region=context.region)
    return _json_response(content)


def _subject(text: str, field: str) -> str:
    try:
        return normalize_uscc(text)
    except UsccError as error:
        # Names the place, never the code itself.
        errors = [{"field": field, "code": f"uscc-{error.problem}"}]
        raise ApiProblem(422, "uscc", "not a valid code", errors=errors) from None


def _json_response(content: bytes) -> Response:
    return Response(content, media_type="application/json")
