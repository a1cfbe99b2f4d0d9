"""The consortium that is measured: five validators, four nodes, and what they take at a moment."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from story.network import Network

from benchmarks.chain_watch import height
from benchmarks.files import make_penalties
from benchmarks.footprint import folder_bytes, resident_bytes
from ledger.adapters.devnet.qbft import control
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.keystore import load_keys

REGION: Final = "310000"
COMPANIES: Final = 10**7


@dataclass(frozen=True, slots=True)
class Look:
    """What the validators take at a moment, by name."""

    at: float
    """Seconds of a clock that only goes forward."""
    height: int
    disk: dict[str, int]
    """Bytes of folders."""
    memory: dict[str, int]
    """Bytes of processes."""
    node_memory: int
    """Bytes of the region's node."""


@dataclass
class Site:
    """The running network and the ways into it."""

    network: Network
    rpc_url: str
    rpc: JsonRpc
    contract: str
    """Address of the anchoring contract, 0x-hex."""
    headers: dict[str, str]
    sent: int = 0

    @property
    def node(self) -> str:
        """URL of the region's node."""
        return self.network.nodes[REGION].url

    def next_batch(self) -> bytes:
        """One record that was never sent before."""
        self.sent += 1
        return make_penalties(self.sent, 1, companies=COMPANIES)

    def folder(self, name: str) -> Path:
        """A validator's folder."""
        return self.network.devnet / "validators" / name

    def look(self) -> Look:
        """What is taken now."""
        running = [one for one in control.status(self.network.devnet).validators if one.pid]
        process = self.network.nodes[REGION].process
        if process is None:
            raise RuntimeError("expected a running node, found none")
        return Look(
            at=time.monotonic(),
            height=height(self.rpc),
            disk={one.name: folder_bytes(self.folder(one.name)) for one in running},
            memory={one.name: resident_bytes(one.pid or 0) for one in running},
            node_memory=resident_bytes(process.pid),
        )


@contextmanager
def open_site() -> Iterator[Site]:
    """Start five validators and four nodes; all of it ends with the context."""
    with tempfile.TemporaryDirectory(prefix="credit-ledger-bench-") as folder:
        with Network(Path(folder), engine="qbft") as network:
            words = json.loads((network.devnet / "deployment.json").read_text(encoding="utf-8"))
            rpc = JsonRpc(words["rpc_url"], timeout_s=10.0)
            token = load_keys(network.nodes[REGION].folder).operator_token
            headers = {"Authorization": f"Bearer {token}"}
            try:
                contract = words["contracts"]["HeadAnchor"]["address"]
                yield Site(network, words["rpc_url"], rpc, contract, headers)
            finally:
                rpc.close()
