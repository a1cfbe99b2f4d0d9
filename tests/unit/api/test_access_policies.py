import httpx
import pytest
from fastapi import APIRouter, FastAPI
from worlds.node import World
from worlds.node_app import TOKEN, client_of, context_of

from ledger.api.app import create_app
from ledger.api.auth import OPERATOR_ONLY, Access, access, check_policies
from ledger.errors import FatalStateError

OPERATOR_ROUTES = [
    ("POST", "/v1/batches"),
    ("GET", "/v1/batches/1"),
    ("GET", "/v1/batches/not-a-number"),
    ("GET", "/v1/batches"),
    ("GET", "/v1/batches?limit=0"),
    ("GET", "/v1/batches/1/rows"),
    ("GET", "/v1/batches/1/rows?cursor=x"),
    ("GET", "/v1/status"),
    ("GET", "/metrics"),
]


@pytest.mark.parametrize(("method", "path"), OPERATOR_ROUTES)
@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer wrong", f"Bearer {TOKEN}x", "Bearer ", "Bearer", f"Basic {TOKEN}", TOKEN],
)
async def test_operator_route_without_the_token_answers_one_and_the_same_401(
    anyone: httpx.AsyncClient, method: str, path: str, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await anyone.request(method, path, headers=headers)
    body = answer.json()
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert (body["code"], body["detail"]) == ("unauthorized", "expected the operator's token")


async def test_operator_route_with_a_token_beyond_ascii_answers_401(
    anyone: httpx.AsyncClient,
) -> None:
    headers = [(b"Authorization", "Bearer 令牌".encode())]
    assert (await anyone.get("/v1/status", headers=headers)).status_code == 401


async def test_operator_route_of_a_node_with_an_empty_token_lets_nobody_in(world: World) -> None:
    import hashlib

    context = context_of(world, operator_token_digest=hashlib.sha256(b"").digest())
    async with client_of(create_app(context)) as client:
        for headers in ({}, {"Authorization": "Bearer "}):
            assert (await client.get("/v1/status", headers=headers)).status_code == 401


async def test_publish_without_the_token_reads_no_body(app: FastAPI) -> None:
    sent = 0

    async def endless():  # type: ignore[no-untyped-def]
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 65_536

    async with client_of(app) as client:
        answer = await client.post("/v1/batches", content=endless())
    assert answer.status_code == 401
    assert sent <= 1


def _app(router: APIRouter) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    return app


def test_check_policies_route_without_policy_refuses_to_start() -> None:
    router = APIRouter()

    @router.get("/v1/forgotten")
    async def forgotten() -> str:
        return ""

    with pytest.raises(FatalStateError, match="/v1/forgotten: expected an access policy"):
        check_policies(_app(router))


def test_check_policies_operator_policy_without_guard_refuses_to_start() -> None:
    router = APIRouter()

    @router.get("/v1/unguarded")
    @access(Access.OPERATOR)
    async def unguarded() -> str:
        return ""

    with pytest.raises(FatalStateError, match="/v1/unguarded"):
        check_policies(_app(router))


def test_check_policies_guard_on_a_route_for_anyone_refuses_to_start() -> None:
    router = APIRouter(dependencies=OPERATOR_ONLY)

    @router.get("/v1/contradiction")
    @access(Access.ANYONE)
    async def contradiction() -> str:
        return ""

    with pytest.raises(FatalStateError, match="/v1/contradiction"):
        check_policies(_app(router))


def test_check_policies_route_of_another_kind_refuses_to_start() -> None:
    app = FastAPI(docs_url=None, redoc_url=None)  # serves /openapi.json by itself
    with pytest.raises(FatalStateError, match=r"/openapi\.json"):
        check_policies(app)


def test_check_policies_nested_router_is_seen() -> None:
    inner, outer = APIRouter(), APIRouter(prefix="/v1")

    @inner.get("/deep")
    async def deep() -> str:
        return ""

    outer.include_router(inner)
    with pytest.raises(FatalStateError, match="/v1/deep"):
        check_policies(_app(outer))


def test_create_app_every_operator_route_is_tested_here(app: FastAPI) -> None:
    from fastapi.routing import iter_route_contexts

    found = {
        (method, route.path)
        for route in iter_route_contexts(app.routes)
        if getattr(route.endpoint, "__access_policy__", None) is Access.OPERATOR
        for method in route.methods or ()
    }
    assert found == {
        ("POST", "/v1/batches"),
        ("GET", "/v1/batches"),
        ("GET", "/v1/batches/{batch_id}"),
        ("GET", "/v1/batches/{batch_id}/rows"),
        ("GET", "/v1/status"),
        ("GET", "/metrics"),
    }
