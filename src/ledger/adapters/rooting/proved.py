"""Storage of contracts under one header's state root; nothing is taken that is not proved."""

from collections.abc import Sequence

from ledger.adapters.evm.client import MAX_SLOTS, EvmClient
from ledger.adapters.evm.consortium.endpoints import Endpoints
from ledger.core.chain.slots import element_slot, to_word
from ledger.core.chain.state_proof import Account, NodeSet, verify_account, verify_storage
from ledger.core.headers import Header
from ledger.errors import (
    ChainUnavailableError,
    GovernanceError,
    InputError,
    VerificationError,
)

MOST_ELEMENTS = 4_096
"""Longest array that is read."""


class ProvedState:
    """The state after one block.

    Args:
        endpoints: Who give proofs; none of them is believed.
        header: Of the block.
    """

    def __init__(self, endpoints: Endpoints[EvmClient], header: Header) -> None:
        self._endpoints = endpoints
        self._header = header

    def account(self, address: bytes) -> Account:
        """An account.

        Raises:
            GovernanceError: There is none.
            ChainUnavailableError: No endpoint gives a proof that verifies.
        """
        return self._prove(address, ())[0]

    def words(self, address: bytes, slots: Sequence[bytes]) -> list[int]:
        """Words of a contract's storage, 0 for what was never set.

        Raises:
            GovernanceError: There is no such account.
            ChainUnavailableError: No endpoint gives proofs that verify.
        """
        return [
            word
            for start in range(0, len(slots), MAX_SLOTS)
            for word in self._prove(address, slots[start : start + MAX_SLOTS])[1]
        ]

    def array(self, address: bytes, slot: int, *, per_word: int = 1) -> list[int]:
        """The elements of a dynamic array.

        Args:
            address: The contract.
            slot: Base slot of the array.
            per_word: Elements that share a word.

        Raises:
            GovernanceError: It is longer than anything that is expected.
            ChainUnavailableError: No endpoint gives proofs that verify.
        """
        base = to_word(slot)
        (length,) = self.words(address, [base])
        if length > MOST_ELEMENTS:
            raise GovernanceError("state", f"array: expected at most {MOST_ELEMENTS} elements")
        places = [element_slot(base, index, per_word=per_word) for index in range(length)]
        slots = sorted({place for place, _ in places})
        words = dict(zip(slots, self.words(address, slots), strict=True))
        bits = 256 // per_word
        return [words[place] >> bits * position & (1 << bits) - 1 for place, position in places]

    def _prove(self, address: bytes, slots: Sequence[bytes]) -> tuple[Account, list[int]]:
        def question(client: EvmClient) -> tuple[Account | None, list[int]]:
            nodes = client.fetch_proof(address, slots, self._header.number)
            try:
                given = NodeSet(nodes)
                account = verify_account(self._header.state_root, address, given)
                if account is None:
                    return None, []
                words = [verify_storage(account.storage_root, one, given) or 0 for one in slots]
            except (InputError, VerificationError) as error:
                raise ChainUnavailableError(f"proof: {error}") from None
            return account, words

        account, words = self._endpoints.ask_until(question)
        if account is None:
            raise GovernanceError("state", f"0x{address.hex()}: no account on this chain")
        return account, words
