"""A whole file: what it is, and every row of it."""

import re

from ledger.core.intake.changes import read_change_row
from ledger.core.intake.decode import decode_text
from ledger.core.intake.layout import (
    change_layout,
    is_change_header,
    record_layout,
    unused_columns,
)
from ledger.core.intake.parsed import ParsedFile
from ledger.core.intake.rows import read_record_row
from ledger.core.intake.table import read_table
from ledger.errors import InputError


def read_file(content: bytes, *, region: str) -> ParsedFile:
    """Read a file of penalties, of licences or of changes.

    Args:
        content: The bytes of the file, UTF-8 or GB18030.
        region: The region that reads it, six digits; rows of changes for other regions are left
        out.

    Returns:
        Every row: a record or change, or all of its problems.

    Raises:
        FileError: The file cannot be read as a whole.
        InputError: ``region`` is not six digits.
    """
    if not re.fullmatch("[0-9]{6}", region, re.ASCII):
        raise InputError("region: expected six digits, found something else")
    table = read_table(decode_text(content))
    if is_change_header(table.header):
        layout = change_layout(table.header)
        rows = tuple(read_change_row(row, layout, region=region) for row in table.rows)
        return ParsedFile("changes", None, rows, *unused_columns(layout))
    kind, layout = record_layout(table.header)
    rows = tuple(read_record_row(row, kind, layout) for row in table.rows)
    return ParsedFile("records", kind.code, rows, *unused_columns(layout))
