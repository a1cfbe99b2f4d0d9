"""A slice of the campaign against the verifier, and proof that the campaign can tell a forgery."""

import os
import random
import subprocess
import sys
from pathlib import Path

from worlds.attacks import is_fooled, verify

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

from attacking.chains import items_of, rebuilt  # noqa: E402 - a room of the scripts


def test_a_slice_of_the_campaign_accepts_nothing() -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'scripts'}:{ROOT / 'tests'}"}
    command = ["-m", "attacking", "--count", "1500", "--seed", "slice", "--processes", "1"]
    done = subprocess.run(
        [sys.executable, *command], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "forgeries, 0 accepted" in done.stdout


def test_the_campaign_sees_a_forgery_that_the_verifier_accepts() -> None:
    """On a development chain nobody signs: who rebuilds all of it without a fault is believed."""
    items = items_of("one record")
    items[0]["salt"] = random.Random(1).randbytes(32).hex()
    forged = rebuilt("one record", items)
    verdict = verify(forged)
    assert verdict
    assert is_fooled(forged, verdict)
