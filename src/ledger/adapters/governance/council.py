"""The Council as its members use it: founding it, proposing, approving, objecting, carrying out.

Everything is tried before it is sent, so that a refusal names its reason; what a member sees of a
proposal is what enough validators say.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from ledger.adapters.evm.contract import checksum, load_contract
from ledger.adapters.governance.creation import created_address, describe
from ledger.adapters.governance.deployment import (
    COUNCIL,
    HEAD_ANCHOR,
    REGION_REGISTRY,
    load_deployment,
    save_deployment,
)
from ledger.adapters.governance.governed import Governed
from ledger.errors import ContractRevertError, GovernanceError
from ledger.services.onchain import Call

LIFETIME_S: Final = 30 * 86_400
"""How long a proposal may be carried out, as the contract has it."""

GOVERNED: Final = (HEAD_ANCHOR, REGION_REGISTRY)
_POLL_S: Final = 0.25


class State(IntEnum):
    """What has become of a proposal; the contract's numbers."""

    UNKNOWN = 0
    OPEN = 1
    EXECUTED = 2
    VETOED = 3


@dataclass(frozen=True, slots=True)
class Seat:
    """A region's place."""

    region: str
    """GB/T 2260 code, six digits."""
    operator: bytes
    """20 bytes."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the Council decides now."""

    seats: tuple[Seat, ...]
    threshold: int
    """Seats that must approve."""
    regulator: bytes
    """Who may object, 20 bytes."""
    veto_window_s: int
    """How long the regulator has."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Calls that are decided on together."""

    number: int
    state: State
    proposed_at: int
    """Seconds."""
    approved_at: int
    """When the approvals last became enough, seconds; 0 while they are not."""
    approved_by: tuple[str, ...]
    """Regions of today's seats that approve."""
    calls: tuple[tuple[bytes, bytes], ...]
    """Target and call data of each."""


def found_council(path: Path, founder: bytes, rules: Rules) -> None:
    """Create the Council and hand the contracts over to it; its seats accept by a proposal.

    Safe to repeat: what is done already is not done again.

    Args:
        path: ``deployment.json``; the Council is written into it.
        founder: The secret of the account that governs until now, 32 bytes.
        rules: Its first seats and rules.

    Raises:
        GovernanceError: A Council governs already, or a transaction failed.
        ContractRevertError: The contract refuses the rules, or the founder does not govern.
    """
    deployment = load_deployment(path)
    if not deployment.is_council_governed:
        governed = Governed(deployment)
        try:
            sender = governed.sender(founder)
            nonce = sender.transaction_count()
            seats = [(checksum(one.operator), int(one.region)) for one in rules.seats]
            arguments = [seats, rules.threshold, checksum(rules.regulator), rules.veto_window_s]
            creation = load_contract(COUNCIL).encode_creation(arguments)
            (receipt,) = sender.create_all([(nonce, creation)])
            address = created_address(sender.address, nonce)
            created = describe(governed.clients, COUNCIL, address, receipt.block_number)
        finally:
            governed.close()
        deployment = replace(deployment, contracts={**deployment.contracts, COUNCIL: created})
        # Before the contracts are handed over: whoever they belong to then must be known.
        save_deployment(path, deployment)
    governed = Governed(deployment)
    try:
        _hand_over(governed, founder)
    finally:
        governed.close()


def _hand_over(governed: Governed, founder: bytes) -> None:
    sender = governed.sender(founder)
    council = checksum(governed.deployment.address(COUNCIL))
    for name in GOVERNED:
        owners = {governed.view(name, one)[0].lower() for one in ("owner", "pendingOwner")}
        if council.lower() not in owners:
            governed.view(name, "transferOwnership", [council], sender=sender.address)
            sender.call_all([governed.call(sender.address, name, "transferOwnership", [council])])


class Council:
    """The Council of one chain.

    Args:
        governed: The chain's contracts.

    Raises:
        GovernanceError: There is no Council yet.
    """

    def __init__(self, governed: Governed) -> None:
        self._governed = governed
        self._address = governed.deployment.address(COUNCIL)
        self._contract = load_contract(COUNCIL)

    def rules(self) -> Rules:
        """How it decides now."""
        (rows,) = self._view("seats")
        return Rules(
            seats=tuple(Seat(f"{region:06d}", _address(operator)) for operator, region in rows),
            threshold=self._view("threshold")[0],
            regulator=_address(self._view("regulator")[0]),
            veto_window_s=self._view("vetoWindow")[0],
        )

    def count(self) -> int:
        """Proposals so far; they are numbered from 0."""
        return int(self._view("proposalCount")[0])

    def proposal(self, number: int) -> Proposal:
        """One proposal.

        Raises:
            GovernanceError: There is none of that number.
        """
        ((proposed_at, approved_at, state, calls),) = self._view("proposal", [number])
        if state == State.UNKNOWN:
            raise GovernanceError("council", f"proposal {number}: there is none")
        approving = [
            one.region
            for one in self.rules().seats
            if self._view("hasApproved", [number, checksum(one.operator)])[0]
        ]
        return Proposal(
            number=number,
            state=State(state),
            proposed_at=proposed_at,
            approved_at=approved_at,
            approved_by=tuple(approving),
            calls=tuple((_address(target), bytes(data)) for target, data in calls),
        )

    def acceptance(self) -> list[Call]:
        """The calls by which the Council takes over what was handed to it; none if nothing is."""
        council = checksum(self._address).lower()
        return [
            self._governed.call(self._address, name, "acceptOwnership", [])
            for name in GOVERNED
            if self._governed.view(name, "pendingOwner")[0].lower() == council
        ]

    def propose(self, key: bytes, calls: Sequence[Call]) -> int:
        """Propose calls and approve them; returns the proposal's number.

        Args:
            key: The secret of a seat's operator, 32 bytes.
            calls: What the Council shall call, in order.
        """
        listed = [(checksum(one.to), one.data) for one in calls]
        before = self.count()
        self._send(key, "propose", [listed])
        wanted = tuple((one.to, one.data) for one in calls)
        for number in range(self.count() - 1, before - 1, -1):
            if self.proposal(number).calls == wanted:
                return number
        raise GovernanceError("council", "the proposal was mined and is not found")

    def approve(self, key: bytes, number: int) -> None:
        """Approve a proposal with the secret of a seat's operator."""
        self._send(key, "approve", [number])

    def withdraw(self, key: bytes, number: int) -> None:
        """Take an approval back."""
        self._send(key, "withdraw", [number])

    def veto(self, key: bytes, number: int) -> None:
        """Object for good, with the regulator's secret."""
        self._send(key, "veto", [number])

    def execute(self, key: bytes, number: int) -> None:
        """Make the calls of a proposal, with the secret of a seat's operator."""
        self._send(key, "execute", [number])
        if self.proposal(number).state is not State.EXECUTED:
            raise GovernanceError("council", f"proposal {number}: sent, and not carried out")

    def wait_for_window(self, key: bytes, number: int, *, deadline_s: float) -> None:
        """Wait until a proposal can be carried out.

        Args:
            key: The secret of a seat's operator.
            number: The proposal.
            deadline_s: Longest wait.

        Raises:
            ContractRevertError: Something else than the window stands in the way.
            GovernanceError: It cannot be carried out in time.
        """
        sender = self._governed.sender(key).address
        deadline = time.monotonic() + deadline_s
        while True:
            try:
                self._view("execute", [number], sender=sender)
            except ContractRevertError as error:
                if error.name != "CouncilWindowOpen":
                    raise
                if time.monotonic() > deadline:
                    raise GovernanceError(
                        "council", f"proposal {number}: the regulator may still object"
                    ) from None
            else:
                return
            time.sleep(_POLL_S)

    def _send(self, key: bytes, function: str, arguments: list[Any]) -> None:
        sender = self._governed.sender(key)
        # Tried first: a refusal then has its reason, and costs nothing.
        self._view(function, arguments, sender=sender.address)
        sender.call_all([self._governed.call(sender.address, COUNCIL, function, arguments)])

    def _view(
        self, function: str, arguments: Sequence[object] = (), *, sender: bytes | None = None
    ) -> tuple[Any, ...]:
        try:
            return self._governed.view(COUNCIL, function, arguments, sender=sender)
        except ContractRevertError as error:
            raise _with_inner_reason(error) from error


def _with_inner_reason(error: ContractRevertError) -> ContractRevertError:
    """What the called contract said, where a call of a proposal fails."""
    answer = error.values.get("answer")
    if error.name != "CouncilCallFailed" or not isinstance(answer, str):
        return error
    reverted = bytes.fromhex(answer[2:])
    for name in (*GOVERNED, COUNCIL):
        inner = load_contract(name).decode_revert(reverted)
        if inner.name:
            return ContractRevertError(error.name, {**error.values, "answer": str(inner)})
    return error


def _address(text: str) -> bytes:
    return bytes.fromhex(text[2:])
