"""Accepting files: each row once, all or nothing, and a report of what became of it."""

from ledger.services.publication.report import (
    BatchReport,
    Effect,
    Mode,
    Outcome,
    RowReport,
    State,
)
from ledger.services.publication.service import Publication

__all__ = ["BatchReport", "Effect", "Mode", "Outcome", "Publication", "RowReport", "State"]
