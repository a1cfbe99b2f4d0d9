"""What an evidence about a subject is made of: the served state alone, without a chain call."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from ledger.core.evidence.parse import MAX_OPENED
from ledger.core.merkle import hash_leaf
from ledger.core.prefix_tree import MapProof
from ledger.core.records.event import commitment
from ledger.core.stream.entry import parse_entry
from ledger.core.types import Hash32, LeafIndex
from ledger.core.verify.verdict import day_of, moment_of
from ledger.errors import FatalStateError
from ledger.services.ports import Clock, LogStore
from ledger.services.stored import OpenableEvent, Snapshot, StreamLog
from ledger.services.stream.state import ServedKey, StreamState
from ledger.services.stream.streams import NodeStream, NodeStreams
from ledger.services.stream.subject_keys import SubjectKeys

MAX_AGE_S: Final = 600
"""Age of a snapshot beyond which nothing is answered from it."""

MAX_AHEAD_S: Final = 60
"""How far a block's time may lie after the node's clock; verifiers refuse more."""


@dataclass(frozen=True, slots=True)
class MaterialItem:
    """An item of the key's list with everything that opens it."""

    index: LeafIndex
    leaf_hash: Hash32
    entry: bytes
    event: bytes = field(repr=False)
    """The canonical JSON that the entry commits to."""
    salt: bytes = field(repr=False)
    disclosures: tuple[str, ...] = field(repr=False)
    path: tuple[Hash32, ...]
    """Log path at the snapshot's size."""


@dataclass(frozen=True, slots=True)
class Material:
    """Everything an evidence about this subject needs; no items: the key is absent."""

    snapshot: Snapshot
    vrf_proof: bytes
    map_proof: MapProof
    items: tuple[MaterialItem, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """A change of this key is accepted, or due by its date, and not yet proved on its day."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """There is no snapshot that may be answered from; ``code`` says why."""

    code: str


class ServedMaterial:
    """Answers from the served snapshots of one node.

    Args:
        streams: The node's streams.
        store: Opens entries and knows accepted events.
        keys: Derives map keys.
        clock: The node's clock.
        max_age_s: Age of a snapshot beyond which nothing is answered from it.
    """

    def __init__(
        self,
        *,
        streams: NodeStreams,
        store: LogStore,
        keys: SubjectKeys,
        clock: Clock,
        max_age_s: int = MAX_AGE_S,
    ) -> None:
        self._streams = streams
        self._store = store
        self._keys = keys
        self._clock = clock
        self._max_age_s = max_age_s

    def material(
        self, stream: str, record_type: str, subject: str
    ) -> Material | Pending | Unavailable:
        """Everything an evidence about this subject needs, or why there is none.

        Raises:
            MalformedRecordError: A part of the question breaks its grammar.
            StoreUnavailableError: The store does not answer.
            FatalStateError: A served item cannot be opened.
        """
        one = self._streams.get(stream)
        if one is None:
            return Unavailable("stream-not-served")
        state = one.served
        if not self._keys.can_derive(state.name):
            return Unavailable("vrf-key-lost")
        key = self._keys.key_of(state.name, record_type, subject)
        served = state.served_key(key.map_key, most=MAX_OPENED)
        if served is None:
            return Unavailable("no-snapshot")
        now = self._clock.now()
        problem = self._problem(served.snapshot, now)
        if problem is not None:
            return Unavailable(problem)
        # Asked after the served state was read, and against its size: whatever was accepted and is
        # not under this very snapshot makes the key pending.
        if self._store.is_pending(state.name, key.map_key, served.snapshot.head.size):
            return Pending()
        if self._waits_in_the_next(one, state, record_type, subject):
            return Pending()
        if served.count > MAX_OPENED:
            return Unavailable("too-many-items")
        items = self._open(state.name, served)
        # Around midnight clock and chain may disagree about the day. What a verifier would refuse
        # as ended, or as published after the block's day, waits for the next head or block.
        block_day = day_of(moment_of(served.snapshot.block_time))
        today = max(day_of(now), block_day)
        if any(_has_ended_or_is_newer(item.event, today, block_day) for item in items):
            return Pending()
        return Material(
            snapshot=served.snapshot,
            vrf_proof=key.vrf_proof,
            map_proof=served.map_proof,
            items=items,
        )

    def _problem(self, snapshot: Snapshot, now: datetime) -> str | None:
        age = now.timestamp() - snapshot.block_time
        if age > self._max_age_s:
            return "snapshot-too-old"
        return "snapshot-in-the-future" if age < -MAX_AHEAD_S else None

    def _waits_in_the_next(
        self, stream: NodeStream, served: StreamState, record_type: str, subject: str
    ) -> bool:
        """Whether an event of the key was accepted into the log that will follow the served one."""
        following = stream.current
        if following is served or not self._keys.can_derive(following.name):
            return False
        map_key = self._keys.map_key_of(following.name, record_type, subject)
        return self._store.is_pending(following.name, map_key, 0)

    def _open(self, log: StreamLog, served: ServedKey) -> tuple[MaterialItem, ...]:
        if not served.pairs:
            return ()
        opened = self._store.openable(log, [index for index, _leaf in served.pairs])
        if [one.log_index for one in opened] != [index for index, _leaf in served.pairs]:
            raise FatalStateError(f"{log}: a served item has no stored event")
        return tuple(
            _item(one, leaf_hash, path)
            for one, (_index, leaf_hash), path in zip(
                opened, served.pairs, served.paths, strict=True
            )
        )


def _item(one: OpenableEvent, leaf_hash: Hash32, path: tuple[Hash32, ...]) -> MaterialItem:
    if one.event is None or one.salt is None:
        raise FatalStateError(
            f"index {one.log_index}: expected its event and salt, found it erased"
        )
    # Pair assertion: what goes out is what the log holds and the entry commits to, byte for byte.
    if hash_leaf(one.entry) != leaf_hash:
        raise FatalStateError(f"index {one.log_index}: the stored entry is not the served one")
    if commitment(one.event, one.salt) != parse_entry(one.entry).event:
        raise FatalStateError(f"index {one.log_index}: the stored event is not the committed one")
    return MaterialItem(
        index=one.log_index,
        leaf_hash=leaf_hash,
        entry=one.entry,
        event=one.event,
        salt=one.salt,
        disclosures=one.disclosures,
        path=path,
    )


def _has_ended_or_is_newer(event: bytes, today: date, block_day: date) -> bool:
    members = json.loads(event)
    last_day, published_on = members["in_force_until"], members["published_on"]
    has_ended = isinstance(last_day, str) and date.fromisoformat(last_day) < today
    return has_ended or date.fromisoformat(published_on) > block_day
