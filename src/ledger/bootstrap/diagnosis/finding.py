"""What was found about one dependency."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not looked at, because something it needs failed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One dependency."""

    check: str
    """What was looked at, a stable word."""
    level: Level
    code: str
    """``ok``, or a stable word that says what is wrong; the fix goes by it."""
    found: str
    """What is there, in a few words; no secret."""


def ok(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Level.OK, "ok", found)


def warning(check: str, code: str, found: str) -> Finding:
    """It works; somebody should look."""
    return Finding(check, Level.WARNING, code, found)


def failed(check: str, code: str, found: str) -> Finding:
    """It does not work."""
    return Finding(check, Level.FAILED, code, found)


def skipped(check: str, needs: str) -> Finding:
    """Not looked at."""
    return Finding(check, Level.SKIPPED, "skipped", needs)
