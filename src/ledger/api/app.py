"""Putting routes, limits and error handling together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI

from ledger.api.auth import check_policies
from ledger.api.context import NodeContext
from ledger.api.description import describe, operation_id
from ledger.api.frame import Frame
from ledger.api.problems import install_handlers
from ledger.api.rate_limits import RateLimits
from ledger.api.room import InWork
from ledger.api.routes import batches, lookups, service, streams

TAGS: Final = [
    {"name": "lookup", "description": "What is in force about a subject, proved"},
    {"name": "publication", "description": "Taking files in; for the region's operator"},
    {"name": "streams", "description": "Checkpoints, tiles and entries of the region's logs"},
    {"name": "service", "description": "The node about itself"},
]


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
        openapi_tags=TAGS,
        generate_unique_id_function=operation_id,
        redirect_slashes=False,  # a redirect repeats the path of the request
        telemetry={"tracing": False, "metrics": False, "logs": False},  # it repeats input
    )
    app.state.context = context
    app.state.in_work = InWork(context.limits)
    app.add_middleware(
        Frame,
        rates=RateLimits(context.limits, context.operator_token_digest),
        in_work=app.state.in_work,
        metrics=context.metrics,
    )
    install_handlers(app)
    for room in (lookups, batches, streams, service):
        app.include_router(room.router)
    check_policies(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


def stop_taking(app: FastAPI) -> None:
    """Refuse new requests from now on; a file of which nothing is stored yet is given back.

    Called by a signal handler: it only sets a mark.
    """
    app.state.in_work.is_stopping = True
