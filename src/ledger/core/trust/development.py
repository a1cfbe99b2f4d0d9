"""The first trust root of a devnet, made from what was deployed and who was admitted.

Nobody signs it: it is the first. On a development chain one unsealed node makes every block, and
each verdict says so; on a consortium's chain the validators are those of its genesis.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

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
from ledger.errors import MalformedTrustRootError

LIFETIME: Final = timedelta(days=30)
"""How long a development trust root is believed."""

REQUIRED: Final = 2
"""Regions that must have confirmed a map, where there are so many others."""

CONFIRMED_STREAM: Final = "records"
"""The only stream that other regions mirror; the others are the regulator's."""


def make_development_trust_root(
    deployment: Mapping[str, Any],
    registrations: Sequence[Mapping[str, Any]],
    *,
    issued_at: datetime,
    since: date,
    required: int | None = None,
) -> bytes:
    """Make the trust root's bytes.

    Args:
        deployment: Chain id, genesis hash, addresses, code hashes, slots and the mirrors' numbers
            (``deployment.json``).
        registrations: One ``registration.json`` per region.
        issued_at: The present, aware.
        since: First day from which the regions undertake to publish.
        required: Other regions that must have confirmed a map; by default two, or as many as there
            are.

    Raises:
        MalformedTrustRootError: A member is missing or of another form, a region's mirror has no
            number yet, or more confirmations are required than there are other regions.
    """
    try:
        mirrors = _mirrors(deployment, registrations)
        contracts = deployment["contracts"]
        root = TrustRoot(
            sequence=1,
            previous=None,
            signers=(_bytes(deployment["owner"]),),
            threshold=1,
            issued_at=issued_at.replace(microsecond=0),
            expires_at=issued_at.replace(microsecond=0) + LIFETIME,
            chain_id=int(deployment["chain_id"]),
            genesis_hash=_bytes(deployment["genesis_hash"]),
            consensus=str(deployment.get("consensus", "development")),
            validators=_validators(deployment.get("validators", ())),
            head_anchor=_contract(contracts["HeadAnchor"], "status", "heads", "confirmations"),
            region_registry=_contract(contracts["RegionRegistry"]),
            consent_registry=None,
            vrf_keys=_vrf_keys(registrations),
            mirrors=mirrors,
            confirmations=_confirmations(mirrors, required),
            coverage=_coverage(registrations, since),
            authority_required=False,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedTrustRootError(f"deployment or registration: {error!r}") from None
    content = encode_trust_root(root)
    parse_trust_root(content)
    return content


def _vrf_keys(registrations: Sequence[Mapping[str, Any]]) -> tuple[VrfKey, ...]:
    return tuple(
        _vrf_key(one["region"], stream) for one in registrations for stream in one["streams"]
    )


def _coverage(registrations: Sequence[Mapping[str, Any]], since: date) -> tuple[Coverage, ...]:
    return tuple(
        Coverage(one["region"], record_type.code, record_type.klass, since)
        for one in registrations
        for record_type in RECORD_TYPES.values()
    )


def _validators(addresses: Sequence[str]) -> tuple[ValidatorRange, ...]:
    """One open range from block 0, or none on a development chain."""
    if not addresses:
        return ()
    return (ValidatorRange(0, None, None, None, frozenset(map(_bytes, addresses))),)


def _mirrors(
    deployment: Mapping[str, Any], registrations: Sequence[Mapping[str, Any]]
) -> tuple[Mirror, ...]:
    """The regions' mirrors by the numbers that governance has given their keys."""
    numbers = {one["address"].lower(): int(one["number"]) for one in deployment.get("mirrors", ())}
    found = []
    for one in registrations:
        number = numbers.get(one["mirror_key"].lower())
        if number is None:
            raise MalformedTrustRootError(
                f"mirrors: expected a number for region {one['region']}, found none; admit it first"
            )
        found.append(Mirror(number=number, operator=one["region"], role="region"))
    return tuple(sorted(found, key=lambda one: one.number))


def _confirmations(mirrors: Sequence[Mirror], required: int | None) -> tuple[Confirmation, ...]:
    """For each region the mirrors of all others; no rule for a region that is alone."""
    if len(mirrors) < 2 and not required:
        return ()
    return tuple(
        Confirmation(
            region=region,
            stream=CONFIRMED_STREAM,
            mirrors=tuple(one.number for one in mirrors if one.operator != region),
            required=min(REQUIRED, len(mirrors) - 1) if required is None else required,
        )
        for region in sorted(one.operator for one in mirrors)
    )


def _contract(deployed: Mapping[str, Any], *slots: str) -> Contract:
    return Contract(
        address=_bytes(deployed["address"]),
        code_hash=_bytes(deployed["code_hash"]),
        slots={name: int(deployed["slots"][name]) for name in slots},
    )


def _vrf_key(region: str, stream: Mapping[str, Any]) -> VrfKey:
    return VrfKey(
        region=region,
        stream=stream["stream"],
        generation=int(stream["vrf_key"]),
        public_key=_bytes(stream["vrf_public_key"]),
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
