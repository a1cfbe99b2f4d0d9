"""Something that must not be, and the words for it."""

from dataclasses import dataclass

LOST = "lost"
DOUBLED = "doubled"
STUCK = "stuck"
WRONG = "wrong"
FALSE = "false"
"""Falsely acknowledged: something was called anchored, confirmed or proved that was not."""
FSCK = "fsck"
KINDS = (LOST, DOUBLED, STUCK, WRONG, FALSE, FSCK)


@dataclass(frozen=True)
class Finding:
    """Something that must not be."""

    kind: str
    text: str
