"""Headers and proofs of a real node, under an old and a current fork."""

import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from ledger.adapters.devnet.ports import find_free_port
from ledger.core import headers
from ledger.core.chain.keccak import keccak256
from ledger.core.chain.state_proof import Account, NodeSet, verify_account, verify_storage
from ledger.errors import MalformedProofError, RootMismatchError

pytestmark = pytest.mark.devnet

ANVIL = (
    Path(__file__).parents[3]
    / "hardhat-free-devnet/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
)
DEADLINE_S = 30
FORKS = {
    "berlin": ["--hardfork", "berlin", "--gas-price", "0", "--base-fee", "0"],
    "default": [],
}
RUNTIME = bytes.fromhex("6020356000355500")
"""PUSH1 32 CALLDATALOAD PUSH1 0 CALLDATALOAD SSTORE STOP: store the second word at the first."""
INIT = bytes.fromhex("67") + RUNTIME + bytes.fromhex("60005260086018f3")


class Chain:
    """A JSON-RPC client for the few calls needed here."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10, trust_env=False)
        self._ids = count(1)

    def close(self) -> None:
        self._client.close()

    def call(self, method: str, *params: object) -> Any:
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        answer = self._client.post("/", json=request).raise_for_status().json()
        assert "error" not in answer, answer
        return answer["result"]

    def send(self, **transaction: str) -> dict[str, Any]:
        sender = self.call("eth_accounts")[0]
        price = self.call("eth_gasPrice")
        fixed = {"from": sender, "gas": "0x30000", "gasPrice": price}
        sent = self.call("eth_sendTransaction", fixed | transaction)
        deadline = time.monotonic() + DEADLINE_S
        while (receipt := self.call("eth_getTransactionReceipt", sent)) is None:
            assert time.monotonic() < deadline, "the transaction was not mined in time"
            time.sleep(0.02)
        assert receipt["status"] == "0x1"
        return dict(receipt)

    def header(self, number: str) -> headers.Header:
        block = self.call("eth_getBlockByNumber", number, False)
        return headers.parse_header(headers.header_from_rpc(block))


def hex_of(value: bytes) -> str:
    return "0x" + value.hex()


def slot(number: int) -> bytes:
    return number.to_bytes(32, "big")


def wait_until_ready(process: subprocess.Popen[bytes], chain: Chain) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            chain.call("eth_chainId")
        except httpx.TransportError:
            assert process.poll() is None, "anvil ended"
            assert time.monotonic() < deadline, "anvil did not answer in time"
            time.sleep(0.02)
        else:
            return


@pytest.fixture(scope="module", params=FORKS)
def chain(request: pytest.FixtureRequest) -> Iterator[Chain]:
    port = find_free_port()
    command = [str(ANVIL), "--silent", "--port", str(port), *FORKS[request.param]]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        client = Chain(f"http://127.0.0.1:{port}")
        try:
            wait_until_ready(process, client)
            yield client
        finally:
            client.close()
            process.kill()


class Store(NamedTuple):
    """A contract whose storage was written in several blocks."""

    address: bytes
    history: dict[str, dict[int, int]]
    """Block number -> words in storage after that block."""


WRITES = [(0, 1), (1, 0x7F), (2, 0x80), (3, 2**255 + 5), (1, 9), (2, 0), (2**256 - 1, 6), (0, 0)]


@pytest.fixture(scope="module")
def store(chain: Chain) -> Store:
    created = chain.send(data=hex_of(INIT))
    address = created["contractAddress"]
    words: dict[int, int] = {}
    history = {created["blockNumber"]: dict(words)}
    for key, word in WRITES:
        written = chain.send(to=address, data=hex_of(slot(key) + slot(word)))
        words[key] = word
        history[written["blockNumber"]] = {k: w for k, w in words.items() if w}
    return Store(bytes.fromhex(address[2:]), history)


def fetch_nodes(chain: Chain, address: bytes, slots: list[bytes], block: str) -> set[bytes]:
    answer = chain.call("eth_getProof", hex_of(address), [hex_of(key) for key in slots], block)
    lists = [answer["accountProof"], *(entry["proof"] for entry in answer["storageProof"])]
    return {bytes.fromhex(node[2:]) for nodes in lists for node in nodes}


def test_anvil_header_every_block_has_the_reported_hash(chain: Chain, store: Store) -> None:
    del store
    chain.call("evm_mine")
    last = int(chain.call("eth_blockNumber"), 16)
    assert last >= len(WRITES)
    for number in range(1, last + 1):
        block = chain.call("eth_getBlockByNumber", hex(number), False)
        header = headers.parse_header(headers.header_from_rpc(block))
        assert hex_of(header.block_hash) == block["hash"]
        assert header.number == number
        assert header.timestamp == int(block["timestamp"], 16)
        assert hex_of(header.state_root) == block["stateRoot"]
        assert hex_of(header.parent_hash) == block["parentHash"]
        assert len(header.fields) == (21 if "requestsHash" in block else 15)


def test_anvil_proof_every_old_block_gives_every_word_and_absence(
    chain: Chain, store: Store
) -> None:
    keys = [0, 1, 2, 3, 4, 2**256 - 1, 2**255]
    for block, words in store.history.items():
        given = fetch_nodes(chain, store.address, [slot(key) for key in keys], block)
        nodes = NodeSet(given)
        account = verify_account(chain.header(block).state_root, store.address, nodes)
        assert account is not None
        assert account.code_hash == keccak256(RUNTIME)
        for key in keys:
            word = verify_storage(account.storage_root, slot(key), nodes)
            assert word == words.get(key)
        # A client may add the empty node for an empty trie and nodes that stand in their parent.
        assert all(len(node) < 32 for node in nodes.unused())
        exact = NodeSet(nodes.used())
        assert verify_account(chain.header(block).state_root, store.address, exact) == account
        for key in keys:
            verify_storage(account.storage_root, slot(key), exact)
        exact.require_all_used()


def test_anvil_proof_unknown_address_is_absent(chain: Chain, store: Store) -> None:
    del store
    address = b"\x99" * 20
    block = chain.call("eth_blockNumber")
    nodes = NodeSet(fetch_nodes(chain, address, [], block))
    assert verify_account(chain.header(block).state_root, address, nodes) is None


def test_anvil_proof_plain_account_has_its_balance(chain: Chain, store: Store) -> None:
    del store
    sender = chain.call("eth_accounts")[1]
    block = chain.call("eth_blockNumber")
    nodes = NodeSet(fetch_nodes(chain, bytes.fromhex(sender[2:]), [], block))
    account = verify_account(chain.header(block).state_root, bytes.fromhex(sender[2:]), nodes)
    assert isinstance(account, Account)
    assert account.balance == int(chain.call("eth_getBalance", sender, block), 16)


def test_anvil_proof_word_written_with_zero_reads_as_unset(chain: Chain, store: Store) -> None:
    """anvil keeps a leaf with 0 here, which no other client does."""
    block = chain.send(to=hex_of(store.address), data=hex_of(slot(77) + slot(0)))["blockNumber"]
    nodes = NodeSet(fetch_nodes(chain, store.address, [slot(77)], block))
    account = verify_account(chain.header(block).state_root, store.address, nodes)
    assert account is not None
    assert verify_storage(account.storage_root, slot(77), nodes) is None
    nodes.require_all_used()


def test_anvil_proof_of_another_block_is_refused(chain: Chain, store: Store) -> None:
    blocks = list(store.history)
    nodes = NodeSet(fetch_nodes(chain, store.address, [slot(3)], blocks[4]))
    with pytest.raises((MalformedProofError, RootMismatchError)):
        verify_account(chain.header(blocks[5]).state_root, store.address, nodes)
