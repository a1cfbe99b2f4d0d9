"""Transactions of the devnet's owner: sent in order, waited for, none taken as done before."""

import time
from collections.abc import Sequence
from typing import Final

from ledger.adapters.evm.client import EvmClient
from ledger.adapters.evm.contract import Contract
from ledger.adapters.evm.signing import address_of
from ledger.errors import ChainUnavailableError, ContractRevertError, DevnetError
from ledger.services.onchain import Call, Receipt, SendState, SignedTransaction

RECEIPT_DEADLINE_S: Final = 30.0
CREATION_GAS: Final = 8_000_000
_POLL_S: Final = 0.1


class Owner:
    """Governs the contracts of one devnet. One process at a time: it counts its own nonces."""

    def __init__(self, client: EvmClient, key: bytes) -> None:
        """Act with the owner's key, 32 bytes."""
        self.client = client
        self.address = address_of(key)
        self._key = key

    def create_all(self, creations: Sequence[tuple[int, bytes]]) -> list[Receipt]:
        """Create contracts and wait for all.

        Args:
            creations: Transaction number and creation code with arguments, ascending.

        Raises:
            DevnetError: One reverted or was not mined in time.
        """
        return self._send_all(
            [
                self.client.sign_creation(self._key, nonce, data, gas=CREATION_GAS)
                for nonce, data in creations
            ]
        )

    def call_all(self, calls: Sequence[Call]) -> list[Receipt]:
        """Send calls one after the other and wait for all.

        Raises:
            DevnetError: One reverted or was not mined in time.
        """
        first = self.client.transaction_count(self.address)
        return self._send_all(
            [
                self.client.sign_call(self._key, first + position, call.to, call.data)
                for position, call in enumerate(calls)
            ]
        )

    def _send_all(self, transactions: Sequence[SignedTransaction]) -> list[Receipt]:
        for one in transactions:
            outcome = self.client.send_raw(one.raw)
            if outcome.state is SendState.REFUSED:
                raise DevnetError("transaction", f"the chain refuses the owner: {outcome.reason}")
        deadline = time.monotonic() + RECEIPT_DEADLINE_S
        return [self._wait(one, deadline) for one in transactions]

    def _wait(self, transaction: SignedTransaction, deadline: float) -> Receipt:
        sent_again = time.monotonic() + 5 * _POLL_S
        while True:
            try:
                receipt = self.client.receipt(transaction.tx_hash)
            except ChainUnavailableError:
                receipt = None
            if receipt is not None:
                break
            if time.monotonic() > deadline:
                raise DevnetError("transaction", "the owner's transaction is not mined in time")
            if time.monotonic() > sent_again:
                # The pool forgets when anvil is started again; the same bytes cannot act twice.
                self.client.send_raw(transaction.raw)
                sent_again = time.monotonic() + 2.0
            time.sleep(_POLL_S)
        if receipt.status != 1:
            raise DevnetError(
                "transaction", f"the owner's transaction reverted in block {receipt.block_number}"
            )
        return receipt

    def check(self, contract: Contract, call: Call) -> None:
        """Try a call without sending it.

        Raises:
            DevnetError: The contract refuses; the message names its error.
        """
        try:
            self.client.view(contract, call.to, call.data, sender=call.sender)
        except ContractRevertError as error:
            raise DevnetError("transaction", str(error)) from error
