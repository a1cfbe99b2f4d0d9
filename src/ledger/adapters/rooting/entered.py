"""What governance has entered: contracts by their code, keys, seats and mirrors by storage proofs.

The deployment file says where to look. Nothing else of it is believed: what stands at an address is
known by the hash of its code, which is that of this release's build for this very chain.
"""

from collections.abc import Sequence
from typing import Final

from ledger.adapters.evm.contract import load_contract
from ledger.adapters.governance.deployment import (
    COUNCIL,
    HEAD_ANCHOR,
    REGION_REGISTRY,
    Deployment,
)
from ledger.adapters.rooting.proved import ProvedState
from ledger.adapters.rooting.validators import read_ranges
from ledger.adapters.rooting.witnesses import Witnesses
from ledger.core.chain.head_slots import status_slot, stream_id, unpack_status
from ledger.core.chain.keccak import keccak256
from ledger.core.chain.slots import mapping_slot, to_word
from ledger.core.trust import Contract, Mirror, ValidatorRange, VrfKey
from ledger.core.trust.making import Entered
from ledger.core.types import STREAMS
from ledger.errors import GovernanceError

MIRRORS_AT_ONCE: Final = 64
"""Numbers looked at together; as many without a mirror end the search."""

NO_CODE: Final = keccak256(b"")
MOST_GENERATIONS: Final = 1_024
CODES_PER_WORD: Final = 8
ADDRESS_BITS: Final = 160
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
        reader = _Reader(deployment, ProvedState(witnesses.endpoints, newest.header))
        head_anchor, registry = reader.contracts()
        signers, threshold = reader.signers()
        regions = reader.regions()
        entered = Entered(
            chain_id=deployment.chain_id,
            genesis_hash=witnesses.genesis_hash(),
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
    """Reads the contracts of a deployment in one state."""

    def __init__(self, deployment: Deployment, state: ProvedState) -> None:
        self._deployment = deployment
        self._state = state
        self._anchor = deployment.address(HEAD_ANCHOR)
        self._registry = deployment.address(REGION_REGISTRY)

    def contracts(self) -> tuple[Contract, Contract]:
        """HeadAnchor and RegionRegistry, by the code that must stand there."""
        chain = to_word(self._deployment.chain_id)
        anchor = self._contract(HEAD_ANCHOR, chain, ("status", "heads", "confirmations"))
        registry = self._contract(REGION_REGISTRY, bytes(12) + self._anchor, ())
        slot = status_slot(_slot(HEAD_ANCHOR, "status"))
        status = unpack_status(self._state.words(self._anchor, [slot])[0])
        if status.has_successor:
            raise GovernanceError(
                "successor",
                f"HeadAnchor: 0x{status.successor.hex()} has taken over; use its deployment",
            )
        return anchor, registry

    def signers(self) -> tuple[tuple[bytes, ...], int]:
        """Who governs both contracts: the Council's seats, or one account."""
        owners = {
            self._state.words(address, [to_word(_slot(name, "owner"))])[0]
            for name, address in ((HEAD_ANCHOR, self._anchor), (REGION_REGISTRY, self._registry))
        }
        if len(owners) != 1:
            raise GovernanceError("owner", "HeadAnchor and RegionRegistry have different owners")
        owner = owners.pop().to_bytes(20, "big")
        if not self._deployment.is_council_governed:
            self._require_account(owner)
            return (owner,), 1
        council = self._deployment.address(COUNCIL)
        self._require_code(COUNCIL, council, b"")
        if owner != council:
            raise GovernanceError(
                "owner",
                f"owner: expected the Council 0x{council.hex()}, found 0x{owner.hex()}; the Council"
                " must accept the contracts first",
            )
        seats = self._state.array(council, _slot(COUNCIL, "seats"))
        (threshold,) = self._state.words(council, [to_word(_slot(COUNCIL, "threshold"))])
        return tuple(_address(word) for word in seats), threshold

    def regions(self) -> tuple[str, ...]:
        """Registered regions, ascending."""
        slot = _slot(REGION_REGISTRY, "codes")
        codes = self._state.array(self._registry, slot, per_word=CODES_PER_WORD)
        return tuple(f"{code:06d}" for code in sorted(codes))

    def vrf_keys(self, region: str) -> tuple[VrfKey, ...]:
        """Every generation's key of a region's streams."""
        approvals = to_word(_slot(HEAD_ANCHOR, "approvals"))
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
        slot = to_word(_slot(HEAD_ANCHOR, "mirrors"))
        found: list[Mirror] = []
        first = 0
        while True:
            numbers = range(first, first + MIRRORS_AT_ONCE)
            slots = [mapping_slot(to_word(number), slot) for number in numbers]
            words = self._state.words(self._anchor, slots)
            seated = [_mirror(number, word) for number, word in zip(numbers, words, strict=True)]
            found += [one for one in seated if one is not None]
            if not any(words):
                return tuple(found)
            first += MIRRORS_AT_ONCE

    def _require_account(self, owner: bytes) -> None:
        """A contract cannot sign."""
        if self._state.account(owner).code_hash != NO_CODE:
            raise GovernanceError(
                "owner",
                f"owner: 0x{owner.hex()} is a contract; name the Council in the deployment",
            )

    def _contract(self, name: str, immutable: bytes, slots: Sequence[str]) -> Contract:
        address = self._deployment.address(name)
        code_hash = self._require_code(name, address, immutable)
        return Contract(address, code_hash, {one: _slot(name, one) for one in slots})

    def _require_code(self, name: str, address: bytes, immutable: bytes) -> bytes:
        expected = keccak256(load_contract(name).artifact.runtime_with(immutable))
        found = self._state.account(address).code_hash
        if found != expected:
            raise GovernanceError(
                "code",
                f"{name}: expected code 0x{expected.hex()} of this release for this chain,"
                f" found 0x{found.hex()}",
            )
        return found


def _slot(name: str, variable: str) -> int:
    return load_contract(name).artifact.slots[variable]


def _key_slot(region: str, stream: str, generation: int) -> bytes:
    keys = to_word(_slot(REGION_REGISTRY, "vrfKeys"))
    of_region = mapping_slot(to_word(int(region)), keys)
    return mapping_slot(to_word(generation), mapping_slot(stream_id(region, stream), of_region))


def _generation(approval: int) -> int:
    found = approval >> ADDRESS_BITS & 0xFFFFFFFF
    if found > MOST_GENERATIONS:
        raise GovernanceError("state", f"generation: expected at most {MOST_GENERATIONS}")
    return found


def _address(word: int) -> bytes:
    return (word & (1 << ADDRESS_BITS) - 1).to_bytes(20, "big")


def _mirror(number: int, word: int) -> Mirror | None:
    if not word:
        return None
    code = word >> ADDRESS_BITS & 0xFFFFFFFF
    if not code:
        return Mirror(number, REGULATOR, "regulator")
    return Mirror(number, f"{code:06d}", "region")
