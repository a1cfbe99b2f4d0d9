"""The operators' page about publishing says every code there is, and nothing else."""

import re
from pathlib import Path

from ledger.core.intake import Encoding
from ledger.core.intake.problems import FILE_PROBLEMS, ROW_PROBLEMS
from ledger.services.publication.problems import STATE_PROBLEMS

PAGE = Path(__file__).parents[3] / "docs" / "operations" / "publishing.md"


def codes_under(title: str) -> dict[str, tuple[str, str]]:
    """Code, Chinese and English sentence of each line of a table."""
    text = PAGE.read_text(encoding="utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \| (.*) \|$", text, re.MULTILINE)
    assert len({code for code, _, _ in lines}) == len(lines)
    return {code: (zh, en) for code, zh, en in lines}


def test_page_says_every_code_that_refuses_a_file() -> None:
    assert codes_under("Codes that refuse a file") == dict(FILE_PROBLEMS)


def test_page_says_every_code_that_refuses_a_row() -> None:
    assert codes_under("Codes that refuse a row") == {**ROW_PROBLEMS, **STATE_PROBLEMS}


def test_page_says_every_encoding_that_can_be_named() -> None:
    said = re.search(r"`charset` take (.*) and nothing else", PAGE.read_text(encoding="utf-8"))
    assert said is not None
    assert set(re.findall(r"`(.*?)`", said[1])) == {one.value for one in Encoding}
