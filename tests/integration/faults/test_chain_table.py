"""The chain's table as an operator runs it, in a small form; the whole is ./scripts/faults."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from worlds.shared_consortium import NEEDS_VALIDATORS

from ledger.adapters.devnet.process import start_ticks

ROOT = Path(__file__).resolve().parents[3]
KINDS = ("cut_after", "swallowed", "forged_receipt")
NOTHING = ("lost", "doubled", "stuck", "wrong", "false", "fsck")

pytestmark = [pytest.mark.devnet, pytest.mark.slow]


def start_table(*arguments: str, folder: Path | None = None) -> subprocess.Popen[str]:
    path = os.pathsep.join((str(ROOT / "scripts"), str(ROOT / "tests")))
    folders = {} if folder is None else {"TMPDIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-m", "faulting", "--chain", "--quick", *arguments],
        env=os.environ | {"PYTHONPATH": path} | folders,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_table(report: Path, *arguments: str) -> dict[str, Any]:
    process = start_table("--json", str(report), *arguments)
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    assert [found[kind] for kind in NOTHING] == [0] * len(NOTHING)
    assert f"seed {found['seed']}" in said
    return found


def test_some_rpc_faults_lose_and_double_nothing(tmp_path: Path) -> None:
    found = run_table(tmp_path / "report.json", "--only", "rpc-anvil", "--kinds", *KINDS)
    row = found["rows"]["rpc-anvil"]
    assert all(row[f"{kind}: injected"] >= 5 for kind in KINDS)
    assert row["acknowledgements judged by the chain"] > 0
    assert found["records"] > 0


@NEEDS_VALIDATORS
def test_cut_and_stalled_validators_acknowledge_nothing_falsely(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    found = run_table(report, "--only", "partitions", "two-stopped", "publishers-killed")
    rows = found["rows"]
    assert rows["partitions"]["cuts"] == 2
    assert rows["two-stopped"]["1. 5 s: judged while it stood"] > 0
    assert rows["publishers-killed"]["heads anchored"] >= 20


def test_table_that_is_told_to_end_leaves_nothing_behind() -> None:
    # A folder with a short name: its path is in the command line of everything that is started.
    with tempfile.TemporaryDirectory() as folder:
        process = start_table("--only", "rpc-anvil", folder=Path(folder))
        assert process.stdout is not None
        for line in process.stdout:
            if "nodes:" in line:
                break
        started = processes_of(folder)
        assert len(started) >= 2
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
        assert process.returncode != 0
        deadline = time.monotonic() + 20
        while any(start_ticks(pid) == ticks for pid, ticks in started.items()):
            assert time.monotonic() < deadline, started
            time.sleep(0.1)
        assert list(Path(folder).iterdir()) == []


def processes_of(folder: str) -> dict[int, int | None]:
    """Processes that have a folder's path in their command line, and when each was started."""
    found = {}
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if folder.encode() in one.read_bytes():
                found[int(one.parent.name)] = start_ticks(int(one.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("arguments", [("--only", "no-row"), ("--node",)])
def test_table_refuses_what_it_does_not_know(arguments: tuple[str, ...]) -> None:
    process = start_table(*arguments)
    process.communicate(timeout=60)
    assert process.returncode == 2
