"""The ranges of validators from block 0, or on from where the root before ends."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from ledger.adapters.rooting.witnesses import Witnesses
from ledger.core.trust import ValidatorRange
from ledger.core.trust.ranges import Ballot, change_between, find_ranges, require_votes
from ledger.errors import ValidatorChangeError, WrongValidatorsError

LONGEST_SEARCH: Final = 30_000
"""Headers read for the votes of one change: an epoch, after which votes are forgotten."""


def read_ranges(
    witnesses: Witnesses, newest: int, before: Sequence[ValidatorRange] = ()
) -> tuple[ValidatorRange, ...]:
    """Who sealed which blocks, up to a height.

    Args:
        witnesses: Where headers come from.
        newest: The height.
        before: Ranges of the root that is followed; closed ones stay, the open one goes on.

    Raises:
        WrongValidatorsError: The open range's first block is not of the validators it names.
        ValidatorChangeError: A change has not the votes of those before it.
        ChainUnavailableError: There is no majority for a header.
    """
    closed, first = tuple(before), 0
    if before and before[-1].last_block is None:
        closed, first = closed[:-1], before[-1].first_block
        if witnesses.listed(first).validators != before[-1].addresses:
            raise WrongValidatorsError(
                f"block {first}: expected the validators of the root before, found others"
            )
    elif before:
        first = (before[-1].last_block or 0) + 1
    found = find_ranges(witnesses.listed, first, newest)
    for left, right in pairwise(found):
        change = change_between(left.addresses, right.addresses)
        require_votes(change, left.addresses, _ballots(witnesses, left))
    return (*closed, *found)


def _ballots(witnesses: Witnesses, one: ValidatorRange) -> Iterator[Ballot]:
    """Headers from a closed range's last one down, each by its hash; block 0 has no vote.

    Votes on another candidate outlive a change: those from before the range count as well.
    """
    if one.last_block is None or one.last_hash is None:
        raise ValidatorChangeError("validators: expected a range that is closed")
    block_hash = one.last_hash
    for number in range(one.last_block, max(0, one.last_block - LONGEST_SEARCH), -1):
        ballot, block_hash = witnesses.ballot(number, block_hash)
        yield ballot
