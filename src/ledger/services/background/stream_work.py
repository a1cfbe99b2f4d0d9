"""The background work on one stream: into the log, to the chain, back as a snapshot.

Usually a stream has one log. While it goes over to its next generation it has two: the former one
is served and brought to its end, the next one is filled and opened.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from ledger.errors import LedgerError
from ledger.services.anchoring import Anchoring
from ledger.services.anchoring.snapshots import Snapshots
from ledger.services.background.status import StreamStatus
from ledger.services.crash_points import reach
from ledger.services.generations.carrying import Carrying
from ledger.services.ports import Store
from ledger.services.stream.sequencing import Sequencer
from ledger.services.stream.state import StreamState
from ledger.services.stream.streams import NodeStream
from ledger.services.stream.subject_keys import SubjectKeys

Step = Callable[[], object]

log = logging.getLogger(__name__)


class StreamWork:
    """Moves one stream; used by one thread, except for its status.

    Args:
        stream: Its logs in memory.
        store: The node's store.
        keys: Derives map keys.
        sequencer: Gives events their places.
        anchoring: Brings heads to the chain.
        snapshots: Proves them.
        carrying: Takes items over into the next generation.
    """

    def __init__(
        self,
        stream: NodeStream,
        *,
        store: Store,
        keys: SubjectKeys,
        sequencer: Sequencer,
        anchoring: Anchoring,
        snapshots: Snapshots,
        carrying: Carrying,
    ) -> None:
        self._stream = stream
        self._store = store
        self._keys = keys
        self._sequencer = sequencer
        self._anchoring = anchoring
        self._snapshots = snapshots
        self._carrying = carrying

    def load(self) -> None:
        """Read what is stored, and serve what was proved last.

        Raises:
            FatalStateError: A log belongs to another region, generation or VRF key.
            StoreUnavailableError: The store does not answer.
        """
        for state in self._stream.logs:
            if self._keys.can_derive(state.name):
                # Under another VRF key every subject would have another place in the map, and
                # everything would be proved absent.
                fact = f"vrf-key:{state.stream}:{state.name.generation}"
                self._store.bind(fact, self._keys.public_key(state.name).hex())
            state.catch_up()
            reach("startup.replayed")
            self._sequencer.check_opening(state)
            reach("startup.opening-checked")
            snapshot = self._store.newest_snapshot(state.name)
            if snapshot is not None and self._snapshots.holds(snapshot):
                state.serve(snapshot)

    def steps(self) -> dict[str, Step]:
        """What is to be done in each round, in order."""
        name = self._stream.stream
        return {
            f"sequencing:{name}": self._sequence,
            f"generation:{name}": lambda: self._carrying.step(self._stream),
            f"anchoring:{name}": self._anchor,
            f"snapshots:{name}": self._prove,
        }

    def status(self, now: datetime) -> StreamStatus:
        """How far it is; what the store does not tell stays open."""
        state, current = self._stream.served, self._stream.current
        snapshot, served_size = state.snapshot, state.served_size
        pending: int | None = None
        head_state: str | None = None
        try:
            pending = self._store.pending_count(state.name, served_size)
            newest = self._store.newest_outbox(current.name)
            if current is not state:
                pending += self._store.pending_count(current.name, 0)
                newest = newest or self._store.newest_outbox(state.name)
            head_state = None if newest is None else newest.state
        except LedgerError as error:
            log.warning("status: %s", error)
        age = None if snapshot is None else now.timestamp() - snapshot.block_time
        return StreamStatus(
            stream=state.stream,
            generation=state.name.generation,
            size=state.size,
            served_size=served_size,
            pending=pending,
            epoch=None if snapshot is None else snapshot.head.epoch,
            block_number=None if snapshot is None else snapshot.block_number,
            snapshot_age_s=None if age is None else int(age),
            head_state=head_state,
            confirmations=self._snapshots.tally(state.name),
            following=None if current is state else current.name.generation,
            carried=self._carrying.progress(self._stream),
        )

    def _taking(self) -> StreamState | None:
        """The log that takes events; None while none does."""
        if self._stream.former is None:
            return self._stream.current
        found = self._store.accepting()[self._stream.stream]
        if found.is_carrying:
            return None
        return next(one for one in self._stream.logs if one.name.generation == found.generation)

    def _sequence(self) -> None:
        taking = self._taking()
        if taking is not None:
            self._sequencer.step(taking)

    def _anchor(self) -> None:
        taking, former = self._taking(), self._stream.former
        if former is not None and taking is not former:
            self._anchoring.settle(former)
        if taking is not None:
            self._anchoring.step(taking)

    def _prove(self) -> None:
        for state in self._stream.logs:
            self._snapshots.step(state)
