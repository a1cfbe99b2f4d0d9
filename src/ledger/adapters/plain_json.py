"""JSON of others: UTF-8 and nothing else, never nested so deep that parsing it ends the process.

One of web3's dependencies raises Python's recursion limit so far that a deep text would not raise
RecursionError but end the process: brackets are counted before parsing. They are counted in bytes,
so the text must be UTF-8: in UTF-16 the same bytes are other marks.
"""

import json
import re
from itertools import accumulate
from typing import Any, Final

MAX_DEPTH: Final = 32
"""Deepest nesting of arrays and objects; a block with transactions has five levels."""

_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_BRACKETS: Final = bytes.maketrans(b"[]{}", b"[][]")
_STEP: Final = {ord("["): 1, ord("]"): -1}


class TooDeepError(ValueError):
    """The text is nested deeper than ``MAX_DEPTH``."""


def decode_json(content: bytes) -> Any:
    """Decode a JSON text.

    Raises:
        TooDeepError: It is nested too deep.
        ValueError: It is no JSON in UTF-8.
    """
    if _depth(content) > MAX_DEPTH:
        raise TooDeepError(f"nested deeper than {MAX_DEPTH} levels")
    return json.loads(content.decode("utf-8"))


def _depth(content: bytes) -> int:
    """Deepest nesting of arrays and objects, brackets within strings left out."""
    brackets = _STRING.sub(b"", content).translate(_BRACKETS, _NOT_BRACKETS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)
