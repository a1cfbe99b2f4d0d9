"""Reading 双公示 files: bytes to text, text to rows, rows to records or their problems."""

from ledger.core.intake.decode import Encoding
from ledger.core.intake.file import OpenedFile, RowReader, open_file, read_file
from ledger.core.intake.parsed import Change, ParsedFile, ParsedRow
from ledger.core.intake.problems import FileError, RowError

__all__ = [
    "Change",
    "Encoding",
    "FileError",
    "OpenedFile",
    "ParsedFile",
    "ParsedRow",
    "RowError",
    "RowReader",
    "open_file",
    "read_file",
]
