"""What a file turns into: records, changes, and every row that could not be read."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from ledger.core.intake.problems import RowError
from ledger.core.records.record import Record

ChangeKind = Literal["repair", "revoke"]


@dataclass(frozen=True, slots=True)
class Change:
    """A decision that ends a record."""

    row: int
    """Number of its row."""
    region: str
    """Region of the record, six digits."""
    record_type: str
    """Type of the record."""
    document_number: str
    """Number of the record's document as written here; compare it in its match form."""
    subject: str
    """Normalised code of the party."""
    kind: ChangeKind
    """``repair`` (信用修复) or ``revoke`` (撤销)."""
    decided_on: date
    """Day of the decision that ends the record."""
    issuer: str | None
    """Normalised code of the authority, where the file gives it."""
    basis: str | None
    """Reason, where the file gives it."""


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """One row: exactly one of a record, a change, errors, or nothing because it was left out."""

    row: int
    """Number of the record; the header is 1."""
    record: Record | None = None
    """What a row of a record file says."""
    change: Change | None = None
    """What a row of a change file says."""
    errors: tuple[RowError, ...] = ()
    """Everything that is wrong with the row."""
    skipped: bool = False
    """The row has only empty cells, or is a change of another region."""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A whole file."""

    kind: Literal["records", "changes"]
    """What its rows are."""
    record_type: str | None
    """Type of all its records; None for changes, whose rows carry their own."""
    rows: tuple[ParsedRow, ...]
    """Every record below the header, in order."""
    ignored_columns: tuple[str, ...]
    """Named columns that the catalogue does not know."""
    dropped_columns: tuple[str, ...]
    """Columns that must never be public; their cells were not read."""
