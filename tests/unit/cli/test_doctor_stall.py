"""``doctor`` about a chain that answers and makes no blocks."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from worlds.consortium import SealedBlock

from ledger.bootstrap.diagnosis import Level, outside
from ledger.cli import doctor as doctor_module

NOW = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


class ChainAt:
    """A chain whose newest block has this time."""

    def __init__(self, sealed_at: int) -> None:
        self._header = SealedBlock({}, timestamp=sealed_at).header

    def latest_block(self) -> int:
        return 1_000

    def fetch_header(self, number: int) -> tuple[bytes, bytes]:
        return bytes(32), self._header


@pytest.mark.parametrize(
    ("age", "level", "code"),
    [
        (-6, Level.FAILED, "clock-behind-chain"),
        (60, Level.OK, "ok"),
        (61, Level.WARNING, "chain-stalled"),
        (600, Level.WARNING, "chain-stalled"),
        (601, Level.FAILED, "chain-stalled"),
    ],
)
def test_check_clock_tells_a_chain_that_stands(age: int, level: Level, code: str) -> None:
    chain: Any = ChainAt(int(NOW.timestamp()) - age)
    found = outside.check_clock(chain, NOW, stalled_after_s=60)
    assert (found.level, found.code) == (level, code)


def test_check_clock_with_a_broken_header_is_a_finding_and_no_crash() -> None:
    chain: Any = ChainAt(int(NOW.timestamp()))
    chain._header = b"\x01"
    found = outside.check_clock(chain, NOW, stalled_after_s=60)
    assert (found.level, found.code) == (Level.FAILED, "chain-unavailable")


@pytest.mark.parametrize("code", ["chain-forked", "chain-unusable"])
def test_what_readyz_says_of_the_chain_has_a_fix(code: str) -> None:
    assert len(set(doctor_module.FIXES[code])) == 2


def test_check_clock_says_since_when_how_long_and_the_limit() -> None:
    chain: Any = ChainAt(int(NOW.timestamp()) - 75)
    found = outside.check_clock(chain, NOW, stalled_after_s=30)
    assert found.found == "no block since 2026-11-01T08:28:45Z, 75 s; limit 30 s"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_fix_of_a_chain_that_stands_names_the_page_in_both_languages(language: str) -> None:
    words = doctor_module.FIXES["chain-stalled"][language == "en"]
    (page,) = re.findall(r"docs/operations/\w+\.md", words)
    assert (Path(__file__).resolve().parents[3] / page).is_file()
    assert words != doctor_module.FIXES["chain-unavailable"][language == "en"]
