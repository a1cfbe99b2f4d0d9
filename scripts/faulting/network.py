"""A real chain and the folders of four regions' nodes, made through the command line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ledger.adapters.devnet import control
from ledger.adapters.devnet.ports import find_free_port
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.errors import ChainUnavailableError

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
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.devnet = folder / "devnet"
        _ledger("devnet", "up", "--dir", str(self.devnet), "--port", "0")
        self._deployment = self.devnet / "deployment.json"
        deployment = json.loads(self._deployment.read_text(encoding="utf-8"))
        self._rpc_url = str(deployment["rpc_url"])
        self._rpc = JsonRpc(self._rpc_url, timeout_s=5)

    def found(self, *regions: str) -> tuple[Place, ...]:
        """Make these regions' nodes, have them admitted and give them a trust root of their own.

        Raises:
            FaultsError: A command failed.
        """
        places = tuple(_places(self._folder, regions))
        for place in places:
            port = place.url.rsplit(":", 1)[-1]
            where = ("--dir", str(place.folder), "--port", port, "--rpc-url", self._rpc_url)
            _ledger("init", "--region", place.region, *where)
        folders = [str(place.folder) for place in places]
        _ledger("devnet", "admit", "--dir", str(self.devnet), *folders)
        _ledger("trust-root", "make", "--deployment", str(self._deployment), *folders)
        return places

    def hurry(self) -> None:
        """Seal a block at once if a transaction waits: a run has thousands of them.

        A block may have the time of its parent, so the chain's clock does not run ahead.
        """
        try:
            status = self._rpc.call("txpool_status")
            if isinstance(status, dict) and int(str(status.get("pending", "0x0")), 16):
                self._rpc.call("evm_mine")
        except ChainUnavailableError:
            pass  # The supervisor looks after the chain.

    def close(self) -> None:
        """Stop the chain."""
        self._rpc.close()
        control.down(self.devnet)


@contextmanager
def network(folder: Path) -> Iterator[Network]:
    """A network without nodes, whose chain is gone afterwards.

    Raises:
        FaultsError: A command failed.
    """
    try:
        made = Network(folder)
        try:
            yield made
        finally:
            made.close()
    finally:
        control.down(folder / "devnet")


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
