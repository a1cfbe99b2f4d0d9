"""What governance has entered: contracts by their code, keys, seats and mirrors by storage proofs.

The deployment file says where to look. Nothing else of it is believed: what stands at an address is
known by the hash of its code, which is that of this release's build for this very chain.
"""

from collections.abc import Sequence
from typing import Final

from ledger.adapters.governance.deployment import HEAD_ANCHOR, REGION_REGISTRY, Deployment
from ledger.adapters.rooting.proved import ProvedState
from ledger.adapters.rooting.standing import ADDRESS_BITS, ContractReader, slot_of
from ledger.adapters.rooting.validators import read_ranges
from ledger.adapters.rooting.witnesses import Witnesses
from ledger.core.chain.head_slots import stream_id
from ledger.core.chain.slots import mapping_slot, to_word
from ledger.core.trust import Mirror, ValidatorRange, VrfKey
from ledger.core.trust.making import Entered
from ledger.core.trust.parse import MAX_MEMBERS
from ledger.core.types import STREAMS
from ledger.errors import GovernanceError

MIRRORS_AT_ONCE: Final = 64
"""Numbers looked at together; as many without a mirror end the search."""

MOST_GENERATIONS: Final = 1_024
CODES_PER_WORD: Final = 8
REGULATOR: Final = "regulator"
"""Operator of a mirror that is no region's."""


def read_entered(
    deployment: Deployment,
    *,
    ranges: Sequence[ValidatorRange] = (),
) -> tuple[Entered, int]:
    """Read and prove what a trust root says of a chain.

    Args:
        deployment: Where the chain answers, and where its contracts stand.
        ranges: Ranges of validators of the root that is followed.

    Returns:
        What was found, and the height at which it stands.

    Raises:
        GovernanceError: A contract is not this release's, has another owner or a successor, or too
            few validators were named.
        ChainUnavailableError: The validators do not answer, or say different things.
        VerificationError: A header is not sealed, or a change of validators has no votes.
    """
    witnesses = Witnesses(
        deployment.rpc_urls,
        chain_id=deployment.chain_id,
        validators=len(deployment.validators),
    )
    with witnesses:
        newest = witnesses.newest()
        validators: tuple[ValidatorRange, ...] = ()
        if deployment.validators:
            validators = read_ranges(witnesses, newest.listed.number, ranges)
        witnesses.require_genesis(deployment.genesis_hash)
        state = ProvedState(witnesses.endpoints, newest.header)
        standing = ContractReader(deployment, state)
        head_anchor, registry = standing.contracts()
        signers, threshold = standing.signers()
        reader = _Reader(deployment, state)
        regions = reader.regions()
        entered = Entered(
            chain_id=deployment.chain_id,
            genesis_hash=deployment.genesis_hash,
            consensus=deployment.consensus,
            validators=validators,
            head_anchor=head_anchor,
            region_registry=registry,
            signers=signers,
            threshold=threshold,
            vrf_keys=tuple(key for region in regions for key in reader.vrf_keys(region)),
            mirrors=reader.mirrors(),
        )
    return entered, newest.listed.number


class _Reader:
    """Reads what regions have in the contracts of a deployment, in one state."""

    def __init__(self, deployment: Deployment, state: ProvedState) -> None:
        self._state = state
        self._anchor = deployment.address(HEAD_ANCHOR)
        self._registry = deployment.address(REGION_REGISTRY)

    def regions(self) -> tuple[str, ...]:
        """Registered regions, ascending."""
        slot = slot_of(REGION_REGISTRY, "codes")
        codes = self._state.array(self._registry, slot, per_word=CODES_PER_WORD)
        return tuple(f"{code:06d}" for code in sorted(codes))

    def vrf_keys(self, region: str) -> tuple[VrfKey, ...]:
        """Every generation's key of a region's streams."""
        approvals = to_word(slot_of(HEAD_ANCHOR, "approvals"))
        slots = [mapping_slot(stream_id(region, stream), approvals) for stream in STREAMS]
        words = self._state.words(self._anchor, slots)
        places = [
            (stream, generation)
            for stream, word in zip(STREAMS, words, strict=True)
            for generation in range(1, _generation(word) + 1)
        ]
        keys = self._state.words(self._registry, [_key_slot(region, *place) for place in places])
        return tuple(
            VrfKey(region, stream, generation, key.to_bytes(32, "big"))
            for (stream, generation), key in zip(places, keys, strict=True)
            if key
        )

    def mirrors(self) -> tuple[Mirror, ...]:
        """Every mirror that has a seat, ascending by number."""
        slot = to_word(slot_of(HEAD_ANCHOR, "mirrors"))
        found: list[Mirror] = []
        first = 0
        while True:
            numbers = range(first, first + MIRRORS_AT_ONCE)
            slots = [mapping_slot(to_word(number), slot) for number in numbers]
            words = self._state.words(self._anchor, slots)
            seated = [_mirror(number, word) for number, word in zip(numbers, words, strict=True)]
            found += [one for one in seated if one is not None]
            first += MIRRORS_AT_ONCE
            # A trust root takes no more than these.
            if not any(words) or first >= MAX_MEMBERS:
                return tuple(found)


def _key_slot(region: str, stream: str, generation: int) -> bytes:
    keys = to_word(slot_of(REGION_REGISTRY, "vrfKeys"))
    of_region = mapping_slot(to_word(int(region)), keys)
    return mapping_slot(to_word(generation), mapping_slot(stream_id(region, stream), of_region))


def _generation(approval: int) -> int:
    found = approval >> ADDRESS_BITS & 0xFFFFFFFF
    if found > MOST_GENERATIONS:
        raise GovernanceError("state", f"generation: expected at most {MOST_GENERATIONS}")
    return found


def _mirror(number: int, word: int) -> Mirror | None:
    if not word:
        return None
    code = word >> ADDRESS_BITS & 0xFFFFFFFF
    if not code:
        return Mirror(number, REGULATOR, "regulator")
    return Mirror(number, f"{code:06d}", "region")
