"""Single bits, flipped anywhere: found, or shown to be in free space."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "scripts"))

from faulting.node.flips import Flip, FlipReport, run  # noqa: E402 - not a package of the tests
from faulting.node.stored_bits import Cell, cells, dump, is_harmless, set_bit  # noqa: E402
from worlds.damage import Damaged  # noqa: E402

COUNT = 300
SEED = 20_261_031


def test_bits_flipped_anywhere_are_all_found_or_harmless() -> None:
    said: list[str] = []
    report = run(COUNT, said.append, SEED)
    assert report.is_good, report.lines()
    assert report.flips.total() == COUNT == report.found.total() + report.harmless.total()
    assert report.flips["file"] == COUNT // 3
    # What a statement changed is stored, so it is never harmless.
    assert set(report.harmless) <= {"file"}
    assert said


def test_flips_are_the_same_for_one_seed() -> None:
    first, second = (run(6, lambda _text: None, 5) for _ in range(2))
    assert first == second


def test_flip_report_with_a_missed_bit_is_not_good() -> None:
    report = FlipReport(1)
    report.flips["facts.value"] += 1
    assert report.is_good
    report.missed.append(Flip("facts.value", 1, 3))
    assert not report.is_good
    assert "  MISSED Flip(place='facts.value', row=1, bit=3)" in report.lines()


def test_cells_are_every_value_that_has_bits(damaged: Damaged) -> None:
    found = cells(damaged.path)
    assert {cell.table for cell in found} >= {"facts", "events", "alembic_version"}
    value = next(cell for cell in found if (cell.table, cell.column) == ("facts", "value"))
    assert value.bits == 8 * len(damaged.one("SELECT value FROM facts LIMIT 1"))


@pytest.mark.parametrize(
    "column", ["facts.value", "facts.checksum", "events.version", "events.commitment"]
)
def test_set_bit_changes_one_bit_and_back_again(column: str, damaged: Damaged) -> None:
    before = dump(damaged.path)
    table, name = column.split(".")
    cell = next(one for one in cells(damaged.path) if (one.table, one.column) == (table, name))
    assert set_bit(damaged.path, cell, 3)
    assert dump(damaged.path) != before
    assert not is_harmless(damaged.path, before)
    assert set_bit(damaged.path, cell, 3)
    assert is_harmless(damaged.path, before)


def test_set_bit_that_would_give_two_rows_one_key_is_not_done(damaged: Damaged) -> None:
    before = dump(damaged.path)
    assert not set_bit(damaged.path, Cell("events", "seq", 2, "integer", 64), 0)
    assert dump(damaged.path) == before


def test_flips_of_the_command_line_end_with_their_counts() -> None:
    path = os.pathsep.join((str(ROOT / "scripts"), str(ROOT / "tests")))
    done = subprocess.run(
        [sys.executable, "-m", "faulting.node.flips", "--count", "3", "--seed", "5"],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 5: 3 flips" in done.stdout
