"""What the chain says beside what the database says.

A running node writes meanwhile. What the chain has is read *before* the database: a node stores
what it signs before it sends it, so every head seen then is in the outbox read later. Whether the
chain lacks something is asked *after* the database was read, for the same reason the other way
round.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from ledger.core.chain.head_slots import Head, stream_id
from ledger.errors import LedgerError
from ledger.services.audit.case import Case
from ledger.services.audit.log import Roots
from ledger.services.inspected import HeadRow
from ledger.services.ports import Chain
from ledger.services.stored import ANCHORED, MINED, WITHDRAWN, StreamLog

MOST_RECEIPTS: Final = 100
"""Newest rows of each stream whose transactions are looked up."""

UNAVAILABLE: Final = "chain-unavailable"

Heads = Mapping[str, Head | None]
"""Heads on chain by stream."""


def fetch_heads(case: Case) -> Heads | None:
    """The heads before the database is read; None where the chain does not tell."""
    if case.chain is None:
        return None
    try:
        found = case.chain.genesis_hash()
        if found != case.node.trust_root.genesis_hash:
            expected = case.node.trust_root.genesis_hash.hex()
            case.findings.add("chain-genesis", None, None, expected, found.hex())
            return None
        return _heads(case, case.chain)
    except LedgerError as error:
        case.findings.leave(UNAVAILABLE, f"{error.code}: {error}")
        return None


def check_heads(case: Case, before: Heads | None, outbox: Iterable[HeadRow], roots: Roots) -> None:
    """Compare the chain's heads with the outbox and with what the logs yield.

    Args:
        case: The audit.
        before: The heads when the audit began.
        outbox: All rows, by id.
        roots: What the logs yield at the sizes of the rows and of ``before``.
    """
    if case.chain is None or before is None:
        return
    rows = {stream: [row for row in outbox if row.stream == stream] for stream in before}
    for stream, head in before.items():
        if head is not None:
            _check_head(case, stream, head, rows[stream], roots)
    try:
        for stream, head in _heads(case, case.chain).items():
            _check_not_behind(case, stream, head, rows[stream])
            _check_receipts(case, case.chain, rows[stream])
    except LedgerError as error:
        case.findings.leave(UNAVAILABLE, f"{error.code}: {error}")


def _heads(case: Case, chain: Chain) -> Heads:
    region = case.node.region
    return {stream: chain.fetch_head(stream_id(region, stream)) for stream in case.node.generations}


def _check_head(case: Case, stream: str, head: Head, rows: list[HeadRow], roots: Roots) -> None:
    # While a stream goes over to its next generation the chain still has the one before.
    generations = {row.generation for row in rows if row.state in (MINED, ANCHORED)}
    newest = max(generations, default=head.vrf_key)
    log = StreamLog(stream, head.vrf_key)
    if head.vrf_key < newest or not case.node.has_log(log):
        _tell(case, stream, "chain-generation", newest, head.vrf_key)
        return
    signed = {(row.log, row.epoch, row.new_size, row.log_root, row.map_root) for row in rows}
    if (log, head.epoch, head.size, head.log_root, head.map_root) not in signed:
        _tell(case, stream, "chain-head", "a head that was signed here", f"epoch {head.epoch}")
    derived = roots.get((log, head.size))
    if derived is None:
        _tell(case, stream, "chain-size", "a size that the log has", head.size)
    elif derived != (head.log_root, head.map_root):
        found = f"{head.log_root.hex()} {head.map_root.hex()}"
        _tell(case, stream, "chain-root", f"{derived[0].hex()} {derived[1].hex()}", found)


def _check_not_behind(case: Case, stream: str, head: Head | None, rows: list[HeadRow]) -> None:
    standing = [row for row in rows if row.state in (MINED, ANCHORED)]
    newest_log = max((row.log for row in standing), default=None)
    newest = max((row.epoch for row in standing if row.log == newest_log), default=0)
    epoch = 0 if head is None else head.epoch
    if epoch < newest:
        _tell(case, stream, "chain-behind", f"at least epoch {newest}", f"epoch {epoch}")


def _check_receipts(case: Case, chain: Chain, rows: list[HeadRow]) -> None:
    """A head that is on chain came there by one of the transactions of its epoch."""
    standing = [row for row in rows if row.state in (MINED, ANCHORED)][-MOST_RECEIPTS:]
    for row in () if case.is_quick else standing:
        receipt = chain.receipt(row.tx_hash)
        if receipt is None or receipt.status == 1:
            continue
        rivals = (other for other in rows if other.log == row.log and other.epoch == row.epoch)
        others = (other for other in rivals if other.id != row.id)
        if not any(other.state == WITHDRAWN for other in others):
            _tell(case, row.stream, "chain-receipt", f"epoch {row.epoch} took effect", "a revert")


def _tell(case: Case, stream: str, code: str, expected: object, found: object) -> None:
    case.findings.add(code, "outbox", None, expected, found, place=stream)
