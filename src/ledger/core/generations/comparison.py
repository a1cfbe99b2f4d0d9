"""Whether the log of a new generation begins with exactly what was in force in the one before.

The entries of both logs come from whoever compares, who has confirmed their roots on chain; only
what opens them is the region's word, and opens or does not. So nothing is believed: an item that
was left out, invented, changed, put under another subject or ended without an order is found.

Limits: what stands in the former log behind its last anchored head is the region's word alone. Each
of those entries is listed, so that it can be asked why.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final

from ledger.core import canonical, vrf
from ledger.core.generations.statement import ItemOpening, Statement, TailOpening
from ledger.core.merkle import hash_leaf
from ledger.core.records.event import commitment
from ledger.core.records.event_form import PUT_KINDS, check_event
from ledger.core.stream.entry import PUT, Entry, opening_entry, parse_entry
from ledger.core.stream.frontier import Frontier
from ledger.core.stream.map_function import MapState
from ledger.core.stream.map_key import alpha, map_key
from ledger.core.types import Hash32, LeafIndex, TreeSize
from ledger.errors import (
    CanonicalizationError,
    MalformedRecordError,
    SignatureError,
    UnavailableError,
)

MOST_LISTED: Final = 100
"""Findings, and entries of the tail, that are kept one by one; the rest are counted."""

Progress = Callable[[int, int], None]
"""Told how many items are done, of how many."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be."""

    code: str
    """A stable word."""
    log: int
    """The generation in whose log the entry is."""
    index: LeafIndex


@dataclass(frozen=True, slots=True)
class TailEntry:
    """An entry of the former log that no head known to the comparer has anchored."""

    index: LeafIndex
    op: str | None
    """``put`` or ``drop``; None for other bytes."""
    kind: str | None
    """Of its event; None where it was erased or does not open."""


@dataclass(frozen=True, slots=True)
class LogEnd:
    """A log as it was compared."""

    size: TreeSize
    root: Hash32


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it."""

    statement: Statement
    former: LogEnd
    """With the tail."""
    confirmed: LogEnd
    """The former log as far as the comparer's copy goes."""
    following: LogEnd
    tail: tuple[TailEntry, ...]
    """At most 100."""
    tail_size: int
    findings: tuple[Finding, ...]
    """At most 100."""
    count: int
    """Findings in all."""

    @property
    def is_same(self) -> bool:
        """Whether both logs say the same."""
        return self.count == 0


def compare(
    statement: Statement,
    tail: tuple[TailOpening, ...],
    items: Iterable[ItemOpening],
    *,
    former: Callable[[], Iterator[bytes]],
    following: Iterable[bytes],
    vrf_public_key: bytes,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two generations of a stream.

    Args:
        statement: What the region states.
        tail: Every entry of the former log from ``statement.tail`` on, opened.
        items: What opens each item, in the order of the logs.
        former: Gives the comparer's copy of the former log from index 0; called twice.
        following: The comparer's copy of the log that began.
        vrf_public_key: The key of the generation that began, 32 bytes, from the trust root.
        progress: Told how far it is.

    Raises:
        UnavailableError: The copy of the former log ends before the stated tail begins.
        MalformedStatementError: ``items`` breaks the format.
    """
    work = _Work(statement, vrf_public_key)
    confirmed = work.take_former(former(), tail)
    work.open_tail(tail, confirmed.size)
    entries = chain(former(), (one.entry for one in tail[confirmed.size - statement.tail :]))
    work.compare_items(items, enumerate(entries), iter(following), progress)
    return Comparison(
        statement=statement,
        former=LogEnd(work.former.size, work.former.root()),
        confirmed=confirmed,
        following=LogEnd(work.following.size, work.following.root()),
        tail=tuple(work.tail),
        tail_size=max(0, len(tail) - (confirmed.size - statement.tail)),
        findings=tuple(work.findings),
        count=work.count,
    )


class _Work:
    def __init__(self, statement: Statement, public_key: bytes) -> None:
        self._statement = statement
        self._public_key = public_key
        self._in_force: list[LeafIndex] = []
        self._keys: dict[Hash32, Hash32] = {}
        """Map key in the former log -> map key in the following one."""
        self._taken: set[Hash32] = set()
        self.former, self.following = Frontier(), Frontier()
        self.tail: list[TailEntry] = []
        self.findings: list[Finding] = []
        self.count = 0

    def tell(self, code: str, log: int, index: LeafIndex) -> None:
        self.count += 1
        if len(self.findings) < MOST_LISTED:
            self.findings.append(Finding(code, log, index))

    def take_former(self, copy: Iterator[bytes], tail: tuple[TailOpening, ...]) -> LogEnd:
        """Replay the former log to its end; returns how far the copy goes."""
        said, state = self._statement, MapState()
        for index, entry in enumerate(copy):
            self._check_opening(self._statement.former, index, entry)
            at = index - said.tail
            if at >= 0 and (at >= len(tail) or tail[at].entry != entry):
                # The region states another log than the one it anchored.
                self.tell("tail-differs", said.former, index)
            state.apply(index, entry)
            self.former.append(0, hash_leaf(entry))
        confirmed = LogEnd(self.former.size, self.former.root())
        if confirmed.size < said.tail:
            raise UnavailableError(
                f"copy of generation {said.former}: expected {said.tail} entries or more, as the"
                f" statement begins there, found {confirmed.size}"
            )
        for one in tail[confirmed.size - said.tail :]:
            state.apply(self.former.size, one.entry)
            self.former.append(0, hash_leaf(one.entry))
        if self.former.size != said.former_size:
            self.tell("former-size", said.former, self.former.size)
        self._in_force = sorted(index for items in state.lists.values() for index, _ in items)
        if len(self._in_force) != said.items:
            self.tell("items-count", said.following, said.items)
        return confirmed

    def open_tail(self, tail: tuple[TailOpening, ...], confirmed: TreeSize) -> None:
        """List what the region has appended and nobody has confirmed."""
        said = self._statement
        for index, one in enumerate(tail, said.tail):
            event = None
            entry = _parsed(one.entry)
            if entry is not None and one.event is not None and one.salt is not None:
                event = self._opened(one.event, one.salt, entry, "tail-opening", said.former, index)
            if index >= confirmed and len(self.tail) < MOST_LISTED:
                op = None if entry is None else entry.op
                self.tail.append(TailEntry(index, op, None if event is None else event["kind"]))

    def compare_items(
        self,
        items: Iterable[ItemOpening],
        former: Iterator[tuple[LeafIndex, bytes]],
        following: Iterator[bytes],
        progress: Progress | None,
    ) -> None:
        """Walk both lists side by side."""
        said = self._statement
        expected = iter(self._in_force)
        wanted = next(expected, None)
        for entry in islice(following, 1):
            self._check_opening(said.following, 0, entry)
            self.following.append(0, hash_leaf(entry))
        if self.following.size == 0:
            self.tell("following-missing", said.following, 0)
        for position, item in enumerate(items, 1):
            while wanted is not None and wanted < item.former:
                self.tell("item-missing", said.former, wanted)
                wanted = next(expected, None)
            put = next(following, None)
            if put is None:
                self.tell("following-missing", said.following, position)
            else:
                self.following.append(0, hash_leaf(put))
            if wanted != item.former:
                self.tell("item-not-in-force", said.former, item.former)
                continue
            wanted = next(expected, None)
            stood = next(entry for index, entry in former if index == item.former)
            if put is not None:
                self._compare(item, stood, put, position)
            if progress is not None:
                progress(position, said.items)
        for missing in () if wanted is None else chain((wanted,), expected):
            self.tell("item-missing", said.former, missing)
        self.following.extend(hash_leaf(entry) for entry in following)

    def _compare(self, item: ItemOpening, stood: bytes, put: bytes, index: LeafIndex) -> None:
        """Whether an entry of each log is the same event under another salt and key."""
        said = self._statement
        # In force, so it parsed.
        before, after = parse_entry(stood), _parsed(put)
        self._opened(
            item.event, item.former_salt, before, "former-opening", said.former, item.former
        )
        if after is None or after.op != PUT or after.replaces is not None:
            self.tell("following-not-a-put", said.following, index)
            return
        event = self._opened(
            item.event, item.salt, after, "following-opening", said.following, index
        )
        if event is None:
            return
        if event["kind"] not in PUT_KINDS[said.stream]:
            self.tell("following-kind", said.following, index)
        if item.salt == item.former_salt:
            self.tell("salt-again", said.following, index)
        self._check_key(event, item.vrf_proof, before.key, after.key, index)

    def _check_key(
        self, event: dict[str, Any], proof: bytes, before: Hash32, after: Hash32, index: LeafIndex
    ) -> None:
        said = self._statement
        message = alpha(said.region, said.stream, event["record_type"], event["subject"])
        try:
            found = map_key(vrf.verify(self._public_key, message, proof))
        except SignatureError:
            self.tell("vrf-proof", said.following, index)
            return
        if found != after:
            self.tell("map-key", said.following, index)
        if before == after:
            self.tell("key-again", said.following, index)
        # One subject's items stay together, and apart from everybody else's.
        known = self._keys.get(before)
        if known is None:
            is_mixed = after in self._taken
            self._keys[before] = after
            self._taken.add(after)
        else:
            is_mixed = known != after
        if is_mixed:
            self.tell("keys-mixed", said.following, index)

    def _opened(
        self, event: bytes, salt: bytes, entry: Entry, code: str, log: int, index: LeafIndex
    ) -> dict[str, Any] | None:
        """The event that an entry commits to; told of and None where it is another."""
        said = self._statement
        if commitment(event, salt) != entry.event:
            self.tell(code, log, index)
            return None
        try:
            members: dict[str, Any] = canonical.decode(event)
            check_event(members)
        except (CanonicalizationError, MalformedRecordError):
            self.tell("event-form", log, index)
            return None
        if (members["region"], members["stream"]) != (said.region, said.stream):
            self.tell("event-elsewhere", log, index)
            return None
        return members

    def _check_opening(self, generation: int, index: LeafIndex, entry: bytes) -> None:
        said = self._statement
        if index == 0 and entry != opening_entry(said.region, said.stream, generation):
            self.tell("opening-entry", generation, 0)


def _parsed(data: bytes) -> Entry | None:
    try:
        return parse_entry(data)
    except MalformedRecordError:
        return None
