"""What a cell of a worksheet can hold."""

from enum import Enum
from typing import NamedTuple

from ledger.core.intake.xlsx.formats import Look


class CellFault(Enum):
    """A cell without a value; the word is the code of the problem."""

    ERROR = "cell-error"
    """``#N/A``, ``#REF!`` and the like."""
    NO_RESULT = "formula-without-value"
    """A formula that was never calculated."""


class Number(NamedTuple):
    """A number as it is stored and how it is shown."""

    text: str
    """Its decimal form in the file."""
    look: Look
    """How it is shown."""
    is_1904: bool
    """Whether its workbook counts days from 1904."""


Cell = str | Number | CellFault
"""A text or truth value as shown; empty cells are empty texts."""
