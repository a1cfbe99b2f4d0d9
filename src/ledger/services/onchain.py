"""What goes to the chain and comes back from it; frozen values, bytes inside.

Addresses have 20 bytes, stream ids, roots and hashes 32.
"""

from dataclasses import dataclass
from enum import Enum

from ledger.core.types import Hash32


@dataclass(frozen=True, slots=True)
class Call:
    """A contract call as somebody would send it."""

    sender: bytes
    """Address the call comes from."""
    to: bytes
    """Address of the contract."""
    data: bytes
    """Selector and arguments."""


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """A transaction that may be sent any number of times; it takes effect at most once."""

    raw: bytes
    """Signed RLP, bound to one chain id and nonce."""
    tx_hash: Hash32
    """Keccak-256 of ``raw``."""


class SendState(Enum):
    """What is known after a transaction was sent."""

    ACCEPTED = "accepted"
    """The node took it into its pool under the expected hash; not mined yet."""
    UNKNOWN = "unknown"
    """It may or may not be in the pool or mined: look up the hash, send the same bytes again."""
    REFUSED = "refused"
    """The node says that these bytes can never be taken as the chain stands."""


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """The answer to a sent transaction."""

    state: SendState
    """What is known."""
    reason: str
    """Why, for an operator; empty when accepted."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction."""

    status: int
    """1 when it took effect, 0 when it reverted."""
    block_number: int
    """Height of its block."""
    block_hash: Hash32
    """Hash of its block."""
    gas_used: int
    """Gas it took."""


@dataclass(frozen=True, slots=True)
class MirrorEntry:
    """A mirror in HeadAnchor."""

    address: bytes
    """Address of its key."""
    region: str
    """GB/T 2260 code of the region it belongs to, six digits."""


@dataclass(frozen=True, slots=True)
class RegionEntry:
    """A region in the registry."""

    code: str
    """GB/T 2260 code, six digits."""
    operator: bytes
    """Address that may move the endpoint."""
    endpoint: str
    """Base URL of the region's node."""
