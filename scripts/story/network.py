"""Four regions and a chain on this machine, started through the command line and stopped again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from ledger.adapters.devnet.ports import find_free_port

REGIONS = ("310000", "320000", "330000", "340000")
COVERED_SINCE = "2000-01-01"
THRESHOLD = 3
"""Seats of the Council that must approve, and signers of the next trust root."""

VETO_WINDOW_S = 2
"""How long the regulator may object; days where people decide."""

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 15.0


class NetworkError(Exception):
    """Something did not start; the message holds the real cause."""


@dataclass
class Node:
    """One region's node."""

    region: str
    folder: Path
    url: str
    process: subprocess.Popen[bytes] | None = None


@dataclass
class Network:
    """A context in which a chain and four nodes run.

    Args:
        folder: Where everything is kept.
        offset_s: Seconds by which the clocks of chain and nodes are ahead of the machine's.
        keep: Leave everything running at the end.
        engine: ``anvil`` for the embedded chain, ``qbft`` for five validators.
    """

    folder: Path
    offset_s: int = 0
    keep: bool = False
    engine: str = "anvil"
    nodes: dict[str, Node] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def devnet(self) -> Path:
        """The folder of the chain."""
        return self.folder / "devnet"

    def now(self) -> datetime:
        """The present on this network."""
        return datetime.now(UTC) + timedelta(seconds=self.offset_s)

    def __enter__(self) -> Self:
        try:
            self._stack.callback(self._down)
            self._up()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.keep and kind is None:
            self._stack.pop_all()
        else:
            self._stack.close()

    def ledger(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run ``credit-ledger`` and give its output; a failure carries what it printed."""
        command = [sys.executable, "-m", "ledger", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            shown = " ".join(arguments[:2])
            raise NetworkError(f"credit-ledger {shown}: {done.stdout}{done.stderr}")
        return done

    def _up(self) -> None:
        offset: tuple[str, ...] = ()
        if self.engine == "anvil":
            offset = ("--clock-offset-s", str(self.offset_s))
        self._up_chain(offset)
        deployment = json.loads((self.devnet / "deployment.json").read_text(encoding="utf-8"))
        ports: set[int] = set()
        for region in REGIONS:
            port = find_free_port(besides=ports)
            ports.add(port)
            self.nodes[region] = Node(region, self.folder / region, f"http://127.0.0.1:{port}")
        # Several validators, so that what one says is not believed.
        urls = [deployment["rpc_url"]] if self.engine == "anvil" else deployment["rpc_urls"][:3]
        rpc_url = ("--rpc-url", ",".join(urls))
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: self._init(node, *rpc_url, *offset), self.nodes.values()))
        folders = [str(node.folder) for node in self.nodes.values()]
        self.ledger("devnet", "admit", "--dir", str(self.devnet), *folders)
        if self.engine == "qbft":
            self._found_council(folders)
        self.ledger(
            *("trust-root", "make", "--deployment", str(self.devnet / "deployment.json")),
            *("--since", COVERED_SINCE, *folders, *offset),
        )
        for node in self.nodes.values():
            self.start_node(node.region)
        self.wait_ready(list(self.nodes))

    def _up_chain(self, offset: tuple[str, ...]) -> None:
        where = ("devnet", "up", "--dir", str(self.devnet), "--engine", self.engine)
        if self.engine == "anvil":
            self.ledger(*where, "--port", "0", *offset)
        else:
            self.ledger(*where)
            # Only development chains allow it by themselves.
            os.environ["CREDIT_LEDGER_PEERS_ON_THIS_MACHINE"] = "true"

    def _found_council(self, folders: Sequence[str]) -> None:
        """The regions take the contracts over from the chain's founder, and it is proved."""
        deployment = ("--deployment", str(self.devnet / "deployment.json"))
        rules = ("--threshold", str(THRESHOLD), "--veto-window-s", str(VETO_WINDOW_S))
        self.ledger("council", "found", *folders, *rules, *deployment)
        self.ledger("contracts", "check", *deployment)

    def _init(self, node: Node, *options: str) -> None:
        port = node.url.rsplit(":", 1)[-1]
        where = ("--dir", str(node.folder), "--port", port)
        self.ledger("init", "--region", node.region, *where, *options)

    def start_node(self, region: str) -> None:
        """Start a region's node; returns at once."""
        node = self.nodes[region]
        log = (node.folder / "node.log").open("ab")
        self._stack.callback(log.close)
        node.process = subprocess.Popen(
            [sys.executable, "-m", "ledger", "serve", "--dir", str(node.folder)],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def stop_node(self, region: str) -> None:
        """Stop a region's node and wait for it."""
        process = self.nodes[region].process
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.nodes[region].process = None

    def wait_ready(self, regions: Sequence[str]) -> None:
        """Wait until each region proves lookups; a failure shows the end of its log."""
        deadline = time.monotonic() + READY_WITHIN_S
        for region in regions:
            while not self._is_ready(self.nodes[region]):
                if time.monotonic() > deadline:
                    raise NetworkError(f"node {region} not ready in time:\n{self._log_end(region)}")
                time.sleep(0.2)

    def _is_ready(self, node: Node) -> bool:
        if node.process is not None and node.process.poll() is not None:
            raise NetworkError(f"node {node.region} ended:\n{self._log_end(node.region)}")
        try:
            return httpx.get(f"{node.url}/readyz", trust_env=False, timeout=5).is_success
        except httpx.HTTPError:
            return False

    def _log_end(self, region: str) -> str:
        text = (self.nodes[region].folder / "node.log").read_text(encoding="utf-8")
        return "\n".join(text.splitlines()[-15:])

    def _down(self) -> None:
        for region in self.nodes:
            self.stop_node(region)
        self.ledger("devnet", "down", "--dir", str(self.devnet), check=False)
