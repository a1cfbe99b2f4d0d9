"""The crash table as an operator runs it, over a few points; the whole is ./scripts/faults."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
POINTS = (
    "publication.written",
    "publication.accepted",
    "sequencing.stored",
    "anchoring.reply-lost",
    "snapshot.written",
    # Both lie in the recovery of the kill before:
    "startup.replayed",
    "startup.loaded",
    "any moment",
)

pytestmark = pytest.mark.devnet


def run_table(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(ROOT / "scripts"), str(ROOT / "tests")))
    return subprocess.run(
        [sys.executable, "-m", "faulting", "--node", "--lanes", "1", "--flips", "0", *arguments],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_node_killed_at_each_of_some_points_loses_and_doubles_nothing(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = run_table("--times", "1", "--json", str(report), "--points", *POINTS)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["kills"] == dict.fromkeys(POINTS, 1)
    assert found["total_kills"] == len(POINTS)
    assert found["records"] > 0 and found["rests"] > 0
    assert [found[kind] for kind in ("lost", "doubled", "stuck", "wrong", "fsck")] == [0] * 5
    assert f"seed {found['seed']}" in done.stdout


def test_table_refuses_a_point_that_is_none() -> None:
    done = run_table("--points", "publication.nowhere")
    assert done.returncode == 2
    assert "publication.nowhere" in done.stderr
