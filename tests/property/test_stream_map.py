"""The map kept up to date equals the naive reading of its definition, through any history."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger.core import prefix_tree
from ledger.core.merkle import hash_leaf
from ledger.core.prefix_tree import EMPTY, verify
from ledger.core.stream import bucket_tree, stream_map
from ledger.core.stream.entry import Entry, encode_entry, opening_entry, parse_change, parse_entry
from ledger.core.stream.item_list import list_root, list_value
from ledger.core.stream.log import MerkleLog
from ledger.core.stream.long_list import LongList
from ledger.core.stream.map_function import MapState, replay
from ledger.core.stream.stream_map import StreamMap
from ledger.errors import MalformedProofError, MalformedRecordError

# Keys that part at every kind of depth: within a bucket, a page, the levels above.
KEYS = [
    *(bytes([number]) + bytes(31) for number in (0, 4, 8, 16, 64, 128)),
    *(bytes([0, number]) + bytes(30) for number in (1, 2, 128)),
    *(bytes(31) + bytes([number]) for number in (1, 2)),
    b"\xff" * 32,
]
CHANGES = st.tuples(
    st.sampled_from(KEYS), st.sampled_from(["put", "put", "put", "drop"]), st.integers(0, 3)
)


def entry_of(log, change):
    """A put, or something that mostly removes an item the key has."""
    key, op, choice = change
    mine = [i for i, data in enumerate(log) if i and parse_entry(data).key == key]
    replaces = mine[choice % len(mine)] if mine and choice and op == "drop" else None
    if op == "put" and choice == 3 and mine:
        replaces = mine[0]
    return encode_entry(Entry(len(log).to_bytes(32, "big"), key, op, replaces))


class AnyHistory(RuleBasedStateMachine):
    """Takes, copies and copies thrown away; every map that stands is what it was."""

    def __init__(self):
        super().__init__()
        self.entries = [opening_entry("310000", "records", 1)]
        self.log = MerkleLog()
        self.log.extend([hash_leaf(self.entries[0])])
        self.maps = [StreamMap(self.log)]
        self.maps[0].take(self.entries)
        self.roots = {}

    @rule(changes=st.lists(CHANGES, max_size=12), which=st.integers(0, 3))
    def take(self, changes, which):
        one = self.maps[which % len(self.maps)]
        while len(self.entries) < one.size + len(changes):
            self.entries.append(entry_of(self.entries, changes[len(self.entries) % len(changes)]))
            self.log.append(hash_leaf(self.entries[-1]))
        before = {key: one.indices(key) for key in KEYS}
        touched = one.take(self.entries[one.size : one.size + len(changes)])
        assert touched >= {key for key in KEYS if before[key] != one.indices(key)}

    @rule(changes=st.lists(CHANGES, min_size=1, max_size=25))
    def take_many_at_once(self, changes):
        for change in changes:
            self.entries.append(entry_of(self.entries, change))
            self.log.append(hash_leaf(self.entries[-1]))
        newest = self.maps[-1]
        newest.take(self.entries[newest.size :])

    @rule(which=st.integers(0, 3))
    def copy(self, which):
        self.maps.append(self.maps[which % len(self.maps)].copy())
        self.maps = self.maps[-4:]

    @invariant()
    def every_map_is_the_replay_of_its_entries(self):
        for one in self.maps:
            state = replay(self.entries[: one.size])
            items = {key: state.value(key) for key in state.lists}
            assert one.root() == prefix_tree.root(items)
            for key in KEYS:
                pairs = state.lists.get(key, [])
                assert one.indices(key) == tuple(index for index, _leaf in pairs)
                assert one.count(key) == len(pairs)
                assert one.value(key) == items.get(key)
                assert one.prove(key) == prefix_tree.prove(items, key)


AnyHistory.TestCase.settings = settings(max_examples=30, stateful_step_count=8, deadline=None)


class TestShortListsOnly(AnyHistory.TestCase):
    """Every list fits beside its key."""


class TestLongLists(AnyHistory.TestCase):
    """Lists of more than two items have trees of their own, in crowded buckets."""

    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        monkeypatch.setattr(stream_map, "LONG", 2)
        monkeypatch.setattr(bucket_tree, "ROWS_PER_BUCKET", 1)


def entries_of(count, seed=1, keys=None):
    source = random.Random(seed)
    return [
        encode_entry(
            Entry(
                source.randbytes(32),
                keys[i % len(keys)] if keys else source.randbytes(32),
                "put",
                None,
            )
        )
        for i in range(count)
    ]


def grown(entries, batch):
    log = MerkleLog()
    log.extend([hash_leaf(entry) for entry in entries])
    one = StreamMap(log)
    for start in range(0, len(entries), batch):
        one.take(entries[start : start + batch])
        one.root()
    return one


@pytest.mark.parametrize("batch", [97, 500, 3000])
def test_map_grown_by_batches_equals_the_definition(batch):
    entries = [b"opening", *entries_of(2999)]
    one, state = grown(entries, batch), replay(entries)
    items = {key: state.value(key) for key in state.lists}
    assert one.root() == prefix_tree.root(items)
    source = random.Random(7)
    for key in [*list(items)[::100], *(source.randbytes(32) for _ in range(50))]:
        proof = one.prove(key)
        assert proof == prefix_tree.prove(items, key)
        verify(root=one.root(), key=key, value=items.get(key), proof=proof)


def test_map_with_room_made_before_equals_one_that_grew():
    entries = [b"opening", *entries_of(1500)]
    log = MerkleLog()
    log.extend([hash_leaf(entry) for entry in entries])
    roomy = StreamMap(log, keys=100_000)
    roomy.take(entries)
    assert roomy.root() == grown(entries, 50).root()


def test_map_of_keys_that_share_a_long_prefix_equals_the_definition():
    # Nobody can find such outputs of a VRF, but a dishonest region may write any key.
    source = random.Random(3)
    prefix = source.randbytes(20)
    keys = [prefix + source.randbytes(12) for _ in range(200)] + [source.randbytes(32)]
    entries = [b"opening", *entries_of(300, keys=keys)]
    one, state = grown(entries, 40), replay(entries)
    items = {key: state.value(key) for key in state.lists}
    assert one.root() == prefix_tree.root(items)
    for key in [*keys[::20], prefix + bytes(12)]:
        assert one.prove(key) == prefix_tree.prove(items, key)


def test_map_finds_a_key_whose_bytes_stand_across_two_rows():
    # The rows of one bucket hold the key's bytes at a place where no row begins.
    first = bytes(28) + b"\x01\x02\x03\x04"
    crossing = first[4:] + bytes(4)
    entries = [b"opening", *entries_of(4, keys=[bytes(32), first])]
    one = grown(entries, 10)
    assert one.indices(crossing) == ()
    assert one.indices(bytes(32)) == (1, 3)
    assert one.indices(first) == (2, 4)


def test_map_keeps_a_long_list_without_replaying_it():
    """A put under a key with many items hashes what is new, not the list."""
    key = b"\x05" * 32
    entries = [b"opening", *entries_of(400, keys=[key])]
    one = grown(entries, 100)
    assert isinstance(one._long[key], LongList)
    before = one._long[key]
    other = one.copy()
    more = encode_entry(Entry(bytes(32), key, "put", None))
    drop = encode_entry(Entry(bytes(32), key, "drop", 7))
    nothing = encode_entry(Entry(bytes(32), key, "drop", 9999))
    for entry in (more, drop, nothing):
        one._log.append(hash_leaf(entry))
    other.take([more, drop, nothing])
    assert one.count(key) == 400 and one._long[key] is before
    pairs = replay([*entries, more, drop, nothing]).lists[key]
    assert other.value(key) == list_value(len(pairs), list_root(pairs))
    assert other.count(key) == 400


def test_map_long_list_that_shrinks_is_short_again_and_gone_at_last():
    key = b"\x05" * 32
    entries = [b"opening", *entries_of(70, keys=[key])]
    entries += [encode_entry(Entry(bytes(32), key, "drop", index)) for index in range(70, 0, -1)]
    one, state = StreamMap(MerkleLog()), MapState()
    one._log.extend([hash_leaf(entry) for entry in entries])
    for index, entry in enumerate(entries):
        one.take([entry])
        state.apply(index, entry)
        assert one.value(key) == state.value(key)
    assert (one.root(), one._long, one.indices(key)) == (EMPTY, {}, ())


def test_map_refuses_entries_the_log_does_not_have():
    one = StreamMap(MerkleLog())
    with pytest.raises(MalformedProofError):
        one.take([b"opening"])
    assert (one.size, one.root()) == (0, EMPTY)


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_map_refuses_to_prove_a_key_of_another_length(key):
    one = grown([b"opening", *entries_of(3)], 4)
    with pytest.raises(MalformedProofError):
        one.prove(key)


@given(
    st.binary(max_size=4)
    | st.builds(
        lambda key, op, replaces: encode_entry(Entry(bytes(32), key, op, replaces)),
        st.sampled_from(KEYS),
        st.sampled_from(["put", "drop"]),
        st.none() | st.integers(0, 2**53 - 1),
    )
)
def test_parse_change_says_what_parse_entry_says(data):
    try:
        entry = parse_entry(data)
    except MalformedRecordError:
        assert parse_change(data) is None
        return
    assert parse_change(data) == (entry.key, entry.op == "put", entry.replaces)


def test_parse_change_refuses_an_index_beyond_all_logs():
    data = encode_entry(Entry(bytes(32), KEYS[0], "drop", 9_007_199_254_740_991))
    assert parse_change(data) is not None
    assert parse_change(data.replace(b"740991", b"740992")) is None
    with pytest.raises(MalformedRecordError):
        parse_entry(data.replace(b"740991", b"740992"))
