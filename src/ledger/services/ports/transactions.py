"""Signed transactions, read back; adapters implement it."""

from dataclasses import dataclass
from typing import Protocol

from ledger.core.types import Hash32


@dataclass(frozen=True, slots=True)
class HeadTransaction:
    """What a signed transaction would bring to HeadAnchor, and who signed it."""

    sender: bytes
    """Address of the key that signed."""
    chain_id: int
    """The only chain that takes it."""
    nonce: int
    """The sender's transaction number."""
    to: bytes
    """Address of the contract."""
    is_open: bool
    """Whether it is the first head of a generation."""
    stream: Hash32
    """Stream id."""
    old_size: int
    """Entries under the head before; 0 for a first one."""
    new_size: int
    """Entries under this one."""
    log_root: Hash32
    map_root: Hash32
    proof: tuple[Hash32, ...]
    """Consistency path from the head before."""
    vrf_key: int | None
    """Generation, for a first head."""
    map_function: int | None
    """Map function, for a first head."""
    expected_epoch: int | None
    """Epoch of the head that a first one takes the place of; 0 where there was none."""


class TransactionReader(Protocol):
    """Reads what a signed transaction would do; needs no chain."""

    def read_head(self, raw: bytes) -> HeadTransaction:
        """The head that signed bytes would bring to the chain, and who signed them.

        Raises:
            InputError: The bytes are no signed transaction, or none that brings a head.
        """
        ...
