"""The store as the services see it; adapters implement it.

Each method of a store is one transaction: when it returns, what it wrote survives a crash; when it
raises, nothing of it was written, except that ``StoreUnavailableError`` leaves the outcome unknown.
Writes that take a ``Fence`` raise ``FencedError`` when a newer token was handed out.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Protocol

from ledger.core.types import Hash32, LeafIndex, TreeSize
from ledger.services.stored import (
    Ending,
    Fence,
    NewBatch,
    NewOutboxRow,
    OpenableEvent,
    OutboxRow,
    Put,
    RecordPosition,
    SequencedEntry,
    Snapshot,
    StoredBatch,
    StoredRecord,
    Unsequenced,
)


class SnapshotSource(Protocol):
    """Where the newest verified snapshots are."""

    def newest_snapshot(self, stream: str) -> Snapshot | None:
        """The snapshot that was stored last."""
        ...


class PublicationStore(SnapshotSource, Protocol):
    """Batches, records and accepted events, and facts that never change."""

    def bind(self, name: str, value: str) -> None:
        """Write a fact that must never change, such as the region, or compare with the one stored.

        Raises:
            FatalStateError: Another value is stored: this is another node's or chain's database.
        """
        ...

    def find_batch(self, idempotency_key: str) -> StoredBatch | None:
        """The batch that was accepted under this key."""
        ...

    def batch(self, batch_id: int) -> StoredBatch | None:
        """A batch by its number."""
        ...

    def records_by_natural_key(self, keys: Sequence[Hash32]) -> dict[Hash32, StoredRecord]:
        """The records among these natural keys."""
        ...

    def records_by_document(
        self, record_type: str, document_match: str, subject: str
    ) -> tuple[StoredRecord, ...]:
        """Records of a document number and subject, of any issuer, in force or ended."""
        ...

    def positions(
        self, record_ids: Sequence[str], batch_id: int | None = None
    ) -> dict[str, RecordPosition]:
        """Where the events of these records stand.

        Args:
            record_ids: The records.
            batch_id: A batch that speaks of them: of an amended record, the put that was its newest
                when that batch was accepted. None: the newest now.
        """
        ...

    def commit_batch(
        self, batch: NewBatch, puts: Iterable[Put], endings: Sequence[Ending]
    ) -> StoredBatch:
        """Write a batch with its report, events and records at once.

        Puts are asked for within the transaction; whatever is raised there undoes all of it.

        Raises:
            ConflictError: A natural key or idempotency key is taken, or a record to be ended or
                amended has ended or was amended since it was read: the decisions were made on older
                state. Nothing was written.
        """
        ...

    def records_past_end(self, today: date, limit: int) -> tuple[StoredRecord, ...]:
        """Records in force whose last day lies before ``today``."""
        ...

    def commit_endings(
        self, fence: Fence, endings: Sequence[Ending], accepted_at: datetime
    ) -> None:
        """Write drop events outside a batch.

        Raises:
            ConflictError: A record is not in force any more. Nothing was written.
        """
        ...


class LogStore(Protocol):
    """Entries in log order and the events that open them."""

    def unsequenced(self, stream: str, limit: int) -> tuple[Unsequenced, ...]:
        """The oldest accepted events without an index, in order of acceptance."""
        ...

    def append_entries(
        self, fence: Fence, stream: str, size: TreeSize, entries: Sequence[SequencedEntry]
    ) -> None:
        """Write entries from index ``size`` on and give their events their indices.

        Raises:
            RollbackError: The stored log does not have ``size`` entries.
        """
        ...

    def entries(self, stream: str, start: LeafIndex, limit: int) -> tuple[SequencedEntry, ...]:
        """Entries from ``start`` on, ascending; ``seq`` is not filled."""
        ...

    def openable(self, stream: str, indices: Sequence[LeafIndex]) -> tuple[OpenableEvent, ...]:
        """What opens these entries, ascending by index."""
        ...

    def is_pending(self, stream: str, map_key: Hash32, served_size: TreeSize) -> bool:
        """Whether an accepted event of the key is not below ``served_size`` in the log."""
        ...

    def pending_count(self, stream: str, served_size: TreeSize) -> int:
        """Accepted events that are not below ``served_size`` in the log."""
        ...


class OutboxStore(Protocol):
    """Heads on their way to the chain. At most one row per (stream, epoch) is not withdrawn."""

    def newest_outbox(self, stream: str) -> OutboxRow | None:
        """The row of the highest epoch that is not withdrawn."""
        ...

    def outbox_after(self, stream: str, epoch: int) -> tuple[OutboxRow, ...]:
        """Rows above an epoch that are not withdrawn, ascending."""
        ...

    def find_outbox(self, stream: str, epoch: int) -> tuple[OutboxRow, ...]:
        """All rows of an epoch, withdrawn ones too, newest first."""
        ...

    def nonces_in_flight(self) -> frozenset[int]:
        """Nonces of the rows, of every stream, that are signed or sent."""
        ...

    def add_outbox(self, fence: Fence, row: NewOutboxRow) -> OutboxRow:
        """Store a signed head.

        Raises:
            ConflictError: A row for this epoch stands already.
        """
        ...

    def set_outbox_state(
        self,
        fence: Fence,
        row_id: int,
        state: str,
        *,
        at: datetime,
        block_number: int | None = None,
    ) -> None:
        """Move a row on; withdrawing it frees its epoch."""
        ...


class SnapshotStore(SnapshotSource, Protocol):
    """Verified snapshots: the newest, each epoch's first and each day's last are kept."""

    def add_snapshot(self, fence: Fence, snapshot: Snapshot, outbox_row: int) -> None:
        """Store a snapshot, mark the outbox row it proves as anchored, drop what it supersedes."""
        ...


class Store(PublicationStore, LogStore, OutboxStore, SnapshotStore, Protocol):
    """All a node keeps."""

    def acquire_fence(self, name: str) -> Fence:
        """Hand out the next token of a name; older ones are dead from now on."""
        ...

    def check_fence(self, fence: Fence) -> None:
        """Raise ``FencedError`` if a newer token was handed out."""
        ...

    def close(self) -> None:
        """Release connections and files."""
        ...
