"""A region's statement of a change of generation, from its own database.

To be made soon after the change: what has been erased since opens no more, and is found missing.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ledger.core import canonical
from ledger.core.generations import (
    ItemOpening,
    Statement,
    TailOpening,
    encode_item,
    encode_statement,
    encode_tail,
)
from ledger.core.stream.map_function import MapState
from ledger.core.types import LeafIndex
from ledger.errors import FatalStateError, InputError, NotIntegratedError
from ledger.services.ports import Store
from ledger.services.stored import OpenableEvent, StreamLog
from ledger.services.stream.subject_keys import SubjectKeys
from ledger.services.stream.tiles import newest_anchored

PART: Final = 500
"""Items, or entries, read at a time."""

Progress = Callable[[int, int], None]
"""Told how many items are written, of how many."""


class Stating:
    """Writes statements of one node's streams.

    Args:
        region: GB/T 2260 code, six digits.
        store: The node's database; the node may run on it meanwhile.
        keys: Derives and proves map keys of the newest generation.
    """

    def __init__(self, *, region: str, store: Store, keys: SubjectKeys) -> None:
        self._region = region
        self._store = store
        self._keys = keys

    def lines(self, following: StreamLog, progress: Progress | None = None) -> Iterator[bytes]:
        """The lines of the statement about a generation that began.

        Args:
            following: The generation that items were put again into.
            progress: Told how far it is.

        Raises:
            InputError: It is the stream's first, or its VRF secret is not here.
            NotIntegratedError: Items are still being put again.
            FatalStateError: The database contradicts itself, or an item was erased since.
            StoreUnavailableError: The database does not answer.
        """
        former = self._store.log_before(following)
        if former is None:
            raise InputError(f"{following}: expected a generation before it, found none")
        if not self._keys.can_derive(following):
            raise InputError(f"{following}: expected its VRF secret among the node's keys")
        accepting = self._store.accepting().get(following.stream)
        if accepting is None or (accepting.generation, accepting.is_carrying) < (
            following.generation,
            False,
        ):
            raise NotIntegratedError(f"{following}: expected it to take events, found it waiting")
        if accepting.generation == following.generation and accepting.is_carrying:
            raise NotIntegratedError(f"{following}: expected every item put again, found it going")
        size, items = self._in_force(former)
        anchored = newest_anchored(self._store, former, self._store.newest_snapshot(former))
        tail = min(size, anchored[0]) if anchored else 0
        yield encode_statement(
            Statement(
                region=self._region,
                stream=following.stream,
                former=former.generation,
                following=following.generation,
                former_size=size,
                tail=tail,
                items=len(items),
            )
        )
        yield from self._tail(former, tail, size)
        for start in range(0, len(items), PART):
            part = items[start : start + PART]
            yield from self._items(former, following, part, start + 1)
            if progress is not None:
                progress(start + len(part), len(items))

    def _in_force(self, log: StreamLog) -> tuple[int, list[LeafIndex]]:
        state, size = MapState(), 0
        while part := self._store.entries(log, size, PART):
            for one in part:
                state.apply(one.log_index, one.entry)
            size += len(part)
        return size, sorted(index for items in state.lists.values() for index, _ in items)

    def _tail(self, log: StreamLog, start: LeafIndex, size: int) -> Iterator[bytes]:
        for at in range(start, size, PART):
            entries = self._store.entries(log, at, min(PART, size - at))
            opened = {
                one.log_index: one
                for one in self._store.openable(log, [one.log_index for one in entries])
            }
            for one in entries:
                event = opened.get(one.log_index)
                # The opening entry stands for no event.
                is_open = event is not None and event.event is not None and event.salt is not None
                yield encode_tail(
                    TailOpening(
                        one.entry,
                        event.event if event is not None and is_open else None,
                        event.salt if event is not None and is_open else None,
                    )
                )

    def _items(
        self, former: StreamLog, following: StreamLog, part: Sequence[LeafIndex], first: LeafIndex
    ) -> Iterator[bytes]:
        before = self._opened(former, part)
        # The item at position n of the former list has index n + 1 in the following log.
        after = self._opened(following, range(first, first + len(part)))
        for old, new in zip(before, after, strict=True):
            if old.event is None or old.salt is None or new.salt is None or old.event != new.event:
                raise FatalStateError(
                    f"{following}: expected what opens entry {new.log_index}, found other or none"
                )
            subject = _subject(old.event)
            yield encode_item(
                ItemOpening(
                    former=old.log_index,
                    event=old.event,
                    former_salt=old.salt,
                    salt=new.salt,
                    vrf_proof=self._keys.key_of(following, *subject).vrf_proof,
                )
            )

    def _opened(self, log: StreamLog, indices: Sequence[LeafIndex]) -> tuple[OpenableEvent, ...]:
        found = self._store.openable(log, indices)
        if [one.log_index for one in found] != list(indices):
            raise FatalStateError(f"{log}: expected an event for each item put again")
        return found


def _subject(event: bytes) -> tuple[str, str]:
    members = canonical.decode(event)
    return members["record_type"], members["subject"]
