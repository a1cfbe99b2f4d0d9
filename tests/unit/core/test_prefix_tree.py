"""The map's tree: known shapes, and every proof that must be refused."""

import random
from dataclasses import replace

import pytest
from prefix_tree_oracle import node, proof

from ledger.core.prefix_tree import (
    EMPTY,
    KEYS_PER_BUCKET,
    MapProof,
    PrefixTree,
    hash_leaf,
    hash_node,
    prove,
    root,
    verify,
)
from ledger.errors import MalformedProofError, RootMismatchError

REFUSALS = (MalformedProofError, RootMismatchError)
SOURCE = random.Random(20261123)
VALUE = b"v" * 32


def flip(data, bit):
    """The bytes with one bit flipped; bit 0 is the most significant."""
    size = len(data)
    return (int.from_bytes(data, "big") ^ 1 << (8 * size - 1 - bit)).to_bytes(size, "big")


KEY = SOURCE.randbytes(32)
LADDER = {flip(KEY, depth): SOURCE.randbytes(32) for depth in range(256)}
"""A neighbour that leaves the key's path at every depth: with it the path has 256 siblings."""


def grown(count, seed=1):
    source = random.Random(seed)
    return {source.randbytes(32): source.randbytes(32) for _ in range(count)}


def test_root_small_maps_follow_the_formula():
    low, high = bytes(32), b"\x80" + bytes(31)
    middle = b"\x40" + bytes(31)
    a, b, c = (hash_leaf(key, VALUE) for key in (low, high, middle))
    assert root({}) == bytes(32) == EMPTY
    assert root({low: VALUE}) == a
    assert root({low: VALUE, high: VALUE}) == hash_node(a, b)
    # Two keys that agree on bit 0: a missing child is 32 zero bytes.
    assert root({low: VALUE, middle: VALUE}) == hash_node(hash_node(a, c), EMPTY)
    assert root({low: VALUE, middle: VALUE, high: VALUE}) == hash_node(hash_node(a, c), b)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10, 100, 300])
def test_root_and_proofs_equal_the_definition(count):
    items = grown(count)
    tree = PrefixTree(items)
    assert root(items) == tree.root() == node(items)
    for key in [*list(items)[:15], *grown(15, seed=2)]:
        siblings, end = proof(items, key)
        assert prove(items, key) == tree.prove(key) == MapProof(siblings, end)
        verify(root=tree.root(), key=key, value=items.get(key), proof=tree.prove(key))


def test_ladder_of_256_siblings_equals_the_definition():
    items = {**LADDER, KEY: VALUE}
    tree = PrefixTree(items)
    assert tree.root() == root(items) == node(items)
    found = tree.prove(KEY)
    assert len(found.siblings) == 256
    assert found == prove(items, KEY) == MapProof(*proof(items, KEY))
    verify(root=tree.root(), key=KEY, value=VALUE, proof=found)


@pytest.mark.parametrize("depth", [0, 1, 7, 8, 23, 24, 31, 32, 127, 254, 255])
def test_two_keys_that_part_at_a_depth_have_zero_siblings_above(depth):
    items = {KEY: VALUE, flip(KEY, depth): b"w" * 32}
    found = PrefixTree(items).prove(KEY)
    assert found.siblings == (EMPTY,) * depth + (hash_leaf(flip(KEY, depth), b"w" * 32),)
    assert PrefixTree(items).root() == root(items)
    verify(root=root(items), key=KEY, value=VALUE, proof=found)


@pytest.mark.parametrize("depth", range(257))
def test_absence_of_an_existing_key_cannot_be_proved_at_any_depth(depth):
    # The key stands at the given depth: one neighbour per level above it.
    items = {flip(KEY, level): VALUE for level in range(depth)}
    items[KEY] = VALUE
    top, honest = root(items), prove(items, KEY)
    assert len(honest.siblings) == depth
    neighbour = flip(KEY, 255)
    forgeries = [
        honest,
        replace(honest, end=None),
        replace(honest, end=(neighbour, VALUE)),
        MapProof(honest.siblings[:-1], None),
        MapProof(honest.siblings[:-1], (neighbour, VALUE)),
        MapProof((), None),
        MapProof((), (neighbour, VALUE)),
    ]
    # A true proof of absence of a neighbour, shown for the key.
    forgeries.append(prove(items, neighbour) if neighbour not in items else honest)
    if depth < 256:
        forgeries.append(MapProof((*honest.siblings, EMPTY), None))
        forgeries.append(MapProof((*honest.siblings, hash_leaf(KEY, VALUE)), None))
    for forgery in forgeries:
        with pytest.raises(REFUSALS):
            verify(root=top, key=KEY, value=None, proof=forgery)


def test_presence_of_an_absent_key_cannot_be_proved():
    items = grown(50)
    top = root(items)
    other = next(iter(items))
    for key in grown(30, seed=3):
        honest = prove(items, key)
        for end in (honest.end, None, (key, VALUE), (other, items[other])):
            for siblings in (honest.siblings, prove(items, other).siblings, ()):
                with pytest.raises(REFUSALS):
                    verify(root=top, key=key, value=VALUE, proof=MapProof(siblings, end))


def test_absence_by_the_key_itself_is_malformed():
    items = grown(9)
    key = next(iter(items))
    with pytest.raises(MalformedProofError, match="the key itself"):
        verify(root=root(items), key=key, value=None, proof=prove(items, key))


def test_absence_by_a_leaf_that_stands_elsewhere_is_malformed():
    # The root is right for the other key's own path; only the shared bits give the lie away.
    left, right = b"\x00" * 32, b"\xff" * 32
    items = {left: VALUE, right: VALUE}
    with pytest.raises(MalformedProofError, match="shares the path"):
        verify(root=root(items), key=left, value=None, proof=prove(items, right))


@pytest.mark.parametrize("shared", [0, 1, 5, 100])
def test_absence_by_another_leaf_needs_all_bits_of_the_path(shared):
    key = flip(KEY, shared)
    fits = MapProof((EMPTY,) * shared, (key, VALUE))
    short = MapProof((EMPTY,) * (shared + 1), (key, VALUE))
    with pytest.raises(RootMismatchError):
        verify(root=EMPTY, key=KEY, value=None, proof=fits)
    with pytest.raises(MalformedProofError, match="shares the path"):
        verify(root=EMPTY, key=KEY, value=None, proof=short)


def test_empty_map_proves_absence_only_by_nothing():
    verify(root=EMPTY, key=KEY, value=None, proof=MapProof((), None))
    for forgery in (MapProof((), (KEY, VALUE)), MapProof((EMPTY,), None)):
        with pytest.raises(REFUSALS):
            verify(root=EMPTY, key=KEY, value=None, proof=forgery)
    with pytest.raises(MalformedProofError):
        verify(root=EMPTY, key=KEY, value=VALUE, proof=MapProof((), None))


@pytest.mark.parametrize("seed", [1, 2])
def test_every_flipped_bit_of_a_proof_is_refused(seed):
    items = grown(40, seed)
    top = root(items)
    for key, value in [*list(items.items())[:4], *[(key, None) for key in grown(4, seed + 10)]]:
        honest = prove(items, key)
        verify(root=top, key=key, value=value, proof=honest)
        forgeries = [
            MapProof((*honest.siblings[:i], flip(one, bit), *honest.siblings[i + 1 :]), honest.end)
            for i, one in enumerate(honest.siblings)
            for bit in (0, 77, 255)
        ]
        if honest.end is not None:
            forgeries += [
                replace(honest, end=(flip(honest.end[0], 255), honest.end[1])),
                replace(honest, end=(honest.end[0], flip(honest.end[1], 0))),
            ]
        for forgery in forgeries:
            with pytest.raises(REFUSALS):
                verify(root=top, key=key, value=value, proof=forgery)
        for bit in (0, 128, 255):
            with pytest.raises(RootMismatchError) as caught:
                verify(root=flip(top, bit), key=key, value=value, proof=honest)
            assert (caught.value.expected, caught.value.computed) == (flip(top, bit), top)


def test_truncated_lengthened_swapped_and_reversed_paths_are_refused():
    items = grown(200)
    top = root(items)
    for key in list(items)[:10]:
        siblings, end = prove(items, key).siblings, (key, items[key])
        faults = [siblings[:-1], siblings[1:], (), siblings[::-1], (*siblings, EMPTY)]
        faults += [(EMPTY, *siblings), (siblings[1], siblings[0], *siblings[2:])]
        for fault in faults:
            with pytest.raises(REFUSALS):
                verify(root=top, key=key, value=items[key], proof=MapProof(fault, end))


def test_wrong_value_is_refused_for_every_claim():
    items = grown(20)
    key = next(iter(items))
    honest = prove(items, key)
    for proof_ in (honest, replace(honest, end=(key, VALUE))):
        with pytest.raises(REFUSALS):
            verify(root=root(items), key=key, value=VALUE, proof=proof_)


@pytest.mark.parametrize(
    ("key", "siblings", "end"),
    [
        (KEY[1:], (), None),
        (KEY + b"\x00", (), None),
        (KEY, (bytes(31),), None),
        (KEY, (bytes(32), b""), None),
        (KEY, (), (bytes(31), VALUE)),
        (KEY, (), (bytes(32), VALUE + b"\x00")),
        (KEY, (EMPTY,) * 257, None),
    ],
)
def test_verify_wrong_lengths_raise_malformed_proof(key, siblings, end):
    with pytest.raises(MalformedProofError):
        verify(root=EMPTY, key=key, value=None, proof=MapProof(siblings, end))


@pytest.mark.parametrize("items", [{KEY[1:]: VALUE}, {KEY: VALUE[1:]}, {b"": b""}])
def test_items_of_wrong_length_are_refused_and_change_nothing(items):
    with pytest.raises(MalformedProofError):
        root(items)
    with pytest.raises(MalformedProofError):
        prove(items, KEY)
    with pytest.raises(MalformedProofError):
        PrefixTree(items)
    tree = PrefixTree(grown(20))
    before = tree.root()
    with pytest.raises(MalformedProofError):
        tree.update({**grown(3, seed=5), **items})
    assert (len(tree), tree.root()) == (20, before)


def test_prove_and_get_key_of_wrong_length_are_refused():
    for short in (KEY[1:], b""):
        with pytest.raises(MalformedProofError):
            prove({KEY: VALUE}, short)
        with pytest.raises(MalformedProofError):
            PrefixTree({KEY: VALUE}).prove(short)
        with pytest.raises(MalformedProofError):
            PrefixTree({KEY: VALUE}).get(short)


def test_tree_update_sets_changes_and_drops():
    tree = PrefixTree()
    assert (len(tree), tree.root(), tree.get(KEY)) == (0, EMPTY, None)
    tree.update({KEY: VALUE})
    assert (len(tree), tree.root(), tree.get(KEY)) == (1, hash_leaf(KEY, VALUE), VALUE)
    tree.update({KEY: b"w" * 32})
    assert (len(tree), tree.get(KEY)) == (1, b"w" * 32)
    tree.update({KEY: None, flip(KEY, 255): None})
    assert (len(tree), tree.root(), tree.get(KEY)) == (0, EMPTY, None)
    tree.update({})
    assert tree.root() == EMPTY


def test_tree_grown_by_batches_and_emptied_again_equals_the_pure_root():
    items, tree = grown(3000), PrefixTree()
    keys = list(items)
    for start in range(0, 3000, 250):
        tree.update({key: items[key] for key in keys[start : start + 250]})
    assert (len(tree), tree.root()) == (3000, root(items))
    for start in range(0, 3000, 500):
        tree.update(dict.fromkeys(keys[start : start + 500]))
        left = {key: items[key] for key in keys[start + 500 :]}
        assert (len(tree), tree.root()) == (len(left), root(left))
        for key in (keys[start], keys[-1]):
            verify(root=tree.root(), key=key, value=left.get(key), proof=tree.prove(key))


def test_tree_grows_so_that_buckets_stay_small():
    # Every change and proof hashes one bucket: the time they take hangs on this.
    tree = PrefixTree()
    for seed in range(8):
        tree.update(grown(500, seed))
        rows = [len(bucket) // 64 for bucket in tree._buckets]
        assert sum(rows) == len(tree)
        assert max(rows) <= 20
    assert len(tree) / len(rows) <= KEYS_PER_BUCKET


def test_tree_with_keys_that_share_a_long_prefix_equals_the_pure_root():
    # Nobody can find such outputs of a VRF, but a dishonest region may write any key.
    prefix = SOURCE.randbytes(20)
    items = {prefix + SOURCE.randbytes(12): SOURCE.randbytes(32) for _ in range(400)}
    items |= grown(50)
    tree = PrefixTree()
    for key, value in items.items():
        tree.update({key: value})
    assert tree.root() == root(items)
    for key in [*list(items)[::40], prefix + bytes(12)]:
        assert tree.prove(key) == prove(items, key)


def test_tree_does_not_keep_the_mapping_it_was_given():
    items = grown(5)
    tree = PrefixTree(items)
    before = tree.root()
    items.clear()
    assert (len(tree), tree.root()) == (5, before)
