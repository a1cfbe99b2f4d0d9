"""The trust root of a development chain, made from what was deployed and who was admitted.

Nobody signs it: on a development chain one unsealed node makes every block, and each verdict says
so.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from ledger.core.records.catalogue import RECORD_TYPES
from ledger.core.trust.encode import encode_trust_root
from ledger.core.trust.model import Contract, Coverage, TrustRoot, VrfKey
from ledger.core.trust.parse import parse_trust_root
from ledger.errors import MalformedTrustRootError

LIFETIME: Final = timedelta(days=30)
"""How long a development trust root is believed."""


def make_development_trust_root(
    deployment: Mapping[str, Any],
    registrations: Sequence[Mapping[str, Any]],
    *,
    issued_at: datetime,
    since: date,
) -> bytes:
    """Make the trust root's bytes.

    Args:
        deployment: Chain id, genesis hash, addresses, code hashes and slots (``deployment.json``).
        registrations: One ``registration.json`` per region.
        issued_at: The present, aware.
        since: First day from which the regions undertake to publish.

    Raises:
        MalformedTrustRootError: A member is missing or of another form.
    """
    try:
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
            consensus="development",
            validators=(),
            head_anchor=_contract(contracts["HeadAnchor"], "status", "heads", "confirmations"),
            region_registry=_contract(contracts["RegionRegistry"]),
            consent_registry=None,
            vrf_keys=tuple(
                _vrf_key(one["region"], stream)
                for one in registrations
                for stream in one["streams"]
            ),
            mirrors=(),
            confirmations=(),
            coverage=tuple(
                Coverage(one["region"], record_type.code, record_type.klass, since)
                for one in registrations
                for record_type in RECORD_TYPES.values()
            ),
            authority_required=False,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MalformedTrustRootError(f"deployment or registration: {error!r}") from None
    content = encode_trust_root(root)
    parse_trust_root(content)
    return content


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
