"""Map function 1 and the lists it makes."""

import hashlib
import struct

import pytest
from merkle_oracle import mth

from ledger.core.merkle import hash_leaf, verify_inclusion
from ledger.core.stream.entry import Entry, encode_entry, opening_entry
from ledger.core.stream.item_list import list_leaf, list_path, list_root, list_value
from ledger.core.stream.map_function import MapState, replay
from ledger.errors import MalformedProofError

A, B = b"a" * 32, b"b" * 32
OPENING = opening_entry("310000", "records", 1)


def put(key=A, replaces=None, event=0):
    return encode_entry(Entry(bytes([event]) * 32, key, "put", replaces))


def drop(replaces, key=A):
    return encode_entry(Entry(bytes(32), key, "drop", replaces))


def indices(state, key=A):
    return [index for index, _ in state.lists.get(key, [])]


def test_replay_puts_append_index_and_leaf_hash():
    entries = [OPENING, put(), put(B), put(event=7)]
    state = replay(entries)
    assert state.lists == {
        A: [(1, hash_leaf(entries[1])), (3, hash_leaf(entries[3]))],
        B: [(2, hash_leaf(entries[2]))],
    }


def test_replay_put_with_replaces_moves_the_item_to_the_end():
    state = replay([OPENING, put(), put(), put(), put(replaces=2)])
    assert indices(state) == [1, 3, 4]


def test_replay_last_drop_removes_the_key():
    state = replay([OPENING, put(), drop(1)])
    assert state.lists == {}
    assert state.value(A) is None


@pytest.mark.parametrize("item", [1, 2, 3])
def test_replay_drop_of_any_position_keeps_the_others_in_order(item):
    state = replay([OPENING, put(), put(), put(), drop(item)])
    assert indices(state) == [index for index in (1, 2, 3) if index != item]


@pytest.mark.parametrize(
    "ineffective",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        OPENING,
        drop(None),
        drop(0),
        drop(2),
        drop(3),
        drop(4),
        drop(2**53 - 1),
        put(replaces=0),
        put(replaces=2),
        put(replaces=3),
        put(replaces=9),
        drop(1, key=B),
        put(B, replaces=1),
        drop(1, key=b"c" * 32),
        put().upper(),
        put() + b"\n",
    ],
)
def test_apply_ineffective_entry_changes_nothing(ineffective):
    # Key A holds item 1, key B item 2; index 3 is the entry under test itself.
    state = replay([OPENING, put(), put(B)])
    before = {key: list(items) for key, items in state.lists.items()}
    assert state.apply(3, ineffective) is None
    assert state.lists == before
    # It keeps its index: the next entry is number 4.
    assert state.apply(4, put()) == A
    assert indices(state) == [1, 4]


def test_apply_item_removed_once_cannot_be_removed_again():
    state = replay([OPENING, put(), put(), drop(1)])
    assert state.apply(4, drop(1)) is None
    assert state.apply(5, put(replaces=1)) is None
    assert indices(state) == [2]


def test_apply_index_zero_changes_nothing_whatever_its_bytes():
    for first in (put(), drop(0), b"", OPENING):
        state = MapState()
        assert state.apply(0, first) is None
        assert state.lists == {}


def test_apply_returns_the_key_that_changed():
    state = MapState()
    assert [state.apply(1, put()), state.apply(2, put(replaces=1)), state.apply(3, drop(2))] == [
        A,
        A,
        A,
    ]


def test_value_follows_the_formula():
    entries = [OPENING, put(), put(event=1), put(event=2), drop(2)]
    state = replay(entries)
    leaves = [
        hashlib.sha256(b"\x00" + struct.pack(">Q", i) + hash_leaf(entries[i])).digest()
        for i in (1, 3)
    ]
    text = b"credit-ledger/list/v1\x00" + struct.pack(">I", 2) + mth(leaves)
    assert state.value(A) == hashlib.sha256(text).digest()


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_list_path_of_every_position_verifies(count):
    pairs = [(3 * i + 1, bytes([i]) * 32) for i in range(count)]
    root = list_root(pairs)
    assert root == mth([list_leaf(*pair) for pair in pairs])
    for position, pair in enumerate(pairs):
        verify_inclusion(
            leaf_hash=list_leaf(*pair),
            index=position,
            tree_size=count,
            path=list_path(pairs, position),
            root_hash=root,
        )
    for outside in (-1, count):
        with pytest.raises(MalformedProofError):
            list_path(pairs, outside)


def test_list_value_depends_on_the_count():
    root = bytes(32)
    assert len({list_value(count, root) for count in (1, 2, 2**32 - 1)}) == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda: list_leaf(-1, bytes(32)),
        lambda: list_leaf(2**64, bytes(32)),
        lambda: list_leaf(0, bytes(31)),
        lambda: list_root([]),
        lambda: list_value(0, bytes(32)),
        lambda: list_value(2**32, bytes(32)),
        lambda: list_value(1, bytes(33)),
    ],
)
def test_list_outside_its_ranges_is_refused(call):
    with pytest.raises(MalformedProofError):
        call()


def test_list_leaf_takes_the_whole_range_of_indices():
    for index, text in ((0, bytes(8)), (2**64 - 1, b"\xff" * 8)):
        expected = hashlib.sha256(b"\x00" + text + bytes(32)).digest()
        assert list_leaf(index, bytes(32)) == expected
