"""An asking node in Jiangsu, a truthful peer in Shanghai (a World), and peers that lie."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
from worlds.node import REGION, World, uscc
from worlds.node_app import app_of

from ledger.adapters.http.peers import HttpPeers
from ledger.core import canonical
from ledger.core.trust import Coverage, TrustRoot
from ledger.services.lookup.answers import Answer, Question
from ledger.services.lookup.federation import FederatedLookup
from ledger.services.lookup.material import Material, Pending, Unavailable
from ledger.services.lookup.region import RegionLookup

OWN, PEER, OTHER = "320000", REGION, "330000"
SINCE = date(2026, 1, 1)
ENDPOINTS = {PEER: "http://127.0.0.1:8311", OTHER: "http://127.0.0.1:8312"}
WITH, WITHOUT = uscc(5), uscc(6)
"""A company with a penalty in force in the peer's region, and one without."""


class NothingServed:
    """A region that has no snapshot yet."""

    def material(
        self, stream: str, record_type: str, subject: str
    ) -> Material | Pending | Unavailable:
        return Unavailable("no-snapshot")


class Registry:
    def __init__(self, endpoints: Mapping[str, str]) -> None:
        self.endpoints = dict(endpoints)

    def endpoint(self, region: str) -> str | None:
        return self.endpoints.get(region)


def trust_root_of(world: World) -> TrustRoot:
    coverage = [Coverage(region, "cf", "public", SINCE) for region in (OWN, PEER, OTHER)]
    coverage += [Coverage(PEER, "xk", "public", SINCE), Coverage(PEER, "tax", "restricted", SINCE)]
    return replace(world.trust_root, coverage=tuple(coverage))


class Asker:
    """The node that asks; ``transport`` is what the network does."""

    def __init__(
        self,
        world: World,
        transport: httpx.AsyncBaseTransport,
        *,
        deadline_s: float = 5,
        endpoints: Mapping[str, str] = ENDPOINTS,
    ) -> None:
        self.trust_root = trust_root_of(world)
        self.peers = HttpPeers(allow_loopback=True, transport=transport)
        self.federation = FederatedLookup(
            region=OWN,
            trust_root=self.trust_root,
            own=RegionLookup(region=OWN, trust_root=self.trust_root, source=NothingServed()),
            peers=self.peers,
            directory=Registry(endpoints),
            clock=world.clock,
            deadline_s=deadline_s,
        )

    async def ask(self, *questions: Question) -> list[Answer]:
        try:
            return await self.federation.lookup(questions)
        finally:
            await self.peers.close()

    async def ask_one(self, subject: str = WITH, record_type: str = "cf") -> Answer:
        (answer,) = await self.ask(Question(subject, PEER, record_type))
        return answer


def truthful(world: World) -> httpx.ASGITransport:
    return httpx.ASGITransport(app_of(world))


class Body(httpx.AsyncByteStream):
    """A body as it comes from a socket: read once, in parts."""

    def __init__(self, content: bytes | AsyncIterator[bytes]) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if isinstance(self._content, bytes):
            yield self._content
            return
        async for part in self._content:
            yield part


Change = Callable[[dict[str, Any]], object]


class Liar(httpx.AsyncBaseTransport):
    """Passes the truth through a change of the decoded body."""

    def __init__(self, world: World, change: Change) -> None:
        self._truth = truthful(world)
        self._change = change
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        response = await self._truth.handle_async_request(request)
        body = json.loads(await response.aread())
        changed = self._change(body)
        stream = Body(canonical.encode(body if changed is None else changed))
        return httpx.Response(200, stream=stream, headers={"Content-Type": "application/json"})


class Network(httpx.AsyncBaseTransport):
    """One transport for each port."""

    def __init__(self, transports: Mapping[int, httpx.AsyncBaseTransport]) -> None:
        self._transports = transports

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        port = request.url.port
        assert port is not None
        return await self._transports[port].handle_async_request(request)


class Raw(httpx.AsyncBaseTransport):
    """Answers every request with the same bytes."""

    def __init__(
        self,
        content: bytes | AsyncIterator[bytes] = b"{}",
        *,
        status: int = 200,
        headers: Sequence[tuple[str, str]] = (("Content-Type", "application/json"),),
    ) -> None:
        self._content, self._status, self._headers = content, status, list(headers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self._status, stream=Body(self._content), headers=self._headers)
