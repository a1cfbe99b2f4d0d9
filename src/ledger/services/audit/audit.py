"""One audit from end to end, in the order in which one check needs another."""

from collections import defaultdict

from ledger.services.audit.batches import check_batches
from ledger.services.audit.case import Case, Memory, NodeIdentity, NoMemory, Progress
from ledger.services.audit.facts import check_facts, check_fences, check_generations
from ledger.services.audit.log import check_logs
from ledger.services.audit.mirrored import check_mirrored
from ledger.services.audit.onchain import Heads, check_heads, fetch_heads
from ledger.services.audit.outbox import check_outbox
from ledger.services.audit.outbox import sizes_of as outbox_sizes
from ledger.services.audit.records import check_records
from ledger.services.audit.report import AuditReport, StreamRoots
from ledger.services.audit.snapshots import check_snapshots
from ledger.services.audit.snapshots import sizes_of as snapshot_sizes
from ledger.services.inspected import HeadRow
from ledger.services.ports import Chain
from ledger.services.ports.inspection import Inspection
from ledger.services.ports.transactions import TransactionReader
from ledger.services.stored import StreamLog


def audit(
    inspection: Inspection,
    node: NodeIdentity,
    *,
    transactions: TransactionReader,
    chain: Chain | None = None,
    is_quick: bool = False,
    progress: Progress | None = None,
    memory: Memory | None = None,
) -> AuditReport:
    """Derive everything a node's database holds anew, and compare.

    Args:
        inspection: The database; nothing of it was read yet.
        node: What must be true of it.
        transactions: Reads what was signed.
        chain: What to compare with; None leaves the chain out.
        is_quick: Leave out map keys, older snapshots and receipts.
        progress: Told how far it is.
        memory: What earlier audits of the same node found out, for many in a row.

    Raises:
        InputError: The database is of an older release.
        StoreUnavailableError: The database does not answer.
    """
    case = Case(
        inspection=inspection,
        node=node,
        transactions=transactions,
        chain=chain,
        is_quick=is_quick,
        memory=memory or NoMemory(),
        progress=progress,
    )
    # Before the first read of the database; see ``onchain``.
    heads = fetch_heads(case)
    if not inspection.check_storage(case.findings.fault):
        return _report(case, ())
    return _report(case, _check_tables(case, heads))


def _check_tables(case: Case, heads: Heads | None) -> tuple[StreamRoots, ...]:
    check_facts(case)
    check_fences(case)
    check_generations(case)
    outbox = list(case.read(HeadRow))
    roots, ends = check_logs(case, _sizes(case, outbox, heads))
    check_records(case)
    check_batches(case)
    check_outbox(case, roots)
    check_snapshots(case, outbox, roots)
    check_mirrored(case)
    check_heads(case, heads, outbox, roots)
    return ends


def _sizes(
    case: Case, outbox: list[HeadRow], heads: Heads | None
) -> dict[StreamLog, frozenset[int]]:
    """Every size at which the roots of a log are compared with something."""
    sizes: defaultdict[StreamLog, set[int]] = defaultdict(set)
    for found in (outbox_sizes(outbox), snapshot_sizes(case)):
        for log, some in found.items():
            sizes[log] |= some
    for stream, head in (heads or {}).items():
        if head is not None:
            sizes[StreamLog(stream, head.vrf_key)].add(head.size)
    return {log: frozenset(some) for log, some in sizes.items()}


def _report(case: Case, streams: tuple[StreamRoots, ...]) -> AuditReport:
    return AuditReport(
        findings=tuple(case.findings.kept),
        counts=dict(case.findings.counts),
        unknown=tuple(case.findings.unknown),
        rows=dict(case.rows),
        streams=streams,
        is_quick=case.is_quick,
        is_offline=case.chain is None,
    )
