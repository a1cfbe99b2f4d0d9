"""How much may be in work at a time. What does not fit is refused at once: no queue grows."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ledger.api.problems import ApiProblem
from ledger.api.rate_limits import RequestLimits

RETRY_AFTER_S: Final = 1


class Room:
    """Places for requests of one kind; used by one event loop.

    Args:
        places: How many may be in work; 0 means without limit.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self.taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one place while the block runs.

        Raises:
            ApiProblem: 503, there is none left.
        """
        if self._places and self.taken >= self._places:
            headers = {"Retry-After": str(RETRY_AFTER_S), "Connection": "close"}
            detail = f"expected at most {self._places} requests of this kind in work"
            raise ApiProblem(503, "overloaded", detail, headers)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1


class InWork:
    """Everything a node has in work, and whether it takes more.

    Args:
        limits: How much of each kind may be in work.
    """

    def __init__(self, limits: RequestLimits) -> None:
        self.lookups = Room(limits.lookups_at_once)
        self.answers = Room(limits.answers_at_once)
        self.files = Room(limits.files_at_once)
        self.one_file = asyncio.Lock()
        """Files are taken in one after the other; waiting here keeps threads free for lookups."""
        self.one_batch = asyncio.Lock()
        """Batches of questions are answered one after the other: computing in several threads, they
        would take twice the time for taking turns."""
        self._keys: set[str] = set()
        self.is_stopping = False
        """Set once, from the signal handler: requests in work end, new ones are refused."""
        self.rows_decided = 0
        """Of the file that is being taken in."""
        self.rows = 0
        """Of the file that is being taken in; 0 while there is none, or it is still being read."""

    @contextmanager
    def key(self, key: str | None) -> Iterator[None]:
        """Hold an idempotency key while its request is in work.

        Raises:
            ApiProblem: 409, the first request with it has not been answered yet.
        """
        if key is None:
            yield
            return
        if key in self._keys:
            headers = {"Retry-After": str(RETRY_AFTER_S), "Connection": "close"}
            raise ApiProblem(409, "request-in-flight", "expected it to be answered first", headers)
        self._keys.add(key)
        try:
            yield
        finally:
            self._keys.discard(key)

    def note_progress(self, decided: int, rows: int) -> None:
        """Note how far a file is; called once a row, by the thread that decides them.

        Raises:
            ApiProblem: 503, the node stops. Nothing of the file is stored yet.
        """
        if self.is_stopping:
            raise stopping()
        self.rows_decided, self.rows = decided, rows

    def note_end(self) -> None:
        """Note that the present file is done with."""
        self.rows_decided = self.rows = 0

    def files_json(self) -> dict[str, int]:
        """How many files are in work and how far the present one is."""
        return {"files": self.files.taken, "rows_decided": self.rows_decided, "rows": self.rows}


def stopping() -> ApiProblem:
    """What a request is told that comes while the node stops."""
    headers = {"Retry-After": "5", "Connection": "close"}
    return ApiProblem(503, "stopping", "the node is being stopped; nothing was stored", headers)
