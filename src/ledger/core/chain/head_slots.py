"""Where HeadAnchor keeps a stream's words, and what is packed in them.

Pure arithmetic over slots and words; that a word is really there is proved by ``state_proof``.
The base slots come from the trust root, which takes them from the compiled storage layout.

Source: docs/formats.md (stream id, head, confirmations, status); Solidity documentation, "Layout of
State Variables in Storage".
"""

import re
from dataclasses import dataclass
from typing import Final

from ledger.core.chain.keccak import keccak256
from ledger.core.chain.slots import WORD, mapping_slot, to_word
from ledger.core.types import STREAMS, Hash32, UnixSeconds
from ledger.errors import MalformedProofError, MalformedRecordError, UnsetHeadError

CONTRADICTION: Final = 2**63
"""Added to the epoch in the lane of a mirror that computed another map root."""

RUNNING: Final = 1
"""State of a contract that takes heads."""

PAUSED: Final = 2
"""State of a contract that takes no heads for now."""

LANES: Final = 4
"""Mirrors in one confirmation word."""

_STREAM_PREFIX: Final = b"credit-ledger/stream/v1\x00"
_REGION: Final = re.compile(r"[0-9]{6}", re.ASCII)
_ADDRESS_BITS: Final = 160
_U64: Final = 2**64
_U32: Final = 2**32


@dataclass(frozen=True, slots=True)
class Head:
    """A stream's newest head; one that could be an unset word cannot be made."""

    size: int
    """Entries in the log, 1 .. 2^64 - 1."""
    epoch: int
    """Number of this head, 1 .. 2^63 - 1."""
    anchored_at: UnixSeconds
    """Time of the block that took the head, above 0."""
    map_function: int
    """Map function and hash suite, 32 bits."""
    vrf_key: int
    """Generation of the stream, 32 bits."""
    log_root: Hash32
    """Root of the log, never zero."""
    map_root: Hash32
    """Root of the map; 32 zero bytes for the empty map."""

    def __post_init__(self) -> None:
        # A word that was never written reads 0; it must not pass for a head over an empty map.
        if not (self.size and self.epoch and self.anchored_at and any(self.log_root)):
            raise UnsetHeadError(
                f"head: expected size, epoch, anchoredAt and logRoot above zero, found {self.size},"
                f" {self.epoch}, {self.anchored_at}, {self.log_root.hex()}"
            )
        _require_range(self.size, _U64, "size")
        _require_range(self.epoch, CONTRADICTION, "epoch")
        _require_range(self.anchored_at, _U64, "anchoredAt")
        _require_range(self.map_function, _U32, "mapFunction")
        _require_range(self.vrf_key, _U32, "vrfKey")
        for root in (self.log_root, self.map_root):
            if len(root) != 32:
                raise MalformedProofError(f"head: expected roots of 32 bytes, found {len(root)}")


@dataclass(frozen=True, slots=True)
class Status:
    """The status word of HeadAnchor."""

    successor: bytes
    """Address of the contract that replaces this one, 20 bytes; all zero for none."""
    state: int
    """RUNNING or PAUSED."""

    @property
    def has_successor(self) -> bool:
        """Whether another contract has taken over."""
        return any(self.successor)


def stream_id(region: str, stream: str) -> Hash32:
    """Return the key of a stream in the contracts.

    Args:
        region: GB/T 2260 code, six digits.
        stream: ``records``, ``restricted`` or ``queries``.

    Returns:
        ``keccak256("credit-ledger/stream/v1" || 0x00 || region || 0x00 || stream)``, 32 bytes.

    Raises:
        MalformedRecordError: The region or stream breaks its grammar.
    """
    if not _REGION.fullmatch(region):
        raise MalformedRecordError(f"region: expected six digits, found {region!r}")
    if stream not in STREAMS:
        raise MalformedRecordError(f"stream: expected one of {STREAMS}, found {stream!r}")
    return keccak256(_STREAM_PREFIX + region.encode() + b"\x00" + stream.encode())


def head_slots(slot: int, stream: Hash32) -> tuple[bytes, bytes, bytes]:
    """Return the slots of the three head words.

    Args:
        slot: Base slot of the mapping of heads.
        stream: Stream id, 32 bytes.

    Returns:
        Slots of words 0, 1 and 2, 32 bytes each.

    Raises:
        MalformedProofError: An argument is out of range.
    """
    base = int.from_bytes(mapping_slot(stream, to_word(slot)), "big")
    word0, word1, word2 = (to_word((base + offset) % WORD) for offset in range(3))
    return word0, word1, word2


def confirmation_slot(slot: int, stream: Hash32, word_index: int) -> bytes:
    """Return the slot of one word of confirmations.

    Args:
        slot: Base slot of the mapping of confirmations.
        stream: Stream id, 32 bytes.
        word_index: Which word, from 0; see ``lane_position``.

    Returns:
        The slot, 32 bytes.

    Raises:
        MalformedProofError: An argument is out of range.
    """
    return mapping_slot(to_word(word_index), mapping_slot(stream, to_word(slot)))


def status_slot(slot: int) -> bytes:
    """Return the slot of the status word, 32 bytes."""
    return to_word(slot)


def lane_position(mirror: int) -> tuple[int, int]:
    """Return (word index, lane) of a mirror's confirmation; lane 0 is the lowest.

    Raises:
        MalformedProofError: The number is negative.
    """
    _require_range(mirror, _U32, "mirror")
    return divmod(mirror, LANES)


def lanes(word: int) -> tuple[int, int, int, int]:
    """Split a word of confirmations into its four lanes, low to high.

    Raises:
        MalformedProofError: It is no word of 256 bits.
    """
    _require_range(word, WORD, "confirmations")
    first, second, third, fourth = ((word >> 64 * lane) % _U64 for lane in range(LANES))
    return first, second, third, fourth


def unpack_head(word0: int, word1: int, word2: int) -> Head:
    """Read a head from its three words.

    Args:
        word0: size, epoch, anchoredAt, mapFunction and vrfKey, low to high.
        word1: Root of the log.
        word2: Root of the map; 0 for the empty map, the only word that may be unset.

    Returns:
        The head.

    Raises:
        UnsetHeadError: A part that every head has is zero.
        MalformedProofError: A word or the epoch is out of range.
    """
    _require_range(word0, WORD, "head word 0")
    return Head(
        size=word0 % _U64,
        epoch=(word0 >> 64) % _U64,
        anchored_at=(word0 >> 128) % _U64,
        map_function=(word0 >> 192) % _U32,
        vrf_key=word0 >> 224,
        log_root=to_word(word1),
        map_root=to_word(word2),
    )


def pack_head_word0(head: Head) -> int:
    """Return head word 0 as the contract packs it."""
    return (
        head.size
        | head.epoch << 64
        | head.anchored_at << 128
        | head.map_function << 192
        | head.vrf_key << 224
    )


def unpack_status(word: int) -> Status:
    """Read the status word.

    Args:
        word: successor (160 bits) and state (8 bits), low to high.

    Returns:
        The status.

    Raises:
        MalformedProofError: The state is neither running nor paused, or higher bits are set.
    """
    state, successor = divmod(word, 2**_ADDRESS_BITS)
    if state not in (RUNNING, PAUSED):
        raise MalformedProofError(f"status: expected state 1 or 2, found {state}")
    return Status(successor=successor.to_bytes(20, "big"), state=state)


def _require_range(value: int, bound: int, what: str) -> None:
    if not 0 <= value < bound:
        raise MalformedProofError(f"{what}: expected 0 to {bound - 1}, found {value}")
