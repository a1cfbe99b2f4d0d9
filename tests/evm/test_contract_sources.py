"""The contracts' own tests, and that what is committed is what the sources give."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from live_chain import BUILD_DEADLINE_S, FORGE, ROOT

CONTRACTS = ROOT / "contracts"


@pytest.mark.devnet
@pytest.mark.slow
def test_forge_unit_fuzz_and_invariant_tests_pass(capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [str(FORGE), "test", "--color", "never"],
        cwd=CONTRACTS,
        capture_output=True,
        text=True,
        timeout=BUILD_DEADLINE_S,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    summary = re.search(r"(\d+) tests passed, 0 failed, 0 skipped", done.stdout)
    assert summary is not None
    assert int(summary[1]) >= 150
    with capsys.disabled():
        print(f"\nforge: {summary[0]}")


def test_artifacts_are_what_the_sources_give() -> None:
    done = compile_contracts(ROOT, "--check")
    assert done.returncode == 0, done.stderr


def test_artifacts_changed_source_is_named_by_the_check(tmp_path: Path) -> None:
    copy = copy_contracts(tmp_path)
    source = copy / "src/HeadAnchor.sol"
    text = source.read_text(encoding="utf-8")
    source.write_text(text.replace("newSize <= oldSize", "newSize < oldSize"), encoding="utf-8")
    (copy / "artifacts/RegionRegistry.json").unlink()
    (copy / "artifacts/Elsewhere.json").write_text("{}", encoding="utf-8")
    done = compile_contracts(tmp_path, "--check")
    assert done.returncode == 1
    assert "HeadAnchor.json: differs in bytecode, deployedBytecode" in done.stderr
    assert "RegionRegistry.json: missing" in done.stderr
    assert "Elsewhere.json: no such contract" in done.stderr


def test_artifact_layout_is_that_of_the_format() -> None:
    content = json.loads((CONTRACTS / "artifacts/HeadAnchor.json").read_text(encoding="utf-8"))
    types = content["storageLayout"]["types"]
    members = {
        name: [
            (m["label"], m["slot"], m["offset"])
            for m in types[f"t_struct({name})_storage"]["members"]
        ]
        for name in ("Head", "Status")
    }
    assert members["Head"] == [
        ("size", "0", 0),
        ("epoch", "0", 8),
        ("anchoredAt", "0", 16),
        ("mapFunction", "0", 24),
        ("vrfKey", "0", 28),
        ("logRoot", "1", 0),
        ("mapRoot", "2", 0),
    ]
    assert members["Status"] == [("successor", "0", 0), ("state", "0", 20)]
    assert content["compiler"]["settings"]["evmVersion"] == "berlin"
    assert len(content["immutableReferences"]) >= 1


def compile_contracts(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(root / "contracts/compile.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=BUILD_DEADLINE_S,
    )


def copy_contracts(target: Path) -> Path:
    copy = target / "contracts"
    copy.mkdir()
    for name in ("src", "artifacts"):
        shutil.copytree(CONTRACTS / name, copy / name)
    for name in ("compile.py", "foundry.toml", "package.json", "solc-shim"):
        shutil.copy2(CONTRACTS / name, copy / name)
    (copy / "node_modules").symlink_to(CONTRACTS / "node_modules")
    return copy
