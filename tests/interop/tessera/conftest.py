"""Tessera's fsck, built from the pinned sources of go.mod with the machine's Go."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMMAND = "github.com/transparency-dev/tessera/cmd/fsck"
BUILDS = HERE.parents[2] / "var" / "interop" / "tessera"
BUILD_WITHIN_S = 600


def _build(go: str) -> Path:
    """The command of exactly these sources; built once."""
    pinned = b"".join((HERE / name).read_bytes() for name in ("go.mod", "go.sum"))
    program = BUILDS / hashlib.sha256(pinned).hexdigest() / "fsck"
    if not program.is_file():
        program.parent.mkdir(parents=True, exist_ok=True)
        unfinished = program.with_name(f"fsck.{os.getpid()}")
        subprocess.run(
            [go, "build", "-mod=readonly", "-buildvcs=false", "-o", str(unfinished), COMMAND],
            cwd=HERE,
            check=True,
            timeout=BUILD_WITHIN_S,
        )
        unfinished.replace(program)
    return program


@pytest.fixture(scope="session")
def fsck() -> Path:
    """Path of the command."""
    go = shutil.which("go")
    if go is None:
        message = "Go is not installed: the export was NOT checked with Tessera's fsck"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return _build(go)
