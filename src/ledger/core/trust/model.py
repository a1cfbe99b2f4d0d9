"""The trust root as values: what a verifier believes before it sees any evidence.

Format: docs/formats.md, "Trust root".
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

CLASSES: Final = ("public", "market", "restricted", "queries")
"""Classes of record types; each is published on one stream (``STREAM_OF_CLASS``)."""

STREAM_OF_CLASS: Final = {
    "public": "records",
    "market": "records",
    "restricted": "restricted",
    "queries": "queries",
}


@dataclass(frozen=True, slots=True)
class ValidatorRange:
    """The validators of a closed or open range of blocks; ``last`` fields are null while open."""

    first_block: int
    last_block: int | None
    last_hash: bytes | None
    last_time: int | None
    addresses: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Contract:
    """Where a contract is, what its code hashes to and which slots are read.

    ``slots`` maps a storage variable (``status``, ``heads``, ``confirmations``) to its slot number.
    """

    address: bytes
    code_hash: bytes
    slots: dict[str, int]


@dataclass(frozen=True, slots=True)
class VrfKey:
    """The VRF public key of one generation of a stream."""

    region: str
    stream: str
    generation: int
    public_key: bytes


@dataclass(frozen=True, slots=True)
class Mirror:
    """A mirror by its number; several may belong to one operator."""

    number: int
    operator: str
    role: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Which mirrors count for a stream and how many distinct operators must have confirmed."""

    region: str
    stream: str
    mirrors: tuple[int, ...]
    required: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """A record type a region undertakes to publish, from ``since`` on."""

    region: str
    record_type: str
    klass: str
    since: date


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A parsed trust root; field by field the JSON of docs/formats.md."""

    sequence: int
    previous: bytes | None
    signers: tuple[bytes, ...]
    threshold: int
    issued_at: datetime
    expires_at: datetime
    chain_id: int
    genesis_hash: bytes
    consensus: str
    validators: tuple[ValidatorRange, ...]
    head_anchor: Contract
    region_registry: Contract | None
    consent_registry: Contract | None
    vrf_keys: tuple[VrfKey, ...]
    mirrors: tuple[Mirror, ...]
    confirmations: tuple[Confirmation, ...]
    coverage: tuple[Coverage, ...]
    authority_required: bool

    @property
    def is_development(self) -> bool:
        """True when blocks carry no seals; every verdict is then marked as a test chain's."""
        return self.consensus == "development"

    def vrf_key(self, region: str, stream: str, generation: int) -> bytes | None:
        """The VRF public key of a stream's generation, or None."""
        for key in self.vrf_keys:
            if (key.region, key.stream, key.generation) == (region, stream, generation):
                return key.public_key
        return None

    def validators_at(self, number: int) -> ValidatorRange | None:
        """The range of validators that a block of this height belongs to, or None."""
        for one in self.validators:
            if one.first_block <= number and (one.last_block is None or number <= one.last_block):
                return one
        return None

    def covered(self, region: str, record_type: str) -> Coverage | None:
        """What the region undertakes for this record type, or None."""
        for coverage in self.coverage:
            if (coverage.region, coverage.record_type) == (region, record_type):
                return coverage
        return None

    def confirmation(self, region: str, stream: str) -> Confirmation | None:
        """The confirmation rule of a stream, or None."""
        for rule in self.confirmations:
            if (rule.region, rule.stream) == (region, stream):
                return rule
        return None
