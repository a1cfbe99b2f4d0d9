"""A whole file: what it is, and every row of it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from ledger.core.intake.changes import read_change_row
from ledger.core.intake.decode import MAX_FILE_BYTES, Encoding, decode_text
from ledger.core.intake.layout import (
    Layout,
    change_layout,
    is_change_header,
    record_layout,
    unused_columns,
)
from ledger.core.intake.parsed import ParsedFile, ParsedRow
from ledger.core.intake.problems import PERSONAL, FileError, Problem, row_error
from ledger.core.intake.rows import RecordReader
from ledger.core.intake.table import Row, open_table
from ledger.core.intake.worksheet import ColumnKind, Worksheet, open_worksheet
from ledger.core.intake.xlsx import is_workbook
from ledger.core.records.catalogue import RECORD_TYPES, RecordType
from ledger.errors import InputError

_CHANGE_KINDS: Final[Mapping[str, ColumnKind]] = {
    "region": "text",
    "change": "text",
    "decided_on": "date",
    "basis": "text",
}
"""What the columns of a change file hold; all others hold identifiers."""

_NUMBERED: Final = frozenset(
    {
        *("business_registration", "organisation_code", "tax_registration"),
        *("institution_certificate", "social_certificate"),
        *("document_number", "certificate_number", "licence_withdrawn"),
    }
)
"""Texts of records that are numbers of something."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file whose kind and columns are known; its rows are still to be read."""

    record_type: str | None
    """Type of all its records; None for changes."""
    layout: Layout
    """Where its fields stand."""
    rows: Iterator[Row]
    """Its rows, once; whoever asks for them may be told that the file cannot be read."""

    @property
    def kind(self) -> Literal["records", "changes"]:
        """What its rows are."""
        return "changes" if self.record_type is None else "records"


def read_file(content: bytes, *, region: str, encoding: Encoding | None = None) -> ParsedFile:
    """Read a file of penalties, of licences or of changes.

    Args:
        content: See ``open_file``.
        region: The region that reads it, six digits; rows of changes for other regions are left
        out.
        encoding: See ``open_file``.

    Returns:
        Every row: a record or change, or all of its problems.

    Raises:
        FileError: The file cannot be read as a whole.
        InputError: ``region`` is not six digits.
    """
    opened = open_file(content, encoding=encoding)
    reader = RowReader(opened.record_type, opened.layout, region=region)
    rows = tuple(map(reader, opened.rows))
    return ParsedFile(opened.kind, opened.record_type, rows, *unused_columns(opened.layout))


def open_file(content: bytes, *, encoding: Encoding | None = None) -> OpenedFile:
    """Find out what a file is.

    Whether it is a workbook or text is seen from its bytes, never from its name.

    Args:
        content: The bytes of the file: XLSX, or CSV in UTF-8, GB18030 or UTF-16.
        encoding: What its sender says that a text is in; a workbook is then none.

    Raises:
        FileError: The file cannot be read as a whole.
    """
    table = _open(content, encoding)
    record_type: str | None
    if is_change_header(table.header):
        record_type, layout = None, change_layout(table.header)
        kinds = _change_kinds(layout)
    else:
        kind, layout = record_layout(table.header)
        record_type, kinds = kind.code, _record_kinds(kind, layout)
    rows = table.rows(kinds) if isinstance(table, Worksheet) else table.rows
    return OpenedFile(record_type, layout, rows)


class RowReader:
    """Reads rows of one file.

    Args:
        record_type: Type of its records; None for changes.
        layout: Where its fields stand.
        region: The region that reads it, six digits.

    Raises:
        InputError: ``region`` is not six digits.
    """

    def __init__(self, record_type: str | None, layout: Layout, *, region: str) -> None:
        if not re.fullmatch("[0-9]{6}", region, re.ASCII):
            raise InputError("region: expected six digits, found something else")
        self._layout = layout
        self._read: Callable[[Row], ParsedRow]
        if record_type is None:
            self._read = partial(read_change_row, layout=layout, region=region)
        else:
            self._read = RecordReader(RECORD_TYPES[record_type], layout)

    def __call__(self, row: Row) -> ParsedRow:
        """Read one row: a record or change, or all of its problems."""
        return _with_faults(row, self._read(row), self._layout)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text taken apart."""

    header: tuple[str, ...]
    rows: Iterator[Row]


def _open(content: bytes, encoding: Encoding | None) -> _Text | Worksheet:
    if encoding is None and is_workbook(content):
        if len(content) > MAX_FILE_BYTES:
            raise FileError(
                "too-large",
                expected=f"at most {MAX_FILE_BYTES} bytes",
                found=f"{len(content)} bytes",
            )
        return open_worksheet(content)
    return _Text(*open_table(decode_text(content, encoding)))


def _with_faults(row: Row, parsed: ParsedRow, layout: Layout) -> ParsedRow:
    """Tell of cells that cannot be read instead of what their text would be wrong for."""
    if not row.faults or parsed.skipped:
        return parsed
    if any(error.code in PERSONAL for error in parsed.errors):
        return parsed  # Nothing else is said about a row of a person.
    used = set(layout.positions.values())
    faults = [
        row_error(row.number, layout.header[position], Problem(code, _EXPECTED.get(code)))
        for position, code in row.faults
        if position in used
    ]
    if not faults:
        return parsed
    told = {fault.field for fault in faults}
    others = tuple(error for error in parsed.errors if error.field not in told)
    return ParsedRow(row.number, errors=(*faults, *others))


_EXPECTED: Final = {
    "cell-error": "a value",
    "formula-without-value": "a value",
    "number-not-text": "a text",
    "number-format": "a plain number or a whole date",
}


def _record_kinds(kind: RecordType, layout: Layout) -> dict[int, ColumnKind]:
    kinds: dict[int, ColumnKind] = {}
    for field in kind.fields:
        position = layout.positions.get(field.name)
        if position is None:
            continue
        if field.kind in ("date", "money"):
            kinds[position] = "date" if field.kind == "date" else "money"
        else:
            is_numbered = field.kind == "uscc" or field.name in _NUMBERED
            kinds[position] = "identifier" if is_numbered else "text"
    return kinds


def _change_kinds(layout: Layout) -> dict[int, ColumnKind]:
    return {
        position: _CHANGE_KINDS.get(name, "identifier")
        for name, position in layout.positions.items()
    }
