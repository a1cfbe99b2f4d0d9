"""The chain's heads against the stored log: each replayed, and each epoch anchored once.

What took effect is read from the contract's events, so that a transaction that was sent twice, or
reverted, is told from a head that was anchored twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode

from faulting.checks.findings import DOUBLED, LOST, STUCK, WRONG, Finding
from faulting.checks.tables import Tables
from faulting.network import Place
from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.consortium import ConsortiumChain
from ledger.adapters.evm.contract import load_contract
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.evm.signing import address_of
from ledger.adapters.keystore import load_keys
from ledger.bootstrap import chains
from ledger.core.chain.head_slots import stream_id
from ledger.core.chain.keccak import keccak256
from ledger.core.merkle import hash_leaf, root_hash
from ledger.core.prefix_tree import PrefixTree
from ledger.core.stream.map_function import replay
from ledger.core.trust import TrustRoot, parse_trust_root
from ledger.settings import load_settings

ANY = None
"""As many transactions without effect as there may be."""

EVENTS = ("HeadOpened", "HeadAnchored")


@dataclass(frozen=True)
class AnchorEvent:
    """A head as the contract told of it."""

    epoch: int
    size: int


def check_heads(place: Place, tables: Tables, idle: int | None = 0) -> Iterator[Finding]:
    """The chain's heads are the replay of the log, each anchored once.

    Args:
        place: Where the node lives; the chain is read through the endpoints of its settings.
        tables: What its database holds.
        idle: Transactions of the anchor key that took no effect; ``ANY`` for as many as there are.
    """
    root = parse_trust_root((place.folder / "trust-root.json").read_bytes())
    chain = open_chain(place, root)
    try:
        anchored = 0
        for stream, entries in tables.entries.items():
            head = chain.fetch_head(stream_id(place.region, stream))
            if head is None:
                yield Finding(STUCK, f"{place.region} {stream}: no head on chain")
                continue
            anchored += head.epoch
            yield from _replayed(stream, [entry for _, entry in entries], head)
            yield from _outbox(stream, head.epoch, tables)
            events = read_events(place, root, stream)
            yield from check_events(f"{place.region} {stream}", events, head.epoch, len(entries))
        sent = chain.transaction_count(address_of(load_keys(place.folder).anchor_keys[-1]))
        if sent < anchored or (idle is not None and sent != anchored + idle):
            text = f"{place.region}: {sent} transactions for {anchored} heads"
            yield Finding(DOUBLED, f"{text} and {idle or 0} without effect")
    finally:
        chain.close()


def check_events(
    where: str, events: list[AnchorEvent], newest: int, size: int
) -> Iterator[Finding]:
    """Every epoch took effect once, and every entry lies in exactly one of the heads."""
    epochs = [one.epoch for one in events]
    if len(set(epochs)) != len(epochs):
        yield Finding(DOUBLED, f"{where}: an epoch took effect twice: {epochs}")
    elif epochs != list(range(1, newest + 1)):
        yield Finding(WRONG, f"{where}: expected epochs 1 to {newest}, the chain tells {epochs}")
    sizes = [one.size for one in events]
    if sorted(set(sizes)) != sizes:
        yield Finding(DOUBLED, f"{where}: heads do not grow: {sizes}")
    if sizes and sizes[-1] != size:
        yield Finding(LOST, f"{where}: expected {size} entries under the heads, found {sizes[-1]}")


def read_events(place: Place, root: TrustRoot, stream: str) -> list[AnchorEvent]:
    """Every head of a stream that took effect, in the order of the chain."""
    topics = {_topic(name): name for name in EVENTS}
    wanted = {
        "fromBlock": "0x0",
        "toBlock": "latest",
        "address": "0x" + root.head_anchor.address.hex(),
        "topics": [list(topics), "0x" + stream_id(place.region, stream).hex()],
    }
    rpc = JsonRpc(load_settings(place.folder).rpc_urls[0], timeout_s=30)
    try:
        found: Any = rpc.call("eth_getLogs", [wanted])
    finally:
        rpc.close()
    return [_event(topics[one["topics"][0]], one) for one in found]


def open_chain(place: Place, root: TrustRoot) -> EvmChain | ConsortiumChain:
    """The node's way to the chain, without what stands in front of it in a test."""
    return chains.open_chain(load_settings(place.folder), root, folder=place.folder)


def _replayed(stream: str, entries: list[bytes], head: Any) -> Iterator[Finding]:
    tree = PrefixTree()
    state = replay(entries)
    tree.update({key: state.value(key) for key in state.lists})
    expected = (len(entries), root_hash([hash_leaf(one) for one in entries]), tree.root())
    found = (head.size, head.log_root, head.map_root)
    if expected != found:
        text = f"{stream}: replay gives size {expected[0]}, the chain has {found[0]} or other roots"
        yield Finding(WRONG, text)


def _outbox(stream: str, newest: int, tables: Tables) -> Iterator[Finding]:
    live = sorted(
        one["live_epoch"]
        for one in tables.outbox
        if one["stream"] == stream and one["live_epoch"] is not None
    )
    if live != list(range(1, newest + 1)):
        yield Finding(WRONG, f"{stream}: {newest} epochs on chain, heads {live[-3:]} in the outbox")


def _topic(name: str) -> str:
    kinds = ",".join(one["type"] for one in _inputs(name))
    return "0x" + keccak256(f"{name}({kinds})".encode()).hex()


def _event(name: str, log: Any) -> AnchorEvent:
    plain = [one for one in _inputs(name) if not one["indexed"]]
    values = decode([one["type"] for one in plain], bytes.fromhex(log["data"][2:]))
    size = dict(zip((one["name"] for one in plain), values, strict=True))["size"]
    return AnchorEvent(epoch=int(log["topics"][2], 16), size=int(size))


def _inputs(name: str) -> list[Any]:
    abi = load_contract("HeadAnchor").artifact.abi
    (event,) = (one for one in abi if one["type"] == "event" and one["name"] == name)
    return list(event["inputs"])
