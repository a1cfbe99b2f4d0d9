"""HeadAnchor, RegionRegistry and Council as they stand: known by their code, governed by whom.

What stands at an address is known by the hash of its code, which is that of this release's build
for this very chain. Words of storage are proved under one header.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.adapters.evm.contract import load_contract
from ledger.adapters.governance.deployment import (
    COUNCIL,
    HEAD_ANCHOR,
    REGION_REGISTRY,
    Deployment,
)
from ledger.adapters.rooting.proved import ProvedState
from ledger.adapters.rooting.witnesses import Witnesses
from ledger.core.chain.head_slots import PAUSED, Status, status_slot, unpack_status
from ledger.core.chain.keccak import keccak256
from ledger.core.chain.slots import to_word
from ledger.core.trust import Contract
from ledger.errors import GovernanceError

NO_CODE: Final = keccak256(b"")
ADDRESS_BITS: Final = 160
_PAIR: Final = (HEAD_ANCHOR, REGION_REGISTRY)


@dataclass(frozen=True, slots=True)
class Standing:
    """The contracts of a deployment file, all of it proved to be so."""

    block: int
    """Height at which they stand so."""
    validators: tuple[bytes, ...]
    """Who seals, ascending; none on a development chain."""
    owner: bytes
    """The Council, or the founder; 20 bytes."""
    signers: tuple[bytes, ...]
    """Who decides: the Council's seats, or the founder."""
    threshold: int
    """How many of them it takes."""
    is_paused: bool
    """Whether HeadAnchor takes no heads for now."""


def read_standing(deployment: Deployment) -> Standing:
    """Prove that the contracts of a deployment file are what they must be.

    Args:
        deployment: The file; here it is compared, and not only followed.

    Raises:
        GovernanceError: The chain has other contracts, owners or validators than the file, or
            HeadAnchor has a successor.
        ChainUnavailableError: The validators do not answer, or say different things.
        VerificationError: A header is not sealed.
    """
    witnesses = Witnesses(
        deployment.rpc_urls, chain_id=deployment.chain_id, validators=len(deployment.validators)
    )
    with witnesses:
        witnesses.require_genesis(deployment.genesis_hash)
        newest = witnesses.newest()
        listed = tuple(sorted(newest.listed.validators))
        if listed != tuple(sorted(deployment.validators)):
            raise GovernanceError(
                "validators",
                f"validators: expected {show_addresses(deployment.validators)}, the chain lists"
                f" {show_addresses(listed)}; write them with contracts check --renew",
            )
        reader = ContractReader(deployment, ProvedState(witnesses.endpoints, newest.header))
        _require_recorded(deployment, dict(zip(_PAIR, reader.contracts(), strict=True)))
        owner = reader.owner()
        signers, threshold = reader.signers()
        _require_owner(deployment, owner, reader.pending_owners())
        return Standing(
            block=newest.listed.number,
            validators=listed,
            owner=owner,
            signers=signers,
            threshold=threshold,
            is_paused=reader.status().state == PAUSED,
        )


class ContractReader:
    """Reads the contracts of a deployment in one state."""

    def __init__(self, deployment: Deployment, state: ProvedState) -> None:
        self._deployment = deployment
        self._state = state
        self._addresses = {name: deployment.address(name) for name in _PAIR}

    def contracts(self) -> tuple[Contract, Contract]:
        """HeadAnchor and RegionRegistry, by the code that must stand there.

        Raises:
            GovernanceError: Other code stands there, or HeadAnchor has a successor.
        """
        chain = to_word(self._deployment.chain_id)
        anchor = self._contract(HEAD_ANCHOR, chain, ("status", "heads", "confirmations"))
        registry = self._contract(REGION_REGISTRY, bytes(12) + self._addresses[HEAD_ANCHOR], ())
        status = self.status()
        if status.has_successor:
            raise GovernanceError(
                "successor",
                f"HeadAnchor: 0x{status.successor.hex()} has taken over; use its deployment",
            )
        return anchor, registry

    def status(self) -> Status:
        """The status word of HeadAnchor."""
        slot = status_slot(slot_of(HEAD_ANCHOR, "status"))
        return unpack_status(self._state.words(self._addresses[HEAD_ANCHOR], [slot])[0])

    def owner(self) -> bytes:
        """Who owns both contracts, 20 bytes.

        Raises:
            GovernanceError: They have different owners.
        """
        owners = set(self._words("owner"))
        if len(owners) != 1:
            raise GovernanceError("owner", "HeadAnchor and RegionRegistry have different owners")
        return address_in(owners.pop())

    def pending_owners(self) -> tuple[bytes, ...]:
        """To whom the contracts are offered, 20 bytes each; none where to nobody."""
        return tuple(address_in(word) for word in self._words("pendingOwner") if word)

    def signers(self) -> tuple[tuple[bytes, ...], int]:
        """Who governs both contracts: the Council's seats, or one account; and how many it takes.

        Raises:
            GovernanceError: The owner is neither.
        """
        owner = self.owner()
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
        seats = self._state.array(council, slot_of(COUNCIL, "seats"))
        (threshold,) = self._state.words(council, [to_word(slot_of(COUNCIL, "threshold"))])
        return tuple(address_in(word) for word in seats), threshold

    def _words(self, variable: str) -> list[int]:
        """A word of both contracts."""
        return [
            self._state.words(address, [to_word(slot_of(name, variable))])[0]
            for name, address in self._addresses.items()
        ]

    def _require_account(self, owner: bytes) -> None:
        """A contract cannot sign."""
        if self._state.account(owner).code_hash != NO_CODE:
            raise GovernanceError(
                "owner",
                f"owner: 0x{owner.hex()} is a contract; name the Council in the deployment",
            )

    def _contract(self, name: str, immutable: bytes, slots: Sequence[str]) -> Contract:
        address = self._addresses[name]
        code_hash = self._require_code(name, address, immutable)
        return Contract(address, code_hash, {one: slot_of(name, one) for one in slots})

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


def slot_of(name: str, variable: str) -> int:
    """Base slot of a contract's storage variable."""
    return load_contract(name).artifact.slots[variable]


def address_in(word: int) -> bytes:
    """The address in the low bits of a word, 20 bytes."""
    return (word & (1 << ADDRESS_BITS) - 1).to_bytes(20, "big")


def _require_recorded(deployment: Deployment, proved: dict[str, Contract]) -> None:
    """The file must say of the contracts what is proved: other programs read it."""
    for name, one in proved.items():
        recorded = deployment.contracts[name]
        if (recorded.code_hash, recorded.slots) != (
            one.code_hash,
            dict(load_contract(name).artifact.slots),
        ):
            raise GovernanceError(
                "deployment", f"deployment.json: {name}: another code hash or slots than proved"
            )


def _require_owner(deployment: Deployment, owner: bytes, pending: Sequence[bytes]) -> None:
    if not deployment.is_council_governed and owner != deployment.owner:
        raise GovernanceError(
            "owner",
            f"owner: expected the founder 0x{deployment.owner.hex()}, found 0x{owner.hex()}",
        )
    if pending:
        raise GovernanceError(
            "owner",
            f"owner: the contracts are offered to {show_addresses(pending)}, who may take them",
        )


def show_addresses(addresses: Sequence[bytes]) -> str:
    """Addresses in words, each once."""
    return ", ".join(f"0x{one.hex()}" for one in sorted(set(addresses))) or "none"
