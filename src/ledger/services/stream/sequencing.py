"""Gives accepted events their places in the log.

Order of durability:

1. The accepted event is in the store (publication).
2. The entry, its index and the event's index are written in one transaction under the fence. A
   crash before it leaves the event accepted: it is sequenced after the restart. A crash after it
   loses only memory, which is read from the store anyway. An index once written is never given
   again: the transaction refuses if the log has not the size it was built on.
3. Memory takes the entry in by reading it back.
"""

from collections.abc import Sequence
from typing import Final

from ledger.core.merkle import hash_leaf
from ledger.core.stream.entry import Entry, encode_entry, opening_entry
from ledger.errors import FatalStateError
from ledger.services.crash_points import reach
from ledger.services.ports import LogStore
from ledger.services.stored import Fence, SequencedEntry, StreamLog, Unsequenced
from ledger.services.stream.state import StreamState

BATCH: Final = 2_000
"""Entries in one transaction."""


class Sequencer:
    """Appends to the logs of one node.

    Args:
        region: GB/T 2260 code, six digits.
        store: Where events and entries are.
        fence: The worker's right to write.
    """

    def __init__(self, *, region: str, store: LogStore, fence: Fence) -> None:
        self._region = region
        self._store = store
        self._fence = fence

    def check_opening(self, state: StreamState) -> None:
        """Check that a log that has begun belongs to this region, stream and generation.

        Raises:
            FatalStateError: It begins with another opening entry.
        """
        if state.size == 0:
            return
        expected, found = opening(self._region, state.name).leaf_hash, state.leaf_hash(0)
        if found != expected:
            raise FatalStateError(
                f"{state.name}: expected the opening entry of region {self._region} and this"
                f" generation, leaf {expected.hex()}, found {found.hex()}"
            )

    def step(self, state: StreamState) -> int:
        """Sequence and integrate what waits; returns how many entries were appended.

        Raises:
            FencedError: Another worker took over.
            FatalStateError: The store contradicts itself.
            StoreUnavailableError: The store does not answer; what was written is read next time.
        """
        # Whatever an earlier step wrote without hearing back is in memory before indices are given.
        state.catch_up()
        appended = 0
        if state.size == 0:
            appended += self._append(state, [opening(self._region, state.name)])
        while waiting := self._store.unsequenced(state.name, BATCH):
            appended += self._append(state, place(waiting, state.size))
        return appended

    def _append(self, state: StreamState, entries: Sequence[SequencedEntry]) -> int:
        reach("sequencing.placed")
        # 2. One transaction.
        self._store.append_entries(self._fence, state.name, state.size, entries)
        reach("sequencing.stored")
        # 3. Memory follows the store.
        taken = state.catch_up()
        reach("sequencing.integrated")
        return taken


def opening(region: str, log: StreamLog) -> SequencedEntry:
    """The entry with which a log begins."""
    entry = opening_entry(region, log.stream, log.generation)
    return SequencedEntry(
        log_index=0, entry=entry, leaf_hash=hash_leaf(entry), map_key=None, seq=None
    )


def place(waiting: Sequence[Unsequenced], size: int) -> list[SequencedEntry]:
    """Make the entries of events in order of acceptance, from index ``size`` on.

    Raises:
        FatalStateError: An event refers to a put that was not accepted before it.
    """
    placed: dict[int, int] = {}
    entries = []
    for index, event in enumerate(waiting, size):
        replaces = event.target_index
        if event.target_seq is not None and replaces is None:
            replaces = placed.get(event.target_seq)
            if replaces is None:
                raise FatalStateError(f"event {event.seq}: its put has no place in the log")
        entry = encode_entry(
            Entry(event=event.commitment, key=event.map_key, op=event.op, replaces=replaces)
        )
        placed[event.seq] = index
        entries.append(
            SequencedEntry(
                log_index=index,
                entry=entry,
                leaf_hash=hash_leaf(entry),
                map_key=event.map_key,
                seq=event.seq,
            )
        )
    return entries
