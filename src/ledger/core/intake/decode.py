"""Bytes of a text file to text: by its byte order mark, or UTF-8, or GB18030, or as it is told.

Always strict: a byte that does not fit is an error, never a replacement character in a name.
"""

import codecs
import csv
import io
from enum import StrEnum
from typing import Final

from ledger.core.intake.problems import FileError
from ledger.core.intake.values import is_blank

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of the largest file; a limit of this system."""

_BOM: Final = "\ufeff"


class Encoding(StrEnum):
    """The encodings in which a file may be said to be.

    The list is closed: each name means one table of characters. Those of other regions (Big5) or
    without a fixed table (``ansi``) are not on it, because a file read by a wrong table of two-byte
    characters gives names that look right and are others.
    """

    UTF_8 = "utf-8"
    """With or without byte order mark."""
    GB18030 = "gb18030"
    """The national standard; GB 2312 and GBK are parts of it."""
    GBK = "gbk"
    """As GB18030 without its characters of four bytes."""
    UTF_16 = "utf-16"
    """With byte order mark, as Excel writes it under the name of Unicode text."""


def decode_text(content: bytes, encoding: Encoding | None = None) -> str:
    """Decode a file.

    A byte order mark says what a file is in, and it is then not tried as anything else. Otherwise
    UTF-8 is tried first: Chinese text in GB18030 is practically never valid UTF-8, while the
    reverse happens.

    Args:
        content: The whole file.
        encoding: What its sender says that it is in; None: found out as said above.

    Returns:
        Its text without BOM; line ends are untouched.

    Raises:
        FileError: ``empty``, ``too-large``, ``encoding`` or ``encoding-mismatch``.
    """
    if len(content) > MAX_FILE_BYTES:
        raise FileError(
            "too-large", expected=f"at most {MAX_FILE_BYTES} bytes", found=f"{len(content)} bytes"
        )
    text = _detect(content) if encoding is None else _decode_as(content, encoding)
    text = text.removeprefix(_BOM)
    if not text.strip():
        raise FileError("empty", expected="a header and rows", found="nothing")
    return text


def _detect(content: bytes) -> str:
    tried: tuple[Encoding, ...] = (Encoding.UTF_8, Encoding.GB18030)
    if content.startswith(codecs.BOM_UTF8):
        tried = (Encoding.UTF_8,)
    elif content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        tried = (Encoding.UTF_16,)
    for encoding in tried:
        try:
            return content.decode(encoding, errors="strict")
        except UnicodeDecodeError:
            continue
    raise FileError("encoding", expected="UTF-8, GB18030 or UTF-16", found="other bytes")


def _decode_as(content: bytes, encoding: Encoding) -> str:
    is_marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if encoding is Encoding.UTF_16 and content and not is_marked:
        # Without the mark either byte order gives some text.
        raise FileError("encoding-mismatch", expected="utf-16 with a byte order mark", found="none")
    try:
        return content.decode(encoding, errors="strict")
    except UnicodeDecodeError as error:
        row = _row_at(content[: error.start].decode(encoding, errors="ignore"))
        raise FileError(
            "encoding-mismatch", expected=f"{encoding.value}", found=f"other bytes in row {row}"
        ) from None


def _row_at(text: str) -> int:
    """Number of the row that the end of a text lies in, counted as rows are when all is well."""
    rows = 0
    try:
        for cells in csv.reader(io.StringIO(text.removeprefix(_BOM) + "x", newline="")):
            rows += len(cells) > 1 or not all(map(is_blank, cells))
    except csv.Error:
        rows += 1
    return rows
