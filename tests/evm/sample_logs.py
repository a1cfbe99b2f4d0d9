"""Pairs of heads of one log, with the proof between them, for sizes too large to build."""

from dataclasses import dataclass, replace
from random import Random

from ledger.core.merkle import hash_children
from ledger.core.stream.log import MerkleLog
from ledger.core.types import Hash32


@dataclass(frozen=True)
class Claim:
    """What a consistency proof is checked against."""

    old_size: int
    new_size: int
    old_root: Hash32
    new_root: Hash32
    path: tuple[Hash32, ...]


def claim_of(log: MerkleLog, old_size: int, new_size: int) -> Claim:
    path = log.consistency_path(old_size, new_size)
    return Claim(old_size, new_size, log.root(old_size), log.root(new_size), tuple(path))


def invent_claim(random: Random, old_size: int, new_size: int) -> Claim:
    """SUBPROOF of RFC 9162, section 2.1.4.1, inventing every subtree that it does not enter."""
    old, new, path = _invent(random, old_size, new_size, whole=True)
    return Claim(old_size, new_size, old, new, path)


def _invent(
    random: Random, old_size: int, size: int, *, whole: bool
) -> tuple[Hash32, Hash32, tuple[Hash32, ...]]:
    subtree = random.randbytes(32)
    if old_size == size:
        return subtree, subtree, () if whole else (subtree,)
    split = 1 << (size - 1).bit_length() - 1
    if old_size <= split:
        old, new, path = _invent(random, old_size, split, whole=whole)
        return old, hash_children(new, subtree), (*path, subtree)
    old, new, path = _invent(random, old_size - split, size - split, whole=False)
    return hash_children(subtree, old), hash_children(subtree, new), (*path, subtree)


def mutants(random: Random, claim: Claim) -> list[Claim]:
    """The claim with one bit changed in each part of it, and with proofs of other lengths."""
    flipped = list(claim.path)
    position = random.randrange(len(flipped))
    flipped[position] = flip(random, flipped[position])
    return [
        replace(claim, path=tuple(flipped)),
        replace(claim, old_root=flip(random, claim.old_root)),
        replace(claim, new_root=flip(random, claim.new_root)),
        replace(claim, path=(*claim.path, random.randbytes(32))),
        replace(claim, path=claim.path[:-1]),
        replace(claim, path=claim.path[1:]),
    ]


def flip(random: Random, value: bytes) -> bytes:
    number = int.from_bytes(value, "big") ^ 1 << random.randrange(8 * len(value))
    return number.to_bytes(len(value), "big")
