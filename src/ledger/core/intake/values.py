"""Cells to values: texts, dates, money in 万元, and the numbers that must not be read at all.

Every function returns the value or the problem of the cell; nothing raises and nothing is guessed.
"""

import re
import unicodedata
from datetime import date, timedelta
from typing import Final

from ledger.core.intake.problems import Problem
from ledger.core.records.subject import DASHES, WHITE_SPACE, UsccError, normalize_uscc
from ledger.core.types import MAX_SAFE_INTEGER

FIRST_DAY: Final = date(1949, 10, 1)
"""No decision is older; placeholders such as 0001-01-01 and 1900-01-01 are."""

FEN_PER_WAN: Final = 10**6
"""1 万元 = 10,000 yuan = 1,000,000 fen, so six decimals are whole fen."""

MAX_AMOUNT_CHARS: Final = 64
"""Characters of the longest amount; a limit of this system."""

_SERIAL_DAY_ZERO: Final = date(1899, 12, 30)
"""Day 0 of spreadsheet dates after February 1900, which those programs count as having 29 days."""

_SERIAL_DAYS: Final = range(32874, 73051)
"""1990-01-01 to 2099-12-31; other five digits are rather a slip of the hand than a day."""

_ZERO_WIDTH: Final = "\u200b\u200c\u200d\u2060\ufeff"
_EDGE: Final = "".join(WHITE_SPACE) + _ZERO_WIDTH
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_NARROW: Final = str.maketrans(
    {chr(0xFF01 + i): chr(0x21 + i) for i in range(94)}
    | dict.fromkeys(DASHES, "-")
    | dict.fromkeys(WHITE_SPACE, " ")
)
"""Full-width forms to ASCII, and nothing else: NFKC would also turn 10² into 102."""

_CLOCK: Final = (
    r"(?:[01]?\d|2[0-3])(?::[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?|时[0-5]?\d分(?:[0-5]?\d秒)?)"
    r"(?: ?\+08:?00)?"
)
_DATE_FORMS: Final = tuple(
    re.compile(form, re.ASCII)
    for form in (
        *(rf"(\d{{4}}) ?{c} ?(\d{{1,2}}) ?{c} ?(\d{{1,2}})(?:(?: ?T ?| ){_CLOCK})?" for c in "-/"),
        rf"(\d{{4}}) ?\. ?(\d{{1,2}}) ?\. ?(\d{{1,2}})(?: {_CLOCK})?",
        rf"(\d{{4}}) ?年 ?(\d{{1,2}}) ?月 ?(\d{{1,2}}) ?[日号](?: ?{_CLOCK})?",
        r"(\d{4})(\d{2})(\d{2})(?:\.0+)?",
    )
)
_USUAL_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
"""How nearly all dates are written; the same as the first form reads it."""
_SERIAL_DATE: Final = re.compile(r"(\d{5})(?:\.\d{1,20})?", re.ASCII)
_AMOUNT: Final = re.compile(r"(\d+|\d{1,3}(?:,\d{3})+)(?:\.(\d+))?", re.ASCII)
_USUAL_AMOUNT: Final = re.compile(r"(\d{1,9})\.(\d{6})", re.ASCII)
"""How the published tables ask for amounts."""
_SUSPECT: Final = re.compile(f"{_CONTROL.pattern}|[0-9\uff10-\uff19]{{17}}")
"""What a text without a control character and without an identity number cannot hold."""
_IDENTITY: Final = re.compile(r"(?<!\d)\d{17}[\dXx](?![\dXx])", re.ASCII)
_IDENTITY_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_IDENTITY_CHECK: Final = "10X98765432"


def is_blank(cell: str) -> bool:
    """Tell whether a cell holds nothing but white space and zero-width characters."""
    return not cell.strip(_EDGE)


def clean_text(cell: str) -> str:
    """Return a text in NFC, without outer white space, with inner line breaks as one LF."""
    if "\r" in cell:
        cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", cell).strip(_EDGE)


def read_text(cell: str, *, max_chars: int) -> str | Problem | None:
    """Read a text; empty is None.

    Args:
        cell: The cell as it stands.
        max_chars: Characters of the longest text.
    """
    text = clean_text(cell)
    if not text:
        return None
    if len(text) > max_chars:
        return Problem("too-long", f"at most {max_chars} characters", f"{len(text)} characters")
    if not _SUSPECT.search(text):
        return text
    control = _CONTROL.search(text)
    if control:
        found = f"U+{ord(control[0]):04X}"
        return Problem("control-character", "no control character", found)
    if any(map(is_identity_number, _IDENTITY.findall(narrow(text)))):
        return Problem("identity-number", "no identity number")
    return text


def read_code(cell: str) -> str | Problem:
    """Read a unified social credit code; an empty cell is a problem."""
    try:
        return normalize_uscc(cell)
    except UsccError as error:
        # The code itself is an identifier and is not repeated.
        return Problem(f"uscc-{error.problem}", error.expected, error.found)


def read_date(cell: str) -> date | Problem | None:
    """Read a day as people and spreadsheets write it; empty is None.

    Accepted are ``2026-03-05``, ``2026/3/5``, ``2026.3.5``, ``2026年3月5日``, each with or without
    a time of day, ``20260305``, and the five-digit day numbers of spreadsheets. Digits may be
    full-width. A time of day is left out; one in another time zone than UTC+08:00 is refused.
    """
    text = cell if _USUAL_DATE.fullmatch(cell) else narrow(cell)
    if not text:
        return None
    serial = _SERIAL_DATE.fullmatch(text)
    if serial and int(serial[1]) in _SERIAL_DAYS:
        return _SERIAL_DAY_ZERO + timedelta(days=int(serial[1]))
    for form in _DATE_FORMS:
        parts = form.fullmatch(text)
        if parts:
            year, month, day = map(int, parts.groups())
            try:
                found = date(year, month, day)
            except ValueError:
                return Problem("date-impossible", "a day of the calendar", text)
            if found < FIRST_DAY:
                return Problem("date-range", f"{FIRST_DAY} or later", text)
            return found
    return Problem("date-format", "YYYY-MM-DD", text)


def read_amount(cell: str) -> int | Problem | None:
    """Read an amount in 万元 as integer fen, exactly; empty is None.

    Thousands separators and full-width digits are read; signs, units, exponents and words are not.
    """
    usual = _USUAL_AMOUNT.fullmatch(cell)
    if usual:
        return int(usual[1] + usual[2])
    text = narrow(cell)
    if not text:
        return None
    if text.startswith("-") and _AMOUNT.fullmatch(text[1:]):
        return Problem("amount-range", "0 or more", text)
    parts = _AMOUNT.fullmatch(text)
    if not parts:
        return Problem("amount-format", "a number of 万元", text)
    if len(text) > MAX_AMOUNT_CHARS:
        return Problem("amount-range", f"at most {MAX_SAFE_INTEGER} fen", f"{len(text)} characters")
    decimals = (parts[2] or "").rstrip("0")
    if len(decimals) > 6:
        return Problem("amount-fraction", "at most 6 decimals", text)
    fen = int(parts[1].replace(",", "")) * FEN_PER_WAN + int(decimals.ljust(6, "0"))
    if fen > MAX_SAFE_INTEGER:
        return Problem("amount-range", f"at most {MAX_SAFE_INTEGER} fen", text)
    return fen


def narrow(cell: str) -> str:
    """Return a cell with full-width forms, dashes and spaces as ASCII, one space at a time."""
    return re.sub(" +", " ", cell.translate(_NARROW)).strip(" " + _ZERO_WIDTH)


def is_identity_number(text: str) -> bool:
    """Tell whether 18 characters are a resident identity number by area, day of birth and check.

    Source: GB 11643-1999; check character by ISO 7064, MOD 11-2.
    """
    if not _IDENTITY.fullmatch(text) or not "11" <= text[:2] <= "91":
        return False
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    pairs = zip(text[:17], _IDENTITY_WEIGHTS, strict=True)
    total = sum(int(digit) * weight for digit, weight in pairs)
    return 1850 <= born.year < 2100 and _IDENTITY_CHECK[total % 11] == text[17].upper()
