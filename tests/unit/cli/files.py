"""Evidence files and a trust root as ``lookup`` would have left them, and a way to run commands."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner, Result
from worlds.node import REGION, World, uscc

from ledger.cli.app import app
from ledger.core.trust import encode_trust_root

ROOT = Path(__file__).resolve().parents[3]


def run(*arguments: object, stdin: bytes | str | None = None, lang: str = "en") -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, ["--lang", lang, *map(str, arguments)], input=stdin)


def run_apart(
    command: Sequence[str], *, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command in a process of its own."""
    return subprocess.run(
        command, input=stdin, capture_output=True, timeout=60, env={**os.environ, **environment}
    )


LEDGER = [sys.executable, "-m", "ledger"]


@dataclass(frozen=True)
class Files:
    """``records`` and ``none`` are VALID at ``now``; ``forged`` is INVALID."""

    trust: Path
    records: Path
    none: Path
    forged: Path
    now: str


def write_files(world: World, folder: Path) -> Files:
    trust = folder / "trust-root.json"
    trust.write_bytes(encode_trust_root(world.trust_root))
    records = folder / f"{uscc(5)}-{REGION}-cf.json"
    records.write_bytes(world.answer(5).evidence or b"")
    none = folder / f"{uscc(6)}-{REGION}-cf.json"
    none.write_bytes(world.answer(6).evidence or b"")
    content = bytearray(records.read_bytes())
    place = content.index(b'"vrf_proof":"') + 50
    content[place] = ord("1") if content[place] == ord("0") else ord("0")
    forged = folder / "forged.json"
    forged.write_bytes(content)
    return Files(trust, records, none, forged, f"{world.clock.now():%Y-%m-%dT%H:%M:%SZ}")
