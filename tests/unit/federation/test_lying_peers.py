"""Every lie a peer can tell: the result follows from the verified claim, or there is none."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from regions import PEER, WITH, WITHOUT, Asker, Change, Liar, Raw
from worlds.node import World, penalties, penalty, uscc

from ledger.core import canonical
from ledger.services.lookup.answers import Answer, Question, Result

JSON = ("Content-Type", "application/json")


async def lie(world: World, change: Change, subject: str = WITH) -> tuple[Result, str]:
    answer = await Asker(world, Liar(world, change)).ask_one(subject)
    assert answer.is_proved == (answer.evidence is not None) == (answer.verdict is not None)
    return answer.result, answer.code


def first(body: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = body["answers"][0]
    return answer


async def test_peer_claims_none_with_the_evidence_of_records_answers_records(world: World) -> None:
    assert await lie(world, lambda body: first(body).update(result="none")) == (
        Result.RECORDS,
        "ok",
    )


async def test_peer_claims_records_with_the_evidence_of_none_answers_none(world: World) -> None:
    found = await lie(world, lambda body: first(body).update(result="records"), WITHOUT)
    assert found == (Result.NONE, "ok")


@pytest.mark.parametrize("result", ["none", "records"])
async def test_peer_claims_a_proof_without_evidence_is_invalid(world: World, result: str) -> None:
    found = await lie(world, lambda body: first(body).update(result=result, evidence=None))
    assert found == (Result.INVALID, "evidence-missing")


@pytest.mark.parametrize("result", ["pending", "refused", "unavailable", "invalid"])
async def test_peer_gives_evidence_with_an_unproved_result_is_invalid(
    world: World, result: str
) -> None:
    found = await lie(world, lambda body: first(body).update(result=result))
    assert found == (Result.INVALID, "unexpected-evidence")


async def test_peer_gives_the_evidence_of_another_subject_is_invalid(world: World) -> None:
    other = canonical.decode(world.answer(6).evidence or b"")
    found = await lie(world, lambda body: first(body).update(result="none", evidence=other))
    assert found == (Result.INVALID, "other-claim")


async def test_peer_gives_the_evidence_of_another_type_is_invalid(world: World) -> None:
    (answer,) = world.lookup.answer([Question(WITH, PEER, "xk")])
    other = canonical.decode(answer.evidence or b"")
    found = await lie(world, lambda body: first(body).update(result="none", evidence=other))
    assert found == (Result.INVALID, "other-claim")


async def test_peer_gives_the_evidence_of_another_region_is_invalid(world: World) -> None:
    """The truthful evidence of Shanghai as the answer of Zhejiang."""
    liar = Liar(world, lambda body: first(body).update(region="330000"))
    asker = Asker(world, liar, endpoints={"330000": "http://127.0.0.1:8312"})
    (answer,) = await asker.ask(Question(WITH, "330000", "cf"))
    assert (answer.result, answer.code) == (Result.INVALID, "other-claim")


async def test_peer_rewrites_the_claim_of_its_evidence_is_invalid(world: World) -> None:
    def rewrite(**members: object) -> Change:
        return lambda body: first(body)["evidence"]["claim"].update(members)

    for members in ({"subject": WITHOUT}, {"count": 0}, {"count": 2}, {"region": "330000"}):
        result, _code = await lie(world, rewrite(**members))
        assert result is Result.INVALID


@pytest.mark.parametrize(
    "member", ["vrf_proof", "map", "list", "opened", "chain", "authority", "consent"]
)
async def test_peer_damages_a_member_of_the_evidence_proves_nothing(
    world: World, member: str
) -> None:
    def damage(body: dict[str, Any]) -> None:
        first(body)["evidence"][member] = first(body)["evidence"]["claim"]

    result, _code = await lie(world, damage)
    # An authority's proof is of a format this release does not know yet.
    assert result is (Result.UNAVAILABLE if member == "authority" else Result.INVALID)


async def test_peer_leaves_an_item_closed_is_unavailable_never_records(world: World) -> None:
    found = await lie(world, lambda body: first(body)["evidence"].update(opened=[]))
    assert found == (Result.UNAVAILABLE, "partly-opened")


async def test_peer_of_a_newer_release_is_unavailable(world: World) -> None:
    found = await lie(world, lambda body: first(body)["evidence"].update(v=2))
    assert found == (Result.UNAVAILABLE, "unsupported-version")


async def test_peer_gives_old_evidence_is_unavailable_as_stale(tmp_path_factory: Any) -> None:
    world = World(tmp_path_factory.mktemp("old"))
    world.settle()
    old = canonical.decode(world.answer(5).evidence or b"")
    world.publish(penalties(penalty(5)))
    world.clock.advance(601)
    world.settle()
    assert world.answer(5).result is Result.RECORDS
    found = await lie(world, lambda body: first(body).update(result="none", evidence=old))
    assert found == (Result.UNAVAILABLE, "stale")
    world.kill()


async def test_peer_gives_evidence_from_the_future_is_invalid(tmp_path_factory: Any) -> None:
    world = World(tmp_path_factory.mktemp("future"))
    world.settle()
    future = canonical.decode(world.answer(5).evidence or b"")
    world.clock.advance(-300)
    found = await lie(world, lambda body: first(body).update(result="none", evidence=future))
    assert found[0] is Result.INVALID
    world.kill()


@pytest.mark.parametrize("result", ["pending", "refused", "unavailable"])
async def test_peer_text_in_a_code_goes_no_further(world: World, result: str) -> None:
    def say(code: str) -> Change:
        return lambda body: first(body).update(result=result, evidence=None, code=code)

    assert await lie(world, say(WITH.lower())) == (Result(result), "unspecified")
    assert await lie(world, say("no-snapshot")) == (Result(result), "no-snapshot")


@pytest.mark.parametrize("code", ["", "a" * 65, "A", "x\n", "<b>", "码", 5, None, ["ok"]])
async def test_peer_code_that_is_no_code_is_invalid(world: World, code: object) -> None:
    found = await lie(world, lambda body: first(body).update(code=code))
    assert found == (Result.INVALID, "malformed-answer")


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["answers"].append(body["answers"][0]),
        lambda body: body["answers"].append(None),
        lambda body: body.update(answers={"0": body["answers"][0]}),
        lambda body: body.pop("answers") and None,
        lambda body: body["answers"],
        lambda body: first(body).update(result="NONE"),
        lambda body: first(body).update(result=None),
        lambda body: first(body).update(evidence="{}"),
        lambda body: first(body).update(evidence=[]),
        lambda body: first(body).update(region="330000"),
        lambda body: first(body).update(region=None),
        lambda body: first(body).pop("code") and None,
    ],
)
async def test_peer_answer_of_another_form_is_invalid(world: World, change: Change) -> None:
    assert await lie(world, change) == (Result.INVALID, "malformed-answer")


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.update(answers=[]),
        lambda body: first(body).update(subject=WITHOUT),
        lambda body: first(body).update(subject=WITH.lower()),
        lambda body: first(body).update(record_type="xk"),
    ],
)
async def test_peer_leaves_a_question_out_is_invalid(world: World, change: Change) -> None:
    assert await lie(world, change) == (Result.INVALID, "answer-missing")


async def test_peer_answers_what_was_not_asked_changes_nothing(world: World) -> None:
    extra = {"subject": uscc(9), "record_type": "cf", "result": "none", "code": "ok"}
    found = await lie(world, lambda body: body["answers"].append(extra))
    assert found == (Result.RECORDS, "ok")


async def test_peer_members_of_a_newer_release_are_passed_over(world: World) -> None:
    for change in (lambda body: body.update(new=[1]), lambda body: first(body).update(new={})):
        assert await lie(world, change) == (Result.RECORDS, "ok")


async def raw(world: World, peer: Raw, *, deadline_s: float = 5) -> Answer:
    answer = await Asker(world, peer, deadline_s=deadline_s).ask_one()
    assert answer.evidence is None
    return answer


MALFORMED = {
    "truncated": b'{"answers":[{"code":"ok"',
    "empty": b"",
    "no JSON": b"<html>",
    "not canonical": b'{ "answers": [] }',
    "duplicate names": b'{"answers":[],"answers":[]}',
    "float": b'{"answers":[],"x":1.5}',
    "lone surrogate": b'{"answers":[],"x":"\\ud800"}',
    "not UTF-8": b'{"answers":["\xff"]}',
    "depth bomb": b"[" * 1_000_000,
    "20 levels": b"[" * 20 + b"]" * 20,
    "list": b"[]",
    "null": b"null",
    "huge integer": b'{"answers":[' + b"9" * 5000 + b"]}",
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
async def test_peer_body_that_is_malformed_is_invalid(world: World, content: bytes) -> None:
    started = time.monotonic()
    answer = await raw(world, Raw(content))
    assert (answer.result, answer.code) == (Result.INVALID, "malformed-answer")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 400, 401, 404, 422, 500, 503, 599])
async def test_peer_status_other_than_200_is_unavailable_and_no_redirect_is_followed(
    world: World, status: int
) -> None:
    peer = Raw(b"", status=status, headers=[JSON, ("Location", "http://169.254.169.254/latest")])
    answer = await raw(world, peer)
    assert (answer.result, answer.code) == (Result.UNAVAILABLE, "region-unavailable")
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Content-Type", "text/html")],
        [("Content-Type", "application/problem+json")],
        [JSON, ("Content-Encoding", "gzip")],
        [JSON, ("Content-Encoding", "identity")],
    ],
)
async def test_peer_body_of_another_type_or_encoding_is_invalid(
    world: World, headers: list[tuple[str, str]]
) -> None:
    answer = await raw(world, Raw(b'{"answers":[]}', headers=headers))
    assert (answer.result, answer.code) == (Result.INVALID, "malformed-answer")


async def test_peer_endless_body_is_cut_off(world: World) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 20
            yield b" " * (1 << 20)

    answer = await raw(world, Raw(endless()))
    assert (answer.result, answer.code) == (Result.INVALID, "malformed-answer")
    assert sent <= 18 << 20


async def test_peer_slower_than_the_deadline_is_unavailable(world: World) -> None:
    async def slow() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    started = time.monotonic()
    answer = await raw(world, Raw(slow()), deadline_s=0.2)
    assert (answer.result, answer.code) == (Result.UNAVAILABLE, "deadline")
    assert time.monotonic() - started < 1


async def test_peer_cookies_are_never_sent_back(world: World) -> None:
    peer = Raw(b'{"answers":[]}', headers=[JSON, ("Set-Cookie", "a=b; Path=/")])
    asker = Asker(world, peer)
    questions = [Question(WITH, PEER, "cf")]
    for _ in range(2):
        await asker.peers.ask("http://127.0.0.1:8311", questions)
    await asker.peers.close()
    assert all("cookie" not in request.headers for request in peer.requests)


async def test_peer_request_names_no_subject_outside_its_body(world: World) -> None:
    peer = Raw(b'{"answers":[]}')
    await raw(world, peer)
    (request,) = peer.requests
    assert WITH.encode() in request.content
    assert WITH not in str(request.url) + str(request.headers)
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["host"] == "127.0.0.1:8311"


HTTPX_ERRORS = [
    error
    for name in httpx.__all__
    if isinstance(error := getattr(httpx, name), type)
    and issubclass(error, httpx.HTTPError | httpx.StreamError | httpx.InvalidURL)
]


@pytest.mark.parametrize("kind", HTTPX_ERRORS)
async def test_peer_every_error_of_httpx_is_unavailable(world: World, kind: type) -> None:
    class Failing(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if kind is httpx.HTTPStatusError:
                raise httpx.HTTPStatusError("x", request=request, response=httpx.Response(500))
            if kind in (httpx.StreamConsumed, httpx.StreamClosed, httpx.RequestNotRead):
                raise kind
            raise kind() if kind is httpx.ResponseNotRead else kind("x")

    answer = await Asker(world, Failing()).ask_one()
    assert (answer.result, answer.code) == (Result.UNAVAILABLE, "region-unavailable")


async def test_peer_answers_hundreds_of_questions_at_once(world: World) -> None:
    questions = [Question(uscc(number), PEER, "cf") for number in range(100, 300)]
    answers = await Asker(world, Liar(world, lambda body: None)).ask(*questions)
    assert {answer.result for answer in answers} == {Result.NONE}
