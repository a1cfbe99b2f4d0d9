"""QBFT seals: who signed a header, and the hash the chain gives the block.

The extraData of a header is the RLP of five items: 32 bytes of vanity, the validators, a vote, the
round, the seals. Validators sign the header without seals but with the round; the block hash leaves
out both. Hyperledger Besu and GoQuorum write the same bytes.

What a node counts is not relied on: GoQuorum itself accepts fewer seals than two thirds.

Source: EEA QBFT blockchain consensus protocol specification, section 5 (block header); read against
headers of both engines.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final

from ledger.core.chain import rlp
from ledger.core.chain.keccak import keccak256
from ledger.core.chain.secp256k1 import SIGNATURE_BYTES, recover
from ledger.core.types import Hash32
from ledger.errors import MalformedProofError, SealError, SignatureError, TooFewSealsError

MIX_HASH: Final = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
"""What marks the blocks of Istanbul protocols; part of the signed header."""

EXTRA_FIELD: Final = 12
"""Position of extraData among the fields of a header."""

MAX_VALIDATORS: Final = 200
"""Most validators of one header."""

MAX_ROUND_BYTES: Final = 4
"""A round is a 32-bit number."""

VANITY_BYTES: Final = 32
ADDRESS_BYTES: Final = 20
SEAL_BYTES: Final = SIGNATURE_BYTES
ADD: Final = b"\xff"
DROP: Final = b""


@dataclass(frozen=True, slots=True)
class Vote:
    """A proposer's vote on a validator."""

    candidate: bytes
    """Address, 20 bytes."""
    adds: bool
    """True to add the candidate, False to drop it."""


@dataclass(frozen=True, slots=True)
class QbftExtra:
    """The extraData of a QBFT header."""

    vanity: bytes
    """32 bytes of the proposer's choice."""
    validators: tuple[bytes, ...]
    """Addresses of the set that seals this block, in the order of the header."""
    vote: Vote | None
    """A vote counts from the next block on."""
    round: int
    """Round in which the block was agreed, 0 .. 2^32 - 1."""
    seals: tuple[bytes, ...]
    """Signatures of 65 bytes: r, s, and 0 or 1."""

    def encode(self, round_number: int, seals: Sequence[bytes] = ()) -> bytes:
        """The extraData with another round and other seals."""
        vote: rlp.RlpInput = []
        if self.vote is not None:
            vote = [self.vote.candidate, ADD if self.vote.adds else DROP]
        round_bytes = rlp.encode_integer(round_number)
        return rlp.encode([self.vanity, self.validators, vote, round_bytes, list(seals)])


def parse_extra(extra_data: bytes) -> QbftExtra:
    """Read the extraData of a QBFT header.

    Raises:
        MalformedProofError: Not strict RLP of the five items, or an item has the wrong form.
    """
    items = rlp.decode(extra_data, max_depth=2)
    if not isinstance(items, list) or len(items) != 5:
        raise MalformedProofError("extraData: expected a list of five items")
    vanity, validators, vote, round_bytes, seals = items
    if not isinstance(vanity, bytes) or len(vanity) != VANITY_BYTES:
        raise MalformedProofError("extraData: vanity: expected 32 bytes")
    if not isinstance(round_bytes, bytes):
        raise MalformedProofError("extraData: round: expected a number")
    return QbftExtra(
        vanity=vanity,
        validators=_strings(validators, ADDRESS_BYTES, "validator"),
        vote=_vote(vote),
        round=rlp.parse_integer(round_bytes, max_bytes=MAX_ROUND_BYTES, what="round"),
        seals=_strings(seals, SEAL_BYTES, "seal"),
    )


def is_other_protocol(extra_data: bytes) -> bool:
    """Whether extraData is that of IBFT 2.0 or of the first Istanbul protocol.

    Both mark their blocks like QBFT and hash them differently. IBFT 2.0 writes no vote as a string
    and the round in four bytes; the first protocol puts the vanity in front of its list.
    """
    try:
        items = rlp.decode(extra_data, max_depth=2)
        if isinstance(items, list) and len(items) == 5:
            return items[2] == b"" or (len(items[3]) == 4 and items[3][:1] == b"\x00")
    except MalformedProofError:
        pass
    try:
        rest = rlp.decode(extra_data[VANITY_BYTES:], max_depth=2)
    except MalformedProofError:
        return False
    return isinstance(rest, list) and len(rest) == 3


def block_hash(fields: Sequence[bytes], extra: QbftExtra) -> Hash32:
    """The hash the block goes by: round 0 and no seals in it."""
    return keccak256(_with_extra(fields, extra.encode(0)))


def seal_digest(fields: Sequence[bytes], extra: QbftExtra) -> Hash32:
    """What validators sign, with no further hashing: the true round and no seals in it."""
    return keccak256(_with_extra(fields, extra.encode(extra.round)))


def count_seals(digest: Hash32, seals: Sequence[bytes], trusted: Set[bytes]) -> frozenset[bytes]:
    """The distinct trusted validators whose seals verify.

    Args:
        digest: What was signed, 32 bytes.
        seals: Signatures of 65 bytes.
        trusted: Addresses of the set trusted for this height.

    Raises:
        SealError: A seal is none, is not in its one canonical form, is of somebody else, or
            is a second one of the same validator: no honest engine writes such a header.
    """
    signers: set[bytes] = set()
    for seal in seals:
        try:
            signer = recover(digest, seal)
        except SignatureError as error:
            raise SealError(f"seal: {error}") from None
        if signer not in trusted:
            raise SealError(f"seal: 0x{signer.hex()} is not a trusted validator")
        if signer in signers:
            raise SealError(f"seal: 0x{signer.hex()} sealed twice")
        signers.add(signer)
    return frozenset(signers)


def require_quorum(signers: Set[bytes], trusted: Set[bytes]) -> None:
    """Check that at least two thirds of the trusted set, rounded up, signed.

    Raises:
        TooFewSealsError: Fewer did, or the set is empty.
    """
    needed = -(-2 * len(trusted) // 3)
    if not trusted or len(signers) < needed:
        raise TooFewSealsError(
            f"seals: expected {max(needed, 1)} distinct validators, found {len(signers)}"
        )


def _with_extra(fields: Sequence[bytes], extra_data: bytes) -> bytes:
    return rlp.encode([*fields[:EXTRA_FIELD], extra_data, *fields[EXTRA_FIELD + 1 :]])


def _strings(items: rlp.RlpItem, size: int, what: str) -> tuple[bytes, ...]:
    if not isinstance(items, list) or len(items) > MAX_VALIDATORS:
        raise MalformedProofError(f"extraData: expected at most {MAX_VALIDATORS} {what}s in a list")
    found = []
    for item in items:
        if not isinstance(item, bytes) or len(item) != size:
            raise MalformedProofError(f"extraData: {what}: expected {size} bytes")
        found.append(item)
    return tuple(found)


def _vote(item: rlp.RlpItem) -> Vote | None:
    if item == []:
        return None
    if not isinstance(item, list) or len(item) != 2:
        raise MalformedProofError("extraData: vote: expected none, or an address and a word")
    candidate, word = item
    if not isinstance(candidate, bytes) or len(candidate) != ADDRESS_BYTES:
        raise MalformedProofError("extraData: vote: expected an address of 20 bytes")
    if word not in (ADD, DROP):
        raise MalformedProofError("extraData: vote: expected ff to add or nothing to drop")
    return Vote(candidate, adds=word == ADD)
