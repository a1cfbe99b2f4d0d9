"""Deriving log, map, records and heads anew from the database, and comparing with the chain.

    audit(inspection, node, *, transactions, chain=None, is_quick=False, progress=None,
          memory=None) -> AuditReport

reads everything once, writes nothing and gives every difference as a ``Finding`` with a stable
code. ``report.outcome`` is CLEAN only if everything was checked: what could not be asked is
``unknown`` and makes it INCOMPLETE. ``ledger.bootstrap.auditing.audit_node(folder)`` puts it
together for a node's folder.

Codes: docs/operations/fsck.md.
"""

from ledger.services.audit.audit import audit
from ledger.services.audit.case import Memory, NodeIdentity
from ledger.services.audit.report import AuditReport, Finding, Outcome, Unknown

__all__ = [
    "AuditReport",
    "Finding",
    "Memory",
    "NodeIdentity",
    "Outcome",
    "Unknown",
    "audit",
]
