"""Evidence: one self-contained proof, its values, parser and encoder."""

from ledger.core.evidence.encode import encode_evidence
from ledger.core.evidence.model import (
    COMPLETE,
    CURRENT,
    ChainProof,
    Claim,
    Evidence,
    OneOfList,
    OpenedItem,
    WholeList,
)
from ledger.core.evidence.parse import parse_evidence

__all__ = [
    "COMPLETE",
    "CURRENT",
    "ChainProof",
    "Claim",
    "Evidence",
    "OneOfList",
    "OpenedItem",
    "WholeList",
    "encode_evidence",
    "parse_evidence",
]
