"""Putting routes, limits and error handling together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ledger.api.auth import check_policies
from ledger.api.context import NodeContext
from ledger.api.frame import Frame
from ledger.api.problems import install_handlers
from ledger.api.routes import batches, lookups, service
from ledger.api.schemas import ProblemOut


def create_app(context: NodeContext) -> FastAPI:
    """Make the application of one node.

    Args:
        context: The node's services; started before the first request, stopped after the last.

    Raises:
        FatalStateError: A route has no access policy.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await context.start()
        try:
            yield
        finally:
            await context.stop()

    app = FastAPI(
        title="Yangtze Delta cross-region credit ledger",
        version=version("yangtze-credit-ledger"),
        lifespan=lifespan,
        openapi_url=None,  # served by a route of our own, which has a policy
        redirect_slashes=False,  # a redirect repeats the path of the request
        telemetry={"tracing": False, "metrics": False, "logs": False},  # it repeats input
    )
    app.state.context = context
    app.state.publishing = asyncio.Lock()
    app.add_middleware(Frame)
    install_handlers(app)
    for room in (lookups, batches, service):
        app.include_router(room.router)
    check_policies(app)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    return app


def _describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, in which every problem is one schema."""
    if app.openapi_schema is None:
        content = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = content.setdefault("components", {}).setdefault("schemas", {})
        schemas["ProblemOut"] = ProblemOut.model_json_schema()
        app.openapi_schema = content
    return app.openapi_schema
