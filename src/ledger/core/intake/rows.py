"""A row of a 双公示 file to a record, or to everything that is wrong with it.

Natural persons and sole proprietors are refused before anything else is read, with one code that
says nothing about them: the ledger holds organisations only (个人信息保护法, articles 4 and 13).
"""

from datetime import date
from typing import Final, cast

from ledger.core.intake.layout import Layout
from ledger.core.intake.parsed import ParsedRow
from ledger.core.intake.problems import Problem, RowError, row_error
from ledger.core.intake.table import Row
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
from ledger.core.records.fields import Field
from ledger.core.records.record import FieldValue, Record
from ledger.core.records.subject import SOLE_PROPRIETOR_PREFIX, squeeze_code

ORGANISATION: Final = "法人及非法人组织"
"""The one category of 行政相对人 that is accepted."""

NATURAL_PERSON: Final = "自然人"
SOLE_PROPRIETOR: Final = "个体工商户"


def read_record_row(row: Row, kind: RecordType, layout: Layout) -> ParsedRow:
    """Read one row.

    Args:
        row: The row as it stands.
        kind: Record type of the file.
        layout: Where its fields stand.

    Returns:
        The record, or all problems of the row, or nothing if every cell is empty.
    """
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
    values: dict[str, FieldValue] = {}
    for field in kind.fields:
        value = _read_field(layout.cell(row, field.name), field)
        if isinstance(value, Problem):
            errors.append(row_error(row.number, layout.column(field.name), value))
        else:
            values[field.name] = value
    if errors:
        return ParsedRow(row.number, errors=tuple(errors))
    return ParsedRow(row.number, record=_make_record(kind, values))


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


def _read_field(cell: str, field: Field) -> FieldValue | Problem:
    """Read a cell by the kind of its field; an empty cell of a mandatory field is a problem."""
    if is_blank(cell):
        if not field.mandatory:
            return None
        code = "uscc-missing" if field.kind == "uscc" else "required"
        return Problem(code, field.title_zh)
    match field.kind:
        case "uscc":
            return read_code(cell)
        case "date":
            day = read_date(cell)
            return day.isoformat() if isinstance(day, date) else day
        case "money":
            return read_amount(cell)
        case "code":
            word = _category(cell)
            return word if word == ORGANISATION else Problem("category-unknown", ORGANISATION)
        case _:
            return read_text(cell, max_chars=field.max_chars)


def _make_record(kind: RecordType, values: dict[str, FieldValue]) -> Record:
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
    return narrow(cell).replace(" ", "")
