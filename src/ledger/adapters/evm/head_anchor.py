"""Calls of HeadAnchor, and the head it reports."""

from collections.abc import Sequence

from ledger.adapters.evm.contract import Contract, load_contract
from ledger.core.chain.head_slots import Head
from ledger.core.types import Hash32, TreeSize
from ledger.errors import ChainUnavailableError, InputError, UnsetHeadError
from ledger.services.onchain import Call


class HeadAnchorCalls:
    """Builds the calls of one HeadAnchor; sends nothing."""

    def __init__(self, head_anchor: bytes) -> None:
        """Take the contract's address, 20 bytes."""
        self.head_anchor = head_anchor
        self._anchor = load_contract("HeadAnchor")

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
        """The first head of a stream or of a new generation of it.

        Raises:
            InputError: An argument is out of range.
        """
        roots = (_word(log_root), _word(map_root))
        arguments = [_word(stream), expected_epoch, vrf_key, map_function, size, *roots]
        return Call(sender, self.head_anchor, self._anchor.encode("open", arguments))

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
        """The next head, with the consistency proof from the last.

        Raises:
            InputError: An argument is out of range.
        """
        path = [_word(one) for one in proof]
        roots = (_word(log_root), _word(map_root))
        arguments = [_word(stream), old_size, new_size, *roots, path]
        return Call(sender, self.head_anchor, self._anchor.encode("anchor", arguments))

    def confirm_call(self, sender: bytes, *, stream: Hash32, epoch: int, map_root: Hash32) -> Call:
        """A mirror's word on the map of a head.

        Raises:
            InputError: An argument is out of range.
        """
        arguments = [_word(stream), epoch, _word(map_root)]
        return Call(sender, self.head_anchor, self._anchor.encode("confirm", arguments))


def parse_head(contract: Contract, returned: bytes) -> Head | None:
    """Read what ``head`` returns; None for a stream without a head.

    Raises:
        ChainUnavailableError: The values can not be a head.
    """
    values = contract.decode("head", returned)
    # A struct comes as one tuple, several results come side by side.
    if len(values) == 1:
        (values,) = values
    if not any(values[:5]) and not any(values[5]) and not any(values[6]):
        return None
    try:
        return Head(*values)
    except (UnsetHeadError, InputError) as error:
        raise ChainUnavailableError(f"the chain's head is malformed: {error}") from None


def _word(value: bytes) -> bytes:
    # The ABI coder pads short byte strings; a root must have its 32 bytes already.
    if len(value) != 32:
        raise InputError(f"expected 32 bytes, found {len(value)}")
    return value
