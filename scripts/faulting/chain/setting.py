"""What a row happens in: a chain, the nodes on it, their senders, and who watches the blocks."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from worlds.processes import ServedNode
from worlds.rpc_faults import FaultProxy

from faulting.chain.blocks import Blocks
from faulting.chain.hurry import Hurry
from faulting.chain.run import Run
from faulting.chain.traffic import Publisher, Traffic
from faulting.checks import STUCK, Finding
from faulting.network import ANVIL, QBFT, REGIONS, FaultsError, Place, network
from faulting.process import end_with_parent
from faulting.sender import Sender
from ledger.adapters.devnet.qbft import control
from ledger.adapters.devnet.qbft.directory import ConsortiumConfig

READY_S = 180.0
"""How long nodes have until they prove answers."""

EVERY_S = 1.0
"""Seconds between two files to one node."""


class Setting:
    """A context in which a chain and some nodes run.

    Args:
        run: The row it is for.
        engine: ``anvil`` or ``qbft``.
        validators: Of a consortium.
        regions: Those with a node; may be none.
        is_proxied: Whether a proxy that can be told to lie stands before every endpoint.
        every_s: Seconds between two files to one node.
    """

    def __init__(
        self,
        run: Run,
        engine: str = QBFT,
        *,
        validators: int = 5,
        regions: Sequence[str] = REGIONS,
        is_proxied: bool = False,
        every_s: float = EVERY_S,
    ) -> None:
        self.run = run
        self.engine = engine
        self.proxies: list[FaultProxy] = []
        self.nodes: dict[str, ServedNode] = {}
        self.senders: dict[str, Sender] = {}
        self.places: tuple[Place, ...] = ()
        self.traffic = Traffic(())
        self._validators = validators
        self._regions = tuple(regions)
        self._is_proxied = is_proxied
        self._every_s = every_s
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
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
        self._stack.close()

    # --- What the row does with it

    @property
    def devnet(self) -> Path:
        """The chain's folder."""
        return self.net.devnet

    @property
    def names(self) -> tuple[str, ...]:
        """The validators' names."""
        return self.config.names

    def serve(self, region: str, port: int | None = None) -> ServedNode:
        """Start a node's process; only the main thread may, because they end with it."""
        place = next(one for one in self.places if one.region == region)
        urls = [one.url for one in self.proxies] or list(self.net.rpc_urls)
        node = ServedNode(
            place.folder,
            prepare=end_with_parent,
            environment={"CREDIT_LEDGER_RPC_URL": ",".join(urls)},
            port=int(place.url.rsplit(":", 1)[-1]) if port is None else port,
            log=place.log if port is None else None,
        )
        self._stack.callback(node.client.close)
        self._stack.callback(node.kill)
        return node

    def rest(self, *, idle: int | None = 0, rest_s: float = 120.0) -> None:
        """Publish nothing more, let everything come to rest and check every node and validator.

        Args:
            idle: As for ``checks.at_rest``.
            rest_s: Longest way to rest.
        """
        self.traffic.pause()
        begun = time.monotonic()
        if self.traffic.wait_confirmed(rest_s) is None:
            for one in self.traffic.publishers:
                left = len(one.outstanding())
                if left:
                    text = f"{one.sender.place.region}: {left} files not confirmed in {rest_s:.0f}"
                    words = one.sender.last_words()
                    self.run.report(Finding(STUCK, f"{text} s: {words}"))
        for region, sender in self.senders.items():
            sender.rest(self.nodes[region], idle=idle, rest_s=rest_s)
        self.run.note("acknowledgements judged by the chain", self.traffic.judged)
        self.run.say(f"{self.run.name}: at rest and checked in {time.monotonic() - begun:.0f} s")

    def require_level(self, within_s: float = 60.0) -> None:
        """Every validator was followed to the present height, all on one chain."""
        if self.blocks.wait_level(self.names, within_s) is None:
            heights = self.blocks.heights
            self.run.report(Finding(STUCK, f"validators are not level: {heights}"))

    # --- Up and down

    def _up(self) -> None:
        begun = time.monotonic()
        folder = self.run.folder
        self.net = self._stack.enter_context(network(folder, self.engine, self._validators))
        self._watch_chain()
        if self._regions:
            self._serve_all()
        what = f"{len(self._regions)} nodes" if self._regions else "no node"
        self.run.say(f"{self.run.name}: {self.engine}, {what}: {time.monotonic() - begun:.0f} s")

    def _watch_chain(self) -> None:
        if self.engine == ANVIL:
            self._stack.enter_context(Hurry(self.net))
            return
        found = control.status(self.devnet).config
        if found is None:
            raise FaultsError("no consortium")
        self.config: ConsortiumConfig = found
        self.blocks = Blocks(found, self.run.report)
        self.blocks.start()
        self._stack.callback(self.blocks.stop)

    def _serve_all(self) -> None:
        self.places = self.net.found(*self._regions)
        if self._is_proxied:
            for number, url in enumerate(self.net.rpc_urls):
                proxy = FaultProxy(url, seed=f"{self.run.seed} {number}", hang_s=6.0)
                self.proxies.append(proxy)
                self._stack.callback(proxy.close)
        for place in self.places:
            self.senders[place.region] = Sender(
                place, f"{self.run.seed} {place.region}", self.run.report
            )
            self.nodes[place.region] = self.serve(place.region)
        deadline = time.monotonic() + READY_S
        for region, node in self.nodes.items():
            while node.ready() != "ready":
                if not node.is_alive or time.monotonic() > deadline:
                    raise FaultsError(f"{region} does not become ready: {node.words()}")
                time.sleep(0.2)
        self.traffic = Traffic(
            [Publisher(self.senders[one], self.nodes[one], self._every_s) for one in self.nodes]
        )
        self._stack.callback(self.traffic.stop)
        self._stack.callback(self._count)

    def _count(self) -> None:
        self.run.records += sum(len(one.book.records) for one in self.senders.values())
