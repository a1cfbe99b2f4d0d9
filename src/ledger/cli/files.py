"""Which files are sent to a node, and what they are called on the way."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ledger.core.intake import Encoding, FileError
from ledger.core.intake.decode import MAX_FILE_BYTES
from ledger.core.intake.xlsx import is_workbook
from ledger.errors import InputError

SUFFIXES: Final = frozenset({".csv", ".txt", ".xlsx", ".xlsm", ".xls"})
"""Names of a folder that are taken; ``.xls`` so that it is refused and not silently left out."""

MAX_FILES: Final = 10_000
"""Files of one call."""

_CSV: Final = "text/csv"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def chosen_files(paths: Sequence[Path]) -> list[Path]:
    """The files that are meant, in the order given; those of a folder by name.

    Hidden files and the lock files of office programs (``~$...``) are left out, folders inside
    folders too.

    Args:
        paths: Files and folders.

    Raises:
        InputError: A folder without any such file, or too many files.
        FileError: ``too-large``, before anything is read.
        OSError: A file cannot be read.
    """
    chosen: list[Path] = []
    for path in paths:
        found = _of_folder(path) if path.is_dir() else [path]
        if not found:
            raise InputError(f"{path.name}: expected files {', '.join(sorted(SUFFIXES))}")
        chosen += found
    if len(chosen) > MAX_FILES:
        raise InputError(f"expected at most {MAX_FILES} files, found {len(chosen)}")
    for path in chosen:
        # All of them before the first is sent: a wrong name must not stop the work half-way.
        with path.open("rb"):
            size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise FileError(
                "too-large", expected=f"at most {MAX_FILE_BYTES} bytes", found=f"{size} bytes"
            )
    return chosen


def content_type(content: bytes, encoding: Encoding | None) -> str:
    """The content type under which a file is sent; a workbook brings its own encoding along."""
    if is_workbook(content):
        return _XLSX
    return _CSV if encoding is None else f"{_CSV}; charset={encoding.value}"


def _of_folder(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith((".", "~$"))
        and path.is_file()
    )
