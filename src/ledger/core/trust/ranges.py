"""Which validators sealed which blocks: found between two heights, and held against the votes.

The list in a header is that of the set that seals it. A vote counts from the next block on, so the
last header of a set holds the vote that ended it. What voters wrote is a cross-check: that a range
is closed is believed because the signers of the trust root say so.

Source: EEA QBFT specification, section 5.2; read against headers of both engines.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ledger.core.chain.qbft import Vote
from ledger.core.trust.model import ValidatorRange
from ledger.core.types import Hash32, UnixSeconds
from ledger.errors import ValidatorChangeError

MOST_CHANGES: Final = 256
"""Changes of the set between two heights; more is no consortium."""


@dataclass(frozen=True, slots=True)
class ListedBlock:
    """A block and the validators its header lists."""

    number: int
    block_hash: Hash32
    timestamp: UnixSeconds
    validators: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one header says of a candidate."""

    proposer: bytes
    """Address of whoever proposed the block, 20 bytes."""
    vote: Vote | None


BlockAt = Callable[[int], ListedBlock]


def find_ranges(block_at: BlockAt, first: int, newest: int) -> tuple[ValidatorRange, ...]:
    """The ranges of validators between two heights; the last one is open.

    A set that comes and goes between two looks at the same set is not seen: its blocks are then
    refused, never believed.

    Args:
        block_at: Gives a block.
        first: Height at which the first range begins.
        newest: Highest height, at least ``first``.

    Raises:
        ValidatorChangeError: The set changes more often than ``MOST_CHANGES``, or ``newest`` is
            lower than ``first``.
    """
    if newest < first:
        raise ValidatorChangeError(f"validators: expected block {first} or later, found {newest}")
    ranges: list[ValidatorRange] = []
    begins = first
    for last in _changes(block_at, block_at(first), block_at(newest)):
        if len(ranges) == MOST_CHANGES:
            raise ValidatorChangeError(f"validators: expected at most {MOST_CHANGES} changes")
        ranges.append(
            ValidatorRange(begins, last.number, last.block_hash, last.timestamp, last.validators)
        )
        begins = last.number + 1
    return (*ranges, ValidatorRange(begins, None, None, None, block_at(newest).validators))


def _changes(block_at: BlockAt, low: ListedBlock, high: ListedBlock) -> Iterator[ListedBlock]:
    """The last block of each set but the newest, ascending."""
    if low.validators == high.validators:
        return
    if high.number - low.number == 1:
        yield low
        return
    middle = block_at((low.number + high.number) // 2)
    yield from _changes(block_at, low, middle)
    yield from _changes(block_at, middle, high)


def change_between(before: frozenset[bytes], after: frozenset[bytes]) -> Vote:
    """What must have been voted on, where one set follows another at the next block.

    Raises:
        ValidatorChangeError: It is not one validator who came or went: no vote does that.
    """
    changed = before ^ after
    if len(changed) != 1:
        raise ValidatorChangeError(
            f"validators: expected one to come or go at a block, found {len(changed)}"
        )
    (candidate,) = changed
    return Vote(candidate, adds=candidate in after)


def require_votes(change: Vote, voters: frozenset[bytes], ballots: Iterable[Ballot]) -> int:
    """Check that more than half of a set voted for its change.

    Args:
        change: What came of it.
        voters: The set before.
        ballots: Headers from the set's last block downwards; read as far as needed.

    Returns:
        How many of them had to be read.

    Raises:
        ValidatorChangeError: They did not, as far as ``ballots`` goes.
    """
    seen: dict[bytes, bool] = {}
    needed = len(voters) // 2 + 1
    for read, ballot in enumerate(ballots, 1):
        vote = ballot.vote
        if vote is None or vote.candidate != change.candidate or ballot.proposer not in voters:
            continue
        # From the newest down: what a proposer said last counts.
        seen.setdefault(ballot.proposer, vote.adds)
        if sum(adds == change.adds for adds in seen.values()) >= needed:
            return read
    found = sum(adds == change.adds for adds in seen.values())
    raise ValidatorChangeError(
        f"validators: expected votes of {needed} of {len(voters)} for the change, found {found}"
    )
