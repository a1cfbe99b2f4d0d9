"""Section 1: canonical JSON, and the small text forms that the other sections use."""

from __future__ import annotations

import base64
import calendar
import datetime
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

BIGGEST = 2**53 - 1
DEEPEST = 16
SHORT_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
}


class Refused(Exception):
    """Something breaks a rule of the format; `code` names the kind of the refusal."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Unlike(Exception):
    """A value has not the form it must have; where it was met decides the code."""


@contextmanager
def refuse_as(code: str) -> Iterator[None]:
    """Turn an unlike value into a refusal of one kind."""
    try:
        yield
    except Unlike as error:
        raise Refused(code) from error


def need(condition: bool) -> None:
    """Refuse a value unless the condition holds."""
    if not condition:
        raise Unlike


def encode(value: Any) -> bytes:
    """Return the canonical encoding of a value."""
    try:
        return _text(value, 0).encode("utf-8")
    except UnicodeEncodeError as error:
        raise Refused("not-canonical") from error


def decode(data: bytes) -> Any:
    """Read canonical JSON and refuse every other spelling."""
    try:
        value = json.loads(data.decode("utf-8"), parse_float=_no_number, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused("not-canonical") from error
    if encode(value) != data:
        raise Refused("not-canonical")
    return value


def _no_number(text: str) -> Any:
    raise ValueError(text)


def _text(value: Any, depth: int) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if type(value) is int and -BIGGEST <= value <= BIGGEST:
        return str(value)
    if type(value) is str:
        return '"' + "".join(map(_character, value)) + '"'
    if type(value) in (list, dict) and depth < DEEPEST:
        if type(value) is list:
            return "[" + ",".join(_text(item, depth + 1) for item in value) + "]"
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        pairs = (_text(name, 0) + ":" + _text(value[name], depth + 1) for name in names)
        return "{" + ",".join(pairs) + "}"
    raise Refused("not-canonical")


def _character(character: str) -> str:
    if character in SHORT_ESCAPES:
        return SHORT_ESCAPES[character]
    return character if character >= " " else f"\\u{ord(character):04x}"


def members(value: Any, *names: str) -> list[Any]:
    """Return the values of an object that has exactly these members."""
    need(type(value) is dict and set(value) == set(names))
    return [value[name] for name in names]


def listed(value: Any, least: int, most: int) -> list[Any]:
    """Check an array and how many members it has."""
    need(type(value) is list and least <= len(value) <= most)
    return value


def number(value: Any, least: int, most: int = BIGGEST) -> int:
    """Check an integer and its range."""
    need(type(value) is int and least <= value <= most)
    return value


def text(value: Any, pattern: str) -> str:
    """Check a string against a pattern of ASCII."""
    need(type(value) is str and re.fullmatch(pattern, value, re.ASCII | re.DOTALL) is not None)
    return value


def one_of(value: Any, *choices: str) -> str:
    """Check that a string is one of some."""
    need(type(value) is str and value in choices)
    return value


def distinct(values: Iterable[Any]) -> None:
    """Check that nothing stands twice."""
    seen = list(values)
    need(len(set(seen)) == len(seen))


def rising(values: list[Any]) -> None:
    """Check that each value is greater than the one before."""
    need(all(a < b for a, b in pairwise(values)))


def octets(value: Any, least: int, most: int | None = None) -> bytes:
    """Read hex without prefix."""
    need(type(value) is str and re.fullmatch(r"([0-9a-f]{2})*", value) is not None)
    data = bytes.fromhex(value)
    need(least <= len(data) <= (least if most is None else most))
    return data


def prefixed(value: Any, length: int) -> bytes:
    """Read hex with the prefix 0x."""
    need(type(value) is str and value.startswith("0x"))
    return octets(value[2:], length)


def b64url(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_b64url(value: Any) -> bytes:
    """Read base64url without padding in its one spelling."""
    need(type(value) is str and re.fullmatch(r"[A-Za-z0-9_-]*", value) is not None)
    need(len(value) % 4 != 1)
    data = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    need(b64url(data) == value)
    return data


def day(value: Any) -> str:
    """Check a day; days compare as text."""
    text(value, r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
    try:
        datetime.date(int(value[:4]), int(value[5:7]), int(value[8:]))
    except ValueError as error:
        raise Unlike from error
    return value


def time(value: Any) -> int:
    """Read a time as seconds of Unix."""
    text(value, r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
    day(value[:10])
    hour, minute, second = int(value[11:13]), int(value[14:16]), int(value[17:19])
    need(hour < 24 and minute < 60 and second < 60)
    return calendar.timegm(
        (int(value[:4]), int(value[5:7]), int(value[8:10]), hour, minute, second)
    )


def day_of(seconds: int) -> str:
    """Return the day in UTC+08:00 of a time, which may be too late to have one."""
    days, _ = divmod(seconds + 8 * 3600, 86400)
    need(days <= datetime.date.max.toordinal() - datetime.date(1970, 1, 1).toordinal())
    return (datetime.date(1970, 1, 1) + datetime.timedelta(days=days)).isoformat()


ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def subject(value: Any) -> str:
    """Check a unified social credit code."""
    text(value, f"[{ALPHABET}]{{18}}")
    total = sum(ALPHABET.index(c) * w for c, w in zip(value, WEIGHTS, strict=False))
    need(ALPHABET.index(value[17]) == (31 - total % 31) % 31)
    return value


def region(value: Any) -> str:
    """Check a region."""
    return text(value, r"[0-9]{6}")


def stream(value: Any) -> str:
    """Check the name of a stream."""
    return one_of(value, "records", "restricted", "queries")


RECORD_TYPE = r"[a-z0-9][a-z0-9-]{0,31}"
MONTH = r"[0-9]{4}-(0[1-9]|1[0-2])"


def is_month(value: str) -> bool:
    """Tell whether a record type is a month."""
    return re.fullmatch(MONTH, value) is not None
