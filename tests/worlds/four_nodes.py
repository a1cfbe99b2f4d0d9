"""Four regions' nodes in processes of their own on a real chain, made as operators do."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx
from worlds.commands import ledger, ledger_apart

from ledger.adapters.devnet.ports import find_free_port
from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.keystore import load_keys
from ledger.core.chain.head_slots import stream_id
from ledger.core.trust import parse_trust_root

REGIONS = ("310000", "320000", "330000", "340000")
DEADLINE_S = 120.0
SLOW_MACHINE_S = 0.2
SEVERAL = 3
"""Validators that a node asks: of one alone nothing is believed."""

SINCE = ("--since", "2026-01-01")
ON_THIS_MACHINE = {"CREDIT_LEDGER_PEERS_ON_THIS_MACHINE": "true"}
"""Only development chains allow it by themselves."""


class Node:
    """One region's node; its database outlives its processes."""

    def __init__(self, region: str, folder: Path, port: int) -> None:
        self.region = region
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *program: str, **variables: str) -> None:
        """Start it; ``program`` stands in for the command line of a node that is not honest."""
        command = program or ("-m", "ledger")
        with (self.folder / "node.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *command, "serve", "--dir", str(self.folder)],
                stdout=log,
                stderr=log,
                env=os.environ | ON_THIS_MACHINE | variables,
            )

    def kill(self) -> None:
        """As if the power had gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self._process is not None:
            os.kill(self._process.pid, number)
            self._process.wait(30)
            self._process = None

    @property
    def log(self) -> str:
        return (self.folder / "node.log").read_text(encoding="utf-8")

    def publish(self, content: bytes) -> str:
        """Send a file; gives the place where its state is."""
        headers = self._headers | {"Content-Type": "text/csv"}
        answer = httpx.post(
            f"{self.url}/v1/batches", content=content, headers=headers, trust_env=False, timeout=30
        )
        assert answer.status_code == 202, answer.text
        return str(answer.headers["location"])

    def state_of(self, place: str) -> str:
        return str(self._get(place).json()["state"])

    def status(self) -> dict[str, Any]:
        return dict(self._get("/v1/status").json()["worker"])

    def source(self, region: str) -> dict[str, Any]:
        """How far this node has followed another region."""
        (found,) = [one for one in self.status()["mirroring"]["sources"] if one["region"] == region]
        return dict(found)

    def tally(self) -> dict[str, Any]:
        """What mirrors say of this node's newest head."""
        (found,) = [one for one in self.status()["streams"] if one["stream"] == "records"]
        return dict(found["confirmations"] or {"epoch": 0, "confirmed_by": []})

    def is_ready(self) -> bool:
        try:
            return self._get("/readyz").is_success
        except httpx.HTTPError:
            return False

    def ask(self, subject: str, regions: list[str]) -> list[dict[str, Any]]:
        request = {"subjects": [subject], "regions": regions, "record_types": ["cf"]}
        answer = httpx.post(f"{self.url}/v1/lookups", json=request, trust_env=False, timeout=30)
        return list(answer.json()["answers"])

    def answer(self, subject: str) -> dict[str, Any]:
        """What the node itself says to another region that asks about its records."""
        request = {"questions": [{"subject": subject, "record_type": "cf"}]}
        answer = httpx.post(f"{self.url}/v1/answers", json=request, trust_env=False, timeout=30)
        return dict(answer.json()["answers"][0])

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {load_keys(self.folder).operator_token}"}

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", headers=self._headers, trust_env=False, timeout=30)


class FourNodes:
    """The chain and its nodes; used in a ``with`` statement.

    Args:
        folder: Where everything is kept.
        engine: ``anvil``, or ``qbft`` for five validators.
    """

    def __init__(self, folder: Path, engine: str = "anvil") -> None:
        self.folder = folder
        self.engine = engine
        self.devnet = folder / "devnet"
        self.nodes: dict[str, Node] = {}
        self._chain: EvmChain | None = None

    @property
    def chain(self) -> EvmChain:
        """A way to the chain that no node uses."""
        assert self._chain is not None
        return self._chain

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes.values():
            node.kill()
        if self._chain is not None:
            self._chain.close()
        ledger_apart("devnet", "reset", "--dir", str(self.devnet))

    def _make(self) -> None:
        port = ("--port", "0") if self.engine == "anvil" else ()
        ledger_apart("devnet", "up", "--dir", str(self.devnet), "--engine", self.engine, *port)
        described = self.devnet / "deployment.json"
        rpc_urls = json.loads(described.read_text())["rpc_urls"][:SEVERAL]
        ports: set[int] = set()
        for region in REGIONS:
            port = find_free_port(besides=ports)
            ports.add(port)
            node = Node(region, self.folder / region, port)
            where = (
                "--dir",
                str(node.folder),
                "--port",
                str(port),
                "--rpc-url",
                ",".join(rpc_urls),
            )
            ledger("init", "--region", region, *where)
            self.nodes[region] = node
        folders = [str(node.folder) for node in self.nodes.values()]
        ledger_apart("devnet", "admit", "--dir", str(self.devnet), *folders)
        ledger("trust-root", "make", "--deployment", str(described), *SINCE, *folders)
        self.trust_root = (self.nodes[REGIONS[0]].folder / "trust-root.json").read_bytes()
        root = parse_trust_root(self.trust_root)
        self.numbers = {one.operator: one.number for one in root.mirrors}
        self._chain = EvmChain(
            rpc_urls[0], chain_id=root.chain_id, head_anchor=root.head_anchor.address
        )

    def lanes(self, region: str) -> dict[str, int]:
        """What each other region's mirror has said of a region's records."""
        stream = stream_id(region, "records")
        return {
            operator: self.chain.fetch_lane(stream, number)
            for operator, number in self.numbers.items()
            if operator != region
        }

    def epoch(self, region: str) -> int:
        head = self.chain.fetch_head(stream_id(region, "records"))
        return 0 if head is None else head.epoch

    def wait(self, reached: Callable[[], bool], *about: Node) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not reached():
            if time.monotonic() > deadline:
                raise AssertionError("\n".join(node.log[-3000:] for node in about))
            time.sleep(SLOW_MACHINE_S)
