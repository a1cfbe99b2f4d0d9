"""The lean way takes valid bodies; everything else is answered as ever, word for word."""

import json
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from worlds.node import World, penalties, penalty, uscc
from worlds.node_app import client_of, context_of

from ledger.api.app import create_app
from ledger.api.lean_route import LeanJsonRoute
from ledger.api.limits import JsonRoute, LooseJsonError, check_json
from ledger.api.routes import lookups
from ledger.api.schemas import OneQuestion

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> tuple[FastAPI, FastAPI]:
    """The same node with lean routes, and with the ordinary ones only."""
    world = World(Path(tmp_path_factory.mktemp("lean")))
    world.publish(penalties(penalty(1)))
    world.settle(3)
    lean = create_app(context_of(world))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LeanJsonRoute, "get_route_handler", JsonRoute.get_route_handler)
        patch.setattr(lookups.router, "routes", [*map(_again, lookups.router.routes)])
        ordinary = create_app(context_of(world))
    return lean, ordinary


def _again(route):
    """The route made anew, with whatever handler its class has now."""
    copy = LeanJsonRoute.__new__(LeanJsonRoute)
    copy.__dict__ |= route.__dict__
    from fastapi.routing import request_response

    copy.app = request_response(copy.get_route_handler())
    return copy


async def both(apps: tuple[FastAPI, FastAPI], path: str, body: bytes) -> list[httpx.Response]:
    answers = []
    for app in apps:
        async with client_of(app, is_described=False) as client:
            answers.append(await client.post(path, content=body, headers=JSON))
    return answers


QUESTION = {"subject": uscc(1), "record_type": "cf"}
BODIES = [
    {"questions": [QUESTION]},
    {"questions": [QUESTION] * 3},
    {"questions": [{"subject": uscc(n), "record_type": "cf"} for n in range(5)]},
    {"questions": []},
    {"questions": [QUESTION | {"more": 1}]},
    {"questions": [{"subject": uscc(1)}]},
    {"questions": [QUESTION | {"record_type": "CF"}]},
    {"questions": [QUESTION | {"subject": "91310118MA0000001X"}]},
    {"questions": [QUESTION | {"subject": 7}]},
    {"questions": [QUESTION | {"subject": None}]},
    {"questions": {"0": QUESTION}},
    {"questions": [[QUESTION]]},
    {"subjects": [uscc(1)]},
    {"subjects": [uscc(1)], "regions": ["31"]},
    {"subjects": [uscc(1)] * 201},
    {},
    [],
    None,
    1,
    "x",
]


@pytest.mark.parametrize("path", ["/v1/answers", "/v1/lookups"])
@pytest.mark.parametrize("body", BODIES, ids=lambda body: json.dumps(body)[:40])
async def test_lean_route_answers_as_the_ordinary_one(
    apps: tuple[FastAPI, FastAPI], path: str, body: object
) -> None:
    lean, ordinary = await both(apps, path, json.dumps(body).encode())
    assert lean.status_code == ordinary.status_code
    known, other = lean.json(), ordinary.json()
    for part in (known, other):
        part.pop("request_id", None)
        part.pop("instance", None)
    assert known == other


async def test_lean_route_is_the_one_in_use(apps: tuple[FastAPI, FastAPI]) -> None:
    assert {type(route) for route in lookups.router.routes} == {LeanJsonRoute}
    handlers = [route.get_route_handler().__name__ for route in lookups.router.routes]  # type: ignore[attr-defined]
    assert handlers == ["lean", "lean"]


def test_route_with_other_parameters_stays_ordinary() -> None:
    async def needs_more(body: OneQuestion, request: Request, region: str) -> Response:
        return Response()

    async def takes_a_list(body: list[str], request: Request) -> Response:
        return Response()

    for endpoint in (needs_more, takes_a_list):
        route = LeanJsonRoute("/x", endpoint, methods=["POST"], response_model=None)
        assert route.get_route_handler().__name__ == "strict"


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        st.none() | st.text(max_size=3),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=2), inner),
        max_leaves=30,
    )
)
def test_check_json_gives_the_value_it_checked(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    try:
        assert check_json(text.encode()) == value
    except LooseJsonError:
        assert text.count("[") + text.count("{") > 16


@pytest.mark.parametrize(
    "body", [b'"\\ud800"', b'{"a":"\\udfff x"}', b'"\xed\xa0\x80"', b"[" * 17 + b"]" * 17, b"[1.0]"]
)
def test_check_json_refuses_what_two_parsers_read_differently(body: bytes) -> None:
    with pytest.raises(LooseJsonError):
        check_json(body)


@pytest.mark.parametrize("body", [b'"\\ud83d\\ude00"', b'"' + b"[" * 40 + b'"'])
def test_check_json_takes_escaped_pairs_and_brackets_in_strings(body: bytes) -> None:
    assert check_json(body) == json.loads(body)
