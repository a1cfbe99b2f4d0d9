"""The tree of RFC 9162 against the recursion of the RFC, for every size 0 to 130."""

import hashlib
import random

import pytest
from merkle_oracle import inclusion, mth, subproof

from ledger.core.merkle import (
    EMPTY_ROOT,
    hash_children,
    hash_leaf,
    root_from_path,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from ledger.core.stream.log import MerkleLog
from ledger.errors import MalformedProofError, RootMismatchError

SIZES = range(131)
LEAVES = [hash_leaf(bytes([size])) for size in SIZES]
OTHER = bytes(32)
REFUSALS = (MalformedProofError, RootMismatchError)


def filled(size):
    log = MerkleLog()
    log.extend(LEAVES[:size])
    return log


def test_known_roots_of_rfc6962_test_data():
    # The eight leaves of the reference implementations of certificate transparency.
    texts = ["", "00", "10", "2021", "3031", "40414243"]
    texts += ["5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [hash_leaf(bytes.fromhex(text)) for text in texts]
    assert leaves[0].hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert root_hash(leaves).hex() == (
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )
    assert EMPTY_ROOT == root_hash([]) == hashlib.sha256(b"").digest()


def test_leaf_and_node_hashes_are_separated():
    assert hash_leaf(LEAVES[0] + LEAVES[1]) != hash_children(LEAVES[0], LEAVES[1])
    assert hash_children(LEAVES[0], LEAVES[1]) == (
        hashlib.sha256(b"\x01" + LEAVES[0] + LEAVES[1]).digest()
    )


def test_root_hash_every_size_equals_the_recursion():
    for size in SIZES:
        assert root_hash(LEAVES[:size]) == mth(LEAVES[:size])


def test_root_hash_of_short_leaf_hash_raises_malformed_proof():
    with pytest.raises(MalformedProofError):
        root_hash([LEAVES[0], b"short"])


def test_log_every_size_has_the_root_and_paths_of_the_recursion():
    log = filled(130)
    for size in range(1, 131):
        leaves = LEAVES[:size]
        assert log.root(size) == mth(leaves)
        for index in range(size):
            path = log.inclusion_path(index, size)
            assert path == tuple(inclusion(index, leaves))
            verify_inclusion(
                leaf_hash=leaves[index],
                index=index,
                tree_size=size,
                path=path,
                root_hash=log.root(size),
            )


def test_log_every_pair_of_sizes_has_the_consistency_path_of_the_recursion():
    log = filled(130)
    for new in range(1, 131):
        for old in range(1, new + 1):
            path = log.consistency_path(old, new)
            assert path == tuple(subproof(old, LEAVES[:new], True))
            verify_consistency(
                old_size=old,
                new_size=new,
                path=path,
                old_root=log.root(old),
                new_root=log.root(new),
            )


def test_log_all_pairs_up_to_33_verify_only_with_their_own_sizes():
    log = filled(33)
    for new in range(1, 34):
        for old in range(1, new + 1):
            path = log.consistency_path(old, new)
            roots = {"old_root": log.root(old), "new_root": log.root(new)}
            verify_consistency(old_size=old, new_size=new, path=path, **roots)
            for wrong_old, wrong_new in ((old + 1, new), (old - 1, new), (old, new + 1)):
                # A path that fits another size still meets a root that is not that size's.
                _refuse_sizes(log, wrong_old, wrong_new, path)


def _refuse_sizes(log, old, new, path):
    if not 1 <= old <= new <= log.size or path == log.consistency_path(old, new):
        return
    roots = {"old_root": log.root(old), "new_root": log.root(new)}
    with pytest.raises(REFUSALS):
        verify_consistency(old_size=old, new_size=new, path=path, **roots)


def test_log_append_gives_the_index_and_past_sizes_stay():
    log, roots = MerkleLog(), [EMPTY_ROOT]
    assert log.root() == log.root(0) == EMPTY_ROOT
    for index, leaf in enumerate(LEAVES):
        assert log.append(leaf) == index
        assert log.leaf_hash(index) == leaf
        roots.append(log.root())
    assert log.size == 131
    assert [log.root(size) for size in range(132)] == roots


def test_log_extend_with_one_short_hash_adds_nothing():
    log = filled(5)
    before = log.root()
    with pytest.raises(MalformedProofError):
        log.extend([LEAVES[5], LEAVES[6], b"short"])
    with pytest.raises(MalformedProofError):
        log.append(b"")
    assert (log.size, log.root()) == (5, before)


def test_log_outside_its_size_is_refused():
    log = filled(7)
    calls = [
        lambda: log.root(8),
        lambda: log.root(-1),
        lambda: log.leaf_hash(7),
        lambda: log.leaf_hash(-1),
        lambda: log.inclusion_path(7, 7),
        lambda: log.inclusion_path(-1, 7),
        lambda: log.inclusion_path(0, 0),
        lambda: log.inclusion_path(0, 8),
        lambda: log.consistency_path(0, 7),
        lambda: log.consistency_path(5, 4),
        lambda: log.consistency_path(7, 8),
    ]
    for call in calls:
        with pytest.raises(MalformedProofError):
            call()


def flips(hashes):
    """Every hash with one bit flipped, at both ends and in the middle."""
    for position, one in enumerate(hashes):
        for bit in (0, 100, 255):
            changed = (int.from_bytes(one, "big") ^ 1 << bit).to_bytes(32, "big")
            yield [*hashes[:position], changed, *hashes[position + 1 :]]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 64, 65, 127, 130])
def test_verify_inclusion_every_flipped_bit_is_refused(size):
    log = filled(size)
    for index in {0, size // 2, size - 1}:
        honest = [LEAVES[index], log.root(), *log.inclusion_path(index, size)]
        for leaf, root, *path in flips(honest):
            with pytest.raises(RootMismatchError) as caught:
                verify_inclusion(
                    leaf_hash=leaf, index=index, tree_size=size, path=path, root_hash=root
                )
            assert caught.value.expected == root != caught.value.computed


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 64, 65, 130])
def test_verify_inclusion_truncated_lengthened_or_reordered_path_is_refused(size):
    log = filled(size)
    for index in {0, size // 2, size - 1}:
        path = list(log.inclusion_path(index, size))
        faults = [[*path, OTHER], [OTHER, *path], [*path, *path, OTHER], [*path, b"short"]]
        faults += [path[:-1], path[1:]] if path else []
        faults += [path[::-1]] if len(path) > 1 else []
        faults += [[*path[:-1], path[-1][:31]]] if path else []
        for fault in faults:
            with pytest.raises(REFUSALS):
                verify_inclusion(
                    leaf_hash=LEAVES[index],
                    index=index,
                    tree_size=size,
                    path=fault,
                    root_hash=log.root(),
                )


def test_verify_inclusion_wrong_index_is_refused_at_every_size():
    log = filled(40)
    for size in range(1, 41):
        for index in range(size):
            path = log.inclusion_path(index, size)
            for wrong in {index ^ 1, index + 1, index - 1, size - 1 - index, size, -1} - {index}:
                with pytest.raises(REFUSALS):
                    verify_inclusion(
                        leaf_hash=LEAVES[index],
                        index=wrong,
                        tree_size=size,
                        path=path,
                        root_hash=log.root(size),
                    )


def test_verify_inclusion_root_of_another_size_is_refused():
    log = filled(40)
    for size in range(1, 40):
        with pytest.raises(REFUSALS):
            verify_inclusion(
                leaf_hash=LEAVES[0],
                index=0,
                tree_size=size + 1,
                path=log.inclusion_path(0, size),
                root_hash=log.root(size + 1),
            )


def test_verify_inclusion_swapped_siblings_raises_root_mismatch():
    log = filled(8)
    first, second, third = log.inclusion_path(3, 8)
    with pytest.raises(RootMismatchError):
        verify_inclusion(
            leaf_hash=LEAVES[3],
            index=3,
            tree_size=8,
            path=[second, first, third],
            root_hash=log.root(),
        )


def test_verify_inclusion_inner_node_as_leaf_is_refused():
    # The classic confusion of levels: a node stands where a leaf is claimed.
    log = filled(8)
    node = hash_children(LEAVES[0], LEAVES[1])
    with pytest.raises(REFUSALS):
        verify_inclusion(
            leaf_hash=node,
            index=0,
            tree_size=8,
            path=log.inclusion_path(0, 8)[1:],
            root_hash=log.root(),
        )


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (5, 5), (-1, 5), (2**64, 2**64)])
def test_root_from_path_index_outside_raises_malformed_proof(index, size):
    with pytest.raises(MalformedProofError, match="index"):
        root_from_path(leaf_hash=LEAVES[0], index=index, tree_size=size, path=[])


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (-1, 5), (6, 5)])
def test_verify_consistency_sizes_out_of_order_raise_malformed_proof(old, new):
    with pytest.raises(MalformedProofError, match="sizes"):
        verify_consistency(
            old_size=old, new_size=new, path=[], old_root=EMPTY_ROOT, new_root=EMPTY_ROOT
        )


def test_verify_consistency_equal_sizes_want_equal_roots_and_no_path():
    root = filled(6).root()
    verify_consistency(old_size=6, new_size=6, path=[], old_root=root, new_root=root)
    with pytest.raises(RootMismatchError):
        verify_consistency(old_size=6, new_size=6, path=[], old_root=root, new_root=OTHER)
    with pytest.raises(MalformedProofError):
        verify_consistency(old_size=6, new_size=6, path=[root], old_root=root, new_root=root)


@pytest.mark.parametrize(
    ("old", "new"), [(1, 2), (2, 3), (3, 4), (4, 7), (6, 8), (7, 8), (8, 9), (64, 130), (65, 130)]
)
def test_verify_consistency_every_fault_is_refused(old, new):
    log = filled(new)
    sizes = {"old_size": old, "new_size": new}
    honest = [log.root(old), log.root(), *log.consistency_path(old, new)]
    for old_root, new_root, *path in flips(honest):
        with pytest.raises(RootMismatchError):
            verify_consistency(path=path, old_root=old_root, new_root=new_root, **sizes)
    old_root, new_root, *path = honest
    faults = [path[:-1], path[1:], [*path, OTHER], [OTHER, *path], [*path, old_root], []]
    faults += [[*path[:-1], b""]]
    faults += [path[::-1]] if len(path) > 1 else []
    for fault in faults:
        with pytest.raises(REFUSALS):
            verify_consistency(path=fault, old_root=old_root, new_root=new_root, **sizes)
    with pytest.raises(REFUSALS):
        verify_consistency(path=path, old_root=new_root, new_root=old_root, **sizes)


def test_verify_consistency_of_a_rewritten_log_is_refused():
    honest, rewritten = filled(20), MerkleLog()
    rewritten.extend([*LEAVES[:4], OTHER, *LEAVES[5:30]])
    for old in range(5, 21):
        with pytest.raises(REFUSALS):
            verify_consistency(
                old_size=old,
                new_size=30,
                path=rewritten.consistency_path(old, 30),
                old_root=honest.root(old),
                new_root=rewritten.root(),
            )


def test_paths_of_random_bytes_never_verify_nor_crash():
    source = random.Random(9162)
    for _ in range(300):
        size, index = source.randrange(1, 70), source.randrange(-2, 72)
        path = [source.randbytes(32) for _ in range(source.randrange(9))]
        with pytest.raises(REFUSALS):
            verify_inclusion(
                leaf_hash=OTHER, index=index, tree_size=size, path=path, root_hash=OTHER
            )
        with pytest.raises(REFUSALS):
            verify_consistency(
                old_size=size, new_size=size + index, path=path, old_root=OTHER, new_root=LEAVES[0]
            )


def test_verify_inclusion_byte_moved_between_two_hashes_raises_malformed_proof():
    # Concatenated the bytes are the same, so only the lengths give the lie away.
    log = filled(8)
    path = log.inclusion_path(0, 8)
    for cut in (1, 31, 32):
        with pytest.raises(MalformedProofError, match="32 bytes"):
            verify_inclusion(
                leaf_hash=LEAVES[0] + path[0][:cut],
                index=0,
                tree_size=8,
                path=[path[0][cut:], *path[1:]],
                root_hash=log.root(),
            )


def test_verify_consistency_byte_moved_between_two_hashes_raises_malformed_proof():
    log = filled(8)
    first, *rest = log.consistency_path(7, 8)
    moved = [first + rest[0][:1], rest[0][1:], *rest[1:]]
    roots = {"old_root": log.root(7), "new_root": log.root()}
    with pytest.raises(MalformedProofError, match="32 bytes"):
        verify_consistency(old_size=7, new_size=8, path=moved, **roots)


@pytest.mark.parametrize("size", [1, 2, 5, 8, 130])
def test_root_from_path_wrong_length_names_the_fault(size):
    path = filled(size).inclusion_path(size - 1, size)
    place = {"leaf_hash": LEAVES[size - 1], "index": size - 1, "tree_size": size}
    with pytest.raises(MalformedProofError, match="longer"):
        root_from_path(path=[*path, OTHER], **place)
    if path:
        with pytest.raises(MalformedProofError, match="shorter"):
            root_from_path(path=path[:-1], **place)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (3, 5), (4, 8), (6, 8), (65, 130)])
def test_verify_consistency_wrong_length_names_the_fault(old, new):
    log = filled(new)
    path = log.consistency_path(old, new)
    known = {"old_size": old, "new_size": new, "old_root": log.root(old), "new_root": log.root()}
    with pytest.raises(MalformedProofError, match="longer"):
        verify_consistency(path=[*path, OTHER], **known)
    with pytest.raises(MalformedProofError, match=r"shorter|at least one"):
        verify_consistency(path=path[:-1], **known)
