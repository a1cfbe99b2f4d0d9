"""Small 双公示 files for the tests: one good row, and ways to write it badly."""

import csv
import io
from collections.abc import Mapping, Sequence

from ledger.core.intake import ParsedRow, RowError, read_file
from ledger.core.records.subject import check_character

REGION = "340000"


def code(body: str) -> str:
    """Complete 17 characters to a code."""
    return body + check_character(body)


PARTY = code("91310115MA1TEXT01")
AUTHORITY = code("11340000MA1TEXT02")
SOURCE = code("11340000MA1TEXT03")

PENALTY = {
    "CF_XDR_MC": "云栖示例供应链有限公司",
    "CF_XDR_LB": "法人及非法人组织",
    "CF_XDR_SHXYM": PARTY,
    "CF_WSH": "34罚〔2026〕00001号",
    "CF_SY": "经查，未按规定公示信息。",
    "CF_NR": "罚款",
    "CF_NR_FK": "2.000000",
    "CF_JDRQ": "2026-03-05",
    "CF_GSJZQ": "2027-03-05",
    "CF_CFJG": "示例市交通运输局",
    "CF_CFJGDM": AUTHORITY,
    "BZ": "",
}
LICENCE = {
    "XK_XDR_MC": "云栖示例供应链有限公司",
    "XK_XDR_LB": "法人及非法人组织",
    "XK_XDR_SHXYM": PARTY,
    "XK_WSH": "34许〔2026〕00001号",
    "XK_NR": "道路运输经营许可",
    "XK_JDRQ": "2026-03-05",
    "XK_YXQZI": "2099-12-31",
    "XK_XKJG": "示例市交通运输局",
    "XK_XKJGDM": AUTHORITY,
}
CHANGE = {
    "region": REGION,
    "CF_WSH": "34罚〔2026〕00001号",
    "CF_XDR_SHXYM": PARTY,
    "change": "repair",
    "decided_on": "2026-10-05",
}


def write_csv(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, line_end: str = "\r\n"
) -> str:
    """Write a table as text."""
    out = io.StringIO()
    csv.writer(out, lineterminator=line_end).writerows([header, *rows])
    return out.getvalue()


def one_row(base: Mapping[str, str], **changed: str) -> bytes:
    """Write a file with one row: the base with some cells changed or added."""
    row = {**base, **changed}
    return write_csv(list(row), [list(row.values())]).encode()


def read_one(base: Mapping[str, str], **changed: str) -> ParsedRow:
    """Read a file with one row."""
    (row,) = read_file(one_row(base, **changed), region=REGION).rows
    return row


def problems(row: ParsedRow) -> list[tuple[str | None, str]]:
    """Return field and code of every problem of a row."""
    return [(error.field, error.code) for error in row.errors]


def only_error(row: ParsedRow) -> RowError:
    """Return the one problem of a row."""
    (error,) = row.errors
    return error
