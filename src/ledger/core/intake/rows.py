"""A row of a 双公示 file to a record, or to everything that is wrong with it.

Natural persons and sole proprietors are refused before anything else is read, with one code that
says nothing about them: the ledger holds organisations only (个人信息保护法, articles 4 and 13).
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, cast

from ledger.core.intake.layout import Layout
from ledger.core.intake.parsed import ParsedRow
from ledger.core.intake.problems import Problem, RowError, row_error
from ledger.core.intake.table import MAX_COLUMNS, Row
from ledger.core.intake.values import (
    is_blank,
    is_identity_number,
    narrow,
    read_amount,
    read_code,
    read_date,
    read_text,
)
from ledger.core.records.catalogue import (
    CATALOGUE_VERSION,
    NO_END,
    RULE_AS_PUBLISHED,
    RecordType,
)
from ledger.core.records.fields import Field, FieldKind
from ledger.core.records.record import FieldValue, Record
from ledger.core.records.subject import SOLE_PROPRIETOR_PREFIX, squeeze_code

ORGANISATION: Final = "法人及非法人组织"
"""The one category of 行政相对人 that is accepted."""

NATURAL_PERSON: Final = "自然人"
SOLE_PROPRIETOR: Final = "个体工商户"


class RecordReader:
    """Reads the rows of one file of records.

    Args:
        kind: Record type of the file.
        layout: Where its fields stand.
    """

    def __init__(self, kind: RecordType, layout: Layout) -> None:
        self._kind = kind
        self._layout = layout
        self._empty: dict[str, FieldValue] = dict.fromkeys(kind.field_names)
        # A field without a column is empty in every row; a mandatory one is read all the same.
        self._columns = [
            (layout.positions.get(field.name, MAX_COLUMNS), field, _READERS[field.kind])
            for field in kind.fields
            if field.mandatory or field.name in layout.positions
        ]

    def __call__(self, row: Row) -> ParsedRow:
        """Read one row.

        Returns:
            The record, or all problems of the row, or nothing if every cell is empty.
        """
        layout = self._layout
        if row.blank:
            return ParsedRow(row.number, skipped=True)
        personal = personal_problem(
            layout.cell(row, "party_category"), layout.cell(row, "party_code"), row
        )
        if personal:
            code, name = personal
            error = row_error(row.number, layout.column(name), Problem(code))
            return ParsedRow(row.number, errors=(error,))
        errors: list[RowError] = []
        slipped = layout.check_width(row)
        if slipped:
            errors.append(row_error(row.number, None, slipped))
        values = self._read(row, errors)
        if errors:
            return ParsedRow(row.number, errors=tuple(errors))
        return ParsedRow(row.number, record=make_record(self._kind, values))

    def _read(self, row: Row, errors: list[RowError]) -> dict[str, FieldValue]:
        """Read every field; what is wrong is added to ``errors``."""
        values, cells = self._empty.copy(), row.cells
        width = len(cells)
        for position, field, read in self._columns:
            cell = cells[position] if position < width else ""
            if not cell or is_blank(cell):
                if not field.mandatory:
                    continue
                code = "uscc-missing" if field.kind == "uscc" else "required"
                value: FieldValue | Problem = Problem(code, field.title_zh)
            else:
                value = read(cell, field)
            if isinstance(value, Problem):
                errors.append(row_error(row.number, self._layout.column(field.name), value))
            else:
                values[field.name] = value
        return values


def personal_problem(category: str, code: str, row: Row) -> tuple[str, str] | None:
    """Find out whether a row is about one person.

    Returns:
        The code of the problem and the field that shows it, or None.
    """
    word = _category(category)
    if NATURAL_PERSON in word:
        return "natural-person", "party_category"
    squeezed = squeeze_code(code)
    if SOLE_PROPRIETOR in word:
        return "sole-proprietor", "party_category"
    if squeezed.startswith(SOLE_PROPRIETOR_PREFIX):
        return "sole-proprietor", "party_code"
    if is_identity_number(squeezed) and isinstance(read_code(code), Problem):
        return "natural-person", "party_code"
    if word != ORGANISATION:
        # The columns may have slipped: the word then stands in another cell.
        words = set(map(_category, row.cells))
        if NATURAL_PERSON in words:
            return "natural-person", "party_category"
        if SOLE_PROPRIETOR in words:
            return "sole-proprietor", "party_category"
    return None


def _read_day(cell: str, _: Field) -> FieldValue | Problem:
    day = read_date(cell)
    return day.isoformat() if isinstance(day, date) else day


def _read_category(cell: str, _: Field) -> FieldValue | Problem:
    word = _category(cell)
    return word if word == ORGANISATION else Problem("category-unknown", ORGANISATION)


_READERS: Final[Mapping[FieldKind, Callable[[str, Field], FieldValue | Problem]]] = {
    "uscc": lambda cell, _: read_code(cell),
    "date": _read_day,
    "money": lambda cell, _: read_amount(cell),
    "code": _read_category,
    "text": lambda cell, field: read_text(cell, max_chars=field.max_chars),
}
"""How a cell that is not empty is read, by the kind of its field."""


def make_record(kind: RecordType, values: dict[str, FieldValue]) -> Record:
    """Make the record of a row without problems; every text below is there by then."""
    end = values[kind.end_field]
    return Record(
        record_type=kind.code,
        subject=cast(str, values["party_code"]),
        issuer=cast(str, values["authority_code"]),
        document_number=cast(str, values["document_number"]),
        decided_on=date.fromisoformat(cast(str, values["decided_on"])),
        in_force_until=date.fromisoformat(str(end)) if end not in (None, NO_END) else None,
        fields=values,
        schema=kind.schema,
        catalogue=CATALOGUE_VERSION,
        rule=RULE_AS_PUBLISHED,
    )


def _category(cell: str) -> str:
    """Return a word of a closed list without spaces."""
    if cell == ORGANISATION:
        return cell
    return narrow(cell).replace(" ", "")
