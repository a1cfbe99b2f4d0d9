"""Python == Solidity: the contract takes and refuses exactly the proofs that the core does."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from random import Random

import pytest
from eth_abi.abi import decode, encode
from live_chain import LiveChain
from sample_logs import Claim, claim_of, flip, invent_claim, mutants

from ledger.core.chain.keccak import keccak256
from ledger.core.merkle import hash_leaf, verify_consistency
from ledger.core.stream.log import MerkleLog
from ledger.errors import MalformedProofError, RootMismatchError

pytestmark = pytest.mark.devnet

LARGEST_LOG = 130
LARGEST_SIZE = 2**40
CLAIMS = "(uint64,uint64,bytes32,bytes32,bytes32[])[]"
BATCH = 1_000
"""Claims in one call; one call takes about 20 million gas."""

ERRORS = {
    "ConsistencyProofSizesNotAscending(uint64,uint64)": "malformed",
    "ConsistencyProofLengthMismatch(uint256,uint256)": "malformed",
    "ConsistencyProofOldRootMismatch(bytes32,bytes32)": "old root",
    "ConsistencyProofNewRootMismatch(bytes32,bytes32)": "new root",
}
VERDICTS = {keccak256(name.encode())[:4]: word for name, word in ERRORS.items()}
VERDICTS[bytes(4)] = "consistent"


class Harness:
    """Both sides of the comparison."""

    def __init__(self, chain: LiveChain, code: bytes) -> None:
        self._chain = chain
        self._address = chain.create(code)

    def verdicts(self, claims: Sequence[Claim]) -> list[str]:
        """What both say about each claim; fails on the first on which they differ."""
        found = [word for part in _parts(claims) for word in self._ask(part)]
        for claim, word in zip(claims, found, strict=True):
            assert word == python_verdict(claim), claim
        return found

    def _ask(self, claims: Sequence[Claim]) -> list[str]:
        values = [
            (one.old_size, one.new_size, one.old_root, one.new_root, one.path) for one in claims
        ]
        selector = keccak256(f"verdicts({CLAIMS})".encode())[:4]
        answer = self._chain.view(self._address, selector + encode([CLAIMS], [values]))
        return [VERDICTS[one] for one in decode(["bytes4[]"], answer)[0]]


def _parts(claims: Sequence[Claim]) -> Iterator[Sequence[Claim]]:
    for start in range(0, len(claims), BATCH):
        yield claims[start : start + BATCH]


def python_verdict(claim: Claim) -> str:
    try:
        verify_consistency(
            old_size=claim.old_size,
            new_size=claim.new_size,
            path=claim.path,
            old_root=claim.old_root,
            new_root=claim.new_root,
        )
    except MalformedProofError:
        return "malformed"
    except RootMismatchError as error:
        return "old root" if error.expected == claim.old_root else "new root"
    return "consistent"


@pytest.fixture(scope="module")
def harness(chain: LiveChain, harness_code: bytes) -> Harness:
    return Harness(chain, harness_code)


@pytest.fixture(scope="module")
def pairs() -> list[Claim]:
    log = MerkleLog()
    log.extend(hash_leaf(b"entry %d" % index) for index in range(LARGEST_LOG))
    return [claim_of(log, *sizes) for sizes in combinations(range(1, LARGEST_LOG + 1), 2)]


@pytest.fixture(scope="module")
def large_pairs() -> list[Claim]:
    """Sizes up to 2^40, of every number of digits, and those beside the powers of two."""
    random = Random(2**40)
    sizes = []
    for _ in range(900):
        new_size = random.randint(2, 1 << random.randint(1, 40))
        sizes.append((random.randint(1, new_size - 1) >> random.randint(0, 3) or 1, new_size))
    for level in range(15, 40):
        power = 1 << level
        sizes += [
            (power - 1, power),
            (power, power + 1),
            (power - 1, power + 1),
            (power, 2 * power),
        ]
    assert len(sizes) == 1_000 and max(new for _, new in sizes) <= LARGEST_SIZE
    return [invent_claim(random, *one) for one in sizes]


def test_consistency_every_pair_of_sizes_to_130_is_taken_by_both(
    harness: Harness, pairs: list[Claim]
) -> None:
    assert len(pairs) == 8_385
    assert set(harness.verdicts(pairs)) == {"consistent"}


def test_consistency_mutants_of_every_pair_are_refused_by_both_alike(
    harness: Harness, pairs: list[Claim]
) -> None:
    random = Random(130)
    changed = [mutant for claim in pairs for mutant in mutants(random, claim)]
    assert set(harness.verdicts(changed)) == {"malformed", "old root", "new root"}


def test_consistency_large_sizes_are_taken_by_both(
    harness: Harness, large_pairs: list[Claim]
) -> None:
    assert set(harness.verdicts(large_pairs)) == {"consistent"}


def test_consistency_mutants_of_large_sizes_are_refused_by_both_alike(
    harness: Harness, large_pairs: list[Claim]
) -> None:
    random = Random(41)
    changed = [mutant for claim in large_pairs for mutant in mutants(random, claim)]
    assert set(harness.verdicts(changed)) == {"malformed", "old root", "new root"}


def test_consistency_other_sizes_get_the_same_verdict_from_both(
    harness: Harness, large_pairs: list[Claim]
) -> None:
    random = Random(42)
    changed = []
    for claim in large_pairs:
        old_size = int.from_bytes(flip(random, claim.old_size.to_bytes(6, "big")), "big")
        new_size = int.from_bytes(flip(random, claim.new_size.to_bytes(6, "big")), "big")
        changed += [replace(claim, old_size=old_size), replace(claim, new_size=new_size)]
    # The contract never compares a head with itself; the core does, for checkpoints.
    assert "malformed" in harness.verdicts([one for one in changed if one.old_size != one.new_size])


@pytest.mark.parametrize(("old_size", "new_size"), [(1, 2), (64, 65), (70, 130), (127, 128)])
def test_consistency_every_wrong_length_is_malformed_to_both(
    harness: Harness, pairs: list[Claim], old_size: int, new_size: int
) -> None:
    claim = next(one for one in pairs if (one.old_size, one.new_size) == (old_size, new_size))
    longest = (*claim.path, *(bytes([n]) * 32 for n in range(20)))
    wrong = [
        replace(claim, path=longest[:length])
        for length in range(len(longest) + 1)
        if length != len(claim.path)
    ]
    assert set(harness.verdicts(wrong)) == {"malformed"}
    assert harness.verdicts([claim]) == ["consistent"]
