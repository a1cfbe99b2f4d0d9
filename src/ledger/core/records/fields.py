"""The field tables of 双公示: one row per field, with the columns it is read from.

Mandatory are only the party's name, category and code, the document number, the content, the
decision date, the authority and its code; everything else may be empty until a rule is verified. A
limit below ``TEXT_LIMIT`` is that of a published table; a length nobody could read in an official
text does not refuse a row.
"""

from dataclasses import dataclass
from typing import Final, Literal

FieldKind = Literal["text", "code", "uscc", "date", "money"]
"""``money`` is given in 万元 and kept in integer fen; ``code`` is a word of a closed list."""

TEXT_LIMIT: Final = 20_000
"""Characters of the longest text of any field; a limit of this system."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record type."""

    name: str
    """Member name in events and answers."""
    columns: tuple[str, ...]
    """Column names it is read from; a file holds at most one of them."""
    title_zh: str
    """Name in the 双公示 table."""
    kind: FieldKind = "text"
    """How the text of the cell is read."""
    max_chars: int = TEXT_LIMIT
    """Characters of the longest value."""
    mandatory: bool = False
    """Whether a row without it is refused."""


NEVER_PUBLIC: Final = frozenset(
    prefix + name
    for prefix in ("CF_", "XK_")
    for name in ("FR_ZJLX", "FR_ZJHM", "FR_SFZH", "XDR_ZJLX", "XDR_ZJHM")
)
"""Columns of identity documents, dropped before anything is read or stored."""


def _party(prefix: str) -> tuple[Field, ...]:
    return (
        Field("party_name", (f"{prefix}_XDR_MC",), "行政相对人名称", "text", 200, True),
        Field("party_category", (f"{prefix}_XDR_LB",), "行政相对人类别", "code", 100, True),
        Field("party_code", (f"{prefix}_XDR_SHXYM",), "统一社会信用代码", "uscc", 18, True),
        Field("business_registration", (f"{prefix}_XDR_GSZC",), "工商注册号", "text", 50),
        Field("organisation_code", (f"{prefix}_XDR_ZZJG",), "组织机构代码", "text", 32),
        Field("tax_registration", (f"{prefix}_XDR_SWDJ",), "税务登记号", "text", 32),
        Field("institution_certificate", (f"{prefix}_XDR_SYDW",), "事业单位证书号", "text", 120),
        Field("social_certificate", (f"{prefix}_XDR_SHZZ",), "社会组织登记证号", "text", 50),
        Field(
            "legal_representative",
            (f"{prefix}_FRDB", f"{prefix}_FDDB"),
            "法定代表人",
            "text",
            50,
        ),
    )


PENALTY_FIELDS: Final = (
    *_party("CF"),
    Field("document_number", ("CF_WSH",), "行政处罚决定书文号", "text", 128, True),
    Field("violation_type", ("CF_WFXW",), "违法行为类型"),
    Field("facts", ("CF_SY",), "违法事实"),
    Field("legal_basis", ("CF_YJ",), "处罚依据"),
    # One published table has 36 here; a decision with several of the kinds in 行政处罚法, article
    # 9, is longer than that.
    Field("penalty_kind", ("CF_CFLB",), "处罚类别", "text", 200),
    Field("content", ("CF_NR",), "处罚内容", mandatory=True),
    Field("fine_fen", ("CF_NR_FK",), "罚款金额", "money", 64),
    Field("confiscated_fen", ("CF_NR_WFFF",), "没收金额", "money", 64),
    Field("licence_withdrawn", ("CF_NR_ZKDX",), "暂扣或吊销证照名称及编号", "text", 200),
    Field("decided_on", ("CF_JDRQ",), "处罚决定日期", "date", 64, True),
    Field("penalty_until", ("CF_YXQ",), "处罚有效期", "date", 64),
    Field("publicity_until", ("CF_GSJZQ",), "公示截止期", "date", 64),
    Field("authority_name", ("CF_CFJG",), "处罚机关", "text", 200, True),
    Field("authority_code", ("CF_CFJGDM",), "处罚机关统一社会信用代码", "uscc", 18, True),
    Field("source_name", ("CF_SJLY",), "数据来源单位", "text", 200),
    Field("source_code", ("CF_SJLYDM",), "数据来源单位统一社会信用代码", "uscc", 18),
    Field("remark", ("BZ",), "备注"),
)
"""行政处罚, schema ``cf/1``."""

LICENCE_FIELDS: Final = (
    *_party("XK"),
    Field("document_name", ("XK_XKWS",), "行政许可决定文书名称"),
    Field("document_number", ("XK_WSH",), "行政许可决定文书号", "text", 128, True),
    Field("licence_kind", ("XK_XKLB",), "许可类别"),
    Field("certificate_name", ("XK_XKZS",), "许可证书名称"),
    Field("certificate_number", ("XK_XKBH",), "许可编号"),
    Field("content", ("XK_NR",), "许可内容", mandatory=True),
    Field("decided_on", ("XK_JDRQ",), "许可决定日期", "date", 64, True),
    Field("valid_from", ("XK_YXQZ",), "有效期自", "date", 64),
    Field("valid_until", ("XK_YXQZI",), "有效期至", "date", 64),
    Field("authority_name", ("XK_XKJG",), "许可机关", "text", 200, True),
    Field("authority_code", ("XK_XKJGDM",), "许可机关统一社会信用代码", "uscc", 18, True),
    Field("state", ("XK_ZT",), "当前状态"),
    Field("source_name", ("XK_LYDW",), "数据来源单位", "text", 200),
    Field("source_code", ("XK_LYDWDM",), "数据来源单位统一社会信用代码", "uscc", 18),
    Field("remark", ("BZ",), "备注"),
)
"""行政许可, schema ``xk/1``."""
