"""A node's application over a World, with a client that speaks ASGI to it."""

import hashlib
from collections.abc import Mapping, Sequence

import httpx
from fastapi import FastAPI
from worlds.described import Description
from worlds.node import REGION, World
from worlds.streams import gate_of, tiles_of

from ledger.api.app import create_app
from ledger.api.context import NodeContext
from ledger.api.metrics import Metrics
from ledger.api.rate_limits import RequestLimits
from ledger.core.trust import encode_trust_root
from ledger.services.background.latency import PublishLatency
from ledger.services.background.status import WorkerStatus
from ledger.services.background.watch import Check, Watch
from ledger.services.lookup.answers import Question
from ledger.services.lookup.federation import FederatedLookup, PeerAnswer
from ledger.services.publication.pages import BatchPages

TOKEN = "operator-token-of-these-tests-0123456789"


class NobodyElse:
    """Peers and directory of a node that is alone."""

    def endpoint(self, region: str) -> str | None:
        return None

    async def ask(
        self, endpoint: str, questions: Sequence[Question]
    ) -> Mapping[Question, PeerAnswer]:
        raise AssertionError("nobody is there to ask")


class WatchedWorker:
    """The world's worker, whose thread does not run; remembers that it was woken."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.woken = 0

    def status(self) -> WorkerStatus:
        return self._world.worker.status()

    def wake(self) -> None:
        self.woken += 1


class LookingWatch(Watch):
    """A watch that looks when it is asked, so that tests need no thread and no waiting."""

    def checks(self) -> tuple[Check, ...]:
        self.look()
        return super().checks()


BOUNDLESS = RequestLimits(anyone=0, regions=0, operator=0)
"""Tests of everything else ask more often than any caller may."""


def context_of(world: World, **changes: object) -> NodeContext:
    async def nothing() -> None:
        return None

    alone = NobodyElse()
    federation = FederatedLookup(
        region=REGION,
        trust_root=world.trust_root,
        own=world.lookup,
        peers=alone,
        directory=alone,
        clock=world.clock,
    )
    worker = WatchedWorker(world)
    watch = LookingWatch(worker=worker, store=world.store, chain=world.chain, clock=world.clock)
    metrics = Metrics(region=REGION, regions=[REGION, "320000"], watch=watch)
    watch.tell(PublishLatency(world.store, metrics.note_confirmed))
    members: dict[str, object] = {
        "region": REGION,
        "trust_root": world.trust_root,
        "trust_root_bytes": encode_trust_root(world.trust_root),
        "operator_token_digest": hashlib.sha256(TOKEN.encode()).digest(),
        "publication": world.publication,
        "own_lookup": world.lookup,
        "federation": federation,
        "worker": worker,
        "tiles": tiles_of(world),
        "mirror_gate": gate_of(world),
        "batches": BatchPages(world.store, world.node_streams),
        "watch": watch,
        "metrics": metrics,
        "limits": BOUNDLESS,
        "start": nothing,
        "stop": nothing,
    }
    return NodeContext(**(members | changes))  # type: ignore[arg-type]


def client_of(
    app: FastAPI, *, token: str | None = None, is_described: bool = True
) -> httpx.AsyncClient:
    """A client of an application; fails on any answer that its description does not have."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    description = Description(app) if is_described else None

    async def check(answer: httpx.Response) -> None:
        if description is None:
            return
        body = await answer.aread()
        request = answer.request
        path = request.url.path
        media_type = answer.headers.get("content-type", "")
        said = description.complaint(request.method, path, answer.status_code, media_type, body)
        assert not said, said

    return httpx.AsyncClient(
        transport=transport,
        base_url="http://node",
        headers=headers,
        event_hooks={"response": [check]},
    )


def app_of(world: World, **changes: object) -> FastAPI:
    return create_app(context_of(world, **changes))
