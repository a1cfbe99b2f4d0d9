"""The store port on one database: each method is one transaction of the modules beside this one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL

from ledger.adapters.sql import (
    backlog,
    batch_pages,
    batches,
    fences,
    generations,
    migrate,
    mirrored,
    outbox,
    snapshots,
)
from ledger.adapters.sql import log as logs
from ledger.adapters.sql.engine import open_engine
from ledger.adapters.sql.errors import mapped
from ledger.adapters.sql.quick import QuickReads
from ledger.services.background.watch import Backlog
from ledger.services.crash_points import reach
from ledger.services.ports.mirroring import LogName
from ledger.services.publication.pages import BatchFacts, BatchHead, Reached
from ledger.services.publication.report import RowReport
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
from ledger.services.stream.streams import Sizes


def open_store(url: str | URL) -> "SqlStore":
    """Open a database, bring its schema up to date and return the store.

    Args:
        url: An SQLAlchemy address, such as ``sqlite:////var/lib/ledger/node.db``.

    Raises:
        StoreUnavailableError: The database cannot be opened.
        FatalStateError: The database library is too old to be safe.
    """
    store = SqlStore(open_engine(url))
    with store.rebuilding() as connection:
        migrate.upgrade(connection)
        reach("startup.migrated")
    return store


class SqlStore:
    """Implements ``services.ports.Store``; safe for use by many threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._quick = QuickReads(engine)

    @property
    def is_near(self) -> bool:
        """Whether a read is so short that an event loop may wait for it."""
        return self._quick.is_near

    def close(self) -> None:
        """Close every connection."""
        self._quick.close()
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database."""
        with mapped(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, fence: Fence | None = None) -> Iterator[Connection]:
        """One transaction; written as a whole when the block ends, not at all when it raises."""
        with mapped(), self._engine.connect() as unbound:
            connection = unbound.execution_options(writes=True)
            with connection.begin():
                if fence is not None:
                    fences.require(connection, fence)
                yield connection

    @contextmanager
    def rebuilding(self) -> Iterator[Connection]:
        """One transaction in which tables may be made anew while others refer to them."""
        if self._engine.dialect.name != "sqlite":
            with self.writing() as connection:
                yield connection
            return
        with mapped(), self._engine.connect() as unbound:
            driver: Any = unbound.connection.driver_connection
            # Within a transaction it could not be switched; ``migrate`` checks what it left behind.
            driver.execute("PRAGMA foreign_keys = OFF")
            connection = unbound.execution_options(writes=True)
            with connection.begin():
                yield connection
            driver.execute("PRAGMA foreign_keys = ON")

    # --- Facts and fences

    def bind(self, name: str, value: str) -> None:
        """See ``Store``."""
        with self.writing() as connection:
            fences.bind(connection, name, value)

    def acquire_fence(self, name: str) -> Fence:
        """See ``Store``."""
        with self.writing() as connection:
            return fences.acquire(connection, name)

    def check_fence(self, fence: Fence) -> None:
        """See ``Store``."""
        with self.reading() as connection:
            fences.compare(connection, fence)

    # --- Generations

    def accepting(self) -> dict[str, Accepting]:
        """See ``PublicationStore``."""
        with self.reading() as connection:
            return generations.accepting(connection)

    def start_first(self, log: StreamLog) -> None:
        """See ``PublicationStore``."""
        with self.writing() as connection:
            generations.start_first(connection, log)

    def log_before(self, log: StreamLog) -> StreamLog | None:
        """See ``GenerationStore``."""
        with self.reading() as connection:
            return generations.log_before(connection, log)

    def standing_items(self, log: StreamLog, indices: Sequence[int]) -> tuple[StandingItem, ...]:
        """See ``GenerationStore``."""
        with self.reading() as connection:
            return generations.standing_items(connection, log, indices)

    def begin_carrying(self, fence: Fence, former: StreamLog, log: StreamLog) -> None:
        """See ``GenerationStore``."""
        with self.writing(fence) as connection:
            generations.begin(connection, former, log)

    def carry(
        self,
        fence: Fence,
        former: StreamLog,
        log: StreamLog,
        size: int,
        items: Sequence[CarriedItem],
        at: datetime,
    ) -> None:
        """See ``GenerationStore``."""
        with self.writing(fence) as connection:
            generations.carry(connection, former, log, size, items, at)
            reach("generation.written")

    def finish_carrying(self, fence: Fence, log: StreamLog) -> None:
        """See ``GenerationStore``."""
        with self.writing(fence) as connection:
            generations.finish(connection, log)

    # --- Publication

    def find_batch(self, idempotency_key: str) -> StoredBatch | None:
        """See ``PublicationStore``."""
        with self.reading() as connection:
            return batches.find_batch(connection, idempotency_key)

    def batch(self, batch_id: int) -> StoredBatch | None:
        """See ``PublicationStore``."""
        with self.reading() as connection:
            return batches.batch(connection, batch_id)

    def records_by_natural_key(self, keys: Sequence[bytes]) -> dict[bytes, StoredRecord]:
        """See ``PublicationStore``."""
        with self.reading() as connection:
            return batches.records_by_natural_key(connection, keys)

    def records_by_document(
        self, record_type: str, document_match: str, subject: str
    ) -> tuple[StoredRecord, ...]:
        """See ``PublicationStore``."""
        with self.reading() as connection:
            return batches.records_by_document(connection, record_type, document_match, subject)

    def positions(
        self, record_ids: Sequence[str], batch_id: int | None = None
    ) -> dict[str, RecordPosition]:
        """See ``PublicationStore``."""
        with self.reading() as connection:
            return batches.positions(connection, record_ids, batch_id)

    def commit_batch(
        self, batch: NewBatch, puts: Iterable[Put], endings: Sequence[Ending]
    ) -> StoredBatch:
        """See ``PublicationStore``."""
        with self.writing() as connection:
            stored = batches.add_batch(connection, batch, puts, endings)
            reach("publication.written")
            return stored

    def records_past_end(self, today: date, limit: int) -> tuple[StoredRecord, ...]:
        """See ``PublicationStore``."""
        with self.reading() as connection:
            return batches.records_past_end(connection, today, limit)

    def commit_endings(
        self, fence: Fence, endings: Sequence[Ending], accepted_at: datetime
    ) -> None:
        """See ``PublicationStore``."""
        with self.writing(fence) as connection:
            batches.add_expiries(connection, endings, accepted_at)
            reach("expiry.written")

    # --- Batches in parts, and numbers for probes

    def batch_heads(self, before: int | None, limit: int) -> tuple[BatchHead, ...]:
        """See ``BatchPageStore``."""
        with self.reading() as connection:
            return batch_pages.heads(connection, before, limit)

    def batch_facts(self, batch_id: int, most_rejected: int) -> BatchFacts | None:
        """See ``BatchPageStore``."""
        with self.reading() as connection:
            return batch_pages.facts(connection, batch_id, most_rejected)

    def batch_rows(
        self, batch_id: int, start: int, limit: int, outcome: str | None
    ) -> tuple[tuple[int, RowReport], ...]:
        """See ``BatchPageStore``."""
        with self.reading() as connection:
            return batch_pages.rows(connection, batch_id, start, limit, outcome)

    def batch_reached(self, batch_id: int, sizes: Mapping[StreamLog, Sizes]) -> tuple[Reached, ...]:
        """See ``BatchPageStore``."""
        with self.reading() as connection:
            return batch_pages.reached(connection, batch_id, sizes)

    def unchanged_reached(
        self, batch_id: int, of_ends: bool, sizes: Mapping[StreamLog, Sizes]
    ) -> tuple[Reached, ...]:
        """See ``BatchPageStore``."""
        with self.reading() as connection:
            return batch_pages.unchanged_reached(connection, batch_id, of_ends, sizes)

    def backlog(self) -> Backlog:
        """See ``BacklogSource``."""
        with self.reading() as connection:
            return backlog.backlog(connection)

    def accepted_between(
        self, log: StreamLog, start: int, end: int
    ) -> tuple[tuple[datetime, int], ...]:
        """See ``AcceptedSource``."""
        with self.reading() as connection:
            return backlog.accepted_between(connection, log, start, end)

    # --- Log

    def unsequenced(self, log: StreamLog, limit: int) -> tuple[Unsequenced, ...]:
        """See ``LogStore``."""
        with self.reading() as connection:
            return logs.unsequenced(connection, log, limit)

    def append_entries(
        self, fence: Fence, log: StreamLog, size: int, entries: Sequence[SequencedEntry]
    ) -> None:
        """See ``LogStore``."""
        with self.writing(fence) as connection:
            logs.append(connection, log, size, entries)
            reach("sequencing.written")

    def entries(self, log: StreamLog, start: int, limit: int) -> tuple[SequencedEntry, ...]:
        """See ``LogStore``."""
        with self.reading() as connection:
            return logs.read(connection, log, start, limit)

    def openable(self, log: StreamLog, indices: Sequence[int]) -> tuple[OpenableEvent, ...]:
        """See ``LogStore``."""
        opened = self._quick.openable(log, indices)
        if opened is not None:
            return opened
        with self.reading() as connection:
            return logs.openable(connection, log, indices)

    def is_pending(self, log: StreamLog, map_key: bytes, served_size: int) -> bool:
        """See ``LogStore``."""
        pending = self._quick.is_pending(log, map_key, served_size)
        if pending is not None:
            return pending
        with self.reading() as connection:
            return logs.is_pending(connection, log, map_key, served_size)

    def pending_count(self, log: StreamLog, served_size: int) -> int:
        """See ``LogStore``."""
        with self.reading() as connection:
            return logs.pending_count(connection, log, served_size)

    # --- Copies of other regions' logs

    def mirrored_entries(
        self, log: LogName, start: int, limit: int
    ) -> tuple[tuple[int, bytes], ...]:
        """See ``MirrorStore``."""
        with self.reading() as connection:
            return mirrored.read(connection, log, start, limit)

    def append_mirrored(
        self, fence: Fence, log: LogName, size: int, entries: Sequence[bytes]
    ) -> None:
        """See ``MirrorStore``."""
        with self.writing(fence) as connection:
            mirrored.append(connection, log, size, entries)

    def cut_mirrored(self, fence: Fence, log: LogName, size: int) -> None:
        """See ``MirrorStore``."""
        with self.writing(fence) as connection:
            mirrored.cut(connection, log, size)

    # --- Outbox and snapshots

    def newest_outbox(self, log: StreamLog) -> OutboxRow | None:
        """See ``OutboxStore``."""
        with self.reading() as connection:
            return outbox.newest(connection, log)

    def outbox_after(self, log: StreamLog, epoch: int) -> tuple[OutboxRow, ...]:
        """See ``OutboxStore``."""
        with self.reading() as connection:
            return outbox.after(connection, log, epoch)

    def find_outbox(self, log: StreamLog, epoch: int) -> tuple[OutboxRow, ...]:
        """See ``OutboxStore``."""
        with self.reading() as connection:
            return outbox.of_epoch(connection, log, epoch)

    def nonces_in_flight(self, sender: bytes) -> frozenset[int]:
        """See ``OutboxStore``."""
        with self.reading() as connection:
            return outbox.nonces_in_flight(connection, sender)

    def add_outbox(self, fence: Fence, row: NewOutboxRow) -> OutboxRow:
        """See ``OutboxStore``."""
        with self.writing(fence) as connection:
            stored = outbox.add(connection, row)
            reach("anchoring.written")
            return stored

    def set_outbox_state(
        self,
        fence: Fence,
        row_id: int,
        state: str,
        *,
        at: datetime,
        block_number: int | None = None,
    ) -> None:
        """See ``OutboxStore``."""
        with self.writing(fence) as connection:
            outbox.set_state(connection, row_id, state, at, block_number)

    def add_snapshot(self, fence: Fence, snapshot: Snapshot, outbox_row: int) -> None:
        """See ``SnapshotStore``."""
        with self.writing(fence) as connection:
            snapshots.add(connection, snapshot)
            outbox.set_anchored(connection, outbox_row)
            reach("snapshot.written")

    def highest_block(self) -> int:
        """The highest block of any stored snapshot; 0 where there is none."""
        with self.reading() as connection:
            return snapshots.highest_block(connection)

    def newest_snapshot(self, log: StreamLog) -> Snapshot | None:
        """See ``SnapshotStore``."""
        with self.reading() as connection:
            return snapshots.newest(connection, log)
