"""Ranges of validators: found by few looks, and explained by votes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.chain.qbft import Vote
from ledger.core.trust.ranges import (
    MOST_CHANGES,
    Ballot,
    ListedBlock,
    change_between,
    find_ranges,
    require_votes,
)
from ledger.errors import ValidatorChangeError

NAMES = [bytes([number]) * 20 for number in range(1, 9)]
FIVE = frozenset(NAMES[:5])


class Chain:
    """Blocks whose sets change at given heights."""

    def __init__(self, first: frozenset[bytes], changes: dict[int, frozenset[bytes]]) -> None:
        self.first, self.changes = first, changes
        self.looks = 0

    def at(self, number: int) -> ListedBlock:
        self.looks += 1
        begun = [height for height in self.changes if height <= number]
        listed = self.changes[max(begun)] if begun else self.first
        return ListedBlock(number, number.to_bytes(32, "big"), 1_000 + number, listed)


def test_chain_without_change_has_one_open_range() -> None:
    chain = Chain(FIVE, {})
    (only,) = find_ranges(chain.at, 0, 10_000)
    assert (only.first_block, only.last_block, only.addresses) == (0, None, FIVE)
    assert chain.looks < 5


def test_change_closes_a_range_with_hash_and_time_of_its_last_block() -> None:
    chain = Chain(FIVE, {827: FIVE - {NAMES[4]}})
    before, after = find_ranges(chain.at, 0, 1_000_000)
    assert (before.first_block, before.last_block) == (0, 826)
    assert (before.last_hash, before.last_time) == ((826).to_bytes(32, "big"), 1_826)
    assert (after.first_block, after.addresses) == (827, FIVE - {NAMES[4]})
    assert chain.looks < 30


@given(
    st.lists(st.integers(1, 400), unique=True, max_size=12),
    st.integers(0, 7),
    st.integers(0, 50),
)
def test_ranges_are_the_sets_of_every_block(heights: list[int], turns: int, first: int) -> None:
    changes, present = {}, set(FIVE)
    for place, height in enumerate(sorted(heights)):
        # Each change brings a set that was never there before.
        present = {*NAMES[: 3 + turns % 2], bytes([9 + place]) * 20}
        changes[height] = frozenset(present)
    chain = Chain(FIVE, changes)
    ranges = find_ranges(chain.at, first, 450)
    assert ranges[0].first_block == first and ranges[-1].last_block is None
    for one, following in pairwise(ranges):
        assert one.last_block is not None and following.first_block == one.last_block + 1
    for number in range(first, 451):
        (own,) = (
            one
            for one in ranges
            if one.first_block <= number and (one.last_block is None or number <= one.last_block)
        )
        assert own.addresses == chain.at(number).validators


def test_more_changes_than_any_consortium_has_are_refused() -> None:
    sets = [frozenset({bytes([n // 256, n % 256]) * 10}) for n in range(MOST_CHANGES + 2)]
    chain = Chain(sets[0], {number: one for number, one in enumerate(sets[1:], 1)})
    with pytest.raises(ValidatorChangeError, match="changes"):
        find_ranges(chain.at, 0, MOST_CHANGES + 1)


def test_change_between_sets_is_one_who_comes_or_goes() -> None:
    four = FIVE - {NAMES[4]}
    assert change_between(FIVE, four) == Vote(NAMES[4], adds=False)
    assert change_between(four, FIVE) == Vote(NAMES[4], adds=True)
    for other in (FIVE, frozenset(NAMES[1:6]), frozenset(NAMES[:3]), frozenset(NAMES)):
        with pytest.raises(ValidatorChangeError, match="expected one"):
            change_between(FIVE, other)


OUT = Vote(NAMES[4], adds=False)
IN = Vote(NAMES[4], adds=True)
OTHER = Vote(NAMES[3], adds=False)


def ballots(*said: tuple[int, Vote | None]) -> list[Ballot]:
    return [Ballot(NAMES[who], vote) for who, vote in said]


def test_votes_of_more_than_half_explain_a_change() -> None:
    said = ballots((0, None), (1, OUT), (1, OUT), (2, None), (2, OUT), (3, OTHER), (0, OUT))
    assert require_votes(OUT, FIVE, said) == 7
    assert require_votes(OUT, FIVE, iter([*said, *ballots((3, OUT))])) == 7


@pytest.mark.parametrize(
    "said",
    [
        [],
        ballots((0, OUT), (1, OUT)),
        ballots((0, OUT), (0, OUT), (0, OUT), (1, OUT)),
        ballots((0, OUT), (1, OUT), (2, IN)),
        ballots((0, OUT), (1, OUT), (2, OTHER)),
        ballots((0, OUT), (1, OUT), (5, OUT), (6, OUT), (7, OUT)),
        ballots((0, IN), (1, IN), (2, IN)),
        ballots((0, IN), (0, OUT), (1, OUT), (2, OUT)),
        ballots((0, None), (1, None), (2, None), (3, None)),
    ],
)
def test_change_without_the_votes_of_more_than_half_is_refused(said: list[Ballot]) -> None:
    with pytest.raises(ValidatorChangeError, match="votes of 3 of 5"):
        require_votes(OUT, FIVE, said)


@pytest.mark.parametrize(("size", "needed"), [(1, 1), (4, 3), (5, 3), (7, 4)])
def test_more_than_half_of_every_size(size: int, needed: int) -> None:
    voters = frozenset(NAMES[:size])
    out = Vote(NAMES[0], adds=False)
    said = [Ballot(name, out) for name in NAMES[:needed]]
    assert require_votes(out, voters, said) == needed
    with pytest.raises(ValidatorChangeError):
        require_votes(out, voters, said[1:])


def test_newest_below_the_first_is_refused() -> None:
    chain = Chain(FIVE, {5: FIVE - {NAMES[0]}})
    with pytest.raises(ValidatorChangeError, match="expected block 10 or later, found 4"):
        find_ranges(chain.at, 10, 4)
