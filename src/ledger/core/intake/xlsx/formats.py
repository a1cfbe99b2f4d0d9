"""Number formats: what a cell with a number looks like to the person who filled it in.

A spreadsheet stores 46086 and shows 2026-03-05, or 20000 and shows 20,000元, or 2026-03-01 and
shows 2026年3月. Only forms that show the whole value and nothing else are read.
"""

import re
from enum import Enum
from typing import Final


class Look(Enum):
    """What a number is shown as."""

    WHOLE = "whole"
    """As it is: General, ``0`` or text."""
    PLAIN = "plain"
    """As a number, with separators or decimals, without unit."""
    DATE = "date"
    """As a day with year, month and day, with or without a time."""
    OTHER = "other"
    """With a unit, a percent sign, an exponent, as a time, as a part of a date ..."""


MAX_FORMAT_CHARS: Final = 255
"""Spreadsheets allow no longer format; a longer one is shown as something unknown."""

_BUILT_IN: Final = (
    {number: Look.WHOLE for number in (0, 1, 49)}
    | {number: Look.PLAIN for number in (2, 3, 4, 37, 38, 39, 40, 41, 43)}
    | {number: Look.DATE for number in (14, 15, 22, 30, 31)}
)
"""Formats without a code of their own; 30 and 31 as in Chinese programs. ECMA-376, 18.8.30."""

_LITERAL: Final = re.compile(r'"[^"]*"|\\.|_.|\*.')
_LOCALE: Final = re.compile(r"\[\$-[0-9A-Fa-f,]*\]|\[DBNum[0-9]\]", re.IGNORECASE)
_COLOUR: Final = re.compile(
    r"\[(?:black|blue|cyan|green|magenta|red|white|yellow|color ?\d{1,2})\]", re.IGNORECASE
)
_PADDING: Final = re.compile(r"_.|\*.|\\ ")
_DIGITS: Final = re.compile(r"[#0?,]*[#0?](?:\.[#0?]+)? *")


def built_in(number: int) -> Look:
    """The look of a format that has no code in the workbook."""
    return _BUILT_IN.get(number, Look.OTHER)


def look_of(code: str) -> Look:
    """The look of a number under a format code.

    Args:
        code: Such as ``yyyy"年"m"月"d"日"``; its first section counts, that of positive numbers.
    """
    if len(code) > MAX_FORMAT_CHARS:
        return Look.OTHER
    section = _first_section(code)
    if section.strip().lower() in ("general", "0", "@"):
        return Look.WHOLE
    section = _COLOUR.sub("", _LOCALE.sub("", section))
    if _DIGITS.fullmatch(_PADDING.sub("", section)):
        return Look.PLAIN
    bare = _LITERAL.sub("", section).lower()
    # A format such as yyyy"年"m"月" shows no day: the day that is stored was given by nobody.
    is_date = set("ymd") <= set(bare) and not set(bare) & set("#?%[]") and "0" not in bare
    return Look.DATE if is_date else Look.OTHER


def _first_section(code: str) -> str:
    parts = re.match(r'(?:"[^"]*"|\\.|[^";\\])*', code)
    return parts[0] if parts else ""
