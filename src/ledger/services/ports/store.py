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
    Accepting,
    CarriedItem,
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
    StandingItem,
    StoredBatch,
    StoredRecord,
    StreamLog,
    Unsequenced,
)


class SnapshotSource(Protocol):
    """Where the newest verified snapshots are."""

    def newest_snapshot(self, log: StreamLog) -> Snapshot | None:
        """The snapshot of a log that was stored last."""
        ...


class PublicationStore(SnapshotSource, Protocol):
    """Batches, records and accepted events, and facts that never change."""

    def bind(self, name: str, value: str) -> None:
        """Write a fact that must never change, such as the region, or compare with the one stored.

        Raises:
            FatalStateError: Another value is stored: this is another node's or chain's database.
        """
        ...

    def accepting(self) -> dict[str, Accepting]:
        """Which generation of each stream takes events; none for a stream that never took any."""
        ...

    def start_first(self, log: StreamLog) -> None:
        """Let a stream that never took events take them in this generation."""
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
            GenerationChangingError: An event is for a generation that does not take events.
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
            GenerationChangingError: An event is for a generation that does not take events.
        """
        ...


class LogStore(Protocol):
    """Entries in log order and the events that open them."""

    def unsequenced(self, log: StreamLog, limit: int) -> tuple[Unsequenced, ...]:
        """The oldest accepted events without an index, in order of acceptance."""
        ...

    def append_entries(
        self, fence: Fence, log: StreamLog, size: TreeSize, entries: Sequence[SequencedEntry]
    ) -> None:
        """Write entries from index ``size`` on and give their events their indices.

        Raises:
            RollbackError: The stored log does not have ``size`` entries.
        """
        ...

    def entries(self, log: StreamLog, start: LeafIndex, limit: int) -> tuple[SequencedEntry, ...]:
        """Entries from ``start`` on, ascending; ``seq`` is not filled."""
        ...

    def openable(self, log: StreamLog, indices: Sequence[LeafIndex]) -> tuple[OpenableEvent, ...]:
        """What opens these entries, ascending by index."""
        ...

    def is_pending(self, log: StreamLog, map_key: Hash32, served_size: TreeSize) -> bool:
        """Whether an accepted event of the key is not below ``served_size`` in the log."""
        ...

    def pending_count(self, log: StreamLog, served_size: TreeSize) -> int:
        """Accepted events that are not below ``served_size`` in the log."""
        ...


class OutboxStore(Protocol):
    """Heads on their way to the chain. At most one row per (log, epoch) is not withdrawn."""

    def newest_outbox(self, log: StreamLog) -> OutboxRow | None:
        """The row of the highest epoch that is not withdrawn."""
        ...

    def outbox_after(self, log: StreamLog, epoch: int) -> tuple[OutboxRow, ...]:
        """Rows above an epoch that are not withdrawn, ascending."""
        ...

    def find_outbox(self, log: StreamLog, epoch: int) -> tuple[OutboxRow, ...]:
        """All rows of an epoch, withdrawn ones too, newest first."""
        ...

    def nonces_in_flight(self, sender: bytes) -> frozenset[int]:
        """Nonces of the sender's rows, of every stream, that are signed or sent."""
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


class GenerationStore(Protocol):
    """A stream's change from one generation to the next."""

    def log_before(self, log: StreamLog) -> StreamLog | None:
        """The newest generation before a log of which there are entries, or None."""
        ...

    def standing_items(
        self, log: StreamLog, indices: Sequence[LeafIndex]
    ) -> tuple[StandingItem, ...]:
        """The events of these entries, ascending by index; one that was erased is left out."""
        ...

    def begin_carrying(self, fence: Fence, former: StreamLog, log: StreamLog) -> None:
        """Close the former generation: from here on neither takes events.

        Raises:
            ConflictError: An event of the former one has no place in its log yet, or another
                generation takes events. Nothing was written.
        """
        ...

    def carry(
        self,
        fence: Fence,
        former: StreamLog,
        log: StreamLog,
        size: TreeSize,
        items: Sequence[CarriedItem],
        at: datetime,
    ) -> None:
        """Put items again from index ``size`` on, and let their records stand by the new events.

        Raises:
            RollbackError: The stored log does not have ``size`` entries.
        """
        ...

    def finish_carrying(self, fence: Fence, log: StreamLog) -> None:
        """Let the next generation take events."""
        ...


class Store(PublicationStore, LogStore, OutboxStore, SnapshotStore, GenerationStore, Protocol):
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
