"""Lookups across regions, and a region's answers to other regions' nodes.

Identifiers stand in the body only: paths and queries end up in access logs.
"""

import asyncio
from typing import Final

from fastapi import APIRouter, Request, Response

from ledger.api.auth import Access, access
from ledger.api.context import NodeContext
from ledger.api.description import fails_with
from ledger.api.examples import ANSWERS, LOOKUP
from ledger.api.lean_route import LeanJsonRoute
from ledger.api.limits import MAX_DEPTH, MAX_JSON_BYTES
from ledger.api.problem_table import JSON_BODY
from ledger.api.problems import ApiProblem
from ledger.api.rate_limits import Allowance
from ledger.api.rendering import render_answers
from ledger.api.room import InWork
from ledger.api.schemas import (
    MAX_QUESTIONS,
    AnswersRequest,
    AnswersResponse,
    LookupRequest,
    LookupResponse,
)
from ledger.core.records.subject import UsccError, normalize_uscc
from ledger.services.lookup.answers import Answer, Question
from ledger.services.lookup.region import OPEN_CLASSES

router = APIRouter(tags=["lookup"], route_class=LeanJsonRoute)

QUESTIONS_A_TOKEN: Final = 10
"""Questions that weigh as much as one request when requests are counted."""

AT_ONCE: Final = 2
"""Questions that are answered where they arrive."""

_LIMITS: Final = (
    f"Limits: {MAX_JSON_BYTES} bytes of JSON, {MAX_DEPTH} levels, {MAX_QUESTIONS} questions"
    f" (subject x region x record type). Each {QUESTIONS_A_TOKEN} questions count as one request."
)


@router.post(
    "/v1/lookups",
    response_model=LookupResponse,
    summary="Ask all regions about subjects",
    description="Ask each region and verify each answer before it is passed on.\n\n"
    "A region that is down is `unavailable`; the others stand. Only `records` and `none` are"
    f" proved, and only they carry evidence.\n\n{_LIMITS}",
    responses={200: LOOKUP},
)
@fails_with(*JSON_BODY, "too-many-questions", "uscc", "overloaded")
@access(Access.ANYONE)
async def look_up(body: LookupRequest, request: Request) -> Response:
    """Ask each region and verify each answer before it is passed on."""
    context: NodeContext = request.app.state.context
    in_work: InWork = request.app.state.in_work
    questions = _questions(body, context)
    _charge(request, len(questions))
    with in_work.lookups.place():
        answers = await context.federation.lookup(questions)
        content = await asyncio.to_thread(render_answers, answers)
    context.metrics.note_answers("all", answers)
    return _json_response(content)


@router.post(
    "/v1/answers",
    response_model=AnswersResponse,
    summary="Ask this region only",
    description="This region's own answers with evidence; used by other regions' nodes.\n\n"
    f"{_LIMITS} Counted in a share of its own, so that lookups cannot crowd it out; anyone may"
    " use it, since an address proves nothing.",
    responses={200: ANSWERS},
)
@fails_with(*JSON_BODY, "uscc", "overloaded")
@access(Access.ANYONE)
async def answer_questions(body: AnswersRequest, request: Request) -> Response:
    """This region's own answers with evidence."""
    context: NodeContext = request.app.state.context
    in_work: InWork = request.app.state.in_work
    questions = dict.fromkeys(
        Question(
            _subject(one.subject, f"questions.{place}.subject"), context.region, one.record_type
        )
        for place, one in enumerate(body.questions)
    )
    _charge(request, len(questions))
    with in_work.answers.place():
        answers, content = await _answered(context, in_work, list(questions))
    context.metrics.note_answers("here", answers)
    return _json_response(content)


async def _answered(
    context: NodeContext, in_work: InWork, questions: list[Question]
) -> tuple[list[Answer], bytes]:
    if not context.own_lookup.is_near:
        return await asyncio.to_thread(_answer, context, questions)
    if len(questions) <= AT_ONCE:
        # Less than a millisecond each. The way to a thread and back would double it.
        return _answer(context, questions)
    async with in_work.one_batch:
        return await asyncio.to_thread(_answer, context, questions)


def _answer(context: NodeContext, questions: list[Question]) -> tuple[list[Answer], bytes]:
    answers = context.own_lookup.answer(questions)
    return answers, render_answers(answers, region=context.region)


def _questions(body: LookupRequest, context: NodeContext) -> list[Question]:
    coverage = context.trust_root.coverage
    regions = body.regions or sorted({one.region for one in coverage})
    types = body.record_types or sorted(
        {one.record_type for one in coverage if one.klass in OPEN_CLASSES}
    )
    if len(body.subjects) * len(regions) * len(types) > MAX_QUESTIONS:
        detail = f"expected at most {MAX_QUESTIONS} questions"
        raise ApiProblem(422, "too-many-questions", detail)
    subjects = [_subject(text, f"subjects.{place}") for place, text in enumerate(body.subjects)]
    return list(
        dict.fromkeys(
            Question(subject, region, record_type)
            for subject in subjects
            for region in regions
            for record_type in types
        )
    )


def _charge(request: Request, questions: int) -> None:
    """Count a request of many questions as many requests; one is counted already."""
    allowance: Allowance | None = request.state.allowance
    if allowance is not None and questions > QUESTIONS_A_TOKEN:
        allowance.charge((questions - 1) // QUESTIONS_A_TOKEN)


def _subject(text: str, field: str) -> str:
    try:
        return normalize_uscc(text)
    except UsccError as error:
        # Names the place, never the code itself.
        errors = [{"field": field, "code": f"uscc-{error.problem}"}]
        raise ApiProblem(422, "uscc", "not a valid code", errors=errors) from None


def _json_response(content: bytes) -> Response:
    return Response(content, media_type="application/json")
