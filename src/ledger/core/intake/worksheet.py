"""A workbook to the one table that is meant, with cells as the text a CSV export would hold.

What a cell is depends on its column: 20260305 is a day in one and a document number in another. A
number is turned into text only where nothing can have been lost on the way: not in codes and
document numbers, whose leading zeros and last digits a spreadsheet drops; in other texts only whole
numbers shown as they are; as money only without unit, percent sign or exponent; as a day only if
year, month and day are shown.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import Final, Literal

from ledger.core.intake.problems import FileError
from ledger.core.intake.table import (
    HEADER_WITHIN,
    MAX_COLUMNS,
    MAX_ROWS,
    Row,
    column_names,
    header_place,
)
from ledger.core.intake.xlsx import Workbook, open_workbook
from ledger.core.intake.xlsx.cells import CellFault, Number
from ledger.core.intake.xlsx.formats import Look
from ledger.core.intake.xlsx.sheet import SheetRow

ColumnKind = Literal["identifier", "date", "money", "text"]
"""What a column holds: decides what a number in it can mean."""

_DAY_ZERO: Final = date(1899, 12, 30)
"""Day 0 of worksheets, as they count after February 1900."""

_DAYS_TO_1904: Final = 1462
"""By how many days the day numbers of workbooks that count from 1904 are smaller."""

_LAST_SERIAL: Final = 2_958_465
"""9999-12-31."""

_SERIAL_DIGITS: Final = 5
_EXACT_DIGITS: Final = 15
"""Significant digits that a spreadsheet keeps."""

_EXACT_BELOW: Final = 10**_EXACT_DIGITS


class Worksheet:
    """The table of a workbook: its header, and rows that are read when asked for."""

    def __init__(self, header: tuple[str, ...], rows: Iterable[SheetRow]) -> None:
        self.header = header
        """Column names."""
        self._rows = rows

    def rows(self, kinds: Mapping[int, ColumnKind]) -> Iterator[Row]:
        """Yield the rows below the header that hold something.

        Args:
            kinds: What the columns hold that something is read from, by position.

        Raises:
            FileError: ``too-many-rows``, ``too-many-columns``, ``malformed-xlsx`` or
            ``unpacked-too-large``.
        """
        for count, row in enumerate(self._rows):
            if count == MAX_ROWS:
                raise FileError("too-many-rows", expected=f"at most {MAX_ROWS} rows", found="more")
            _check_width(row)
            texts: list[str] = []
            faults: list[tuple[int, str]] = []
            for position, cell in enumerate(row.cells):
                if isinstance(cell, str):
                    texts.append(cell)
                    continue
                text, fault = _read(cell, kinds.get(position))
                texts.append(text)
                if fault is not None:
                    faults.append((position, fault))
            yield Row(row.number, tuple(texts), tuple(faults))


def open_worksheet(content: bytes) -> Worksheet:
    """Find the table of a workbook: the visible sheet that has a known header and rows.

    Hidden sheets are left out, hidden rows and columns are not. Sheets without a known header
    within their first rows are taken for notes. A header without rows counts only if no sheet has
    both.

    Args:
        content: The whole file.

    Raises:
        FileError: ``empty``, ``several-sheets``, ``unknown-columns`` or any of ``open_workbook``.
    """
    workbook = open_workbook(content)
    filled: list[str] = []
    bare: list[str] = []
    others = 0
    for part in workbook.parts:
        has_header, has_rows = _survey(workbook.rows(part))
        if has_header:
            (filled if has_rows else bare).append(part)
        else:
            others += has_rows
    if len(filled) > 1:
        raise FileError("several-sheets", expected="one sheet", found=f"{len(filled)} sheets")
    if not filled and not bare:
        if others:
            raise FileError("unknown-columns", expected="columns CF_... or XK_...", found="others")
        raise FileError("empty", expected="a header and rows", found="nothing")
    return _open(workbook, (filled or bare)[0])


def _survey(rows: Iterator[SheetRow]) -> tuple[bool, bool]:
    """Tell of a sheet whether it has a known header, and a row below it (or any row at all)."""
    head = list(islice(rows, HEADER_WITHIN))
    place = header_place([_names(row) for row in head])
    if place is None:
        return False, bool(head)
    return True, place + 1 < len(head) or next(rows, None) is not None


def _open(workbook: Workbook, part: str) -> Worksheet:
    rows = workbook.rows(part)
    head = list(islice(rows, HEADER_WITHIN))
    place = header_place([_names(row) for row in head]) or 0
    _check_width(head[place])
    return Worksheet(column_names(_names(head[place])), chain(head[place + 1 :], rows))


def _names(row: SheetRow) -> list[str]:
    return [cell if isinstance(cell, str) else "" for cell in row.cells]


def _check_width(row: SheetRow) -> None:
    if len(row.cells) > MAX_COLUMNS:
        raise FileError(
            "too-many-columns",
            expected=f"at most {MAX_COLUMNS} columns",
            found=f"{len(row.cells)}",
        )


def _read(cell: Number | CellFault, kind: ColumnKind | None) -> tuple[str, str | None]:
    """Text of a cell that is no text, and the code of what is wrong with it.

    The text of a faulty cell is not empty and is what stands in the file: whether a row is about a
    person is found out before its faults are told.
    """
    if isinstance(cell, CellFault):
        return "#", cell.value
    match kind:
        case "money" if cell.look in (Look.WHOLE, Look.PLAIN):
            return _decimal(cell), None
        case "date" if cell.look is Look.DATE:
            return _day(cell), None
        case "date" if cell.look is Look.WHOLE:
            return _day_number(cell), None
        case "money" | "date":
            return cell.text, "number-format"
        case "text" if cell.look is Look.WHOLE and _is_whole(cell):
            return _decimal(cell), None
        case None:
            return cell.text, None
        case _:
            return cell.text, "number-not-text"


def _decimal(number: Number) -> str:
    """A number as it is shown: rounded to the digits that spreadsheets keep, without exponent.

    0.1 + 0.2 is stored as 0.30000000000000004 and means 0.3.
    """
    return format(Decimal(f"{float(number.text):.{_EXACT_DIGITS}g}"), "f")


def _is_whole(number: Number) -> bool:
    value = float(number.text)
    return value.is_integer() and abs(value) < _EXACT_BELOW


def _day(number: Number) -> str:
    """The day of a date cell; its time of day is left out."""
    value = float(number.text)
    serial = value + (_DAYS_TO_1904 if number.is_1904 else 0)
    if not 0 <= serial <= _LAST_SERIAL:
        return "0000-00-00"  # A day that no calendar has: the row is told so.
    return (_DAY_ZERO + timedelta(days=int(serial))).isoformat()


def _day_number(number: Number) -> str:
    """A number in a column of days: 20260305, or a day number whose format was lost."""
    text = _decimal(number)
    if number.is_1904 and len(text.partition(".")[0]) == _SERIAL_DIGITS:
        return format(Decimal(text) + _DAYS_TO_1904, "f")
    return text
