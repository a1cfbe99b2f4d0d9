"""Stored snapshots, proved again exactly as evidence is."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ledger.core.chain.head_slots import Head
from ledger.core.headers import parse_header, verify_qbft
from ledger.core.verify.chain_state import read_stream_state
from ledger.core.verify.verdict import day_of, moment_of
from ledger.errors import LedgerError
from ledger.services.audit.case import Case, NodeIdentity
from ledger.services.audit.log import Roots
from ledger.services.inspected import HeadRow, SnapshotRow, SnapshotSize
from ledger.services.stored import StreamLog


@dataclass(frozen=True, slots=True)
class _Proved:
    """What a snapshot's bytes prove, and when."""

    head: Head
    time: int
    number: int
    block_hash: bytes


def sizes_of(case: Case) -> dict[StreamLog, set[int]]:
    """At which sizes the snapshots need roots, by log."""
    sizes: dict[StreamLog, set[int]] = {}
    for row in case.read(SnapshotSize):
        sizes.setdefault(row.log, set()).add(row.size)
    return sizes


def check_snapshots(case: Case, outbox: Iterable[HeadRow], roots: Roots) -> None:
    """Prove every snapshot; with ``quick`` the newest of each log alone.

    Args:
        case: The audit.
        outbox: All heads that were ever signed.
        roots: What the logs yield at the snapshots' sizes.
    """
    signed = {(row.log, row.epoch, row.new_size) for row in outbox}
    before: SnapshotRow | None = None
    for row in case.read(SnapshotRow, "snapshots"):
        if before is not None and before.log != row.log:
            _prove(case, before)
            before = None
        elif before is not None and not case.is_quick:
            _prove(case, before)
        _check(case, row, before, signed, roots)
        before = row
    if before is not None:
        _prove(case, before)


def _check(
    case: Case,
    row: SnapshotRow,
    before: SnapshotRow | None,
    signed: set[tuple[StreamLog, int, int]],
    roots: Roots,
) -> None:
    if not case.node.has_log(row.log):
        _tell(case, row, "stream-unknown", "stream", "a log of this node")
        return
    if (row.log, row.epoch, row.size) not in signed:
        _tell(case, row, "snapshot-outbox", "epoch", "a head that was signed here")
    if roots.get((row.log, row.size)) != (row.log_root, row.map_root):
        _tell(case, row, "snapshot-root", "log_root", "what the log yields")
    if row.map_function != 1:
        _tell(case, row, "snapshot-head", "map_function", "map function 1")
    is_first = before is None or before.epoch != row.epoch
    if row.is_first != is_first:
        _tell(case, row, "snapshot-order", "is_first", "whether it is first of its epoch")
    if row.day != _day(row.block_time):
        _tell(case, row, "snapshot-order", "day", "the day of its block")


def _prove(case: Case, row: SnapshotRow) -> None:
    if not case.node.has_log(row.log):
        return
    trust_root = case.node.trust_root
    if not trust_root.is_development and trust_root.validators_at(row.block_number) is None:
        case.findings.leave("validators-unknown", "snapshots of blocks without known validators")
        return
    try:
        proved = case.memory.of(_read, case.node, row.stream, row.header, row.nodes, row.words)
    except (LedgerError, ValueError, TypeError, AttributeError, RecursionError):
        _tell(case, row, "snapshot-proof", "nodes", "a proof by the trust root")
        return
    if proved != _claimed(row):
        _tell(case, row, "snapshot-head", "size", "what its proof says")


def _claimed(row: SnapshotRow) -> _Proved | None:
    try:
        head = Head(
            size=row.size,
            epoch=row.epoch,
            anchored_at=row.anchored_at,
            map_function=row.map_function,
            vrf_key=row.vrf_key,
            log_root=row.log_root,
            map_root=row.map_root,
        )
    except LedgerError:
        return None
    return _Proved(head, row.block_time, row.block_number, row.block_hash)


def _read(node: NodeIdentity, stream: str, header: bytes, nodes: str, words: str | None) -> _Proved:
    """Prove what a snapshot's bytes say; the words are those of the trust root it was taken under.

    Raises:
        LedgerError: They prove nothing.
        ValueError: A list is not spelled as it was written.
    """
    trust_root = node.trust_root
    parsed = parse_header(header)
    block_hash = parsed.block_hash
    if not trust_root.is_development:
        trusted = trust_root.validators_at(parsed.number)
        if trusted is None:
            raise ValueError
        block_hash = verify_qbft(header, trusted.addresses).block_hash
    proved = read_stream_state(
        contract=trust_root.head_anchor,
        region=node.region,
        stream=stream,
        state_root=parsed.state_root,
        nodes=[bytes.fromhex(one) for one in _strict(nodes)],
        words=[] if words is None else [int(one) for one in _strict(words)],
    )
    if proved.status.has_successor or proved.head.anchored_at > parsed.timestamp:
        raise ValueError
    return _Proved(proved.head, parsed.timestamp, parsed.number, block_hash)


def _strict(text: str) -> list[Any]:
    """A JSON array in the one spelling in which it is written."""
    listed = json.loads(text)
    if not isinstance(listed, list) or json.dumps(listed) != text:
        raise ValueError
    return listed


def _day(block_time: int) -> str | None:
    try:
        return day_of(moment_of(block_time)).isoformat()
    except (OverflowError, ValueError, OSError):
        return None


def _tell(case: Case, row: SnapshotRow, code: str, column: str, expected: str) -> None:
    place = str(row.log) if case.node.has_log(row.log) else None
    case.findings.add(code, "snapshots", row.id, expected, "another", column=column, place=place)
