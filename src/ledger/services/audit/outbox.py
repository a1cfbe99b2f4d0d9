"""Heads on their way to the chain: what was signed is what the row says and what the log yields."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from ledger.core.chain.head_slots import stream_id
from ledger.core.chain.keccak import keccak256
from ledger.core.merkle import verify_consistency
from ledger.errors import InputError, LedgerError
from ledger.services.audit.case import Case
from ledger.services.audit.log import Roots
from ledger.services.audit.moments import parse_moment
from ledger.services.inspected import HeadRow, OutboxRecord
from ledger.services.ports.transactions import HeadTransaction
from ledger.services.stored import ANCHORED, MINED, SENT, SIGNED, WITHDRAWN, StreamLog

_STATES: Final = (SIGNED, SENT, MINED, ANCHORED, WITHDRAWN)


def sizes_of(rows: Iterable[HeadRow]) -> dict[StreamLog, set[int]]:
    """At which sizes the rows need roots, by log."""
    sizes: defaultdict[StreamLog, set[int]] = defaultdict(set)
    for row in rows:
        sizes[row.log] |= {row.old_size, row.new_size}
    return sizes


def check_outbox(case: Case, roots: Roots) -> None:
    """Check every row, withdrawn ones too: they were signed all the same.

    Args:
        case: The audit.
        roots: What the log yields at their sizes.
    """
    ends: set[tuple[StreamLog, int, int]] = set()
    live: set[tuple[StreamLog, int]] = set()
    for row in case.read(OutboxRecord, "outbox"):
        if not case.node.has_log(row.log):
            _tell(case, row, "stream-unknown", "stream", "a log of this node")
            continue
        _check_transaction(case, row, roots)
        _check_roots(case, row, roots)
        _check_state(case, row)
        is_first = row.kind == "open"
        builds_on = (row.log, row.epoch - 1, row.old_size)
        if row.old_size != 0 if is_first else builds_on not in ends:
            _tell(case, row, "outbox-size", "old_size", "the size of a head before it")
        if row.live_epoch is not None:
            if (row.log, row.live_epoch) in live:
                _tell(case, row, "outbox-epoch", "live_epoch", "one standing row an epoch")
            live.add((row.log, row.live_epoch))
        ends.add((row.log, row.epoch, row.new_size))


def _check_transaction(case: Case, row: OutboxRecord, roots: Roots) -> None:
    if keccak256(row.raw_tx) != row.tx_hash:
        _tell(case, row, "outbox-hash", "tx_hash", "that of the transaction")
    try:
        signed = case.memory.of(case.transactions.read_head, row.raw_tx)
    except InputError:
        _tell(case, row, "outbox-transaction", "raw_tx", "a signed head")
        return
    node = case.node
    if signed.sender not in node.anchor_addresses:
        _tell(case, row, "outbox-transaction", "raw_tx", "a signature of an anchor key")
    if row.sender not in (None, signed.sender):
        _tell(case, row, "outbox-arguments", "sender", "who signed")
    # A contract may have been replaced since a former generation was anchored.
    contract = node.trust_root.head_anchor.address if node.is_newest(row.log) else signed.to
    if (signed.chain_id, signed.to) != (node.trust_root.chain_id, contract):
        _tell(case, row, "outbox-transaction", "raw_tx", "the chain and contract of the trust root")
    for name, (said, kept) in _arguments(case, row, signed).items():
        if said != kept:
            _tell(case, row, "outbox-arguments", name, "what was signed")
    _check_proof(case, row, signed, roots)


def _arguments(
    case: Case, row: OutboxRecord, signed: HeadTransaction
) -> Mapping[str, tuple[object, object]]:
    """What the transaction says and what the row says, by column."""
    said = {
        "nonce": (signed.nonce, row.nonce),
        "stream": (signed.stream, stream_id(case.node.region, row.stream)),
        "kind": ("open" if signed.is_open else "anchor", row.kind),
        "old_size": (signed.old_size, row.old_size),
        "new_size": (signed.new_size, row.new_size),
        "log_root": (signed.log_root, row.log_root),
        "map_root": (signed.map_root, row.map_root),
    }
    if signed.is_open:
        opened = (signed.vrf_key, signed.map_function, signed.expected_epoch)
        said["raw_tx"] = (opened, (row.generation, 1, row.epoch - 1))
    return said


def _check_proof(case: Case, row: OutboxRecord, signed: HeadTransaction, roots: Roots) -> None:
    """The path in the call continues the log that is stored, by the rule of the contract."""
    old = roots.get((row.log, row.old_size))
    if signed.is_open or old is None:
        return
    try:
        case.memory.of(_verify, row.old_size, row.new_size, signed.proof, old[0], row.log_root)
    except LedgerError:
        _tell(case, row, "outbox-proof", "raw_tx", "a proof from the head before")


def _verify(
    old_size: int, new_size: int, path: tuple[bytes, ...], old_root: bytes, new_root: bytes
) -> None:
    verify_consistency(
        old_size=old_size, new_size=new_size, path=path, old_root=old_root, new_root=new_root
    )


def _check_roots(case: Case, row: OutboxRecord, roots: Roots) -> None:
    derived = roots.get((row.log, row.new_size))
    if derived is None:
        _tell(case, row, "outbox-size", "new_size", "a size that the log has")
        return
    for name, root, kept in zip(
        ("log_root", "map_root"), derived, (row.log_root, row.map_root), strict=True
    ):
        if root != kept:
            case.findings.add(
                "outbox-root",
                "outbox",
                row.id,
                root.hex(),
                kept.hex(),
                column=name,
                place=str(row.log),
            )


def _check_state(case: Case, row: OutboxRecord) -> None:
    is_live = row.state != WITHDRAWN
    if row.live_epoch != (row.epoch if is_live else None):
        _tell(case, row, "outbox-epoch", "live_epoch", "its epoch while it stands")
    if row.state not in _STATES:
        _tell(case, row, "outbox-state", "state", "one of the states")
    if row.state == SIGNED and (row.sent_at, row.block_number) != (None, None):
        _tell(case, row, "outbox-state", "state", "a later one: it was sent")
    if row.state == SENT and row.sent_at is None:
        _tell(case, row, "outbox-state", "sent_at", "a time")
    if row.state == MINED and row.block_number is None:
        _tell(case, row, "outbox-state", "block_number", "a block")
    times = {"created_at": row.created_at, "sent_at": row.sent_at}
    for name, text in times.items():
        if text is not None and parse_moment(text) is None:
            _tell(case, row, "outbox-state", name, "a time")


def _tell(case: Case, row: OutboxRecord, code: str, column: str, expected: str) -> None:
    place = str(row.log) if case.node.has_log(row.log) else None
    case.findings.add(code, "outbox", row.id, expected, "another", column=column, place=place)
