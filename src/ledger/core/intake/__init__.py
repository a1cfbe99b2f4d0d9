"""Reading 双公示 files: bytes to text, text to rows, rows to records or their problems."""

from ledger.core.intake.file import read_file
from ledger.core.intake.parsed import Change, ParsedFile, ParsedRow
from ledger.core.intake.problems import FileError, RowError

__all__ = ["Change", "FileError", "ParsedFile", "ParsedRow", "RowError", "read_file"]
