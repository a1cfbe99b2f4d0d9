"""Texts for people, Chinese first; codes and JSON are the same in both languages."""

import os
from typing import Final

LANGUAGES: Final = ("zh", "en")

_chosen: list[str] = []


def choose(language: str | None) -> None:
    """Choose the language of this process; None takes that of the locale, else Chinese."""
    if language is None:
        names = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
        locale = next((name for name in names if name), "")
        language = "en" if locale.lower().startswith("en") else "zh"
    _chosen[:] = [language]


def current() -> str:
    """The language in use: ``zh`` or ``en``."""
    if not _chosen:
        choose(None)
    return _chosen[0]


def pick(zh: str, en: str) -> str:
    """The text of the language in use."""
    return zh if current() == "zh" else en


REGIONS: Final = {
    "310000": ("上海市", "Shanghai"),
    "320000": ("江苏省", "Jiangsu"),
    "330000": ("浙江省", "Zhejiang"),
    "340000": ("安徽省", "Anhui"),
}
RECORD_TYPES: Final = {"cf": ("行政处罚", "penalties"), "xk": ("行政许可", "licences")}
OUTCOMES: Final = {
    "VALID": ("有效", "valid"),
    "INVALID": ("无效", "invalid"),
    "STALE": ("已过时", "stale"),
    "INCOMPLETE": ("未能完成核验", "not fully verified"),
    "UNSUPPORTED": ("不支持此版本", "not supported"),
}
RESULTS: Final = {
    "records": ("有记录", "records"),
    "none": ("无记录(已证明)", "none (proved)"),
    "pending": ("变更待上链", "pending"),
    "refused": ("拒绝回答", "refused"),
    "unavailable": ("暂不可用", "unavailable"),
    "invalid": ("回答无效", "invalid answer"),
}
STEPS: Final = {
    "format": ("格式", "format"),
    "trust-root": ("信任根", "trust root"),
    "consensus": ("共识签名", "consensus"),
    "state": ("链上状态", "state"),
    "freshness": ("时效", "freshness"),
    "confirmation": ("镜像确认", "confirmation"),
    "subject-key": ("主体键", "subject key"),
    "map": ("映射证明", "map"),
    "list": ("完整清单", "list"),
    "log": ("日志证明", "log"),
    "opening": ("内容承诺", "opening"),
    "authority": ("认定机关", "authority"),
    "status": ("效力状态", "status"),
    "consent": ("授权", "consent"),
}


def name_of(table: dict[str, tuple[str, str]], word: str) -> str:
    """A word of a closed list in the language in use; the word itself where the list has none."""
    names = table.get(word)
    return word if names is None else pick(*names)


TEST_CHAIN: Final = ("测试链", "TEST CHAIN 测试链")
TEST_CONSORTIUM: Final = ("联盟测试链", "consortium devnet")
LIMITS: Final = (
    "本结论不证明:该地区已记入其应记入的一切;每次移除均属合法;每次查询均被记录。",
    "Not proved: that the region logged all it should have; that each removal was lawful;"
    " that every question was logged.",
)
