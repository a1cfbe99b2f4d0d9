"""Writing a trust root as the canonical bytes that are pinned and signed."""

from datetime import UTC, datetime

from ledger.core import canonical
from ledger.core.trust.model import (
    Confirmation,
    Contract,
    Coverage,
    TrustRoot,
    ValidatorRange,
    VrfKey,
)


def encode_trust_root(root: TrustRoot) -> bytes:
    """Encode a trust root as the canonical bytes that ``parse_trust_root`` reads."""
    return canonical.encode(
        {
            "v": 1,
            "sequence": root.sequence,
            "previous": None if root.previous is None else root.previous.hex(),
            "signers": [_prefixed(signer) for signer in root.signers],
            "threshold": root.threshold,
            "issued_at": _time(root.issued_at),
            "expires_at": _time(root.expires_at),
            "chain": {
                "chain_id": root.chain_id,
                "genesis_hash": _prefixed(root.genesis_hash),
                "consensus": root.consensus,
            },
            "validators": [_validator_range(one) for one in root.validators],
            "contracts": {
                "head_anchor": _contract(root.head_anchor),
                "region_registry": _contract(root.region_registry),
                "consent_registry": _contract(root.consent_registry),
            },
            "vrf_keys": [_vrf_key(one) for one in root.vrf_keys],
            "mirrors": [
                {"number": one.number, "operator": one.operator, "role": one.role}
                for one in root.mirrors
            ],
            "confirmations": [_confirmation(one) for one in root.confirmations],
            "coverage": [_coverage(one) for one in root.coverage],
            "authority_required": root.authority_required,
        }
    )


def _validator_range(one: ValidatorRange) -> dict[str, object]:
    return {
        "first_block": one.first_block,
        "last_block": one.last_block,
        "last_hash": None if one.last_hash is None else _prefixed(one.last_hash),
        "last_time": one.last_time,
        "addresses": [_prefixed(address) for address in sorted(one.addresses)],
    }


def _vrf_key(one: VrfKey) -> dict[str, object]:
    return {
        "region": one.region,
        "stream": one.stream,
        "generation": one.generation,
        "public_key": one.public_key.hex(),
    }


def _confirmation(one: Confirmation) -> dict[str, object]:
    return {
        "region": one.region,
        "stream": one.stream,
        "mirrors": list(one.mirrors),
        "required": one.required,
    }


def _coverage(one: Coverage) -> dict[str, object]:
    return {
        "region": one.region,
        "record_type": one.record_type,
        "class": one.klass,
        "since": one.since.isoformat(),
    }


def _contract(contract: Contract | None) -> dict[str, object] | None:
    if contract is None:
        return None
    return {
        "address": _prefixed(contract.address),
        "code_hash": _prefixed(contract.code_hash),
        "slots": dict(contract.slots),
    }


def _prefixed(value: bytes) -> str:
    return "0x" + value.hex()


def _time(value: datetime) -> str:
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
