"""The trust root: its values, its parser and its encoder."""

from ledger.core.trust.encode import encode_trust_root
from ledger.core.trust.model import (
    STREAM_OF_CLASS,
    Confirmation,
    Contract,
    Coverage,
    Mirror,
    TrustRoot,
    ValidatorRange,
    VrfKey,
)
from ledger.core.trust.parse import parse_trust_root

__all__ = [
    "STREAM_OF_CLASS",
    "Confirmation",
    "Contract",
    "Coverage",
    "Mirror",
    "TrustRoot",
    "ValidatorRange",
    "VrfKey",
    "encode_trust_root",
    "parse_trust_root",
]
