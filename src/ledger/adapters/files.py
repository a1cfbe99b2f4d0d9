"""Small files that are written whole or not at all, and are their owner's alone."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

OWNER_ONLY: Final = 0o600


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace a file so that a crash leaves the old one or the new one; mode 0600.

    Args:
        path: The file.
        content: Its new bytes.
        durable: Whether it must survive a crash of the machine too.
    """
    with _replacing(path, durable=durable) as file:
        file.write(content)


def write_lines(path: Path, lines: Iterable[bytes]) -> None:
    """The same for a file that may be long, a line at a time; nothing is left where one fails.

    Args:
        path: The file.
        lines: Without their ends.
    """
    with _replacing(path, durable=True) as file:
        for line in lines:
            file.write(line + b"\n")


@contextmanager
def _replacing(path: Path, *, durable: bool) -> Iterator[BinaryIO]:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
