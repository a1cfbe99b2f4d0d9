"""A trust root from what a chain proves and what the regions undertake beside it.

What governance has entered comes from the chain: contracts, VRF keys, mirrors, who may sign the
next root. What no chain says is undertaken: from which day each region publishes, how many others
must have confirmed, how long the root is believed.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from ledger.core.records.catalogue import RECORD_TYPES
from ledger.core.trust.encode import encode_trust_root
from ledger.core.trust.model import (
    Confirmation,
    Contract,
    Coverage,
    Mirror,
    TrustRoot,
    ValidatorRange,
    VrfKey,
)
from ledger.core.trust.parse import parse_trust_root
from ledger.core.trust.update import check_lasting, digest_of
from ledger.errors import MalformedTrustRootError

REQUIRED: Final = 2
"""Regions that must have confirmed a map, where there are so many others."""

CONFIRMED_STREAM: Final = "records"
"""The only stream that other regions mirror; the others are the regulator's."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What governance has entered on a chain, at one block.

    Attributes:
        chain_id: EIP-155 chain id.
        genesis_hash: Hash of block 0.
        consensus: ``qbft`` or ``development``.
        validators: Ranges from block 0, the last one open; none on a development chain.
        head_anchor: With its slots.
        region_registry: Without slots.
        signers: Who signs the next root, addresses.
        threshold: How many of them must.
        vrf_keys: Every generation of every stream.
        mirrors: Those who have a seat now.
    """

    chain_id: int
    genesis_hash: bytes
    consensus: str
    validators: tuple[ValidatorRange, ...]
    head_anchor: Contract
    region_registry: Contract
    signers: tuple[bytes, ...]
    threshold: int
    vrf_keys: tuple[VrfKey, ...]
    mirrors: tuple[Mirror, ...]

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions that have keys, ascending."""
        return tuple(sorted({one.region for one in self.vrf_keys}))

    def of(self, regions: Collection[str]) -> "Entered":
        """The same with nothing of other regions than these.

        Raises:
            MalformedTrustRootError: One of them has no keys.
        """
        for region in sorted(set(regions) - set(self.regions)):
            raise MalformedTrustRootError(
                f"region {region}: expected VRF keys on chain, found none; admit it first"
            )
        others = set(self.regions) - set(regions)
        return replace(
            self,
            vrf_keys=tuple(one for one in self.vrf_keys if one.region not in others),
            mirrors=tuple(one for one in self.mirrors if one.operator not in others),
        )


@dataclass(frozen=True, slots=True)
class Undertaking:
    """What the regions undertake.

    Attributes:
        since: First day from which a region publishes that no root named before.
        lifetime: How long the root is believed.
        required: Other regions that must have confirmed a map; None: two, or as many as there are,
            and never fewer than in the root before.
    """

    since: date
    lifetime: timedelta
    required: int | None = None


def make_trust_root(
    entered: Entered,
    undertaking: Undertaking,
    *,
    issued_at: datetime,
    previous: bytes | None = None,
) -> bytes:
    """Make a trust root's bytes: the first one, or the update of another.

    Args:
        entered: What the chain proves.
        undertaking: What is undertaken.
        issued_at: The present, aware.
        previous: Bytes of the root that this one is to follow.

    Raises:
        MalformedTrustRootError: A region lacks a key or mirrors, or more confirmations are required
            than there are other regions.
        TrustRootUpdateError: The chain says other than the root before of what is for ever.
    """
    old = None if previous is None else parse_trust_root(previous)
    issued_at = issued_at.replace(microsecond=0)
    root = TrustRoot(
        sequence=1 if old is None else old.sequence + 1,
        previous=None if previous is None else digest_of(previous),
        signers=tuple(sorted(entered.signers)),
        threshold=entered.threshold,
        issued_at=issued_at,
        expires_at=issued_at + undertaking.lifetime,
        chain_id=entered.chain_id,
        genesis_hash=entered.genesis_hash,
        consensus=entered.consensus,
        validators=entered.validators,
        head_anchor=entered.head_anchor,
        region_registry=entered.region_registry,
        consent_registry=None if old is None else old.consent_registry,
        vrf_keys=tuple(sorted(entered.vrf_keys, key=_place_of)),
        mirrors=_mirrors(entered, old),
        confirmations=_confirmations(entered, old, undertaking.required),
        coverage=_coverage(entered, old, undertaking.since),
        authority_required=False if old is None else old.authority_required,
    )
    if old is not None:
        check_lasting(old, root)
    content = encode_trust_root(root)
    parse_trust_root(content)
    return content


def _place_of(key: VrfKey) -> tuple[str, str, int]:
    return key.region, key.stream, key.generation


def _mirrors(entered: Entered, old: TrustRoot | None) -> tuple[Mirror, ...]:
    """Every mirror there is or was: evidence was made while those before counted."""
    known = {} if old is None else {one.number: one for one in old.mirrors}
    known |= {one.number: one for one in entered.mirrors}
    return tuple(known[number] for number in sorted(known))


def _confirmations(
    entered: Entered, old: TrustRoot | None, required: int | None
) -> tuple[Confirmation, ...]:
    """For each region the mirrors of all others; no rule for a region that is alone."""
    found = []
    for region in entered.regions:
        others = [one for one in entered.mirrors if one.operator in entered.regions]
        others = [one for one in others if one.operator != region]
        before = None if old is None else old.confirmation(region, CONFIRMED_STREAM)
        count = len({one.operator for one in others})
        if not count and not required and before is None:
            continue
        found.append(
            Confirmation(
                region=region,
                stream=CONFIRMED_STREAM,
                mirrors=tuple(sorted(one.number for one in others)),
                required=_required(required, before, count),
            )
        )
    return tuple(found)


def _required(asked: int | None, before: Confirmation | None, others: int) -> int:
    if asked is not None:
        return asked
    usual = min(REQUIRED, others)
    return usual if before is None else max(usual, before.required)


def _coverage(entered: Entered, old: TrustRoot | None, since: date) -> tuple[Coverage, ...]:
    """What was undertaken stays so; a region that is new undertakes every type."""
    kept = () if old is None else old.coverage
    known = {one.region for one in kept}
    for region in entered.regions:
        _require_admitted(entered, region)
    return kept + tuple(
        Coverage(region, record_type.code, record_type.klass, since)
        for region in entered.regions
        if region not in known
        for record_type in RECORD_TYPES.values()
    )


def _require_admitted(entered: Entered, region: str) -> None:
    streams = {one.stream for one in entered.vrf_keys if one.region == region}
    operators = {one.operator for one in entered.mirrors}
    for is_there, what in (
        (CONFIRMED_STREAM in streams, f"VRF key of {CONFIRMED_STREAM}"),
        (region in operators, "mirror"),
    ):
        if not is_there:
            raise MalformedTrustRootError(
                f"region {region}: expected a {what} on chain, found none; admit it first"
            )
