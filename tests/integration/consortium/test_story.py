"""The demonstration on five validators, governed by the Council of its four regions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 600

pytestmark = [
    pytest.mark.devnet,
    pytest.mark.slow,
    pytest.mark.skipif(
        "CREDIT_LEDGER_TEST_CONSORTIUM" not in os.environ, reason="run ./scripts/test-consortium"
    ),
]


def test_demo_on_validators_is_governed_by_the_council() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "story", "--engine", "qbft", "--lang", "en"],
        env=os.environ | {"PYTHONPATH": str(ROOT / "scripts")},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the next trust root needs 3 of 4 signatures" in done.stdout
    assert "TEST CHAIN" not in done.stdout
    assert "Demonstration complete" in done.stdout.splitlines()[-1]
