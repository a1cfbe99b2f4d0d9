"""A development chain governed by a Council whose every key is at hand."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from worlds.devnet import admit, deploy, registration

from ledger.adapters.devnet import control
from ledger.adapters.devnet.directory import DevnetDirectory
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.evm.signing import address_of
from ledger.adapters.governance.council import Council, Rules, Seat, found_council
from ledger.adapters.governance.deployment import load_deployment
from ledger.adapters.governance.governed import Governed
from ledger.adapters.governance.registration import parse_registration
from ledger.errors import ChainUnavailableError
from ledger.services.onchain import Call

REGIONS = ("310000", "320000", "330000", "340000")
OPERATORS = {region: bytes([0x60 + n]) * 32 for n, region in enumerate(REGIONS)}
REGULATOR = b"\x7f" * 32
WINDOW_S = 1


@dataclass
class GovernedChain:
    """A chain, its contracts, and who may decide about them."""

    path: Path
    governed: Governed
    council: Council
    founder: bytes

    def call(self, name: str, function: str, *arguments: object) -> Call:
        return self.governed.call(b"", name, function, arguments)

    def decide(self, calls: Sequence[Call]) -> int:
        """Three approve, the window passes, it is carried out."""
        number = self.approved(calls)
        key = OPERATORS["310000"]
        self.council.wait_for_window(key, number, deadline_s=30)
        self.council.execute(key, number)
        return number

    def approved(self, calls: Sequence[Call]) -> int:
        number = self.council.propose(OPERATORS["310000"], calls)
        for region in ("320000", "330000"):
            self.council.approve(OPERATORS[region], number)
        return number


@contextmanager
def hurried(rpc_url: str) -> Iterator[None]:
    """Seal a block at once whenever a transaction waits; the chain's clock does not run ahead."""
    over = threading.Event()

    def run() -> None:
        rpc = JsonRpc(rpc_url, timeout_s=5)
        while not over.wait(0.03):
            with suppress(ChainUnavailableError):
                status = rpc.call("txpool_status")
                if isinstance(status, dict) and int(str(status.get("pending", "0x0")), 16):
                    rpc.call("evm_mine")
        rpc.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def governed_chain(root: Path) -> Iterator[GovernedChain]:
    try:
        config = control.up(root, port=0).config
        assert config is not None
        directory = DevnetDirectory(root)
        deploy(directory, config)
        registrations = [
            parse_registration(registration(region, n) | {"operator": operator_of(region)})
            for n, region in enumerate(REGIONS, 1)
        ]
        admit(directory, registrations)
        path, founder = directory.deployment_file, directory.owner_key()
        seats = tuple(Seat(one.region, one.operator) for one in registrations)
        found_council(path, founder, Rules(seats, 3, address_of(REGULATOR), WINDOW_S))
        governed = Governed(load_deployment(path))
        chain = GovernedChain(path, governed, Council(governed), founder)
        with hurried(config.rpc_url):
            chain.decide(chain.council.acceptance())
            yield chain
        governed.close()
    finally:
        control.down(root)


def operator_of(region: str) -> str:
    return "0x" + address_of(OPERATORS[region]).hex()
