"""双公示 files for measurements: every column of the published tables, drawn with the seed.

A row is as long as real ones: a decision with facts and content of a sentence each and a remark now
and then. Codes have right check characters and belong to nobody.
"""

import csv
import io
import random
from typing import Final

from benchmarks.figure import SEED
from ledger.core.records.subject import check_character

COLUMNS: Final = (
    "CF_XDR_MC,CF_XDR_LB,CF_XDR_SHXYM,CF_WSH,CF_WFXW,CF_SY,CF_YJ,CF_CFLB,CF_NR,CF_NR_FK,"
    "CF_NR_WFFF,CF_NR_ZKDX,CF_JDRQ,CF_YXQ,CF_GSJZQ,CF_CFJG,CF_CFJGDM,CF_SJLY,CF_SJLYDM,BZ"
).split(",")

_ACTS: Final = ("超限运输", "虚假宣传", "超标排放", "未按规定公示信息", "食品标签不合规")
_KINDS: Final = ("罚款", "警告", "通报批评", "罚款;没收违法所得")


def make_code(number: int, prefix: str = "91310118MA") -> str:
    """The code of company ``number``; below 10^7 all are distinct."""
    body = f"{prefix}{number:07d}"
    return body + check_character(body)


def make_penalties(first: int, rows: int, *, companies: int) -> bytes:
    """A file of penalties in UTF-8.

    Args:
        first: Number of its first decision; no two files with the same decisions.
        rows: How many.
        companies: Decision n is about company n modulo this many.
    """
    chance = random.Random(SEED + first)  # noqa: S311 - a measurement
    authority = make_code(1, "11310151MA")
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for number in range(first, first + rows):
        act, kind = chance.choice(_ACTS), chance.choice(_KINDS)
        day = f"{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
        writer.writerow(
            (
                f"上海第{number % companies:07d}号测试贸易有限公司",
                "法人及非法人组织",
                make_code(number % companies),
                f"沪测罚〔2026〕{number:08d}号",
                act,
                f"经查，当事人于2026年在经营场所{act}，有现场笔录、询问笔录和照片为证。",
                "《中华人民共和国行政处罚法》第二十八条、第三十二条",
                kind,
                f"对当事人处以{kind}，责令当事人自收到本决定书之日起十五日内改正。",
                f"{chance.randint(1, 900_000) / 100:.6f}",
                "",
                "",
                f"2026-{day}" if day < "11-01" else f"2025-{day}",
                "",
                "2099-12-31",
                "测试区市场监督管理局",
                authority,
                "测试区市场监督管理局",
                authority,
                "" if number % 4 else "当事人已履行。",
            )
        )
    return out.getvalue().encode()
