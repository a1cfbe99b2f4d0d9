"""Text to a header and numbered rows (RFC 4180 as spreadsheets write it, or with tabs).

Rows are counted as records, not as physical lines: the first is row 1, a line break inside
quotation marks does not count. A line with nothing on it (or white space only) is no record and is
not counted; a line of separators only is a record of empty cells, so it counts, and is left out.

Official exports have a title above the header: the header is the first row within the first few
that has a known column, and the rows above it are left out.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from ledger.core.intake.layout import is_known_header
from ledger.core.intake.problems import FileError
from ledger.core.intake.values import is_blank

MAX_ROWS: Final = 100_000
"""Records of the longest file without its header; a limit of this system."""

MAX_COLUMNS: Final = 256
"""Columns of the widest file; a limit of this system."""


MAX_NAME_CHARS: Final = 64
"""Characters of a column name that count; the longest that is known has twelve."""

HEADER_WITHIN: Final = 10
"""Rows among which the header is looked for."""


_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
"""A line with its end; the last one may have none."""


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file."""

    number: int
    """Its number; the first record of a file is 1, a row of a worksheet has the sheet's number."""
    cells: tuple[str, ...]
    """Its cells as they stand, as many as the row has."""
    faults: tuple[tuple[int, str], ...] = ()
    """Cells of a worksheet that cannot be read: position and code of the problem, ascending."""

    @property
    def blank(self) -> bool:
        """Whether every cell is empty."""
        return all(map(is_blank, self.cells))


@dataclass(frozen=True, slots=True)
class Table:
    """A file taken apart."""

    header: tuple[str, ...]
    """Column names: upper case, without spaces; empty for a column without a name."""
    rows: tuple[Row, ...]
    """The records below the header, in order."""


def read_table(text: str) -> Table:
    """Take a file apart.

    Args:
        text: The decoded file.

    Raises:
        FileError: ``empty``, ``malformed-csv``, ``too-many-rows`` or ``too-many-columns``.
    """
    header, rows = open_table(text)
    return Table(header, tuple(rows))


def open_table(text: str) -> tuple[tuple[str, ...], Iterator[Row]]:
    """Find the header of a file; the rows below it are read when asked for, and raise as well.

    Raises:
        FileError: As for ``read_table``.
    """
    delimiter = _delimiter(text)
    records = enumerate(_records(text, delimiter), 1)
    head = list(islice(records, HEADER_WITHIN))
    if not head:
        raise FileError("empty", expected="a header and rows", found="nothing")
    place = header_place([cells for _, cells in head]) or 0
    return column_names(head[place][1]), _numbered(chain(head[place + 1 :], records))


def _numbered(records: Iterable[tuple[int, tuple[str, ...]]]) -> Iterator[Row]:
    for count, (number, cells) in enumerate(records):
        if count == MAX_ROWS:
            raise FileError("too-many-rows", expected=f"at most {MAX_ROWS} rows", found="more")
        yield Row(number, cells)


def header_place(rows: Sequence[Sequence[str]]) -> int | None:
    """Index of the first row that is a header of a kind that is known, or None."""
    for place, cells in enumerate(rows):
        if is_known_header(column_names(cells)):
            return place
    return None


def column_names(cells: Sequence[str]) -> tuple[str, ...]:
    """Return column names without the ways in which files write them differently."""
    return tuple(map(_column_name, cells))


def _delimiter(text: str) -> str:
    """A tab where only tabs give a known header, as in Excel's Unicode text; else a comma."""
    for delimiter in (",", "\t"):
        try:
            head = list(islice(_records(text, delimiter), HEADER_WITHIN))
        except FileError:
            continue
        if header_place(head) is not None:
            return delimiter
    return ","


def _records(text: str, delimiter: str) -> Iterator[tuple[str, ...]]:
    """Yield every record that is not a blank line."""
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            if lines.exhausted:
                # The reader asked for one more line to close the quotation mark: everything after
                # that mark would be lost in one cell.
                raise FileError(
                    "malformed-csv", expected="a closing quotation mark", found="the end"
                )
            if len(cells) > MAX_COLUMNS:
                raise FileError(
                    "too-many-columns",
                    expected=f"at most {MAX_COLUMNS} columns",
                    found=f"{len(cells)}",
                )
            if len(cells) > 1 or not all(map(is_blank, cells)):
                yield tuple(cells)
    except csv.Error:
        raise FileError("malformed-csv", expected="cells of usual length", found="more") from None


class _Lines:
    """Lines of a text with their own line ends, which remembers that it ran out."""

    def __init__(self, text: str) -> None:
        # Not io.StringIO, which keeps a second copy of four bytes a character.
        self._lines = (line[0] for line in _LINE.finditer(text))
        self.exhausted = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            return next(self._lines)
        except StopIteration:
            self.exhausted = True
            raise


def _column_name(cell: str) -> str:
    """Return a column name without the ways in which files write it differently.

    One that is far too long for a column is cut: it is looked at for ten rows of any file.
    """
    cell = cell.strip()[:MAX_NAME_CHARS]
    folded = unicodedata.normalize("NFKC", cell).upper()
    return "".join(one for one in folded if not is_blank(one))
