"""The content type of a file: that it is one, and what a text is said to be in."""

import re
from collections.abc import Sequence
from typing import Final

from ledger.api.problems import ApiProblem
from ledger.core.intake import Encoding

CSV: Final = "text/csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES: Final = (CSV, XLSX, "application/octet-stream")
"""What a file may be called; what it is, is seen from its bytes."""

_CLOSE: Final = {"Connection": "close"}
_TOKEN: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - the token of RFC 9110, section 5.6.2
_CONTENT_TYPE: Final = re.compile(rf"({_TOKEN}/{_TOKEN})((?:[ \t]*;[ \t]*{_TOKEN}=[^;]*+)*+)")
"""Possessive: a header of many spaces has one reading and is read once."""
_PARAMETER: Final = re.compile(rf";[ \t]*({_TOKEN})=(?:\"({_TOKEN})\"|({_TOKEN}))[ \t]*")


def file_encoding(headers: Sequence[str]) -> Encoding | None:
    """What a file is said to be in, from its content type; None: to be found out.

    Args:
        headers: Every ``Content-Type`` of the request.

    Raises:
        ApiProblem: 415, no type of a file, or a character set that is not on the list.
    """
    whole = _CONTENT_TYPE.fullmatch(headers[0]) if len(headers) == 1 else None
    kind = whole[1].lower() if whole else ""
    if whole is None or kind not in MEDIA_TYPES:
        raise ApiProblem(415, "media-type", f"expected one of {', '.join(MEDIA_TYPES)}", _CLOSE)
    names = [
        (match[2] or match[3]).lower()
        for match in _PARAMETER.finditer(whole[2])
        if match[1].lower() == "charset"
    ]
    told = len(re.findall(r";[ \t]*charset=", whole[2], re.IGNORECASE))
    if not told:
        return None
    known = {one.value for one in Encoding}
    if kind != CSV or told != 1 or len(names) != 1 or names[0] not in known:
        detail = f"expected {CSV} with one of {', '.join(sorted(known))}"
        raise ApiProblem(415, "charset", detail, _CLOSE)
    return Encoding(names[0])
