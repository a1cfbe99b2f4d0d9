"""The demonstration itself, as a user runs it, and its survey of a folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 300

pytestmark = [pytest.mark.devnet, pytest.mark.slow]


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "story", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_demo_tells_the_story_to_its_end() -> None:
    done = run_demo("--lang", "en")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "forged.json  invalid INVALID" in done.stdout
    assert "330000 Zhejiang  cf penalties  unavailable" in done.stdout
    assert "Demonstration complete" in done.stdout.splitlines()[-1]


def test_demo_survey_of_the_examples_agrees_with_what_is_expected(tmp_path: Path) -> None:
    names = {name: tmp_path / name for name in ("answers", "report", "evidence")}
    options = [text for name, path in names.items() for text in (f"--{name}", str(path))]
    done = run_demo("--data", str(ROOT / "examples"), "--as-of", "2026-12-01", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    expected = json.loads((ROOT / "examples" / "expected.json").read_text(encoding="utf-8"))
    answers = {
        (one["subject"], one["region"], one["record_type"]): one
        for one in map(json.loads, names["answers"].read_text(encoding="utf-8").splitlines())
    }
    for want in expected["answers"]:
        got = answers[want["subject"], want["region"], want["record_type"]]
        assert got["verdict"] == "VALID"
        assert got["answer"] == ("records" if want["in_force"] else "none")
        assert sorted(one["document_number"] for one in got["records"]) == want["in_force"]
        assert sum(one["fine_fen"] or 0 for one in got["records"]) == want.get("fine_fen", 0)
    report = json.loads(names["report"].read_text(encoding="utf-8"))
    for name, rows in expected["rejected_rows"].items():
        assert {row["row"] for row in report[name]["rejected"]} == {row["row"] for row in rows}
    assert (names["evidence"] / "trust-root.json").exists()
