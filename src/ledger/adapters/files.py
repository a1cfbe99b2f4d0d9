"""Small files that are written whole or not at all, and are their owner's alone."""

import os
from pathlib import Path
from typing import Final

OWNER_ONLY: Final = 0o600


def write_whole(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Replace a file so that a crash leaves the old one or the new one; mode 0600.

    Args:
        path: The file.
        content: Its new bytes.
        durable: Whether it must survive a crash of the machine too.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    temporary.replace(path)
