"""Ends records whose last day is over: right after midnight in +08:00, and every minute."""

from datetime import date, datetime, timedelta
from typing import Final

from ledger.core.verify.verdict import day_of
from ledger.errors import ConflictError
from ledger.services.crash_points import reach
from ledger.services.ports import Clock, Entropy, PublicationStore
from ledger.services.publication.events import EventMaker, accepting_generations
from ledger.services.stored import Fence
from ledger.services.stream.state import proved_day
from ledger.services.stream.streams import NodeStreams
from ledger.services.stream.subject_keys import SubjectKeys

EVERY_S: Final = 60
"""Time between two sweeps of one day."""

BATCH: Final = 500
"""Records ended in one transaction."""

BATCHES: Final = 10
"""Transactions of one step; the other steps of the worker must not wait for a great sweep."""


class Expiry:
    """Sweeps one node's records.

    Args:
        region: GB/T 2260 code, six digits.
        store: Where records are.
        fence: The worker's right to write.
        keys: Derives map keys.
        clock: The node's clock.
        entropy: Source of salts.
        streams: The node's streams; their snapshots say what day it is on the chain.
    """

    def __init__(
        self,
        *,
        region: str,
        store: PublicationStore,
        fence: Fence,
        keys: SubjectKeys,
        clock: Clock,
        entropy: Entropy,
        streams: NodeStreams,
    ) -> None:
        self._streams = streams
        self._store = store
        self._fence = fence
        self._clock = clock
        self._maker = EventMaker(region=region, keys=keys, entropy=entropy)
        self._swept: tuple[date, datetime] | None = None

    def step(self) -> int:
        """Sweep if it is time; returns how many records were ended.

        A day begins when both the clock and the chain say so: a clock that runs ahead must not end
        what is in force, and nothing can bring it back. Until the sweep such keys are pending.

        Raises:
            FencedError: Another worker took over.
            StoreUnavailableError: The store does not answer.
        """
        now = self._clock.now()
        proved = proved_day(one.served.snapshot for one in self._streams.values())
        if proved is None:
            return 0  # Nothing is answered yet either.
        today = min(day_of(now), proved)
        if self._swept is not None:
            day, at = self._swept
            if day == today and abs(now - at) < timedelta(seconds=EVERY_S):
                return 0
        ended = 0
        for _ in range(BATCHES):
            over = self._store.records_past_end(today, BATCH)
            if not over:
                self._swept = (today, now)
                break
            # Of a stream that changes its generation nothing is ended until it has; see the store.
            generations = accepting_generations(self._store)
            endings = [self._maker.expire(record, today, generations) for record in over]
            reach("expiry.decided")
            try:
                self._store.commit_endings(self._fence, endings, now)
            except ConflictError:
                break  # One of them was ended by a change meanwhile; the next sweep takes the rest.
            reach("expiry.stored")
            ended += len(endings)
        return ended
