"""Other regions' logs as this node mirrors them, replayed up to the heads on chain."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple

from ledger.core.chain.head_slots import Head, stream_id
from ledger.core.stream.entry import opening_entry
from ledger.core.types import Hash32
from ledger.errors import LedgerError
from ledger.services.audit.case import Case
from ledger.services.audit.log import Replay
from ledger.services.inspected import MirroredRow

UNCHECKED: Final = "mirrored-unchecked"


class _Place(NamedTuple):
    region: str
    stream: str
    vrf_key: int

    def __str__(self) -> str:
        return f"{self.region}/{self.stream}/{self.vrf_key}"


def check_mirrored(case: Case) -> None:
    """Replay every mirrored log: no gap, the right beginning, the roots that the chain has.

    Without the chain nothing says what another region's log should be but the rows' checksums.
    """
    rows = case.read(MirroredRow, "mirrored_entries")
    for place, group in groupby(rows, key=lambda row: _Place(row.region, row.stream, row.vrf_key)):
        head = _head(case, place)
        _check(case, place, group, head)


def _check(case: Case, place: _Place, rows: Iterator[MirroredRow], head: Head | None) -> None:
    replay = Replay()
    log_root: Hash32 | None = None
    map_root: Hash32 | None = None
    for row in rows:
        if row.log_index != replay.log.size:
            _tell(case, place, "mirrored-gap", row.log_index, replay.log.size, row.log_index)
        if row.log_index == 0 and row.entry != _opening(place):
            _tell(case, place, "mirrored-opening", 0, "the opening entry of the stream", "another")
        replay.take(row.entry)
        if head is not None and replay.log.size == head.size:
            log_root, map_root = replay.roots()
    if head is None or log_root is None:
        return  # The chain has no head of it, or is ahead: the mirror follows.
    if log_root != head.log_root:
        _tell(case, place, "mirrored-root", None, head.log_root.hex(), log_root.hex())
    elif map_root is not None and map_root != head.map_root:
        _check_word(case, place, head, map_root)


def _check_word(case: Case, place: _Place, head: Head, map_root: Hash32) -> None:
    """A region's map may be wrong, which mirrors are there to say; this one must not agree."""
    try:
        agrees = any(_lane(case, place, number) == head.epoch for number in _numbers(case))
    except LedgerError as error:
        case.findings.leave(UNCHECKED, f"{error.code}: {error}")
        return
    if agrees:
        _tell(case, place, "mirrored-map", None, head.map_root.hex(), map_root.hex())


def _numbers(case: Case) -> list[int]:
    """The numbers of this region's mirror."""
    node = case.node
    return [one.number for one in node.trust_root.mirrors if one.operator == node.region]


def _lane(case: Case, place: _Place, number: int) -> int | None:
    chain = case.chain
    return (
        None if chain is None else chain.fetch_lane(stream_id(place.region, place.stream), number)
    )


def _head(case: Case, place: _Place) -> Head | None:
    """The head on chain of the generation that is mirrored."""
    if case.chain is None:
        return None
    try:
        head = case.chain.fetch_head(stream_id(place.region, place.stream))
    except LedgerError as error:
        case.findings.leave(UNCHECKED, f"{error.code}: {error}")
        return None
    return head if head is not None and head.vrf_key == place.vrf_key else None


def _opening(place: _Place) -> bytes | None:
    try:
        return opening_entry(place.region, place.stream, place.vrf_key)
    except LedgerError:
        return None


def _tell(
    case: Case, place: _Place, code: str, row: int | None, expected: object, found: object
) -> None:
    case.findings.add(code, "mirrored_entries", row, expected, found, place=str(place))
