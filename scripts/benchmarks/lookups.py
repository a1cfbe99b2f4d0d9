"""Lookups of one region over HTTP with complete evidence, from a node with a million keys.

The node runs in a process of its own behind the server it always runs with; one more process sends
requests. Beside it stands the floor: the same server handing out a constant body of the same size.
On two cores the generator takes a share, so the CPU of the server and of the generator are given.
"""

import json
import logging
import os
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from benchmarks import federation
from benchmarks.figure import Figure, Say, make_cost, make_rate
from benchmarks.load import Address, Load, generate, post

AIM_RATE: Final = 1_000
CONNECTIONS: Final = 16
COMPANIES: Final = 4_000
_PATH: Final = "/v1/answers"
_READY_S: Final = 600
_FLOOR: Final = "the same server with a constant body of the same size"


@dataclass(frozen=True, slots=True)
class _Run:
    """One kind of question."""

    name: str
    code: Callable[[int], str]
    first: int
    mark: bytes
    questions: int = 1


def run(*, quick: bool, say: Say) -> list[Figure]:
    """Measure lookups over HTTP."""
    # After the process was started: the tests' world is imported there.
    from benchmarks.great_region import known, unknown

    keys, requests = (20_000, 600) if quick else (1_000_000, 2_000)
    runs = (
        _Run("absence, subjects never asked before", unknown, 0, b'"none"'),
        _Run("absence, subjects asked before", unknown, 0, b'"none"'),
        _Run("one record, subjects never asked before", known, 0, b'"records"'),
        _Run("one record, subjects asked before", known, 0, b'"records"'),
        _Run("absence, 50 questions a request, never asked", unknown, 100_000, b'"none"', 50),
        _Run("absence, 50 questions a request, asked before", unknown, 100_000, b'"none"', 50),
    )
    figures = []
    with tempfile.TemporaryDirectory() as folder, _Server(_serve_region, folder, keys) as server:
        say(f"serving {keys:,} keys, loaded in {server.said['load_s']:.1f} s of CPU")
        figures.append(
            make_cost(
                f"start of a node with {keys:,} entries",
                server.said["load_s"],
                "s CPU",
                note="read from the database, checked, hashed, anchored, served",
            )
        )
        for one in runs:
            say(one.name)
            figures += _measure(server, one, requests // one.questions)
    return figures + federation.measure(quick=quick, say=say)


def _measure(server: "_Server", one: _Run, requests: int) -> list[Figure]:
    content = [
        post(_PATH, _body(one, one.first + number * one.questions)) for number in range(requests)
    ]
    cpu = server.cpu_seconds()
    load = generate(server.address, content, mark=one.mark, connections=CONNECTIONS)
    cpu = (server.cpu_seconds() - cpu) / load.requests
    floor, floor_cpu = _floor(load, content[0])
    return [
        make_rate(
            f"lookups, {one.name}",
            one.questions * load.requests / load.seconds,
            "answers/s",
            floor_name=_FLOOR,
            floor=one.questions * floor.requests / floor.seconds,
            aim=AIM_RATE,
            note=(
                f"p50 {load.latency(0.5):.0f}, p99 {load.latency(0.99):.0f} ms with {CONNECTIONS}"
                f" connections; {load.answer_bytes:,} bytes a response"
            ),
        ),
        make_cost(
            "  server's CPU for each answer",
            cpu / one.questions * 1e6,
            "us CPU",
            floor_name=_FLOOR,
            floor=floor_cpu / one.questions * 1e6,
            note=f"generator {load.cpu_seconds / load.requests / one.questions * 1e6:.0f} us",
        ),
    ]


def _body(one: _Run, first: int) -> bytes:
    asked = [
        {"subject": one.code(number), "record_type": "cf"}
        for number in range(first, first + one.questions)
    ]
    return json.dumps({"questions": asked}).encode()


def _floor(like: Load, request: bytes) -> tuple[Load, float]:
    """As many requests for a constant body of the same size; CPU seconds of the server each."""
    with _Server(_serve_constant, like.answer_bytes) as server:
        generate(server.address, [request] * 50, mark=b"constant", connections=CONNECTIONS)
        cpu, requests = server.cpu_seconds(), max(like.requests, 500)
        load = generate(
            server.address, [request] * requests, mark=b"constant", connections=CONNECTIONS
        )
        return load, (server.cpu_seconds() - cpu) / requests


class _Server:
    """A server in a process of its own; ``said`` is what it told when it was ready."""

    def __init__(self, serve: Callable[..., None], *arguments: object) -> None:
        context = get_context("spawn")
        self._here, there = context.Pipe()
        self._process = context.Process(target=serve, args=(there, *arguments), daemon=True)

    def __enter__(self) -> "_Server":
        self._process.start()
        if not self._here.poll(_READY_S):
            raise TimeoutError("the server did not become ready")
        self.address: Address
        self.said: dict[str, Any]
        self.address, self.said = self._here.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.join()

    def cpu_seconds(self) -> float:
        """CPU of the process so far."""
        text = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        user, system = text.rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _serve_region(there: Connection, folder: str, keys: int) -> None:
    """In the server's process: fill, load, anchor and serve a region."""
    import uvicorn

    from benchmarks.great_region import make_region
    from ledger.adapters.log_lines import configure_logging
    from ledger.bootstrap.server import server_config

    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        # Lines are written as ever; only nobody keeps them.
        configure_logging(nowhere)
        world = make_region(Path(folder), keys=keys, companies=COMPANIES, say=_say_nothing)
        started = time.process_time()
        world.settle(6)
        load_s = time.process_time() - started
        from worlds.node_app import app_of

        listening = socket.create_server(("127.0.0.1", 0))
        there.send((listening.getsockname()[:2], {"load_s": load_s}))
        uvicorn.Server(server_config(app_of(world), "127.0.0.1", 0)).run(sockets=[listening])


def _serve_constant(there: Connection, size: int) -> None:
    """In the server's process: one body, whatever is asked."""
    import uvicorn

    from ledger.bootstrap.server import server_config

    logging.disable(logging.CRITICAL)
    body = b'"constant' + b" " * max(0, size - 150) + b'"'
    head = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))],
    }

    async def constant(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await receive()
            await send(head)
            await send({"type": "http.response.body", "body": body})

    config = server_config(constant, "127.0.0.1", 0)  # type: ignore[arg-type]
    config.lifespan = "off"
    listening = socket.create_server(("127.0.0.1", 0))
    there.send((listening.getsockname()[:2], {}))
    uvicorn.Server(config).run(sockets=[listening])


def _say_nothing(_: str) -> None:
    pass
