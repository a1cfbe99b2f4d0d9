"""A node's application over a World, with a client that speaks ASGI to it."""

import hashlib
from collections.abc import Mapping, Sequence

import httpx
from fastapi import FastAPI
from worlds.node import REGION, World

from ledger.api.app import create_app
from ledger.api.context import NodeContext
from ledger.core.trust import encode_trust_root
from ledger.services.background.status import WorkerStatus
from ledger.services.lookup.answers import Question
from ledger.services.lookup.federation import FederatedLookup, PeerAnswer

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
    members: dict[str, object] = {
        "region": REGION,
        "trust_root": world.trust_root,
        "trust_root_bytes": encode_trust_root(world.trust_root),
        "operator_token_digest": hashlib.sha256(TOKEN.encode()).digest(),
        "publication": world.publication,
        "own_lookup": world.lookup,
        "federation": federation,
        "worker": WatchedWorker(world),
        "start": nothing,
        "stop": nothing,
    }
    return NodeContext(**(members | changes))  # type: ignore[arg-type]


def client_of(app: FastAPI, *, token: str | None = None) -> httpx.AsyncClient:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://node", headers=headers)


def app_of(world: World, **changes: object) -> FastAPI:
    return create_app(context_of(world, **changes))
