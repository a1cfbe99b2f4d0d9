"""Reading a trust root: exact members, then the rules that hold between them.

A verifier pins the file by its SHA-256. Signatures over an update stand beside the file, not in it;
this module does not check an update against its predecessor. Format: docs/formats.md, "Trust root".
"""

from collections.abc import Hashable, Iterable
from typing import Final

from ledger.core import canonical
from ledger.core.members import Members
from ledger.core.trust.model import (
    CLASSES,
    Confirmation,
    Contract,
    Coverage,
    Mirror,
    TrustRoot,
    ValidatorRange,
    VrfKey,
)
from ledger.core.types import MAX_SAFE_INTEGER, STREAMS
from ledger.errors import MalformedTrustRootError, UnsupportedFormatError

MAX_BYTES: Final = 1 << 20
"""Largest trust root that is read."""

REGION_PATTERN: Final = r"[0-9]{6}"
RECORD_TYPE_PATTERN: Final = r"[a-z0-9][a-z0-9-]{0,31}"
MAX_MEMBERS: Final = 1_024
"""Of every list but those of keys and coverage."""

_MAX_UINT32: Final = 2**32 - 1
_read: Final = Members(MalformedTrustRootError)

_MEMBERS: Final = (
    "v",
    "sequence",
    "previous",
    "signers",
    "threshold",
    "issued_at",
    "expires_at",
    "chain",
    "validators",
    "contracts",
    "vrf_keys",
    "mirrors",
    "confirmations",
    "coverage",
    "authority_required",
)


def parse_trust_root(content: bytes) -> TrustRoot:
    """Parse a trust root.

    Args:
        content: The file's bytes, at most 1 MiB, equal to their own canonical JSON.

    Raises:
        CanonicalizationError: The bytes are not canonical JSON.
        UnsupportedFormatError: ``v`` is a version this release does not know.
        MalformedTrustRootError: A member is missing, unknown or out of range, or two contradict.
    """
    value = canonical.decode(content, max_bytes=MAX_BYTES)
    if isinstance(value, dict) and type(value.get("v")) is int and value["v"] != 1:
        raise UnsupportedFormatError(f"trust root: expected version 1, found {value['v']}")
    members = _read.members(value, _MEMBERS, "trust root")
    _read.integer(members["v"], "v", least=1, most=1)
    chain = _read.members(members["chain"], ("chain_id", "genesis_hash", "consensus"), "chain")
    contracts = _read.members(
        members["contracts"], ("head_anchor", "region_registry", "consent_registry"), "contracts"
    )
    previous = members["previous"]
    root = TrustRoot(
        sequence=_read.integer(members["sequence"], "sequence", least=1, most=MAX_SAFE_INTEGER),
        previous=None if previous is None else _read.hex(previous, "previous", length=32),
        signers=_read.array(members["signers"], _address, "signers", most=64),
        threshold=_read.integer(members["threshold"], "threshold", least=1, most=64),
        issued_at=_read.time(members["issued_at"], "issued_at"),
        expires_at=_read.time(members["expires_at"], "expires_at"),
        chain_id=_read.integer(chain["chain_id"], "chain_id", least=1, most=MAX_SAFE_INTEGER),
        genesis_hash=_read.prefixed(chain["genesis_hash"], "genesis_hash", length=32),
        consensus=_read.choice(chain["consensus"], ("development", "qbft"), "consensus"),
        validators=_read.array(
            members["validators"], _validator_range, "validators", most=MAX_MEMBERS
        ),
        head_anchor=_contract(
            contracts["head_anchor"], "head_anchor", ("status", "heads", "confirmations")
        ),
        region_registry=_optional_contract(contracts["region_registry"], "region_registry"),
        consent_registry=_optional_contract(contracts["consent_registry"], "consent_registry"),
        vrf_keys=_read.array(members["vrf_keys"], _vrf_key, "vrf_keys", most=4096),
        mirrors=_read.array(members["mirrors"], _mirror, "mirrors", most=MAX_MEMBERS),
        confirmations=_read.array(
            members["confirmations"], _confirmation, "confirmations", most=MAX_MEMBERS
        ),
        coverage=_read.array(members["coverage"], _coverage, "coverage", most=4096),
        authority_required=_read.boolean(members["authority_required"], "authority_required"),
    )
    _check_whole(root)
    return root


def _check_whole(root: TrustRoot) -> None:
    """Refuse members that contradict each other; each rule stands in docs/formats.md."""
    _distinct(root.signers, "signers")
    _distinct([(k.region, k.stream, k.generation) for k in root.vrf_keys], "vrf_keys")
    _distinct([k.public_key for k in root.vrf_keys], "vrf_keys public_key")
    _distinct([one.number for one in root.mirrors], "mirrors")
    _distinct([(rule.region, rule.stream) for rule in root.confirmations], "confirmations")
    _distinct([(one.region, one.record_type) for one in root.coverage], "coverage")
    if root.threshold > len(root.signers):
        raise MalformedTrustRootError("threshold: expected at most the number of signers")
    if (root.sequence == 1) != (root.previous is None):
        raise MalformedTrustRootError("previous: expected null exactly when sequence is 1")
    if root.expires_at <= root.issued_at:
        raise MalformedTrustRootError("expires_at: expected later than issued_at")
    if root.is_development != (not root.validators):
        raise MalformedTrustRootError("validators: expected none exactly on a development chain")
    _check_ranges(root.validators)
    for rule in root.confirmations:
        _check_rule(root, rule)


def _check_ranges(ranges: tuple[ValidatorRange, ...]) -> None:
    expected_first = 0
    for position, one in enumerate(ranges):
        if one.first_block != expected_first:
            raise MalformedTrustRootError("validators: expected ranges without gap from block 0")
        if one.last_block is None:
            if position != len(ranges) - 1:
                raise MalformedTrustRootError("validators: expected only the last range open")
            return
        if one.last_block < one.first_block:
            raise MalformedTrustRootError("validators: expected last_block not before first_block")
        expected_first = one.last_block + 1


def _check_rule(root: TrustRoot, rule: Confirmation) -> None:
    _distinct(rule.mirrors, "confirmations mirrors")
    operators = {one.number: one.operator for one in root.mirrors}
    unlisted = [number for number in rule.mirrors if number not in operators]
    if unlisted:
        raise MalformedTrustRootError("confirmations mirrors: expected numbers listed in mirrors")
    if rule.region in {operators[number] for number in rule.mirrors}:
        raise MalformedTrustRootError("confirmations mirrors: a region cannot confirm itself")
    if rule.required > len({operators[number] for number in rule.mirrors}):
        raise MalformedTrustRootError("confirmations required: expected at most the operators")
    if rule.required == 0 and not root.is_development:
        raise MalformedTrustRootError("confirmations required: 0 only on a development chain")


def _distinct(values: Iterable[Hashable], where: str) -> None:
    listed = list(values)
    if len(set(listed)) != len(listed):
        raise MalformedTrustRootError(f"{where}: expected distinct entries, found a repeat")


def _address(value: object, where: str) -> bytes:
    return _read.prefixed(value, where, length=20)


def _validator_range(value: object, where: str) -> ValidatorRange:
    members = _read.members(
        value, ("first_block", "last_block", "last_hash", "last_time", "addresses"), where
    )
    closing = (members["last_block"], members["last_hash"], members["last_time"])
    if any(one is None for one in closing) and any(one is not None for one in closing):
        raise _read.refuse(where, "last_block, last_hash and last_time all null or all set", value)
    last, last_hash, last_time = closing
    addresses = _read.array(members["addresses"], _address, f"{where}.addresses", most=256)
    if not addresses or list(addresses) != sorted(set(addresses)):
        raise _read.refuse(f"{where}.addresses", "distinct addresses in ascending order", value)
    most = MAX_SAFE_INTEGER
    return ValidatorRange(
        first_block=_read.integer(members["first_block"], where, least=0, most=most),
        last_block=None if last is None else _read.integer(last, where, least=0, most=most),
        last_hash=None if last_hash is None else _read.prefixed(last_hash, where, length=32),
        last_time=None
        if last_time is None
        else _read.integer(last_time, where, least=0, most=most),
        addresses=frozenset(addresses),
    )


def _contract(value: object, where: str, slots: tuple[str, ...]) -> Contract:
    members = _read.members(value, ("address", "code_hash", "slots"), where)
    numbers = _read.members(members["slots"], slots, f"{where}.slots")
    return Contract(
        address=_address(members["address"], f"{where}.address"),
        code_hash=_read.prefixed(members["code_hash"], f"{where}.code_hash", length=32),
        slots={
            name: _read.integer(numbers[name], f"{where}.slots", least=0, most=MAX_SAFE_INTEGER)
            for name in slots
        },
    )


def _optional_contract(value: object, where: str) -> Contract | None:
    return None if value is None else _contract(value, where, ())


def _vrf_key(value: object, where: str) -> VrfKey:
    members = _read.members(value, ("region", "stream", "generation", "public_key"), where)
    return VrfKey(
        region=_region(members["region"], where),
        stream=_read.choice(members["stream"], STREAMS, where),
        generation=_read.integer(members["generation"], where, least=1, most=_MAX_UINT32),
        public_key=_read.hex(members["public_key"], where, length=32),
    )


def _mirror(value: object, where: str) -> Mirror:
    members = _read.members(value, ("number", "operator", "role"), where)
    return Mirror(
        number=_read.integer(members["number"], where, least=0, most=_MAX_UINT32),
        operator=_read.text(members["operator"], where, most=64, pattern=r"[a-z0-9-]{1,64}"),
        role=_read.choice(members["role"], ("region", "regulator"), where),
    )


def _confirmation(value: object, where: str) -> Confirmation:
    members = _read.members(value, ("region", "stream", "mirrors", "required"), where)
    return Confirmation(
        region=_region(members["region"], where),
        stream=_read.choice(members["stream"], STREAMS, where),
        mirrors=_read.array(
            members["mirrors"],
            lambda one, at: _read.integer(one, at, least=0, most=_MAX_UINT32),
            where,
            most=MAX_MEMBERS,
        ),
        required=_read.integer(members["required"], where, least=0, most=MAX_MEMBERS),
    )


def _coverage(value: object, where: str) -> Coverage:
    members = _read.members(value, ("region", "record_type", "class", "since"), where)
    return Coverage(
        region=_region(members["region"], where),
        record_type=_read.text(members["record_type"], where, most=32, pattern=RECORD_TYPE_PATTERN),
        klass=_read.choice(members["class"], CLASSES, where),
        since=_read.date(members["since"], where),
    )


def _region(value: object, where: str) -> str:
    return _read.text(value, where, most=6, pattern=REGION_PATTERN)
