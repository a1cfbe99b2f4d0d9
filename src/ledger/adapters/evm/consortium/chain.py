"""The ``Chain`` port over several validators of a sealed chain: everything that can be is proved.

What a header's state proves is proved: heads, lanes, nonces, code. What only the registry's words
say is taken where enough validators say the same. What is sent goes to all of them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.client import MAX_SLOTS
from ledger.adapters.evm.consortium.endpoints import Endpoints, believed_from
from ledger.adapters.evm.consortium.sealed import Fork, Sealed, SealedHeaders
from ledger.adapters.evm.head_anchor import HeadAnchorCalls
from ledger.core.chain.head_slots import (
    Head,
    confirmation_slot,
    head_slots,
    lanes,
    unpack_head,
)
from ledger.core.chain.state_proof import Account, NodeSet, verify_account, verify_storage
from ledger.core.trust import TrustRoot
from ledger.core.types import Hash32
from ledger.errors import (
    ChainUnavailableError,
    InputError,
    LedgerError,
    VerificationError,
)
from ledger.services.onchain import (
    Call,
    MirrorEntry,
    Receipt,
    RegionEntry,
    SendOutcome,
    SendState,
    SignedTransaction,
)

LANES: Final = 4
"""Mirrors in one confirmation word."""


class ConsortiumChain(HeadAnchorCalls):
    """A sealed chain with its contracts, through several validators.

    Args:
        chains: One client an endpoint, at least two.
        trust_root: Whose seals count, and where HeadAnchor is.
        floor: A height that this node has seen sealed before.
        on_fork: Told of two sealed headers at one height, once.

    Raises:
        InputError: Fewer than two endpoints.
    """

    def __init__(
        self,
        chains: Sequence[EvmChain],
        trust_root: TrustRoot,
        *,
        floor: int = 0,
        on_fork: Callable[[Fork], None],
    ) -> None:
        if len(chains) < 2:
            raise InputError(f"validators: expected at least two endpoints, found {len(chains)}")
        HeadAnchorCalls.__init__(self, trust_root.head_anchor.address)
        newest = trust_root.validators[-1]
        self._trust_root = trust_root
        self._endpoints = Endpoints(
            chains, needed=believed_from(len(newest.addresses), len(chains))
        )
        self._sealed = SealedHeaders(self._endpoints, trust_root, floor=floor, on_fork=on_fork)

    def close(self) -> None:
        """Close all connections."""
        self._endpoints.close()

    # --- Blocks and state, by seals and proofs

    def chain_id(self) -> int:
        """The chain id that enough endpoints report."""
        return self._endpoints.agreed("chain id", lambda chain: chain.chain_id())

    def genesis_hash(self) -> Hash32:
        """The hash of block 0 that enough endpoints report: it has no seals."""
        return self._endpoints.agreed("genesis", lambda chain: chain.genesis_hash())

    def latest_block(self) -> int:
        """The height of the newest sealed block."""
        return self._sealed.newest().number

    def fetch_header(self, number: int) -> tuple[Hash32, bytes]:
        """The block hash and the header's RLP, sealed."""
        sealed = self._sealed.at(number)
        return sealed.block_hash, sealed.rlp

    def fetch_proof(self, address: bytes, slots: Sequence[bytes], number: int) -> tuple[bytes, ...]:
        """All trie nodes that prove an account and its slots at a sealed block.

        Raises:
            ChainUnavailableError: No endpoint gives proofs that verify.
        """
        return self._prove(address, slots, self._sealed.at(number))[2]

    def code_hash(self, address: bytes) -> Hash32:
        """Keccak-256 of the code at an address in the newest block, proved."""
        account = self._prove(address, (), self._sealed.newest())[0]
        if account is None:
            raise ChainUnavailableError("contract: expected an account, found none")
        return account.code_hash

    def transaction_count(self, address: bytes) -> int:
        """Mined transactions of an address, proved."""
        account = self._prove(address, (), self._sealed.newest())[0]
        return 0 if account is None else account.nonce

    def fetch_head(self, stream: Hash32, number: int | None = None) -> Head | None:
        """A stream's head at a block, proved; None before its first."""
        contract = self._trust_root.head_anchor
        slots = head_slots(contract.slots["heads"], stream)
        _, words, _ = self._prove(contract.address, slots, self._block(number))
        if not any(words):
            return None
        try:
            return unpack_head(*(word or 0 for word in words))
        except VerificationError as error:
            raise ChainUnavailableError(f"the chain's head is malformed: {error}") from None

    def fetch_lane(self, stream: Hash32, mirror: int, number: int | None = None) -> int:
        """What a mirror has said of a stream, proved."""
        contract = self._trust_root.head_anchor
        slot = confirmation_slot(contract.slots["confirmations"], stream, mirror // LANES)
        _, (word,), _ = self._prove(contract.address, [slot], self._block(number))
        return lanes(word or 0)[mirror % LANES]

    # --- Words of the contracts, as enough validators say them

    def fetch_mirror(self, number: int) -> MirrorEntry | None:
        """The mirror of a number, in the newest block; None where none was added."""
        return self._endpoints.agreed("mirror", lambda chain: chain.fetch_mirror(number))

    def fetch_regions(self) -> tuple[RegionEntry, ...]:
        """The registry's regions, ascending by code."""
        return self._endpoints.agreed("regions", lambda chain: chain.fetch_regions())

    def fetch_checkpoint_key(self, region: str, stream: Hash32, vrf_key: int) -> bytes | None:
        """The Ed25519 key of a generation's checkpoints; None where none was set."""
        return self._endpoints.agreed(
            "checkpoint key", lambda chain: chain.fetch_checkpoint_key(region, stream, vrf_key)
        )

    def receipt(self, tx_hash: Hash32) -> Receipt | None:
        """The receipt that enough validators give, in a sealed block; None as long as they do not.

        Raises:
            ChainUnavailableError: No endpoint answers.
        """
        told = self._endpoints.ask_all(lambda chain: chain.receipt(tx_hash))
        if all(one.error is not None for one in told):
            raise ChainUnavailableError(f"no validator answers: {told[0].error}")
        try:
            found = self._endpoints.judge("receipt", told)
        except ChainUnavailableError:
            return None  # Not everywhere yet: the next look tells.
        if found is None or self._sealed.at(found.block_number).block_hash != found.block_hash:
            return None
        return found

    # --- Sending

    def sign_call(self, key: bytes, nonce: int, to: bytes, data: bytes) -> SignedTransaction:
        """Sign a contract call at gas price 0; nothing is sent."""
        return self._endpoints.chains[0].sign_call(key, nonce, to, data)

    def send_raw(self, raw: bytes) -> SendOutcome:
        """Send signed bytes to every validator: one that holds them back delays nothing."""
        outcomes = [
            one.value
            for one in self._endpoints.ask_all(lambda chain: chain.send_raw(raw))
            if one.value is not None
        ]
        for state in (SendState.ACCEPTED, SendState.UNKNOWN):
            for outcome in outcomes:
                if outcome.state is state:
                    return outcome
        return outcomes[0] if outcomes else SendOutcome(SendState.UNKNOWN, "nobody was reached")

    def simulate(self, call: Call) -> None:
        """Run a call on the newest state without sending it.

        One validator that says the contract takes it is enough: a lie costs a transaction that
        reverts. That it refuses is believed when enough say the same.

        Raises:
            ContractRevertError: The contract refuses.
            ChainUnavailableError: The validators do not answer, or say different things.
        """
        told = self._endpoints.ask_all(lambda chain: _simulated(chain, call))
        if any(one.error is None for one in told):
            return
        self._endpoints.judge("simulation", told)

    def _block(self, number: int | None) -> Sealed:
        return self._sealed.newest() if number is None else self._sealed.at(number)

    def _prove(
        self, address: bytes, slots: Sequence[bytes], sealed: Sealed
    ) -> tuple[Account | None, tuple[int | None, ...], tuple[bytes, ...]]:
        if len(slots) > MAX_SLOTS:
            raise InputError(f"slots: expected at most {MAX_SLOTS}, found {len(slots)}")

        def ask(chain: EvmChain) -> Any:
            nodes = chain.fetch_proof(address, slots, sealed.number)
            try:
                return _read(address, slots, sealed.header.state_root, nodes)
            except (InputError, VerificationError) as error:
                raise ChainUnavailableError(
                    f"proof at block {sealed.number} does not verify: {error}"
                ) from None

        try:
            found: tuple[Account | None, tuple[int | None, ...], tuple[bytes, ...]]
            found = self._endpoints.ask_until(ask)
        except ChainUnavailableError:
            raise
        except LedgerError as error:
            raise ChainUnavailableError(f"proof at block {sealed.number}: {error}") from None
        return found


def _simulated(chain: EvmChain, call: Call) -> bool:
    chain.simulate(call)
    return True


def _read(
    address: bytes, slots: Sequence[bytes], state_root: Hash32, nodes: tuple[bytes, ...]
) -> tuple[Account | None, tuple[int | None, ...], tuple[bytes, ...]]:
    known = NodeSet(nodes)
    account = verify_account(state_root, address, known)
    if account is None:
        words: tuple[int | None, ...] = (None,) * len(slots)
    else:
        words = tuple(verify_storage(account.storage_root, slot, known) for slot in slots)
    # Surplus nodes would be refused by every verifier: what is kept is what was needed.
    return account, words, known.used()
