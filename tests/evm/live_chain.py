"""A Berlin chain for contract tests: anvil with unlocked accounts, one block a transaction."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.adapters.devnet.ports import find_free_port
from ledger.adapters.evm.contract import Contract, checksum
from ledger.adapters.evm.json_rpc import JsonRpc, RpcError
from ledger.errors import ChainUnavailableError

ROOT = Path(__file__).parents[2]
ANVIL = ROOT / "hardhat-free-devnet/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
FORGE = ROOT / "contracts/node_modules/@foundry-rs/forge-linux-amd64/bin/forge"
BUILD_DEADLINE_S = 600
CHAIN_ID = 20_262
DEADLINE_S = 30.0
GAS_LIMIT = 2**30
"""Of a block, and so of a call: room for batches of checks."""


@dataclass(frozen=True)
class Receipt:
    gas_used: int
    block_time: int


class LiveChain:
    """Sends and reads through JSON-RPC; a transaction is mined before ``send`` returns."""

    def __init__(self, rpc: JsonRpc) -> None:
        self.rpc = rpc
        accounts: Any = rpc.call("eth_accounts")
        self.accounts = [bytes.fromhex(one[2:]) for one in accounts]

    def create(self, code: bytes) -> bytes:
        receipt = self._mine({"from": _hex(self.accounts[0]), "data": _hex(code)})
        assert receipt["status"] == "0x1"
        return bytes.fromhex(receipt["contractAddress"][2:])

    def send(self, sender: bytes, to: bytes, call_data: bytes) -> Receipt:
        receipt = self._mine({"from": _hex(sender), "to": _hex(to), "data": _hex(call_data)})
        assert receipt["status"] == "0x1", "reverted"
        block: Any = self.rpc.call("eth_getBlockByHash", [receipt["blockHash"], False])
        return Receipt(int(receipt["gasUsed"], 16), int(block["timestamp"], 16))

    def view(self, to: bytes, call_data: bytes, sender: bytes = b"\x00" * 20) -> bytes:
        request = {"from": _hex(sender), "to": _hex(to), "data": _hex(call_data)}
        answer = self.rpc.call("eth_call", [request, "latest"])
        assert isinstance(answer, str)
        return bytes.fromhex(answer[2:])

    def storage(self, account: bytes, slot: bytes) -> int:
        answer = self.rpc.call("eth_getStorageAt", [_hex(account), _hex(slot), "latest"])
        assert isinstance(answer, str)
        return int(answer, 16)

    def code(self, account: bytes) -> bytes:
        answer = self.rpc.call("eth_getCode", [_hex(account), "latest"])
        assert isinstance(answer, str)
        return bytes.fromhex(answer[2:])

    def _mine(self, transaction: dict[str, str]) -> dict[str, Any]:
        fixed = {"gas": hex(8_000_000), "gasPrice": "0x0"}
        sent = self.rpc.call("eth_sendTransaction", [fixed | transaction])
        deadline = time.monotonic() + DEADLINE_S
        while (receipt := self.rpc.call("eth_getTransactionReceipt", [sent])) is None:
            assert time.monotonic() < deadline, "the transaction was not mined in time"
            time.sleep(0.01)
        assert isinstance(receipt, dict)
        return receipt


class LiveContract:
    """One contract on a chain, called by the names in its artifact."""

    def __init__(self, chain: LiveChain, name: str, arguments: Sequence[object]) -> None:
        self.chain = chain
        self._contract = Contract(name)
        self.slots = self._contract.artifact.slots
        self.address = chain.create(self._contract.encode_creation(arguments))

    def send(self, sender: bytes, function: str, *arguments: object) -> Receipt:
        return self.chain.send(sender, self.address, self._contract.encode(function, arguments))

    def view(self, function: str, *arguments: object) -> tuple[Any, ...]:
        returned = self.chain.view(self.address, self._contract.encode(function, arguments))
        return self._contract.decode(function, returned)

    def refusal(self, sender: bytes, function: str, *arguments: object) -> tuple[str, list[Any]]:
        """The error's name and its values in order; fails where the call would succeed."""
        try:
            self.chain.view(self.address, self._contract.encode(function, arguments), sender)
        except RpcError as error:
            assert isinstance(error.detail, str)
            refused = self._contract.decode_revert(bytes.fromhex(error.detail[2:]))
            return refused.name, list(refused.values.values())
        raise AssertionError(f"{function} was not refused")


@contextmanager
def start_chain() -> Iterator[LiveChain]:
    port = find_free_port()
    values = {
        "--hardfork": "berlin",
        "--gas-price": 0,
        "--base-fee": 0,
        "--chain-id": CHAIN_ID,
        "--gas-limit": GAS_LIMIT,
        "--host": "127.0.0.1",
        "--port": port,
    }
    arguments = [str(part) for pair in values.items() for part in pair]
    process = subprocess.Popen(
        [str(ANVIL), "--quiet", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    rpc = JsonRpc(f"http://127.0.0.1:{port}", timeout_s=DEADLINE_S)
    try:
        _wait(process, rpc)
        yield LiveChain(rpc)
    finally:
        rpc.close()
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", rpc: JsonRpc) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        assert process.poll() is None, "anvil ended"
        assert time.monotonic() < deadline, "anvil does not answer in time"
        try:
            rpc.call("eth_chainId")
        except ChainUnavailableError:
            time.sleep(0.02)
        else:
            return


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def address(value: bytes) -> str:
    """As web3 takes it."""
    return checksum(value)
