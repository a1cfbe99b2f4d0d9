"""Where the compiler puts the parts of a storage variable.

Source: Solidity documentation, "Layout of State Variables in Storage".
"""

from typing import Final

from ledger.core.chain.keccak import keccak256
from ledger.errors import MalformedProofError

WORD: Final = 2**256


def to_word(value: int) -> bytes:
    """A number as a word, 32 bytes; a plain variable's slot is that of its number.

    Raises:
        MalformedProofError: It does not fit.
    """
    if not 0 <= value < WORD:
        raise MalformedProofError(f"word: expected 0 to {WORD - 1}, found {value}")
    return value.to_bytes(32, "big")


def mapping_slot(key: bytes, slot: bytes) -> bytes:
    """The slot of a mapping's value.

    Args:
        key: As a word, 32 bytes.
        slot: Of the mapping, 32 bytes.

    Raises:
        MalformedProofError: The key is no word.
    """
    if len(key) != 32:
        raise MalformedProofError(f"mapping key: expected 32 bytes, found {len(key)}")
    return keccak256(key + slot)


def element_slot(slot: bytes, index: int, *, per_word: int = 1) -> tuple[bytes, int]:
    """The slot of an element of a dynamic array, whose length stands at the array's own slot.

    Args:
        slot: Of the array, 32 bytes.
        index: Of the element, from 0.
        per_word: Elements that share a word.

    Returns:
        The slot, and the element's place in the word, from the low end.
    """
    base = int.from_bytes(keccak256(slot), "big")
    return to_word((base + index // per_word) % WORD), index % per_word
