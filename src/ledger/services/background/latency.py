"""How long events take from acceptance until they are served, noted as the served size moves."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from ledger.errors import LedgerError
from ledger.services.background.watch import Seen
from ledger.services.stored import StreamLog


class AcceptedSource(Protocol):
    """The store, as far as times of acceptance go."""

    def accepted_between(
        self, log: StreamLog, start: int, end: int
    ) -> tuple[tuple[datetime, int], ...]:
        """When the events of a stretch of the log were accepted: (time, how many)."""
        ...


Note = Callable[[str, tuple[tuple[datetime, int], ...], datetime], None]
"""Called with stream, (when accepted, how many) and the time at which they are served."""


class PublishLatency:
    """Notes each stretch of each log once, when it becomes served.

    What was served before the first look is left out: nobody saw when that happened.

    Args:
        store: Knows when events were accepted.
        note: Takes what was found.
    """

    def __init__(self, store: AcceptedSource, note: Note) -> None:
        self._store = store
        self._note = note
        self._served: dict[StreamLog, int] = {}

    def __call__(self, seen: Seen) -> None:
        """Compare with the look before."""
        for stream in seen.worker.streams:
            if stream.epoch is None:
                continue
            log = StreamLog(stream.stream, stream.generation)
            # A new generation begins with what was served before, put again.
            before = self._served.setdefault(log, stream.served_size)
            if stream.served_size <= before:
                self._served[log] = stream.served_size
                continue
            try:
                found = self._store.accepted_between(log, before, stream.served_size)
            except LedgerError:
                continue  # The next look takes the longer stretch.
            self._served[log] = stream.served_size
            self._note(stream.stream, found, seen.at)
