"""Verification of evidence, offline: ``verify_evidence`` and its verdict."""

from ledger.core.verify.engine import verify_against, verify_evidence
from ledger.core.verify.verdict import (
    CHINA,
    STEPS,
    Basis,
    Outcome,
    Policy,
    ProvedRecord,
    Step,
    StepState,
    Verdict,
    day_of,
)

__all__ = [
    "CHINA",
    "STEPS",
    "Basis",
    "Outcome",
    "Policy",
    "ProvedRecord",
    "Step",
    "StepState",
    "Verdict",
    "day_of",
    "verify_against",
    "verify_evidence",
]
