"""A stream goes over to its next generation: every item in force is put again, under a fresh salt.

A new generation is the cure of a lost or stolen VRF key, of a log that somebody else has spoiled,
and of a database that is gone. Its log begins anew, its keys come from another VRF key, and nobody
who reads both logs can tell which item is which.

Order of durability:

1. The contract would take the opening now: governance has approved it for this node's key.
2. One transaction closes the former log: everything accepted has its place there, and from here on
   no event is accepted into either. A crash before it changes nothing.
3. Items are put again in the order of their indices, each part in one transaction with its entries
   and with the records that stand by them. A crash goes on behind the last part: the items are
   those of the former log, which does not change any more, and their order is known.
4. One transaction lets the next log take events. Nothing was anchored of it so far; the first head,
   which the contract takes once and only in place of the one that stands, is signed after it.

Lookups are answered from the former log until the first head of the next one is proved.
"""

import logging
import time
from collections.abc import Sequence
from typing import Final

from ledger.core.chain.head_slots import stream_id
from ledger.core.merkle import hash_leaf
from ledger.core.prefix_tree import EMPTY
from ledger.core.records.event import commitment
from ledger.core.stream.entry import PUT, Entry, encode_entry
from ledger.core.types import LeafIndex
from ledger.errors import FatalStateError
from ledger.services.anchoring import Anchoring
from ledger.services.crash_points import reach
from ledger.services.ports import Chain, Clock, Entropy, Store
from ledger.services.stored import CarriedItem, Fence, SequencedEntry, StandingItem, StreamLog
from ledger.services.stream.sequencing import opening
from ledger.services.stream.state import LogHead, StreamState
from ledger.services.stream.streams import NodeStream
from ledger.services.stream.subject_keys import SubjectKeys

PART: Final = 500
"""Items put again in one transaction."""

WORK_S: Final = 2.0
"""Longest time of one step; snapshots of the former log must stay fresh meanwhile."""

SALT_BYTES: Final = 32

log = logging.getLogger(__name__)


class Carrying:
    """Carries the items of one node's streams over.

    Args:
        region: GB/T 2260 code, six digits.
        store: Where logs and events are.
        fence: The worker's right to write.
        chain: Says whether the opening would be taken.
        anchoring: Makes the opening.
        keys: Derives map keys.
        clock: The node's clock.
        entropy: Source of salts.
    """

    def __init__(
        self,
        *,
        region: str,
        store: Store,
        fence: Fence,
        chain: Chain,
        anchoring: Anchoring,
        keys: SubjectKeys,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._region = region
        self._store = store
        self._fence = fence
        self._chain = chain
        self._anchoring = anchoring
        self._keys = keys
        self._clock = clock
        self._entropy = entropy
        self._items: dict[StreamLog, tuple[LeafIndex, ...]] = {}
        """What is carried from each former log."""

    def step(self, stream: NodeStream) -> None:
        """Bring a stream one step closer to its newest generation.

        Raises:
            ContractRevertError: The opening is not approved yet.
            ConflictError: An event was accepted just now; to be tried again.
            ChainUnavailableError: The chain does not answer.
            FatalStateError: The former log is not in memory, or the stores contradict themselves.
            FencedError: Another worker took over.
            StoreUnavailableError: The store does not answer.
        """
        former, following = stream.former, stream.current
        if former is None:
            return
        found = self._store.accepting()[stream.stream]
        if found.generation == following.name.generation and not found.is_carrying:
            stream.retire_former()
            return
        if found.generation == former.name.generation:
            # 1. and 2.
            self._require_approval(following.name)
            self._store.begin_carrying(self._fence, former.name, following.name)
            reach("generation.begun")
            log.warning("%s: closed; its items are put again into %s", former.name, following.name)
        self._carry(former, following)

    def progress(self, stream: NodeStream) -> tuple[int, int] | None:
        """Items put again and items in all; None outside of a change."""
        former = stream.former
        items = None if former is None else self._items.get(former.name)
        return None if items is None else (max(0, stream.current.size - 1), len(items))

    def _require_approval(self, name: StreamLog) -> None:
        head = self._chain.fetch_head(stream_id(self._region, name.stream))
        first = LogHead(1, opening(self._region, name).leaf_hash, EMPTY)
        self._anchoring.taken_by(
            self._anchoring.opening(name, first, 0 if head is None else head.epoch)
        )

    def _carry(self, former: StreamState, following: StreamState) -> None:
        until = time.monotonic() + WORK_S
        former.catch_up()
        following.catch_up()
        items = self._items.get(former.name)
        if items is None:
            items = self._items[former.name] = former.items_in_force()
        while following.size <= len(items):
            self._carry_part(former.name, following, items)
            if time.monotonic() > until and following.size <= len(items):
                log.info("%s: %d of %d items", following.name, following.size - 1, len(items))
                return
        if len(following.items_in_force()) != len(items):
            # Pair assertion: what was written is what is read, item by item.
            raise FatalStateError(f"{following.name}: expected {len(items)} items in force")
        # 4. From here on the next log takes events.
        self._store.finish_carrying(self._fence, following.name)
        reach("generation.finished")
        log.warning("%s: takes events, with %d items put again", following.name, len(items))

    def _carry_part(
        self, former: StreamLog, following: StreamState, items: Sequence[LeafIndex]
    ) -> None:
        size = following.size
        # Index 0 is the opening entry, so the item at position n has index n + 1.
        wanted = items[max(0, size - 1) :][:PART]
        part = [] if size else [_opening_item(self._region, following.name)]
        standing = self._store.standing_items(former, wanted)
        if [one.log_index for one in standing] != list(wanted):
            raise FatalStateError(f"{former}: an item in force has no stored event")
        for one in standing:
            part.append(self._item(one, following.name, size + len(part)))
        # 3. One transaction.
        self._store.carry(self._fence, former, following.name, size, part, self._clock.now())
        reach("generation.carried")
        following.catch_up()

    def _item(self, one: StandingItem, name: StreamLog, index: LeafIndex) -> CarriedItem:
        salt = self._entropy(SALT_BYTES)
        committed = commitment(one.event, salt)
        map_key = self._keys.map_key_of(name, one.record_type, one.subject)
        entry = encode_entry(Entry(event=committed, key=map_key, op=PUT, replaces=None))
        return CarriedItem(
            seq=one.seq,
            entry=SequencedEntry(
                log_index=index,
                entry=entry,
                leaf_hash=hash_leaf(entry),
                map_key=map_key,
                seq=None,
            ),
            commitment=committed,
            salt=salt,
        )


def _opening_item(region: str, name: StreamLog) -> CarriedItem:
    return CarriedItem(seq=0, entry=opening(region, name), commitment=bytes(32), salt=b"")
