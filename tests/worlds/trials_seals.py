"""Evidence of a sealed chain: five validators on paper, and every broken header."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from worlds.consortium import BROKEN, KEYS, VALIDATORS, SealedBlock, high_twin
from worlds.paper import BLOCK_TIME, PaperWorld
from worlds.trials import ANHUI, COMPANY, Given, add_trial, showing, trial
from worlds.trials_valid import NAME, mirrored

from ledger.core.evidence import Evidence
from ledger.core.trust import TrustRoot
from ledger.core.trust.model import ValidatorRange
from ledger.core.verify import Policy


@cache
def sealed_world() -> PaperWorld:
    """A company's penalty in Anhui, confirmed by two operators; not to be changed."""
    world = mirrored()
    world.confirm(NAME, 0)
    world.confirm(NAME, 6)
    return world


def sealed_root(
    last_block: int | None = None,
    last_hash: bytes | None = None,
    last_time: int | None = None,
    validators: frozenset[bytes] = frozenset(VALIDATORS),
) -> TrustRoot:
    """The trust root of a chain that these validators seal, up to a pinned block if given."""
    one = ValidatorRange(0, last_block, last_hash, last_time, validators)
    return sealed_world().trust_root(consensus="qbft", validators=(one,))


def sealed_block(**changes: Any) -> SealedBlock:
    """The world's block as four of five validators seal it, or as an attacker would."""
    world = sealed_world()
    return SealedBlock(**{"words": world.storage(), "timestamp": BLOCK_TIME, **changes})


def sealed_evidence(block: SealedBlock | None = None) -> Evidence:
    """The company's penalties under a sealed block."""
    block = block or sealed_block()
    return showing(sealed_world().complete(ANHUI, "cf", COMPANY, block=block), 4)


@trial("VALID")
def valid_sealed_by_four_of_five() -> Given:
    """Four of five validators sealed block M, as the engines write it."""
    return Given(sealed_evidence(), sealed_root())


@trial("VALID")
def valid_sealed_by_all_five_in_round_three_with_a_vote() -> Given:
    """Every seal, a later round, and a vote to drop a validator, which counts from the next."""
    block = sealed_block(sealers=KEYS, round=3, vote=[VALIDATORS[4], b""])
    return Given(sealed_evidence(block), sealed_root())


@trial("VALID")
def valid_sealed_validators_in_another_order() -> Given:
    """The order of the validators in the header is the engine's business."""
    return Given(sealed_evidence(sealed_block(validators=VALIDATORS[::-1])), sealed_root())


@trial("VALID")
def valid_sealed_within_a_closed_range() -> Given:
    """Retired validators' block, not later than the pinned last one."""
    return Given(sealed_evidence(), sealed_root(2_000, b"\x01" * 32, BLOCK_TIME))


@trial("VALID")
def valid_sealed_at_the_end_of_a_closed_range_any_age() -> Given:
    """The pinned block itself, accepted at any age."""
    block = sealed_block()
    root = sealed_root(block.number, block.block_hash, BLOCK_TIME)
    return Given(sealed_evidence(block), root, policy=Policy(max_age_s=None))


@trial("INVALID consensus pinned-block-mismatch")
def sealed_another_block_at_the_pinned_height() -> Given:
    """Retired validators sealed a second block at the pinned height."""
    return Given(sealed_evidence(), sealed_root(1_000, b"\x01" * 32, BLOCK_TIME))


@trial("INVALID consensus after-closed-range")
def sealed_later_than_a_closed_range() -> Given:
    """Retired validators sealed a block later than their last."""
    return Given(sealed_evidence(), sealed_root(2_000, b"\x01" * 32, BLOCK_TIME - 1))


@trial("INCOMPLETE consensus validators-unknown")
def sealed_above_every_range() -> Given:
    """Sealed by validators whom the trust root closed long before."""
    return Given(sealed_evidence(), sealed_root(10, b"\x01" * 32, BLOCK_TIME))


@trial("INVALID consensus wrong-validators")
def sealed_by_a_set_that_is_not_trusted() -> Given:
    """The trust root knows four of the five validators only."""
    return Given(sealed_evidence(), sealed_root(validators=frozenset(VALIDATORS[:4])))


@trial("INVALID consensus block-hash-mismatch")
def sealed_block_hash_with_the_round_in_it() -> Given:
    """The block hash is computed with the true round instead of 0."""
    block = sealed_block(round=1)
    evidence = sealed_evidence(block)
    chain = replace(evidence.chain, block_hash=block.digest)
    return Given(replace(evidence, chain=chain), sealed_root())


@trial("INVALID consensus block-hash-mismatch")
def sealed_header_of_another_block() -> Given:
    """The header of a block that was sealed under the hash of another."""
    evidence = sealed_evidence()
    other = sealed_block(timestamp=BLOCK_TIME - 1)
    chain = replace(evidence.chain, header=other.header)
    return Given(replace(evidence, chain=chain), sealed_root())


@trial("INVALID state root-mismatch")
def sealed_block_of_another_state() -> Given:
    """A truly sealed block whose state is not that of the proofs."""
    evidence = sealed_evidence()
    other = sealed_block(words={})
    chain = replace(evidence.chain, header=other.header, block_hash=other.block_hash)
    return Given(replace(evidence, chain=chain), sealed_root())


@trial("INVALID consensus block-hash-mismatch")
def sealed_evidence_on_a_development_trust_root() -> Given:
    """A development chain's block hash is that of all bytes; seals are none of its business."""
    return Given(sealed_evidence(), sealed_world().trust_root())


@trial("INVALID consensus seal")
def sealed_with_a_twin_made_from_a_good_header() -> Given:
    """One good seal and its twin count once, not twice."""
    block = sealed_block(change_seals=lambda seals: [*seals[:3], high_twin(seals[1])])
    return Given(sealed_evidence(block), sealed_root())


def _broken(changes: dict[str, Any]) -> Callable[[], Given]:
    return lambda: Given(sealed_evidence(sealed_block(**changes)), sealed_root())


for _name, (_changes, _code) in BROKEN.items():
    _outcome = "UNSUPPORTED consensus unsupported-consensus"
    if _code != "unsupported":
        _outcome = f"INVALID consensus {_code}"
    add_trial(
        "sealed " + _name.replace(",", "").replace(".", ""),
        f"The header has {_name}.",
        _outcome,
        _broken(_changes),
        group="bulk",
    )
