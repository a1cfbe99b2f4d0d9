"""What must hold of a node after every fault, and what once it has come to rest.

Everything is read from the bytes of the database and from the chain, with none of the node's own
bookkeeping: the log is replayed, roots are computed again, heads are compared with the contract's.
"""

from faulting.checks.acknowledged import Acknowledged
from faulting.checks.anchored import open_chain
from faulting.checks.findings import (
    DOUBLED,
    FALSE,
    FSCK,
    KINDS,
    LOST,
    STUCK,
    WRONG,
    Finding,
)
from faulting.checks.tables import overdue, pending, read_tables
from faulting.checks.whole import after_kill, at_rest

__all__ = [
    "DOUBLED",
    "FALSE",
    "FSCK",
    "KINDS",
    "LOST",
    "STUCK",
    "WRONG",
    "Acknowledged",
    "Finding",
    "after_kill",
    "at_rest",
    "open_chain",
    "overdue",
    "pending",
    "read_tables",
]
