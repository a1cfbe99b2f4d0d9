"""Watches one validator: when it first has a transaction, and when the block with it is there.

The pool is asked every ``POLL_S``, so a wait is right to about as much. A transaction that comes
and is sealed between two looks counts from the earlier one: waits are rather too long.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self

from ledger.adapters.evm.contract import load_contract
from ledger.adapters.evm.json_rpc import JsonRpc

POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Sealed:
    """A call of the contract in a block."""

    function: str
    transaction: str
    """Its hash, 0x-hex."""
    pooled_at: float
    """When the pool first had it, seconds of ``time.monotonic``."""
    sealed_at: float
    """When its block was there, likewise."""

    @property
    def waited_s(self) -> float:
        """From the pool to the block."""
        return self.sealed_at - self.pooled_at


class ChainWatch:
    """A context in which the blocks of a validator are followed."""

    def __init__(self, rpc_url: str, contract: str) -> None:
        """Prepare.

        Args:
            rpc_url: The validator's endpoint.
            contract: Address whose calls are kept, 0x-hex.
        """
        self.sealed: list[Sealed] = []
        self._contract = contract.lower()
        self._rpc = JsonRpc(rpc_url, timeout_s=10.0)
        self._pooled: dict[str, float] = {}
        self._next = 0
        self._failure: Exception | None = None
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._next = height(self._rpc) + 1
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._rpc.close()
        if self._failure is not None and error is None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._stop.wait(POLL_S):
                self._look()
        except Exception as error:
            self._failure = error

    def _look(self) -> None:
        asked_at = time.monotonic()
        for transaction in _pool(self._rpc):
            self._pooled.setdefault(transaction, asked_at)
        for number in range(self._next, height(self._rpc) + 1):
            found = block(self._rpc, number, whole=True)
            seen_at = time.monotonic()
            for one in found["transactions"]:
                if (one["to"] or "").lower() == self._contract:
                    self._take(one, seen_at, asked_at)
            self._next = number + 1

    def _take(self, transaction: dict[str, Any], seen_at: float, asked_at: float) -> None:
        call_data = bytes.fromhex(transaction["input"][2:])
        function, _ = load_contract("HeadAnchor").decode_call(call_data)
        began = self._pooled.get(transaction["hash"], asked_at)
        self.sealed.append(Sealed(function, transaction["hash"], began, seen_at))


def height(rpc: JsonRpc) -> int:
    """Number of the newest block."""
    return int(str(rpc.call("eth_blockNumber")), 16)


def block(rpc: JsonRpc, number: int, *, whole: bool = False) -> dict[str, Any]:
    """A block, with whole transactions or only their hashes."""
    found: Any = rpc.call("eth_getBlockByNumber", [hex(number), whole])
    return dict(found)


def block_period_s(rpc: JsonRpc, first: int, last: int) -> float:
    """Mean seconds of a block between two blocks, by their own times."""
    started, ended = (int(block(rpc, number)["timestamp"], 16) for number in (first, last))
    return (ended - started) / (last - first)


def block_bytes(rpc: JsonRpc, first: int, last: int) -> float:
    """Mean bytes of the blocks after ``first`` until ``last``: headers and transactions."""
    sizes = [int(block(rpc, number)["size"], 16) for number in range(first + 1, last + 1)]
    return sum(sizes) / len(sizes)


def gas_used(rpc: JsonRpc, transactions: Sequence[str]) -> list[int]:
    """Gas that each of some sealed transactions used."""
    receipts: list[Any] = [rpc.call("eth_getTransactionReceipt", [one]) for one in transactions]
    return [int(receipt["gasUsed"], 16) for receipt in receipts]


def _pool(rpc: JsonRpc) -> list[str]:
    found: Any = rpc.call("txpool_content")
    accounts = [*found["pending"].values(), *found["queued"].values()]
    return [one["hash"] for account in accounts for one in account.values()]
