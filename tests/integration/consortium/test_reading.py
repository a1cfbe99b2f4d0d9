"""A sealed chain read through validators that lie: the wrong is refused, the true is found."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from worlds.consortium import KEYS, SealedBlock, seal
from worlds.rpc_faults import FAULTS, FaultProxy
from worlds.shared_consortium import NEEDS_CONSORTIUM, SharedConsortium

from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.consortium import ConsortiumChain, Fork
from ledger.adapters.evm.consortium.endpoints import Endpoints
from ledger.adapters.evm.consortium.sealed import SealedHeaders
from ledger.core.chain.head_slots import stream_id
from ledger.core.headers import parse_header, verify_qbft
from ledger.core.trust import Confirmation, Mirror, TrustRoot
from ledger.core.trust.model import Contract, ValidatorRange
from ledger.errors import ChainForkedError, ChainUnavailableError, InputError, LedgerError

pytestmark = NEEDS_CONSORTIUM

UNUSED = stream_id("310000", "records")


def root_of(consortium: SharedConsortium) -> TrustRoot:
    from worlds.paper import PaperWorld

    deployment, config = consortium.deployment, consortium.config
    found = deployment.contracts["HeadAnchor"]
    registry = deployment.contracts["RegionRegistry"]
    slots = {name: found.slots[name] for name in ("status", "heads", "confirmations")}
    addresses = frozenset(bytes.fromhex(one.address[2:]) for one in config.validators)
    paper = PaperWorld().trust_root()
    return replace(
        paper,
        chain_id=deployment.chain_id,
        genesis_hash=deployment.genesis_hash,
        consensus="qbft",
        validators=(ValidatorRange(0, None, None, None, addresses),),
        head_anchor=Contract(found.address, found.code_hash, slots),
        region_registry=Contract(registry.address, registry.code_hash, {}),
        mirrors=(Mirror(0, "320000", "region"),),
        confirmations=(Confirmation("310000", "records", (0,), 1),),
    )


class Reading:
    """A chain over a proxy that can be made to lie and two validators that do not."""

    def __init__(self, consortium: SharedConsortium, proxied: int) -> None:
        self.root = root_of(consortium)
        urls = [one.rpc_url for one in consortium.config.validators][:3]
        self.proxies = [FaultProxy(url, seed=number) for number, url in enumerate(urls[:proxied])]
        used = [proxy.url for proxy in self.proxies] + urls[proxied:]
        self.forks: list[Fork] = []
        self.chain = ConsortiumChain(
            [self.client(url) for url in used], self.root, on_fork=self.forks.append
        )

    def client(self, url: str) -> EvmChain:
        assert self.root.region_registry is not None
        return EvmChain(
            url,
            chain_id=self.root.chain_id,
            head_anchor=self.root.head_anchor.address,
            region_registry=self.root.region_registry.address,
            timeout_s=1.5,
        )

    def close(self) -> None:
        self.chain.close()
        for proxy in self.proxies:
            proxy.close()


@pytest.fixture
def one_liar(consortium: SharedConsortium) -> Iterator[Reading]:
    reading = Reading(consortium, 1)
    yield reading
    reading.close()


@pytest.fixture
def all_liars(consortium: SharedConsortium) -> Iterator[Reading]:
    reading = Reading(consortium, 3)
    yield reading
    reading.close()


def look(reading: Reading) -> None:
    """Everything that is read in a round, compared with what is true."""
    chain, root = reading.chain, reading.root
    number = chain.latest_block()
    block_hash, rlp = chain.fetch_header(number)
    sealed = verify_qbft(rlp, root.validators[0].addresses)
    assert sealed.block_hash == block_hash
    assert chain.code_hash(root.head_anchor.address) == root.head_anchor.code_hash
    assert chain.fetch_head(UNUSED, number) is None
    assert chain.fetch_lane(UNUSED, 0, number) == 0
    assert chain.transaction_count(b"\x07" * 20) == 0
    assert chain.genesis_hash() == root.genesis_hash
    assert chain.fetch_regions() == ()
    assert chain.fetch_mirror(0) is None
    assert chain.fetch_checkpoint_key("310000", UNUSED, 1) is None
    assert chain.receipt(b"\x01" * 32) is None


def test_honest_validators_are_read(one_liar: Reading) -> None:
    look(one_liar)
    assert not one_liar.forks


@pytest.mark.parametrize("name", FAULTS)
def test_one_liar_of_three_changes_nothing(one_liar: Reading, name: str) -> None:
    look(one_liar)
    (proxy,) = one_liar.proxies
    proxy.fault = FAULTS[name]
    begun = time.monotonic()
    look(one_liar)
    assert time.monotonic() - begun < 60
    assert not one_liar.forks


HARMLESS = {
    *("already_known", "nonce_too_low", "swallowed", "reverts", "other_receipt"),
    "forged_receipt",  # every endpoint invents another block
    "wrong_chain",  # asked at the start only: seals bind the chain, not what an endpoint says
    "old_proof",  # of an empty block before: the state is the same
}
BREAKING = sorted(set(FAULTS) - HARMLESS)
"""Faults under which nothing can be read if every endpoint has them."""

SLOW = ("hang", "endless", "trickle")


@pytest.mark.parametrize("name", BREAKING)
def test_nothing_is_believed_when_all_lie(all_liars: Reading, name: str) -> None:
    look(all_liars)
    for proxy in all_liars.proxies:
        proxy.fault = FAULTS[name]
    time.sleep(0.3)  # longer than the newest header counts as fresh
    with pytest.raises(LedgerError) as caught:
        look(all_liars)
    assert isinstance(caught.value, ChainUnavailableError)
    for proxy in all_liars.proxies:
        proxy.fault = None
    if name in SLOW:
        time.sleep(1.6)  # questions that still hang end
    look(all_liars)


def test_chain_never_goes_back_even_for_a_new_process(consortium: SharedConsortium) -> None:
    reading = Reading(consortium, 3)
    try:
        seen = reading.chain.latest_block()
        for proxy in reading.proxies:
            proxy.fault = FAULTS["stale"]
        chains = [reading.client(proxy.url) for proxy in reading.proxies]
        later = ConsortiumChain(chains, reading.root, floor=seen + 1, on_fork=lambda _: None)
        with pytest.raises(ChainUnavailableError, match="stale: expected block"):
            later.latest_block()
        later.close()
    finally:
        reading.close()


def test_one_endpoint_is_no_consortium(consortium: SharedConsortium) -> None:
    root = root_of(consortium)
    with pytest.raises(InputError, match="at least two endpoints, found 1"):
        ConsortiumChain(
            [EvmChain("http://127.0.0.1:1", chain_id=1, head_anchor=bytes(20))],
            root,
            on_fork=lambda _: None,
        )


class OnPaper:
    """A validator on paper that gives one header, whatever is asked."""

    def __init__(self, block: SealedBlock) -> None:
        self.block = block

    def latest_block(self) -> int:
        return self.block.number

    def fetch_header(self, number: int) -> tuple[bytes, bytes]:
        return self.block.block_hash, self.block.header

    def close(self) -> None:
        """Nothing."""


def test_two_sealed_blocks_at_one_height_raise_an_alarm_with_both_as_proof(tmp_path: Path) -> None:
    from worlds.trials_seals import sealed_root

    blocks = [SealedBlock({}, timestamp=time_) for time_ in (5, 6)]
    forks: list[Fork] = []
    endpoints = Endpoints([OnPaper(block) for block in blocks], needed=2)  # type: ignore[list-item]
    headers = SealedHeaders(endpoints, sealed_root(), on_fork=forks.append)
    for _ in range(2):
        with pytest.raises(ChainForkedError):
            headers.newest()
        with pytest.raises(ChainForkedError):
            headers.at(1)
    (fork,) = forks
    found = {fork.first.block_hash, fork.second.block_hash}
    assert found == {block.block_hash for block in blocks}
    for one in (fork.first, fork.second):
        assert verify_qbft(one.rlp, sealed_root().validators[0].addresses).number == 1_000
        assert one.rlp.hex() in fork.as_json().decode()
    endpoints.close()


def test_other_seals_of_the_same_block_are_no_fork() -> None:
    from worlds.trials_seals import sealed_root

    blocks = [SealedBlock({}, sealers=KEYS[:4]), SealedBlock({}, sealers=KEYS[1:])]
    assert blocks[0].header != blocks[1].header
    assert parse_header(blocks[0].header).number == parse_header(blocks[1].header).number
    assert seal(blocks[0].digest, KEYS[0]) in blocks[0].seals
    endpoints = Endpoints([OnPaper(block) for block in blocks], needed=2)  # type: ignore[list-item]
    headers = SealedHeaders(endpoints, sealed_root(), on_fork=lambda _: pytest.fail("no fork"))
    assert headers.newest().block_hash == blocks[0].block_hash
    endpoints.close()
