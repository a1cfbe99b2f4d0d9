"""The rows of one worksheet, read as a stream."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from ledger.core.intake.values import is_blank
from ledger.core.intake.xlsx.cells import Cell, CellFault, Number
from ledger.core.intake.xlsx.container import Budget, malformed
from ledger.core.intake.xlsx.formats import Look
from ledger.core.intake.xlsx.markup import read_markup

MAX_CELL_CHARS: Final = 32_767
"""Characters of the longest cell of any spreadsheet program."""

MAX_SHEET_ROWS: Final = 1_048_576
MAX_SHEET_COLUMNS: Final = 16_384

_NUMBER: Final = re.compile(
    r"[+-]?(?:\d{1,310}\.?\d{0,310}|\.\d{1,310})(?:[eE][+-]?\d{1,3})?", re.A
)
_ROW: Final = re.compile(r"[1-9][0-9]{0,6}", re.A)
_ESCAPE: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
_TRUTH: Final = {"1": "TRUE", "0": "FALSE", "true": "TRUE", "false": "FALSE"}


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row that holds something."""

    number: int
    """The sheet's own number, from 1."""
    cells: tuple[Cell, ...]
    """From column A on; as many as the row has up to its last one with content."""


@dataclass(frozen=True, slots=True)
class Meanings:
    """What numbers in cells stand for, the same in every sheet of a workbook."""

    texts: Sequence[str]
    """The shared texts."""
    looks: Sequence[Look]
    """By style number."""
    is_1904: bool
    """Whether days are counted from 1904."""


def read_sheet(chunks: Iterable[bytes], meanings: Meanings, budget: Budget) -> Iterator[SheetRow]:
    """Yield the rows of a worksheet that hold something, hidden ones too, ascending.

    Args:
        chunks: The bytes of the part.
        meanings: What shared texts and styles are.
        budget: What may be read.

    Raises:
        FileError: ``malformed-xlsx`` or ``unpacked-too-large``.
    """
    reader = _SheetReader(meanings, budget)
    for _ in read_markup(
        chunks, budget, start=reader.start, end=reader.end, text=reader.pieces.append
    ):
        yield from reader.ready
        reader.ready.clear()


def unescape(text: str) -> str:
    """Turn ``_x000D_`` into the character it stands for; halves of pairs stay as they are."""
    if "_x" not in text:
        return text
    return _ESCAPE.sub(_unescaped, text)


def column_index(letters: str) -> int:
    """Number of a column from its letters, A is 0."""
    index = 0
    for one in letters:
        if not "A" <= one <= "Z" or len(letters) > 3:
            raise malformed("cells with a place", "another place")
        index = index * 26 + ord(one) - 64
    if not 0 < index <= MAX_SHEET_COLUMNS:
        raise malformed("cells with a place", "another place")
    return index - 1


class _SheetReader:
    """Puts cells together from the events of the parser."""

    def __init__(self, meanings: Meanings, budget: Budget) -> None:
        self._meanings = meanings
        self._budget = budget
        self._columns: dict[str, int] = {}
        self._row = 0
        self._row_text = ""
        self._cells: list[Cell] = []
        self._in_row = False
        self._column = -1
        self._in_cell = False
        self._kind = "n"
        self._style = 0
        self._has_formula = False
        self._value: str | None = None
        self._texts: list[str] = []
        self._phonetic = 0
        self.pieces: list[str] = []
        """Text since the last tag that matters."""
        self.ready: list[SheetRow] = []
        """Finished rows."""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Take a start tag."""
        match name:
            case "c":
                self._start_cell(attributes)
            case "v" | "t":
                self.pieces.clear()
            case "f":
                self._has_formula = True
            case "row":
                self._start_row(attributes.get("r"))
            case "rPh":
                self._phonetic += 1

    def end(self, name: str) -> None:
        """Take an end tag."""
        match name:
            case "v":
                if self._value is not None:
                    raise malformed("one value in a cell", "two")
                self._value = "".join(self.pieces)
            case "c":
                self._end_cell()
            case "t":
                # Readings above the characters are no part of the text.
                if not self._phonetic:
                    self._texts.append("".join(self.pieces))
            case "row":
                self._end_row()
            case "rPh":
                self._phonetic -= 1
        self.pieces.clear()

    def _start_row(self, number: str | None) -> None:
        if self._in_row:
            raise malformed("one row after the other", "a row in a row")
        row = self._row + 1
        if number is not None:
            row = int(number) if _ROW.fullmatch(number) else 0
        if not self._row < row <= MAX_SHEET_ROWS:
            # A row that stands twice would be read differently by different programs.
            raise malformed("rows in ascending order", "another order")
        self._row, self._row_text = row, str(row)
        self._cells = []
        self._in_row = True
        self._column = -1

    def _end_row(self) -> None:
        self._in_row = False
        if self._cells:
            self.ready.append(SheetRow(self._row, tuple(self._cells)))

    def _start_cell(self, attributes: Mapping[str, str]) -> None:
        if not self._in_row or self._in_cell:
            raise malformed("cells in rows", "one elsewhere")
        self._in_cell = True
        column = self._column + 1
        place = attributes.get("r")
        if place is not None:
            letters = place.rstrip("0123456789")
            known = self._columns.get(letters)
            column = self._columns[letters] = column_index(letters) if known is None else known
            if place[len(letters) :] != self._row_text or column <= self._column:
                raise malformed("cells in ascending order", "another order")
        if column >= MAX_SHEET_COLUMNS:
            raise malformed("cells with a place", "another place")
        self._column = column
        self._kind = attributes.get("t", "n")
        style = attributes.get("s", "0")
        self._style = int(style) if len(style) < 8 and style.isdecimal() else -1
        self._has_formula = False
        self._value = None
        self._texts.clear()

    def _end_cell(self) -> None:
        self._in_cell = False
        cell = self._cell()
        if isinstance(cell, str):
            if is_blank(cell):
                return
            self._budget.spend_text(len(cell))
        self._cells.extend([""] * (self._column - len(self._cells)))
        self._cells.append(cell)

    def _cell(self) -> Cell:
        value = self._value
        match self._kind:
            case "inlineStr":
                return _text("".join(self._texts))
            case "s" if value is not None:
                return self._shared(value)
            case "str" if value is not None:
                return _text(value)
            case "e":
                return CellFault.ERROR
            case "b" if value:
                if value not in _TRUTH:
                    raise malformed("a truth value", "something else")
                return _TRUTH[value]
            case "d" if value:
                return _text(value)
            case "n" if value:
                return self._number(value.strip())
        if self._kind not in ("s", "str", "b", "d", "n"):
            raise malformed("a known type of cell", "another")
        return CellFault.NO_RESULT if self._has_formula else ""

    def _shared(self, value: str) -> str:
        value = value.strip()
        texts = self._meanings.texts
        index = int(value) if len(value) < 10 and value.isdecimal() else len(texts)
        if index >= len(texts):
            raise malformed("a shared text", "the number of none")
        return texts[index]

    def _number(self, value: str) -> Number:
        if not _NUMBER.fullmatch(value) or not isfinite(float(value)):
            raise malformed("a number", "something else")
        looks = self._meanings.looks
        look = looks[self._style] if 0 <= self._style < len(looks) else Look.OTHER
        return Number(value, look, self._meanings.is_1904)


def _text(text: str) -> str:
    if len(text) > MAX_CELL_CHARS:
        raise malformed(f"cells of at most {MAX_CELL_CHARS} characters", "a longer one")
    return unescape(text)


def _unescaped(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return found[0] if "\ud800" <= character <= "\udfff" else character
