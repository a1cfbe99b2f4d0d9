"""Routes for mirrors: none without their guard, none with somebody else's."""

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts

from ledger.api.auth import MIRRORS_ONLY, OPERATOR_ONLY, Access, access, check_policies
from ledger.errors import FatalStateError


def _app(router: APIRouter) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.include_router(router)
    return app


@pytest.mark.parametrize(
    ("policy", "guards"),
    [
        (Access.MIRROR, []),
        (Access.MIRROR, OPERATOR_ONLY),
        (Access.MIRROR, [*MIRRORS_ONLY, *OPERATOR_ONLY]),
        (Access.OPERATOR, MIRRORS_ONLY),
        (Access.OPERATOR, [*MIRRORS_ONLY, *OPERATOR_ONLY]),
        (Access.ANYONE, MIRRORS_ONLY),
    ],
)
def test_check_policies_other_guards_than_the_policys_refuse_to_start(
    policy: Access, guards: list[object]
) -> None:
    router = APIRouter(dependencies=guards)  # type: ignore[arg-type]

    @router.get("/v1/route")
    @access(policy)
    async def route() -> str:
        return ""

    with pytest.raises(FatalStateError, match="/v1/route"):
        check_policies(_app(router))


def test_check_policies_mirror_policy_with_its_guard_starts() -> None:
    router = APIRouter(dependencies=MIRRORS_ONLY)

    @router.get("/v1/route")
    @access(Access.MIRROR)
    async def route() -> str:
        return ""

    check_policies(_app(router))


def test_create_app_only_entry_bundles_are_for_mirrors(app: FastAPI) -> None:
    found = {
        (method, route.path)
        for route in iter_route_contexts(app.routes)
        if getattr(route.endpoint, "__access_policy__", None) is Access.MIRROR
        for method in route.methods or ()
    }
    assert found == {
        ("GET", "/v1/streams/{region}/{stream}/{generation}/tile/entries/{place:path}")
    }
