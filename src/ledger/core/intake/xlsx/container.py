"""The ZIP archive of a workbook, opened without trust.

Limits are checked on the archive's directory before anything is unpacked and counted again while
it is: a directory may lie.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ledger.core.intake.problems import FileError

MAX_UNPACKED_BYTES: Final = 256 * 1024 * 1024
"""Bytes of all parts together; 100,000 rows of twenty cells take about half of it."""

MAX_PARTS: Final = 2_000
"""Files in the archive; a workbook has some dozens, one with many pictures some hundreds."""

CHUNK_BYTES: Final = 64 * 1024

_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_DIRECTORY_ENTRY: Final = b"PK\x01\x02"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE: Final = "EncryptedPackage".encode("utf-16-le")
_IS_ENCRYPTED: Final = 0x1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    UnicodeError,
    ValueError,
)
"""What the standard library raises for archives that are none."""


def is_workbook(content: bytes) -> bool:
    """Tell by its first bytes whether a file is an archive or a compound file, and so no text."""
    return content.startswith((_ZIP, _EMPTY_ZIP, _OLE))


def malformed(expected: str, found: str) -> FileError:
    """The error of a workbook that breaks its format."""
    return FileError("malformed-xlsx", expected=expected, found=found)


@dataclass(slots=True)
class Budget:
    """What may still be unpacked and read of one workbook, whichever parts it is in."""

    unpacked_bytes: int = MAX_UNPACKED_BYTES
    elements: int = 10_000_000
    """XML elements: the time to read a workbook grows with them."""
    text_chars: int = 64 * 1024 * 1024
    """Characters of cells: one shared text may stand in a million cells."""

    def spend_bytes(self, count: int) -> None:
        """Count unpacked bytes.

        Raises:
            FileError: ``unpacked-too-large``.
        """
        self.unpacked_bytes -= count
        if self.unpacked_bytes < 0:
            raise _too_large(f"at most {MAX_UNPACKED_BYTES} bytes unpacked")

    def spend_elements(self, count: int) -> None:
        """Count XML elements.

        Raises:
            FileError: ``unpacked-too-large``.
        """
        self.elements -= count
        if self.elements < 0:
            raise _too_large("fewer cells")

    def spend_text(self, chars: int) -> None:
        """Count characters of cells.

        Raises:
            FileError: ``unpacked-too-large``.
        """
        self.text_chars -= chars
        if self.text_chars < 0:
            raise _too_large("less text")


class Container:
    """The parts of one archive.

    Args:
        content: The whole file.
        budget: What may be unpacked.

    Raises:
        FileError: ``xls``, ``encrypted``, ``not-xlsx``, ``malformed-xlsx`` or
        ``unpacked-too-large``.
    """

    def __init__(self, content: bytes, budget: Budget) -> None:
        _refuse_compound_file(content)
        # Counted before the directory is read: reading it makes an object of each entry.
        if content.count(_DIRECTORY_ENTRY) > MAX_PARTS:
            raise _too_large(f"at most {MAX_PARTS} files in the archive")
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except _BROKEN:
            raise malformed("a ZIP archive", "a broken one") from None
        self._budget = budget
        self._parts = self._check(self._archive.infolist())

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._parts

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of a part, counted.

        Args:
            name: Its name without leading slash; case does not matter.

        Raises:
            FileError: ``malformed-xlsx`` if there is none or it is broken, ``unpacked-too-large``.
        """
        part = self._parts.get(name.lower())
        if part is None:
            raise malformed("every part that is referred to", "one missing")
        try:
            with self._archive.open(part) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    self._budget.spend_bytes(len(chunk))
                    yield chunk
        except _BROKEN:
            raise malformed("whole parts", "a broken one") from None

    def _check(self, parts: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
        found: dict[str, zipfile.ZipInfo] = {}
        for part in parts:
            if part.flag_bits & _IS_ENCRYPTED:
                raise FileError("encrypted", expected="a workbook without password", found="one")
            if part.compress_type not in _METHODS:
                raise malformed("stored or deflated parts", "another compression")
            name = part.filename.lower()
            if name in found:
                # Which of the two is read would depend on the reader.
                raise malformed("one part of each name", "two")
            found[name] = part
        if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
            raise _too_large(f"at most {MAX_UNPACKED_BYTES} bytes unpacked")
        return found


def _refuse_compound_file(content: bytes) -> None:
    """Tell an encrypted workbook from one in the format of Excel 97."""
    if content.startswith(_OLE):
        if _ENCRYPTED_PACKAGE in content:
            raise FileError("encrypted", expected="a workbook without password", found="one")
        raise FileError("xls", expected="XLSX or CSV", found="XLS")


def _too_large(expected: str) -> FileError:
    return FileError("unpacked-too-large", expected=expected, found="more")
