"""A row of a change file to a change: a penalty repaired, or a decision revoked.

One file serves all regions; rows of other regions are left out unread.
"""

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Final, TypeVar

from ledger.core.intake.layout import Layout
from ledger.core.intake.parsed import Change, ChangeKind, ParsedRow
from ledger.core.intake.problems import Problem, RowError, row_error
from ledger.core.intake.rows import ORGANISATION, personal_problem
from ledger.core.intake.table import Row
from ledger.core.intake.values import is_blank, narrow, read_code, read_date, read_text
from ledger.core.records.catalogue import PENALTY, RECORD_TYPES

T = TypeVar("T")

CHANGE_WORDS: Final = MappingProxyType[str, ChangeKind](
    {
        "repair": "repair",
        "修复": "repair",
        "信用修复": "repair",
        "revoke": "revoke",
        "撤销": "revoke",
    }
)
"""Words for the two kinds of change."""

MAX_BASIS_CHARS: Final = 2_000
"""Characters of the longest reason; a limit of this system."""

_REGION: Final = re.compile(r"([0-9]{6})(?:\.0+)?", re.ASCII)


def read_change_row(row: Row, layout: Layout, *, region: str) -> ParsedRow:
    """Read one row of a change file.

    Args:
        row: The row as it stands.
        layout: Where its values stand.
        region: The region whose rows are read, six digits.

    Returns:
        The change, or all problems of the row, or nothing if it is another region's or empty.
    """
    if row.blank:
        return ParsedRow(row.number, skipped=True)
    reader = _Reader(row, layout)
    where = reader.value("region", _read_region)
    if where is not None and where != region:
        return ParsedRow(row.number, skipped=True)
    code = reader.record_type()
    party = f"{code}_party"
    personal = personal_problem(ORGANISATION, layout.cell(row, party), row)
    if personal:
        error = row_error(row.number, layout.column(party), Problem(personal[0]))
        return ParsedRow(row.number, errors=(error,))
    number = reader.value(f"{code}_number", _read_number)
    subject = reader.value(party, read_code, missing="uscc-missing")
    kind: ChangeKind | None = reader.value("change", _read_change)
    decided_on = reader.value("decided_on", read_date)
    issuer = reader.value("issuer", read_code, missing=None)
    issuer = issuer or reader.value(f"{code}_issuer", read_code, missing=None)
    basis = reader.value("basis", _read_basis, missing=None)
    reader.check_width()
    if reader.errors or not (number and subject and kind and decided_on):
        return ParsedRow(row.number, errors=tuple(reader.errors))
    change = Change(row.number, region, code, number, subject, kind, decided_on, issuer, basis)
    return ParsedRow(row.number, change=change)


class _Reader:
    """Reads the values of one row and collects what is wrong with them."""

    def __init__(self, row: Row, layout: Layout) -> None:
        self._row = row
        self._layout = layout
        self.errors: list[RowError] = []

    def value(
        self,
        name: str,
        read: Callable[[str], T | Problem | None],
        *,
        missing: str | None = "required",
    ) -> T | None:
        """Read one value; an empty cell is the problem ``missing``, or none if that is None."""
        cell = self._layout.cell(self._row, name)
        if is_blank(cell):
            if missing is not None:
                self._add(name, Problem(missing))
            return None
        value = read(cell)
        if isinstance(value, Problem):
            self._add(name, value)
            return None
        return value

    def record_type(self) -> str:
        """Tell by the number that is filled in which type the changed record has."""
        known = [code for code in RECORD_TYPES if self._layout.column(f"{code}_number")]
        filled = [c for c in known if not is_blank(self._layout.cell(self._row, f"{c}_number"))]
        if len(filled) > 1:
            self.errors.append(row_error(self._row.number, None, Problem("type-ambiguous")))
        return (filled or known)[0]

    def check_width(self) -> None:
        """Add a problem if the row has slipped to the right."""
        slipped = self._layout.check_width(self._row)
        if slipped:
            self.errors.append(row_error(self._row.number, None, slipped))

    def _add(self, name: str, problem: Problem) -> None:
        column = self._layout.column(name)
        self.errors.append(row_error(self._row.number, column, problem))


def _read_region(cell: str) -> str | Problem:
    parts = _REGION.fullmatch(narrow(cell))
    return parts[1] if parts else Problem("region-format", "six digits", cell)


def _read_change(cell: str) -> ChangeKind | Problem:
    kind = CHANGE_WORDS.get(narrow(cell).lower())
    return kind or Problem("change-unknown", "repair or revoke")


def _read_number(cell: str) -> str | Problem | None:
    return read_text(cell, max_chars=PENALTY.field("document_number").max_chars)


def _read_basis(cell: str) -> str | Problem | None:
    return read_text(cell, max_chars=MAX_BASIS_CHARS)
