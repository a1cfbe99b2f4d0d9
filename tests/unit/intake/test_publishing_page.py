"""The operators' page about publishing says every code there is, and nothing else."""

import re
from pathlib import Path

from ledger.api.limits import MAX_FILE_BYTES
from ledger.core.intake import Encoding
from ledger.core.intake.problems import FILE_PROBLEMS, ROW_PROBLEMS
from ledger.core.intake.table import MAX_COLUMNS, MAX_ROWS
from ledger.core.intake.xlsx.container import MAX_PARTS, MAX_UNPACKED_BYTES, Budget
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


def test_page_says_the_limits_that_are_kept() -> None:
    page, budget = PAGE.read_text(encoding="utf-8"), Budget()
    assert f"{MAX_FILE_BYTES >> 20} MiB over HTTP, {MAX_ROWS:,} rows, {MAX_COLUMNS} columns" in page
    assert f"unpacked: {MAX_UNPACKED_BYTES >> 20} MiB, {budget.elements // 10**6} million" in page
    assert f"{MAX_PARTS:,} parts" in page
