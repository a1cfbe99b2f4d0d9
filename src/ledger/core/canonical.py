"""Canonical JSON: RFC 8785 over strings, integers, booleans, null, arrays and objects.

Floats are outside: no number of the ledger needs them, and two languages print them differently.
``decode`` takes only bytes that are their own encoding, so that one value has one spelling.

Source: RFC 8785 (JCS); RFC 7493 for the range of integers.
"""

import json
import re
from itertools import accumulate
from typing import Any, Final, NoReturn

from ledger.core.types import MAX_SAFE_INTEGER
from ledger.errors import CanonicalizationError

MAX_ENCODE_DEPTH: Final = 64
"""Deepest nesting that is encoded."""

DEFAULT_MAX_BYTES: Final = 4 << 20
DEFAULT_MAX_DEPTH: Final = 16
_MAX_INTEGER_CHARS: Final = 17

_ESCAPED: Final = re.compile(rb"\\.", re.DOTALL)
_NOT_MARKS: Final = bytes(set(range(256)) - set(b'[]{}"'))
_BRACKETS: Final = bytes.maketrans(b"[]{}", b"[][]")
_STEP: Final = {ord("["): 1, ord("]"): -1}
_quote: Final = json.encoder.encode_basestring
"""What ``json.dumps`` encodes strings with where it leaves characters beyond ASCII as they are."""
_LARGEST_BMP: Final = "\uffff"
_BASIC_PLANE: Final = bytes(range(0xF0))
"""Every byte that UTF-8 has for characters up to U+FFFF."""


def encode(value: object) -> bytes:
    """Encode a value as canonical JSON in UTF-8.

    Args:
        value: str, int within +-(2^53-1), bool, None, list or tuple, dict with str names.

    Raises:
        CanonicalizationError: A float, a large integer, a lone surrogate, another type, or nesting
            deeper than 64.

    Source: RFC 8785, section 3.2.
    """
    in_order = _check(value, MAX_ENCODE_DEPTH)
    try:
        # json escapes exactly what section 3.2.2.2 asks: the two-character forms, \u00xx in lower
        # case for other control characters, and nothing else. It sorts by code point.
        text = _SORTING.encode(value) if in_order else _KEEPING.encode(_ordered(value))
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise CanonicalizationError("text: expected no lone surrogate, found one") from None


def encode_scalar(value: str | int | bool | None) -> str:
    """A string, integer, boolean or null as it stands inside canonical JSON.

    For texts that are put together from parts: whoever does so encodes the whole to UTF-8, where a
    lone surrogate is found.

    Raises:
        CanonicalizationError: A large integer.

    Source: RFC 8785, section 3.2.2.
    """
    if isinstance(value, str):
        return _quote(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    _check(value, 0)
    return str(value)


def decode(
    data: bytes, *, max_bytes: int = DEFAULT_MAX_BYTES, max_depth: int = DEFAULT_MAX_DEPTH
) -> Any:
    """Decode canonical JSON, refusing every other spelling.

    Args:
        data: UTF-8 without byte order mark.
        max_bytes: Largest input.
        max_depth: Deepest nesting of arrays and objects; never more than 64.

    Raises:
        CanonicalizationError: Too large, too deep, no JSON, a repeated name, a float, or bytes that
            differ from the encoding of the value they hold.
    """
    if len(data) > max_bytes:
        raise CanonicalizationError(f"JSON: expected at most {max_bytes} bytes, found {len(data)}")
    _check_depth(data, min(max_depth, MAX_ENCODE_DEPTH))
    try:
        text = data.decode("utf-8")
        value, end = _DECODER.raw_decode(text)
    except UnicodeDecodeError:
        raise CanonicalizationError("JSON: expected UTF-8") from None
    except json.JSONDecodeError as error:
        raise CanonicalizationError(f"JSON: not well formed at {error.pos}") from None
    # Types, depth and integers were looked at on the way. A name beyond the basic plane, for which
    # code point order is wrong, stands in the text as it is, or an escape makes the texts differ.
    if data.translate(None, _BASIC_PLANE):
        value_again = _KEEPING.encode(_ordered(value))
    else:
        value_again = _SORTING.encode(value)
    if end != len(text) or value_again != text:
        raise CanonicalizationError("JSON: expected the canonical encoding of its value")
    return value


def _check(value: object, depth: int) -> bool:
    """Refuse what JCS cannot say; tells whether code point order is right for all names."""
    if value is None or isinstance(value, str | bool):
        return True
    if isinstance(value, int):
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            raise CanonicalizationError("integer: expected within +-(2^53-1)")
        return True
    if not isinstance(value, dict | list | tuple):
        raise CanonicalizationError(f"value: expected a JSON type, found {type(value).__name__}")
    if depth == 0:
        raise CanonicalizationError(f"nesting: expected at most {MAX_ENCODE_DEPTH} levels")
    in_order = True
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                raise CanonicalizationError("object: expected names that are strings")
            in_order &= name.isascii() or max(name) <= _LARGEST_BMP
        value = value.values()
    for item in value:
        # Most values are strings, and a call for each would take longer than all the rest.
        if type(item) is not str:
            in_order &= _check(item, depth - 1)
    return in_order


def _ordered(value: object) -> object:
    """The value with names in ascending order of UTF-16 code units (section 3.2.3)."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return {name: _ordered(value[name]) for name in names}
    if isinstance(value, list | tuple):
        return [_ordered(item) for item in value]
    return value


def _check_depth(data: bytes, max_depth: int) -> None:
    """Count brackets outside strings, so that no parser recurses into a bomb."""
    if data.count(b"[") + data.count(b"{") <= max_depth:
        return
    # Without its escapes every second part between quotes is a string, or all the rest if the last
    # quote is missing. A backslash outside strings ends every parser, whatever follows it.
    marks = _ESCAPED.sub(b"", data) if b"\\" in data else data
    outside = b"".join(marks.translate(None, _NOT_MARKS).split(b'"')[::2])
    brackets = outside.translate(_BRACKETS)
    if max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > max_depth:
        raise CanonicalizationError(f"JSON: expected at most {max_depth} levels")


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise CanonicalizationError("object: expected distinct names, found a repeat")
    return members


def _refuse_float(_: str) -> NoReturn:
    raise CanonicalizationError("number: expected an integer, found a float")


def _integer(digits: str) -> int:
    if len(digits) > _MAX_INTEGER_CHARS:
        raise CanonicalizationError("integer: expected within +-(2^53-1)")
    number = int(digits)
    if not -MAX_SAFE_INTEGER <= number <= MAX_SAFE_INTEGER:
        raise CanonicalizationError("integer: expected within +-(2^53-1)")
    return number


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_distinct,
    parse_float=_refuse_float,
    parse_constant=_refuse_float,
    parse_int=_integer,
)
# A value within itself is too deep, so there is no need to look for circles.
_SORTING: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), sort_keys=True
)
_KEEPING: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), sort_keys=False
)
