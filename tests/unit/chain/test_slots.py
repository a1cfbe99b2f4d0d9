"""Slots of storage: what the compiler's documentation says, by hand."""

import pytest
from eth_abi import encode
from eth_utils import keccak

from ledger.core.chain.slots import element_slot, mapping_slot, to_word
from ledger.errors import MalformedProofError


def test_mapping_slot_is_the_hash_of_key_and_slot() -> None:
    expected = keccak(encode(["uint256", "uint256"], [7, 3]))
    assert mapping_slot(to_word(7), to_word(3)) == expected
    assert mapping_slot(to_word(9), expected) == keccak(to_word(9) + expected)


@pytest.mark.parametrize("length", [0, 20, 31, 33])
def test_mapping_key_that_is_no_word_is_refused(length: int) -> None:
    with pytest.raises(MalformedProofError, match="32 bytes"):
        mapping_slot(bytes(length), to_word(1))


@pytest.mark.parametrize("value", [-1, 2**256])
def test_word_out_of_range_is_refused(value: int) -> None:
    with pytest.raises(MalformedProofError, match="word"):
        to_word(value)


def test_element_slots_follow_the_hash_of_the_arrays_slot() -> None:
    base = int.from_bytes(keccak(to_word(2)), "big")
    for index in (0, 1, 7, 8, 63):
        assert element_slot(to_word(2), index) == (to_word(base + index), 0)
        assert element_slot(to_word(2), index, per_word=8) == (
            to_word(base + index // 8),
            index % 8,
        )
