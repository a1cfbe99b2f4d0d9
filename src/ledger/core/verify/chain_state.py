"""What the chain says of one stream at one block, read from proofs alone.

Used by step 4 of a verification and, with the same code, by a node before it stores a snapshot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.core.chain.head_slots import (
    LANES,
    Head,
    Status,
    confirmation_slot,
    head_slots,
    lane_position,
    lanes,
    status_slot,
    stream_id,
    unpack_head,
    unpack_status,
)
from ledger.core.chain.state_proof import NodeSet, verify_account, verify_storage
from ledger.core.trust import Contract, TrustRoot
from ledger.core.types import Hash32
from ledger.errors import MalformedProofError, RootMismatchError


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream at block M: its head, the contract's status and the confirmation words asked for."""

    head: Head
    status: Status
    confirmations: Mapping[int, int]
    """Word number -> 256-bit word; 0 where the word was never written."""

    def lane(self, mirror: int) -> int:
        """The lane of a mirror: an epoch, an epoch + 2^63, or 0.

        Raises:
            MalformedProofError: The mirror's word is not among those proved.
        """
        word, position = lane_position(mirror)
        if word not in self.confirmations:
            raise MalformedProofError(f"confirmations: expected word {word}, found none")
        return lanes(self.confirmations[word])[position]


def confirmation_words(trust_root: TrustRoot, region: str, stream: str) -> tuple[int, ...]:
    """The confirmation words that hold a counting mirror of the stream, ascending; () for none."""
    rule = trust_root.confirmation(region, stream)
    if rule is None or not rule.mirrors:
        return ()
    return tuple(sorted({number // LANES for number in rule.mirrors}))


def slots_to_prove(
    contract: Contract, region: str, stream: str, words: Sequence[int]
) -> tuple[bytes, ...]:
    """The storage slots of HeadAnchor a snapshot of the stream needs, 32 bytes each.

    Args:
        contract: HeadAnchor of the trust root.
        region: GB/T 2260 code, six digits.
        stream: One of the closed list.
        words: Confirmation words, as ``confirmation_words`` gives them.
    """
    identifier = stream_id(region, stream)
    return (
        status_slot(contract.slots["status"]),
        *head_slots(contract.slots["heads"], identifier),
        *(confirmation_slot(contract.slots["confirmations"], identifier, word) for word in words),
    )


def read_stream_state(
    *,
    contract: Contract,
    region: str,
    stream: str,
    state_root: Hash32,
    nodes: Sequence[bytes],
    words: Sequence[int],
) -> StreamState:
    """Prove and read a stream's words of HeadAnchor under a state root.

    Args:
        contract: HeadAnchor of the trust root: address, code hash, slots.
        region: GB/T 2260 code, six digits.
        stream: One of the closed list.
        state_root: State root of block M, 32 bytes.
        nodes: Every trie node of the account proof and the storage proofs, each once.
        words: Confirmation words that are to be proved.

    Raises:
        MalformedProofError: A node is missing, broken or surplus; the account, the status word or
            head word 0 or 1 is proved to be absent.
        UnsetHeadError: A part of the head that is never zero is zero.
        RootMismatchError: The contract's code is not the trusted code.
    """
    node_set = NodeSet(nodes)
    account = verify_account(state_root, contract.address, node_set)
    if account is None:
        raise MalformedProofError("account: expected HeadAnchor, found proof of absence")
    if account.code_hash != contract.code_hash:
        raise RootMismatchError(expected=contract.code_hash, computed=account.code_hash)

    status_at, word0_at, word1_at, word2_at, *words_at = slots_to_prove(
        contract, region, stream, words
    )

    def present(slot: bytes, what: str) -> int:
        value = verify_storage(account.storage_root, slot, node_set)
        # An unset word must never read as an empty map or a running contract.
        if value is None:
            raise MalformedProofError(f"{what}: expected a stored word, found proof of absence")
        return value

    status = unpack_status(present(status_at, "status"))
    word0, word1 = present(word0_at, "head word 0"), present(word1_at, "head word 1")
    # Only these may be proved by exclusion: the root of an empty map, and lanes nobody wrote.
    word2 = verify_storage(account.storage_root, word2_at, node_set) or 0
    lanes_by_word = {
        word: verify_storage(account.storage_root, slot, node_set) or 0
        for word, slot in zip(words, words_at, strict=True)
    }
    node_set.require_all_used()
    return StreamState(
        head=unpack_head(word0, word1, word2), status=status, confirmations=lanes_by_word
    )
