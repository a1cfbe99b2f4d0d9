"""A real chain and the folders of regions' nodes, made through the command line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.adapters.devnet import control
from ledger.adapters.devnet.ports import find_free_port
from ledger.adapters.devnet.qbft import control as qbft_control
from ledger.adapters.devnet.qbft.directory import MARKER
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.errors import ChainUnavailableError

ANVIL, QBFT = "anvil", "qbft"
ENDPOINTS = 3
"""Validators that a node reads, so that what one says is not believed."""

MOST_UNSAVED = 100
"""Blocks of the embedded chain that a kill may take back; with more of them it is not hurried."""

REGIONS = ("310000", "320000", "330000", "340000")


class FaultsError(Exception):
    """The run itself cannot go on; the message holds the cause."""


@dataclass(frozen=True)
class Place:
    """Where one region's node lives."""

    region: str
    folder: Path
    url: str

    @property
    def database(self) -> Path:
        """The node's SQLite file."""
        return self.folder / "node.db"

    @property
    def log(self) -> Path:
        """What the node says, all its lives in one file."""
        return self.folder / "node.log"


class Network:
    """A chain that runs and nodes that do not yet.

    Args:
        folder: Where everything is kept.
        engine: ``anvil`` for the embedded chain, ``qbft`` for a consortium of validators.
        validators: Size of the consortium.
    """

    def __init__(self, folder: Path, engine: str = ANVIL, validators: int = 5) -> None:
        self._folder = folder
        self.devnet = folder / "devnet"
        options = ("--port", "0") if engine == ANVIL else ("--validators", str(validators))
        _ledger("devnet", "up", "--dir", str(self.devnet), "--engine", engine, *options)
        self._deployment = self.devnet / "deployment.json"
        deployment = json.loads(self._deployment.read_text(encoding="utf-8"))
        urls = [deployment["rpc_url"]] if engine == ANVIL else deployment["rpc_urls"][:ENDPOINTS]
        self.rpc_urls = tuple(str(url) for url in urls)
        """The endpoints that a node reads."""
        self._rpc = JsonRpc(self.rpc_urls[0], timeout_s=5) if engine == ANVIL else None

    def found(self, *regions: str) -> tuple[Place, ...]:
        """Make these regions' nodes, have them admitted and give them a trust root of their own.

        Raises:
            FaultsError: A command failed.
        """
        places = tuple(_places(self._folder, regions))
        for place in places:
            port = place.url.rsplit(":", 1)[-1]
            where = ("--dir", str(place.folder), "--port", port)
            _ledger("init", "--region", place.region, *where, "--rpc-url", ",".join(self.rpc_urls))
        folders = [str(place.folder) for place in places]
        _ledger("devnet", "admit", "--dir", str(self.devnet), *folders)
        since = ("--since", "2000-01-01")
        _ledger("trust-root", "make", "--deployment", str(self._deployment), *since, *folders)
        return places

    def hurry(self) -> None:
        """Seal a block at once if a transaction waits: a run has thousands of them.

        A block may have the time of its parent, so the chain's clock does not run ahead. The chain
        is saved only between two blocks, so now and then it is left alone. Validators cannot be
        hurried.
        """
        if self._rpc is None or not self._is_saved():
            return
        try:
            status = self._rpc.call("txpool_status")
            if isinstance(status, dict) and int(str(status.get("pending", "0x0")), 16):
                self._rpc.call("evm_mine")
        except ChainUnavailableError:
            pass  # The supervisor looks after the chain.

    def _is_saved(self) -> bool:
        now = control.status(self.devnet)
        return (now.block or 0) - (now.saved_block or 0) <= MOST_UNSAVED

    def close(self) -> None:
        """Stop the chain."""
        if self._rpc is not None:
            self._rpc.close()
        down(self.devnet)


@contextmanager
def network(folder: Path, engine: str = ANVIL, validators: int = 5) -> Iterator[Network]:
    """A network without nodes, whose chain is gone afterwards.

    Args:
        folder: As for ``Network``.
        engine: As for ``Network``.
        validators: As for ``Network``.

    Raises:
        FaultsError: A command failed.
    """
    try:
        made = Network(folder, engine, validators)
        try:
            yield made
        finally:
            made.close()
    finally:
        down(folder / "devnet")


def down(devnet: Path) -> None:
    """Stop whatever chain a folder holds."""
    (qbft_control if (devnet / MARKER).exists() else control).down(devnet)


def _places(folder: Path, regions: tuple[str, ...]) -> Iterator[Place]:
    ports: set[int] = set()
    for region in regions:
        port = find_free_port(besides=ports)
        ports.add(port)
        yield Place(region, folder / region, f"http://127.0.0.1:{port}")


def _ledger(*arguments: str) -> None:
    command = [sys.executable, "-m", "ledger", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shown = " ".join(arguments[:2])
        raise FaultsError(f"credit-ledger {shown}: {done.stdout}{done.stderr}")
