"""The seams between the services and the world; adapters implement them."""

from ledger.services.ports.chain import Chain
from ledger.services.ports.clock import Clock, Entropy
from ledger.services.ports.store import (
    GenerationStore,
    LogStore,
    OutboxStore,
    PublicationStore,
    SnapshotStore,
    Store,
)

__all__ = [
    "Chain",
    "Clock",
    "Entropy",
    "GenerationStore",
    "LogStore",
    "OutboxStore",
    "PublicationStore",
    "SnapshotStore",
    "Store",
]
