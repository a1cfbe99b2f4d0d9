"""Reading what became of files in bounded parts: no report is one giant answer."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Final, Protocol

from ledger.services.publication.progress import state_of
from ledger.services.publication.report import ENDING, Outcome, RowReport, State
from ledger.services.stored import RecordPosition, StreamLog
from ledger.services.stream.streams import NodeStreams, Sizes

MOST_REJECTED: Final = 1_000
"""Rejected rows named in the summary of a batch."""

REMEMBERED: Final = 256
"""Batches whose unchanging part is kept in memory."""

ORDER: Final = tuple(State)
"""States from the first to the last."""

_PROVED: Final = ORDER[-1]


@dataclass(frozen=True, slots=True)
class BatchHead:
    """A batch in a list."""

    id: int
    source_name: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """What never changes about a batch."""

    head: BatchHead
    kind: str
    record_type: str | None
    mode: str | None
    ignored_columns: tuple[str, ...]
    counts: Mapping[str, int]
    """Rows by outcome."""
    amended: int
    """Accepted rows that amend a record."""
    rejected: tuple[RowReport, ...]
    """The first rejected rows."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How many events of one log have come how far."""

    events: int
    sequenced: int
    integrated: int
    anchored: int
    served: int


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """A batch and how far it is."""

    facts: BatchFacts
    state: State
    """That of the event that is furthest behind."""
    events: Mapping[State, int]
    """How many of the batch's own events have come at least so far."""


class BatchPageStore(Protocol):
    """The store, as far as reading batches in parts goes."""

    def batch_heads(self, before: int | None, limit: int) -> tuple[BatchHead, ...]:
        """Batches with a number below ``before``, newest first."""
        ...

    def batch_facts(self, batch_id: int, most_rejected: int) -> BatchFacts | None:
        """What never changes about a batch."""
        ...

    def batch_rows(
        self, batch_id: int, start: int, limit: int, outcome: str | None
    ) -> tuple[tuple[int, RowReport], ...]:
        """Rows of a batch from a place on, each with its place; states are not filled."""
        ...

    def batch_reached(self, batch_id: int, sizes: Mapping[StreamLog, Sizes]) -> tuple[Reached, ...]:
        """How far a batch's own events are.

        Args:
            batch_id: The batch.
            sizes: How far each log is, in order; a stream's lowest stands for those before it too.
        """
        ...

    def unchanged_reached(
        self, batch_id: int, of_ends: bool, sizes: Mapping[StreamLog, Sizes]
    ) -> tuple[Reached, ...]:
        """How far the earlier events are that a batch's unchanged rows speak of."""
        ...

    def positions(
        self, record_ids: Sequence[str], batch_id: int | None = None
    ) -> dict[str, RecordPosition]:
        """Where the events of these records stand.

        Args:
            record_ids: The records.
            batch_id: A batch that speaks of them: of an amended record, the put that was its newest
                when that batch was accepted. None: the newest now.
        """
        ...


class BatchPages:
    """Reads batches of one node; safe for use by many threads.

    Args:
        store: Where batches are.
        streams: The node's streams, to say how far an event has come.
    """

    def __init__(self, store: BatchPageStore, streams: NodeStreams) -> None:
        self._store = store
        self._streams = streams
        self._facts: OrderedDict[int, BatchFacts] = OrderedDict()
        self._lock = Lock()

    def heads(self, before: int | None, limit: int) -> tuple[BatchHead, ...]:
        """Batches with a number below ``before``, newest first.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        return self._store.batch_heads(before, limit)

    def summary(self, batch_id: int) -> BatchSummary | None:
        """A batch and how far it is; None for an unknown number.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        facts = self._facts_of(batch_id)
        if facts is None:
            return None
        sizes: dict[StreamLog, Sizes] = {}
        for stream in self._streams.values():
            sizes |= stream.sizes()
        own = self._store.batch_reached(batch_id, sizes)
        found = list(own)
        if facts.counts.get(Outcome.UNCHANGED, 0):
            of_ends = facts.kind == "changes"
            found += self._store.unchanged_reached(batch_id, of_ends, sizes)
        return BatchSummary(
            facts=facts,
            state=min((_behind(one) for one in found), key=ORDER.index, default=_PROVED),
            events={state: sum(_count(one, state) for one in own) for state in ORDER},
        )

    def rows(
        self, batch_id: int, start: int, limit: int, outcome: Outcome | None = None
    ) -> tuple[tuple[int, RowReport], ...] | None:
        """Rows of a batch from a place on, each with its place and state.

        None for an unknown number.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        facts = self._facts_of(batch_id)
        if facts is None:
            return None
        found = self._store.batch_rows(
            batch_id, start, limit, None if outcome is None else outcome.value
        )
        known = {row.record_id for _place, row in found if row.record_id is not None}
        positions = self._store.positions(sorted(known), batch_id)
        of_ends = facts.kind == "changes"
        return tuple((place, self._with_state(row, positions, of_ends)) for place, row in found)

    def _facts_of(self, batch_id: int) -> BatchFacts | None:
        with self._lock:
            known = self._facts.get(batch_id)
        if known is not None:
            return known
        facts = self._store.batch_facts(batch_id, MOST_REJECTED)
        if facts is not None:
            with self._lock:
                self._facts[batch_id] = facts
                if len(self._facts) > REMEMBERED:
                    self._facts.popitem(last=False)
        return facts

    def _with_state(
        self, row: RowReport, positions: Mapping[str, RecordPosition], of_ends: bool
    ) -> RowReport:
        position = positions.get(row.record_id or "")
        if position is None or row.outcome not in (Outcome.ACCEPTED, Outcome.UNCHANGED):
            return row
        # An unchanged row of a change file speaks of the end as well.
        ends = of_ends or row.effect in ENDING
        return replace(row, state=state_of(self._streams, *position.place(is_end=ends)))


def _behind(one: Reached) -> State:
    """The state of the event that is furthest behind."""
    if one.served == one.events:
        return _PROVED
    if one.anchored == one.events:
        return State.ANCHORED
    if one.integrated == one.events:
        return State.INTEGRATED
    return State.SEQUENCED if one.sequenced == one.events else State.ACCEPTED


def _count(one: Reached, state: State) -> int:
    """How many have come at least as far as this state."""
    return {
        State.ACCEPTED: one.events,
        State.SEQUENCED: one.sequenced,
        State.INTEGRATED: one.integrated,
        State.ANCHORED: one.anchored,
    }.get(state, one.served)
