"""A trust root from a running chain, for whoever governs it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from ledger.adapters.governance.deployment import load_deployment
from ledger.adapters.rooting import read_entered
from ledger.core.trust import TrustRoot, parse_trust_root
from ledger.core.trust.making import Undertaking, make_trust_root
from ledger.errors import InputError

DAYS: Final = 365
"""How long a trust root is believed: updates come at least once a year."""

DEVELOPMENT_DAYS: Final = 30
FIRST_DAY: Final = date(2000, 1, 1)
"""From when a region publishes, on a development chain where nobody says it."""


@dataclass(frozen=True, slots=True)
class RootRequest:
    """What is asked for.

    Attributes:
        deployment: The deployment file.
        previous: File of the root that is to be followed.
        since: First day covered by regions that no root named before.
        days: How long it is believed.
        required: Other regions that must have confirmed a map.
        regions: Whose root it is; None: of every region on the chain.
        issued_at: The present, aware.
    """

    deployment: Path
    previous: Path | None
    since: date | None
    days: int | None
    required: int | None
    regions: tuple[str, ...] | None
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class MadeRoot:
    """A trust root and the height at which the chain says it."""

    content: bytes
    root: TrustRoot
    block: int


def make_root(request: RootRequest) -> MadeRoot:
    """Make a trust root, or an update that its signers have still to sign.

    Raises:
        InputError: A sealed chain's regions need a first day.
        GovernanceError: The deployment file or the chain is not what it must be.
        ChainUnavailableError: The validators do not answer, or say different things.
        MalformedTrustRootError: What the chain says makes no trust root.
        TrustRootUpdateError: It says other than the root before of what is for ever.
        VerificationError: A header is not sealed, or a change of validators has no votes.
    """
    deployment = load_deployment(request.deployment)
    previous = None if request.previous is None else request.previous.read_bytes()
    before = None if previous is None else parse_trust_root(previous)
    entered, block = read_entered(deployment, ranges=() if before is None else before.validators)
    if request.regions is not None:
        entered = entered.of(request.regions)
    is_development = entered.consensus == "development"
    covered = set() if before is None else {one.region for one in before.coverage}
    since = request.since or (FIRST_DAY if is_development else None)
    if since is None:
        if not covered.issuperset(entered.regions):
            raise InputError("since: expected the first day that new regions cover, found none")
        since = FIRST_DAY
    days = request.days or (DEVELOPMENT_DAYS if is_development else DAYS)
    content = make_trust_root(
        entered,
        Undertaking(since=since, lifetime=timedelta(days=days), required=request.required),
        issued_at=request.issued_at,
        previous=previous,
    )
    return MadeRoot(content, parse_trust_root(content), block)
