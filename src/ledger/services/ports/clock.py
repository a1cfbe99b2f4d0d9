"""Time and chance as the services see them."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The node's clock."""

    def now(self) -> datetime:
        """The present, aware."""
        ...


class Entropy(Protocol):
    """A source of random bytes, such as ``secrets.token_bytes``."""

    def __call__(self, count: int, /) -> bytes:
        """``count`` unpredictable bytes."""
        ...
