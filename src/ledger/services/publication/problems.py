"""Row problems that only the ledger's own state can show."""

from types import MappingProxyType
from typing import Final

from ledger.core.intake.problems import RowError

STATE_PROBLEMS: Final = MappingProxyType(
    {
        "conflict": (
            "同一决定文书已以不同内容公示，须以更正方式提交",
            "the same decision is published with other content; send it as an amendment",
        ),
        "already-ended": (
            "该记录已修复、撤销或到期，不再公示",
            "the record was repaired, revoked or has expired and is not published again",
        ),
        "ambiguous": (
            "有多个机关作出同一文号的决定，须注明机关代码",
            "several authorities have a decision of this number; give the authority's code",
        ),
        "nothing-to-amend": (
            "没有公示过这一决定文书，无可更正",
            "no such decision is published, so there is nothing to amend",
        ),
        "unknown-record": (
            "没有这一文号和主体的记录",
            "there is no record of this document number and subject",
        ),
    }
)
"""Codes of problems found against the ledger: (Chinese, English)."""


def state_error(
    row: int, field: str | None, code: str, *, expected: str, found: str | None = None
) -> RowError:
    """Make the error of a row; ``expected`` and ``found`` never hold a value of the file."""
    message_zh, message_en = STATE_PROBLEMS[code]
    return RowError(
        row=row,
        field=field,
        code=code,
        expected=expected,
        found=found,
        message_zh=message_zh,
        message_en=message_en,
    )
