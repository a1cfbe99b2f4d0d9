"""Names that come in headers: of a file, and of a sending."""

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

from ledger.api.problems import ApiProblem

MAX_NAME_CHARS: Final = 255
MAX_HEADER_CHARS: Final = 12 * MAX_NAME_CHARS
"""Four bytes of UTF-8 a character, three characters of the header a byte."""

_CLOSE: Final = {"Connection": "close"}
_QUOTED: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"')
"""A String of RFC 9651, section 3.3.3."""


def file_name(encoded: str) -> str:
    """The name of a file from its header; a header is ASCII, so others are percent-encoded.

    Raises:
        ApiProblem: 422, not a name.
    """
    try:
        name = unquote(encoded, errors="strict")
    except UnicodeDecodeError:
        name = ""
    printable = all(unicodedata.category(one)[0] != "C" for one in name)
    if not encoded.isascii() or not 1 <= len(name) <= MAX_NAME_CHARS or not printable:
        detail = f"expected 1 to {MAX_NAME_CHARS} characters, percent-encoded UTF-8"
        raise _wrong("X-Source-Name", "file-name", detail)
    return name


def idempotency_key(header: str | None) -> str | None:
    """The key from its header; in quotation marks, as the draft asks for, or bare.

    Raises:
        ApiProblem: 422, a quotation mark without its other half, or nothing between them.

    Source: draft-ietf-httpapi-idempotency-key-header, section 2.1.
    """
    if header is None or not header.startswith('"'):
        return header
    match = _QUOTED.fullmatch(header)
    if match is None or not match[1]:
        raise _wrong("Idempotency-Key", "key-format", "expected a quoted string, or no quotes")
    return re.sub(r"\\(.)", r"\1", match[1])


def _wrong(field: str, code: str, detail: str) -> ApiProblem:
    return ApiProblem(422, "invalid-request", detail, _CLOSE, [{"field": field, "code": code}])
