"""The node's own logs and their maps, derived anew from entries and events.

Entries and the events they stand for are read side by side in the order of the log. What is kept is
what a mirror would keep: the map, the right edge of the log, and eight bytes an entry.
"""

from array import array
from collections.abc import Iterator, Mapping
from typing import Final

from ledger.core.merkle import hash_leaf
from ledger.core.prefix_tree import PrefixTree
from ledger.core.stream.entry import Entry, opening_entry, parse_entry
from ledger.core.stream.frontier import Frontier
from ledger.core.stream.map_function import MapState
from ledger.core.types import Hash32
from ledger.errors import MalformedRecordError
from ledger.services.audit.case import Case
from ledger.services.audit.report import StreamRoots
from ledger.services.inspected import EntryRow, LogEventRow
from ledger.services.stored import StreamLog

Roots = dict[tuple[StreamLog, int], tuple[Hash32, Hash32]]
"""(log, size) -> roots of log and map there."""

NO_SEQ: Final = -1
MOST_PENDING: Final = 10_000
"""Changed keys before the tree takes them in."""

MAX_SEQ: Final = 2**63 - 1


class Replay:
    """A log and its map, entry by entry."""

    def __init__(self) -> None:
        self.log = Frontier()
        self._items = MapState()
        self._tree = PrefixTree()
        self._changed: set[Hash32] = set()

    def take(self, entry: bytes) -> bool:
        """Take the next entry in; returns whether it changed the map."""
        key = self._items.apply(self.log.size, entry)
        self.log.append(0, hash_leaf(entry))
        if key is not None:
            self._changed.add(key)
            if len(self._changed) >= MOST_PENDING:
                self._update()
        return key is not None

    def roots(self) -> tuple[Hash32, Hash32]:
        """Roots of log and map at the present size."""
        self._update()
        return self.log.root(), self._tree.root()

    def _update(self) -> None:
        self._tree.update({key: self._items.value(key) for key in self._changed})
        self._changed.clear()


class _OwnLog:
    """One log of the node while it is read."""

    def __init__(self, case: Case, name: StreamLog, wanted: frozenset[int]) -> None:
        self._case = case
        self._name = name
        self._wanted = wanted
        self._seqs = array("q")
        self.replay = Replay()
        self.roots: dict[int, tuple[Hash32, Hash32]] = {}

    def take(self, row: EntryRow, event: LogEventRow | None) -> None:
        """Check an entry against its event and take it in."""
        if row.log_index != len(self._seqs):
            self._tell("entry-gap", row.log_index, f"index {len(self._seqs)}", row.log_index)
        if hash_leaf(row.entry) != row.leaf_hash:
            self._tell("entry-leaf-hash", row.log_index, "hash of the entry", "another")
        if row.log_index == 0:
            self._check_opening(row, event)
        else:
            self._check_entry(row, event)
        changed = self.replay.take(row.entry)
        if changed != (row.log_index != 0):
            self._tell("entry-without-effect", row.log_index, "a change of the map", "none")
        seq = NO_SEQ if event is None else event.seq
        self._seqs.append(seq if abs(seq) <= MAX_SEQ else NO_SEQ)
        if len(self._seqs) in self._wanted:
            self.roots[len(self._seqs)] = self.replay.roots()

    def _check_opening(self, row: EntryRow, event: LogEventRow | None) -> None:
        expected = opening_entry(self._case.node.region, self._name.stream, self._name.generation)
        if (row.entry, row.map_key) != (expected, None):
            self._tell("entry-opening", 0, "the opening entry of the stream", "another")
        if event is not None:
            self._tell("event-index", 0, "no event", f"event {event.seq}")

    def _check_entry(self, row: EntryRow, event: LogEventRow | None) -> None:
        try:
            entry = parse_entry(row.entry)
        except MalformedRecordError:
            self._tell("entry-form", row.log_index, "an entry of version 1", "other bytes")
            return
        if row.map_key != entry.key:
            self._tell("entry-map-key", row.log_index, "the key of the entry", "another")
        if event is None:
            self._tell("entry-event", row.log_index, "an event of this index", "none")
        elif (differing := self._differing(entry, event)) is not None:
            self._tell("entry-event", row.log_index, f"{differing} of event {event.seq}", "another")

    def _differing(self, entry: Entry, event: LogEventRow) -> str | None:
        """What of an entry is not its event's."""
        if entry.event != event.commitment:
            return "commitment"
        if entry.key != event.map_key:
            return "key"
        if entry.op != event.op:
            return "op"
        at = entry.replaces
        replaced = None if at is None else self._seqs[at] if at < len(self._seqs) else NO_SEQ
        return None if replaced == event.target_seq else "replaced put"

    def _tell(self, code: str, index: int, expected: object, found: object) -> None:
        self._case.findings.add(code, "entries", index, expected, found, place=str(self._name))


def check_logs(
    case: Case, wanted: Mapping[StreamLog, frozenset[int]]
) -> tuple[Roots, tuple[StreamRoots, ...]]:
    """Derive every log anew.

    Args:
        case: The audit.
        wanted: Sizes at which roots are needed, by log.

    Returns:
        The roots at those sizes that the logs have, and at their ends.
    """
    logs = {
        name: _OwnLog(case, name, wanted.get(name, frozenset()))
        for name in (StreamLog(*one) for one in case.node.generations.items())
    }
    for row, event in _side_by_side(case):
        if not case.node.has_log(row.log):
            place = "a log of this node", "another"
            case.findings.add("stream-unknown", "entries", row.log_index, *place, column="stream")
            continue
        if row.log not in logs:
            logs[row.log] = _OwnLog(case, row.log, wanted.get(row.log, frozenset()))
        logs[row.log].take(row, event)
    roots = {(name, size): found for name, log in logs.items() for size, found in log.roots.items()}
    ends = tuple(
        StreamRoots(name.stream, name.generation, log.replay.log.size, *log.replay.roots())
        for name, log in sorted(logs.items())
        if case.node.is_newest(name) or log.replay.log.size
    )
    return roots, ends


def _side_by_side(case: Case) -> Iterator[tuple[EntryRow, LogEventRow | None]]:
    """Each entry with its event; events whose index no entry has become findings."""
    events = case.read(LogEventRow)
    event = next(events, None)
    for row in case.read(EntryRow, "entries"):
        place = (row.stream, row.generation, row.log_index)
        while event is not None and _place(event) < place:
            _tell_lost(case, event)
            event = next(events, None)
        if event is not None and _place(event) == place:
            yield row, event
            event = next(events, None)
        else:
            yield row, None
    while event is not None:
        _tell_lost(case, event)
        event = next(events, None)


def _place(event: LogEventRow) -> tuple[str, int, int]:
    return event.stream, event.generation, event.log_index


def _tell_lost(case: Case, event: LogEventRow) -> None:
    case.findings.add(
        "event-index", "events", event.seq, "an entry at its index", "none", column="log_index"
    )
