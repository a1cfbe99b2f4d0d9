"""Opaque cursors: where a list goes on. One belongs to its list and is refused by any other.

A cursor is no secret and opens nothing that its list does not show; the tag only keeps a caller
from taking one apart, putting another together and relying on that.
"""

import base64
import hashlib
import hmac
from typing import Final

from ledger.api.problems import ApiProblem

MAX_CURSOR_CHARS: Final = 64
_TAG_BYTES: Final = 8
_DOMAIN: Final = b"credit-ledger/cursor/v1\x00"


def encode_cursor(key: bytes, of_list: str, place: int) -> str:
    """The cursor of a place in a list.

    Args:
        key: Secret bytes of the node.
        of_list: What is listed, such as ``batches``.
        place: Where the next page begins, 0 <= place < 2^63.
    """
    number = place.to_bytes(8)
    return base64.urlsafe_b64encode(number + _tag(key, of_list, number)).rstrip(b"=").decode()


def parse_cursor(key: bytes, of_list: str, cursor: str) -> int:
    """The reverse of ``encode_cursor``.

    Raises:
        ApiProblem: 422, the text is no cursor of this list.
    """
    try:
        content = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (ValueError, UnicodeEncodeError):
        raise _foreign() from None
    number, tag = content[:8], content[8:]
    is_ours = hmac.compare_digest(tag, _tag(key, of_list, number))
    # The encoding, too, has one spelling.
    if not is_ours or encode_cursor(key, of_list, int.from_bytes(number)) != cursor:
        raise _foreign()
    return int.from_bytes(number)


def _tag(key: bytes, of_list: str, number: bytes) -> bytes:
    return hmac.digest(key, _DOMAIN + of_list.encode() + b"\x00" + number, hashlib.sha256)[
        :_TAG_BYTES
    ]


def _foreign() -> ApiProblem:
    return ApiProblem(422, "invalid-cursor", "expected a cursor that this list gave")
