"""The chain as the services see it; adapters implement it."""

from collections.abc import Sequence
from typing import Protocol

from ledger.core.chain.head_slots import Head
from ledger.core.types import Hash32, TreeSize
from ledger.services.onchain import (
    Call,
    MirrorEntry,
    Receipt,
    RegionEntry,
    SendOutcome,
    SignedTransaction,
)


class Chain(Protocol):
    """One chain, its HeadAnchor and its RegionRegistry, through one endpoint.

    Nothing read here is proof: what evidence relies on is verified from headers and trie nodes.
    Every method raises ``ChainUnavailableError`` when the endpoint does not answer in time or
    answers with something unusable, and ``WrongChainError`` when it serves another chain.
    """

    def chain_id(self) -> int:
        """The chain id that the endpoint reports now."""
        ...

    def genesis_hash(self) -> Hash32:
        """The hash of block 0."""
        ...

    def latest_block(self) -> int:
        """The height of the newest block."""
        ...

    def fetch_header(self, number: int) -> tuple[Hash32, bytes]:
        """The block hash and the header's RLP that hashes to it.

        Raises:
            HeaderError: The header does not hash to the hash the block goes by.
        """
        ...

    def fetch_proof(self, address: bytes, slots: Sequence[bytes], number: int) -> tuple[bytes, ...]:
        """All trie nodes that prove an account and its slots at a block, each once, ascending."""
        ...

    def code_hash(self, address: bytes) -> Hash32:
        """Keccak-256 of the code at an address in the newest block."""
        ...

    def transaction_count(self, address: bytes) -> int:
        """Mined transactions of an address: its next nonce when none are in flight."""
        ...

    def sign_call(self, key: bytes, nonce: int, to: bytes, data: bytes) -> SignedTransaction:
        """Sign a contract call at gas price 0; nothing is sent."""
        ...

    def send_raw(self, raw: bytes) -> SendOutcome:
        """Send signed bytes; never raises for what the chain or the network answers."""
        ...

    def receipt(self, tx_hash: Hash32) -> Receipt | None:
        """The receipt, or None while the transaction is not in a block."""
        ...

    def simulate(self, call: Call) -> None:
        """Run a call on the newest state without sending it.

        Raises:
            ContractRevertError: The contract refuses, with the name and values of its error.
        """
        ...

    def open_call(
        self,
        sender: bytes,
        *,
        stream: Hash32,
        expected_epoch: int,
        vrf_key: int,
        map_function: int,
        size: TreeSize,
        log_root: Hash32,
        map_root: Hash32,
    ) -> Call:
        """The first head of a stream or of a new generation of it."""
        ...

    def anchor_call(
        self,
        sender: bytes,
        *,
        stream: Hash32,
        old_size: TreeSize,
        new_size: TreeSize,
        log_root: Hash32,
        map_root: Hash32,
        proof: Sequence[Hash32],
    ) -> Call:
        """The next head, with the consistency proof from the last."""
        ...

    def confirm_call(self, sender: bytes, *, stream: Hash32, epoch: int, map_root: Hash32) -> Call:
        """A mirror's word on the map of a head."""
        ...

    def fetch_head(self, stream: Hash32, number: int | None = None) -> Head | None:
        """A stream's head at a block, the newest by default; None before its first."""
        ...

    def fetch_lane(self, stream: Hash32, mirror: int, number: int | None = None) -> int:
        """What a mirror has said of a stream: an epoch, an epoch + 2^63 against it, or 0."""
        ...

    def fetch_mirror(self, number: int) -> MirrorEntry | None:
        """The mirror of a number, in the newest block; None where none was added."""
        ...

    def fetch_regions(self) -> tuple[RegionEntry, ...]:
        """The registry's regions, ascending by code."""
        ...

    def fetch_checkpoint_key(self, region: str, stream: Hash32, vrf_key: int) -> bytes | None:
        """The Ed25519 key of a generation's checkpoints, 32 bytes; None where none was set."""
        ...
