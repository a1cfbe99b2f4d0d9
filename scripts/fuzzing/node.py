"""A node to fuzz: a real database file, a chain in memory, and work that goes on meanwhile."""

import json
from collections import Counter
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from worlds.described import Description
from worlds.node import World, penalties, penalty
from worlds.node_app import app_of

ROUND_EVERY: Final = 50
"""Requests between two rounds of the node's worker."""

ALLOWED_5XX: Final = frozenset({"not-ready", "overloaded", "stopping", "chain-unavailable"})
"""Codes of server-side answers that are no error of the server."""

Scope = MutableMapping[str, Any]


class FuzzedNode:
    """An application that counts what goes through it and judges every answer by itself.

    Args:
        folder: Where the node's database is.
    """

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.publish(penalties(*(penalty(number) for number in range(1, 40))))
        self.world.settle()
        self.app: FastAPI = app_of(self.world)
        self._description = Description(self.app)
        self.requests: Counter[str] = Counter()
        """By operation; what reaches none counts as ``-``."""
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.complaints: Counter[str] = Counter()
        self.server_errors = 0

    @property
    def total(self) -> int:
        """Requests so far."""
        return self.requests.total()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Hand one request on and judge its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)  # type: ignore[arg-type]
            return
        head: dict[str, Any] = {}
        parts: list[bytes] = []

        async def watched(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, watched)  # type: ignore[arg-type]
        self._judge(scope, head, b"".join(parts))
        if self.total % ROUND_EVERY == 0:
            self.world.tick()

    def _judge(self, scope: Scope, head: dict[str, Any], body: bytes) -> None:
        status = head["status"]
        media_type = next(
            (value.decode() for name, value in head["headers"] if name == b"content-type"), ""
        )
        route = scope.get("route")
        name = f"{scope['method']} {getattr(route, 'path', '-')}"
        operation = self._description.operation_id(scope["method"], scope["path"]) or "-"
        self.requests[operation] += 1
        self.statuses[operation, status] += 1
        complaint = self._description.complaint(
            scope["method"], scope["path"], status, media_type, body
        )
        if complaint:
            self.complaints[complaint] += 1
        if status >= 500:
            code = json.loads(body).get("code") if "json" in media_type else None
            if code not in ALLOWED_5XX:
                self.server_errors += 1
                self.complaints[f"{name}: {status} {code}"] += 1

    def close(self) -> None:
        """Close the database."""
        self.world.kill()
