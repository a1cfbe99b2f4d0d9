"""The example files are those of their generator, and are read as it says."""

import json
import subprocess
import sys
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import load_workbook

from ledger.core.intake import read_file
from ledger.core.intake.problems import ROW_PROBLEMS
from ledger.core.records.record import Record, match_form

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
EXPECTED = json.loads((EXAMPLES / "expected.json").read_text(encoding="utf-8"))
REGIONS = ("310000", "320000", "330000", "340000")
AS_OF = "2026-11-01"


def records_of(name: str) -> list[Record]:
    rows = read_file((EXAMPLES / name).read_bytes(), region=name[:6]).rows
    return [row.record for row in rows if row.record is not None]


def test_examples_are_what_the_generator_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "scripts" / "make-examples", tmp_path], check=True)
    written = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file())
    assert len(written) == 12
    for path in written:
        assert (EXAMPLES / path).read_bytes() == (tmp_path / path).read_bytes(), path


@pytest.mark.parametrize("name", EXPECTED["rejected_rows"])
def test_examples_refused_rows_are_refused_for_their_one_reason(name: str) -> None:
    rows = read_file((EXAMPLES / name).read_bytes(), region=name[:6]).rows
    refused = [
        {"row": row.row, "code": error.code}
        for row in rows
        for error in row.errors
        if error.code in ROW_PROBLEMS
    ]
    assert refused == EXPECTED["rejected_rows"][name]
    assert 10 <= len(rows) <= 20


def test_example_workbook_is_one_for_other_programs_too() -> None:
    (name,) = EXPECTED["amendments"]
    (page,) = load_workbook(EXAMPLES / name).worksheets
    assert page["A1"].value == "行政处罚信息更正表"
    assert page["M3"].value == datetime(2025, 9, 12)
    assert page["J3"].value == 1.5 and page["J7"].number_format == '#,##0.00"元"'


def test_examples_cover_every_common_refusal() -> None:
    codes = {row["code"] for rows in EXPECTED["rejected_rows"].values() for row in rows}
    # Those of change files and worksheets, and a number that nobody should copy.
    elsewhere = {"region-format", "change-unknown", "type-ambiguous", "identity-number"}
    elsewhere |= {"cell-error", "formula-without-value", "number-not-text", "number-format"}
    assert codes == set(ROW_PROBLEMS) - elsewhere


def test_examples_no_code_can_be_a_real_organisation() -> None:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    subjects = {answer["subject"] for answer in EXPECTED["answers"]}
    issuers = {record.issuer for name in EXPECTED["rejected_rows"] for record in records_of(name)}
    for code in subjects | issuers:
        pairs = zip(code[8:16], (3, 7, 9, 10, 5, 8, 4, 2), strict=True)
        right = 11 - sum(alphabet.index(one) * weight for one, weight in pairs) % 11
        assert code[16] != {10: "X", 11: "0"}.get(right, str(right))


@pytest.mark.parametrize("repaired", [False, True])
def test_examples_records_in_force_are_the_expected_ones(repaired: bool) -> None:
    state: dict[tuple[str, ...], Record] = {}
    for name in EXPECTED["rejected_rows"]:
        for record in records_of(name):
            key = (name[:6], record.record_type, match_form(record.document_number), record.subject)
            assert key not in state
            state[key] = record
    files = ["changes.csv"] + ["repair/changes.csv"] * repaired
    for content in [(EXAMPLES / name).read_bytes() for name in files]:
        for region in REGIONS:
            for row in read_file(content, region=region).rows:
                assert not row.errors
                if row.change is not None:
                    number = match_form(row.change.document_number)
                    del state[region, row.change.record_type, number, row.change.subject]
    found: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    for (region, kind, _, subject), record in state.items():
        until = record.in_force_until
        if until is None or until.isoformat() >= AS_OF:
            found[subject, region, kind].append(record)
    for answer in EXPECTED["answers"]:
        key = (answer["subject"], answer["region"], answer["record_type"])
        in_force = [] if repaired and is_story(answer) else answer["in_force"]
        assert sorted(record.document_number for record in found[key]) == in_force
        if answer["record_type"] == "cf" and in_force:
            fines = [record.fields["fine_fen"] or 0 for record in found[key]]
            assert sum(int(fine) for fine in fines) == answer["fine_fen"]


def is_story(answer: dict[str, object]) -> bool:
    """Tell whether an answer is the one that the later repair empties."""
    return answer["subject"] == EXPECTED["answers"][0]["subject"] and (
        (answer["region"], answer["record_type"]) == ("340000", "cf")
    )
