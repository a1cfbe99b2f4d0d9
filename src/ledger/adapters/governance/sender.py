"""Transactions of one account: sent in order, waited for, none taken as done before.

They go to every endpoint, so that a validator that is down or holds them back delays nothing.
"""

import time
from collections.abc import Sequence
from typing import Final

from ledger.adapters.evm.client import EvmClient
from ledger.adapters.evm.signing import address_of
from ledger.errors import ChainUnavailableError, GovernanceError
from ledger.services.onchain import Call, Receipt, SendState, SignedTransaction

RECEIPT_DEADLINE_S: Final = 60.0
CREATION_GAS: Final = 8_000_000
RESEND_EVERY_S: Final = 2.0
_POLL_S: Final = 0.1


class Sender:
    """Acts with one account's key. One process at a time: it counts its own nonces.

    Args:
        clients: The chain's endpoints, the nearest first; the first one signs.
        key: secp256k1 key, 32 bytes.
        needed: How many of them must give the same receipt to be believed.
    """

    def __init__(self, clients: Sequence[EvmClient], key: bytes, *, needed: int = 1) -> None:
        self.clients = tuple(clients)
        self._needed = needed
        self.address = address_of(key)
        self._key = key

    def create_all(self, creations: Sequence[tuple[int, bytes]]) -> list[Receipt]:
        """Create contracts and wait for all.

        Args:
            creations: Transaction number and creation code with arguments, ascending.

        Raises:
            GovernanceError: One reverted or was not mined in time.
        """
        client = self.clients[0]
        return self._send_all(
            [
                client.sign_creation(self._key, nonce, data, gas=CREATION_GAS)
                for nonce, data in creations
            ]
        )

    def call_all(self, calls: Sequence[Call]) -> list[Receipt]:
        """Send calls one after the other and wait for all.

        Raises:
            GovernanceError: One reverted or was not mined in time.
            ChainUnavailableError: No endpoint says how many transactions the account has.
        """
        first = self.transaction_count()
        client = self.clients[0]
        return self._send_all(
            [
                client.sign_call(self._key, first + position, call.to, call.data)
                for position, call in enumerate(calls)
            ]
        )

    def transaction_count(self) -> int:
        """Mined transactions of the account, by the endpoint that has seen the most.

        Raises:
            ChainUnavailableError: No endpoint answers.
        """
        counts = []
        refusal = ChainUnavailableError("no endpoint was asked")
        for client in self.clients:
            try:
                counts.append(client.transaction_count(self.address))
            except ChainUnavailableError as error:
                refusal = error
        if not counts:
            raise refusal
        return max(counts)

    def _send_all(self, transactions: Sequence[SignedTransaction]) -> list[Receipt]:
        for one in transactions:
            self._send(one)
        deadline = time.monotonic() + RECEIPT_DEADLINE_S
        return [self._wait(one, deadline) for one in transactions]

    def _send(self, transaction: SignedTransaction) -> None:
        outcomes = [client.send_raw(transaction.raw) for client in self.clients]
        if all(one.state is SendState.REFUSED for one in outcomes):
            raise GovernanceError(
                "transaction", f"the chain refuses the account: {outcomes[0].reason}"
            )

    def _wait(self, transaction: SignedTransaction, deadline: float) -> Receipt:
        sent_again = time.monotonic() + 5 * _POLL_S
        while (receipt := self._receipt(transaction)) is None:
            if time.monotonic() > deadline:
                raise GovernanceError("transaction", "the transaction is not mined in time")
            if time.monotonic() > sent_again:
                # A pool forgets when its node starts again; the same bytes cannot act twice.
                self._send(transaction)
                sent_again = time.monotonic() + RESEND_EVERY_S
            time.sleep(_POLL_S)
        if receipt.status != 1:
            raise GovernanceError(
                "transaction", f"the transaction reverted in block {receipt.block_number}"
            )
        return receipt

    def _receipt(self, transaction: SignedTransaction) -> Receipt | None:
        """The receipt that enough endpoints give; None as long as they do not."""
        told: list[Receipt] = []
        for client in self.clients:
            try:
                found = client.receipt(transaction.tx_hash)
            except ChainUnavailableError:
                continue
            if found is None:
                continue
            told.append(found)
            if told.count(found) >= self._needed:
                return found
        return None
