"""What running programs take from the machine: bytes of a folder, memory of a process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

DAY_S: Final = 86_400


def folder_bytes(folder: Path) -> int:
    """Lengths of all files under a folder together; what vanishes meanwhile counts nothing."""
    return sum(_lengths(folder))


def _lengths(folder: Path) -> Iterator[int]:
    for one in folder.rglob("*"):
        try:
            if one.is_file():
                yield one.stat().st_size
        except FileNotFoundError:
            continue


def per_day(grown: float, seconds: float) -> float:
    """What grew in some seconds, extrapolated to a day of the same pace."""
    return grown / seconds * DAY_S


def resident_bytes(process_id: int) -> int:
    """Memory of a process, pages that others share counted by their share (PSS)."""
    return parse_pss(Path(f"/proc/{process_id}/smaps_rollup").read_text(encoding="ascii"))


def parse_pss(text: str) -> int:
    """Bytes of the line ``Pss`` of the kernel's ``smaps_rollup``.

    Raises:
        ValueError: It has no such line.
    """
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name == "Pss":
            return int(rest.split()[0]) * 1024
    raise ValueError("smaps_rollup: expected a line Pss, found none")
