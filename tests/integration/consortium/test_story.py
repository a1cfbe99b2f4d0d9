"""The demonstration on five validators, governed by the Council of its four regions."""

import os
import subprocess
import sys
from pathlib import Path

from worlds.shared_consortium import NEEDS_CONSORTIUM

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 600

pytestmark = NEEDS_CONSORTIUM


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
