"""What can be wrong with a file or a row, as stable codes with a sentence in Chinese and English.

The sentences never hold a value of the file. ``found`` may, but never one that could be the number
of an identity document.
"""

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ledger.errors import InputError

FILE_PROBLEMS: Final = MappingProxyType(
    {
        "empty": ("文件为空", "the file is empty"),
        "too-large": ("文件超过大小上限", "the file is larger than the limit"),
        "encoding": (
            "文件编码不是 UTF-8、GB18030 或 UTF-16",
            "the file is neither UTF-8 nor GB18030 nor UTF-16",
        ),
        "encoding-mismatch": (
            "文件内容不符合指定的编码",
            "the file is not in the encoding that it is said to be in",
        ),
        "xls": (
            "Excel 97-2003 工作簿(.xls)不予读取，请另存为 XLSX 或 CSV",
            "a workbook of Excel 97-2003 (.xls) is not read; save it as XLSX or CSV",
        ),
        "encrypted": (
            "工作簿设有密码，无法读取",
            "the workbook has a password and cannot be read",
        ),
        "not-xlsx": (
            "压缩文件不是 XLSX 工作簿",
            "the archive is not an XLSX workbook",
        ),
        "malformed-xlsx": (
            "XLSX 工作簿已损坏或不合规范",
            "the XLSX workbook is damaged or breaks its format",
        ),
        "unpacked-too-large": (
            "工作簿解压后的内容超过上限",
            "the workbook holds more than the limit when unpacked",
        ),
        "several-sheets": (
            "多个可见工作表都有双公示或变更表头和数据，无法确定以哪个为准",
            "several visible sheets have a known header and rows; send one sheet a file",
        ),
        "malformed-csv": (
            "引号未闭合或单元格过长",
            "a quotation mark is never closed, or a cell is too long",
        ),
        "too-many-rows": ("行数超过上限", "the file has more rows than the limit"),
        "too-many-columns": ("列数超过上限", "the file has more columns than the limit"),
        "unknown-columns": (
            "表头不是双公示行政处罚、行政许可或变更文件的表头",
            "the header is not that of penalties, licences or changes",
        ),
        "mixed-types": (
            "表头混有行政处罚和行政许可的列",
            "the header mixes columns of penalties and licences",
        ),
        "duplicate-columns": ("表头有重复的列", "a column stands twice in the header"),
        "missing-columns": ("表头缺少必填列", "the header lacks mandatory columns"),
        "changes-as-amendment": (
            "变更文件不能以更正方式提交",
            "a file of repairs and revocations is not an amendment; send it as it is",
        ),
    }
)
"""Codes of problems that refuse the whole file: (Chinese, English)."""

ROW_PROBLEMS: Final = MappingProxyType(
    {
        "required": ("必填项为空", "a mandatory field is empty"),
        "uscc-missing": ("统一社会信用代码为空", "the unified social credit code is missing"),
        "uscc-length": (
            "统一社会信用代码不是18位",
            "the unified social credit code does not have 18 characters",
        ),
        "uscc-alphabet": (
            "统一社会信用代码含有不允许的字符",
            "the unified social credit code has a character it cannot have",
        ),
        "uscc-check": (
            "统一社会信用代码校验码不符",
            "the check character of the unified social credit code does not fit",
        ),
        "natural-person": (
            "自然人的信息不予收录",
            "records of natural persons are not accepted",
        ),
        "sole-proprietor": (
            "个体工商户的信息按个人信息处理，不予收录",
            "records of sole proprietors are personal and are not accepted",
        ),
        "identity-number": (
            "公开字段中含有居民身份证号码",
            "a public field holds a resident identity number",
        ),
        "category-unknown": ("行政相对人类别不在代码表中", "the party's category is not listed"),
        "date-format": ("日期格式无法识别", "the date has no known format"),
        "date-impossible": ("日期不存在", "the date does not exist"),
        "date-range": ("日期早于1949-10-01", "the date is before 1949-10-01"),
        "amount-format": ("金额不是数字", "the amount is not a plain number"),
        "amount-range": ("金额为负或过大", "the amount is negative or too large"),
        "amount-fraction": ("金额不是整数分", "the amount is not a whole number of fen"),
        "too-long": ("内容超过字数上限", "the text is longer than the limit"),
        "control-character": ("含有控制字符", "the text holds a control character"),
        "column-count": ("列数多于表头", "the row has more columns than the header"),
        "region-format": ("地区代码不是6位数字", "the region is not six digits"),
        "change-unknown": (
            "变更类型既不是修复也不是撤销",
            "the change is neither a repair nor a revocation",
        ),
        "cell-error": (
            "单元格为错误值，如 #N/A",
            "the cell holds an error value such as #N/A",
        ),
        "formula-without-value": (
            "公式没有计算结果，请在电子表格软件中打开并保存后重试",
            "the formula has no stored result; open and save the workbook in a spreadsheet program",
        ),
        "number-not-text": (
            "单元格为数值或日期，原文可能已丢失前导零或精度，须以文本填写",
            "the cell holds a number or date, so what was written may be lost; write it as text",
        ),
        "number-format": (
            "数值的显示格式与该列不符，如带单位、百分号或不完整的日期",
            "the number is shown with a unit, a percent sign or as part of a date",
        ),
        "type-ambiguous": (
            "一行同时填写了处罚和许可的文号",
            "the row gives numbers of a penalty and of a licence",
        ),
    }
)
"""Codes of problems that refuse one row: (Chinese, English)."""

PERSONAL: Final = frozenset({"natural-person", "sole-proprietor"})
"""Codes that stand alone: nothing else about such a row is said."""

_LONGEST_FOUND: Final = 40
_SEPARATORS: Final = re.compile(r"[\s\-\u2010-\u2015\u2212.]+")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Controls, line ends and marks that turn the direction of writing."""
_LONG_NUMBER: Final = re.compile(r"\d{15}")


class FileError(InputError):
    """A file cannot be read at all.

    Attributes:
        problem: A key of ``FILE_PROBLEMS``.
        expected: What was asked for, or None.
        found: What was found, or None; never a value of a row.
        message_zh: The sentence in Chinese.
        message_en: The sentence in English.
    """

    code = "file"

    def __init__(
        self, problem: str, *, expected: str | None = None, found: str | None = None
    ) -> None:
        self.message_zh, self.message_en = FILE_PROBLEMS[problem]
        super().__init__(f"{problem}: {self.message_en}; expected {expected}, found {found}")
        self.problem = problem
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True)
class RowError:
    """One problem of one row."""

    row: int
    """Number of the record; the header is 1."""
    field: str | None
    """Name of the column, or None when the problem is the row's."""
    code: str
    """A key of ``ROW_PROBLEMS``."""
    expected: str | None
    """What was asked for."""
    found: str | None
    """What stands there; None where it must not be repeated."""
    message_zh: str
    """The sentence in Chinese."""
    message_en: str
    """The sentence in English."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of one cell, before it is known where the cell stands."""

    code: str
    """A key of ``ROW_PROBLEMS``."""
    expected: str | None = None
    """What was asked for."""
    found: str | None = None
    """What stands there; goes through ``safe_found`` on the way out."""


def row_error(row: int, field: str | None, problem: Problem) -> RowError:
    """Place a problem in its row and give it its sentences."""
    message_zh, message_en = ROW_PROBLEMS[problem.code]
    return RowError(
        row=row,
        field=field,
        code=problem.code,
        expected=problem.expected,
        found=None if problem.found is None else safe_found(problem.found),
        message_zh=message_zh,
        message_en=message_en,
    )


def safe_found(text: str) -> str | None:
    """Return the start of a cell for a message, or None if it could hold an identity number.

    Columns slip, so any cell may hold one: every run of 15 digits counts, however it is spaced.
    """
    if _LONG_NUMBER.search(_SEPARATORS.sub("", text)):
        return None
    text = _UNPRINTABLE.sub("\ufffd", text)
    return text if len(text) <= _LONGEST_FOUND else text[:_LONGEST_FOUND] + "…"
