"""Putting routes, limits and error handling together."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from ledger.api.auth import check_policies
from ledger.api.context import NodeContext
from ledger.api.limits import BodyLimit
from ledger.api.problems import install_handlers
from ledger.api.routes import batches, lookups, service
from ledger.api.schemas import ProblemOut

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_PROBLEMS: dict[int | str, dict[str, object]] = {
    status: {
        "model": ProblemOut,
        "description": "RFC 9457 problem",
        "content": {"application/problem+json": {}},
    }
    for status in (400, 401, 409, 413, 415, 422, 503)
}


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
        responses=_PROBLEMS,
        docs_url=None,
        redoc_url=None,
    )
    app.state.context = context

    @app.middleware("http")
    async def mark(request: Request, call_next: RequestResponseEndpoint) -> Response:
        # Our own id: a caller's could carry an identifier into the logs.
        request.state.request_id = str(uuid.uuid4())
        response = await call_next(request)
        response.headers["X-Request-ID"] = request.state.request_id
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    app.add_middleware(BodyLimit)
    install_handlers(app)
    for room in (lookups, batches, service):
        app.include_router(room.router)
    check_policies(app)
    return app
