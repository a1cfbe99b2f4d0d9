"""Bytes of a file to text: UTF-8 with or without BOM, else GB18030, both strict."""

from typing import Final

from ledger.core.intake.problems import FileError

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of the largest file; a limit of this system."""

_UTF8_BOM: Final = b"\xef\xbb\xbf"
_BOM: Final = "\ufeff"


def decode_text(content: bytes) -> str:
    """Decode a file.

    UTF-8 is tried first: Chinese text in GB18030 is practically never valid UTF-8, while the
    reverse happens. A file that says by its BOM that it is UTF-8 is not tried as anything else.

    Args:
        content: The whole file.

    Returns:
        Its text without BOM; line ends are untouched.

    Raises:
        FileError: ``empty``, ``too-large`` or ``encoding``.
    """
    if len(content) > MAX_FILE_BYTES:
        raise FileError(
            "too-large", expected=f"at most {MAX_FILE_BYTES} bytes", found=f"{len(content)} bytes"
        )
    encodings = ("utf-8",) if content.startswith(_UTF8_BOM) else ("utf-8", "gb18030")
    for encoding in encodings:
        try:
            text = content.decode(encoding, errors="strict")
        except UnicodeDecodeError:
            continue
        text = text.removeprefix(_BOM)
        if not text.strip():
            raise FileError("empty", expected="a header and rows", found="nothing")
        return text
    raise FileError("encoding", expected="UTF-8 or GB18030", found="other bytes")
