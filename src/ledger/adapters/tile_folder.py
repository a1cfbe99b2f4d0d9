"""A folder in the layout of tlog-tiles; every file is whole or not there."""

import os
import secrets
from pathlib import Path

from ledger.errors import InputError

VKEY_NAME = "vkey"
"""Holds the log's verifier key as text."""


class TileFolder:
    """Implements ``services.stream.export.TileSink``.

    Args:
        root: The folder; made with its first file.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str, most: int) -> bytes | None:
        """A file's content; None where there is none, or it is longer than ``most`` bytes.

        Raises:
            InputError: Something is there that is no readable file.
        """
        try:
            with (self._root / path).open("rb") as file:
                content = file.read(most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None
        return content if len(content) <= most else None

    def write(self, path: str, content: bytes) -> None:
        """Write a file, all of it or nothing; one that is there is replaced.

        Raises:
            InputError: The folder cannot be written.
        """
        target = self._root / path
        unfinished = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with unfinished.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                # At this point the content is durable under another name.
                unfinished.replace(target)
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from None

    def settle(self) -> None:
        """Make the names of everything written durable.

        Raises:
            InputError: The folder cannot be read.
        """
        try:
            for folder, _folders, _files in os.walk(self._root):
                descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
        except OSError as error:
            raise InputError(f"{self._root.name}: {error.strerror}") from None
