"""The right edge of a log has the root of the whole log."""

import hashlib

import pytest

from ledger.core.merkle import hash_leaf, root_hash
from ledger.core.stream.frontier import Frontier
from ledger.errors import MalformedProofError

LEAVES = [hash_leaf(bytes([number])) for number in range(200)]


def grown(size: int) -> Frontier:
    frontier = Frontier()
    frontier.extend(LEAVES[:size])
    return frontier


def test_root_is_the_trees_root_at_every_size() -> None:
    frontier = Frontier()
    assert frontier.root() == hashlib.sha256(b"").digest()
    for size, leaf in enumerate(LEAVES, 1):
        frontier.append(0, leaf)
        assert frontier.size == size
        assert frontier.root() == root_hash(LEAVES[:size])


@pytest.mark.parametrize("height", [1, 2, 4])
@pytest.mark.parametrize("rest", [0, 1, 3])
def test_subtrees_lead_to_the_same_root_as_their_leaves(height: int, rest: int) -> None:
    width = 1 << height
    for count in range(1, 10):
        frontier = Frontier()
        for start in range(0, count * width, width):
            frontier.append(height, root_hash(LEAVES[start : start + width]))
        end = count * width + rest
        frontier.extend(LEAVES[count * width : end])
        assert (frontier.size, frontier.root()) == (end, root_hash(LEAVES[:end]))


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 100, 199])
def test_cut_leaves_the_greatest_whole_multiple(size: int) -> None:
    cut = grown(size).cut(4)
    assert cut.size == size - size % 16
    assert cut.root() == grown(cut.size).root()


def test_copy_goes_its_own_way() -> None:
    frontier = grown(7)
    twin = frontier.copy()
    twin.append(0, LEAVES[7])
    assert (frontier.size, frontier.root()) == (7, root_hash(LEAVES[:7]))
    assert (twin.size, twin.root()) == (8, root_hash(LEAVES[:8]))


@pytest.mark.parametrize(("size", "height"), [(1, 1), (2, 2), (6, 2), (17, 4)])
def test_subtree_that_does_not_fit_the_size_is_refused(size: int, height: int) -> None:
    frontier = grown(size)
    with pytest.raises(MalformedProofError, match="multiple"):
        frontier.append(height, LEAVES[0])
    assert frontier.root() == root_hash(LEAVES[:size])


@pytest.mark.parametrize("root", [b"", b"\x01" * 31, b"\x01" * 33])
def test_subtree_without_a_hash_is_refused(root: bytes) -> None:
    with pytest.raises(MalformedProofError, match="32 bytes"):
        Frontier().append(0, root)
