"""What the store keeps, as values: batches, events, records, entries, outbox rows, snapshots.

``New...`` is what a transaction writes, ``Stored...`` what comes back with its number. What names a
subject or opens a commitment is left out of the printed form: it must not reach a log by accident.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from ledger.core.chain.head_slots import Head
from ledger.core.types import Hash32, LeafIndex, TreeSize, UnixSeconds

IN_FORCE: Final = "in_force"
ENDED: Final = "ended"

SIGNED: Final = "signed"
"""The raw transaction is stored; it may or may not have been sent."""
SENT: Final = "sent"
"""Handed to the chain at least once; its outcome is unknown."""
MINED: Final = "mined"
"""In a block, or the chain was seen to have its head."""
ANCHORED: Final = "anchored"
"""A verified snapshot of its epoch is stored."""
WITHDRAWN: Final = "withdrawn"
"""Lost by the chain or never to be mined; another row stands for its epoch."""

IN_FLIGHT: Final = (SIGNED, SENT)


@dataclass(frozen=True, slots=True, order=True)
class StreamLog:
    """One generation of one of the node's own streams: one log, one map, one VRF key."""

    stream: str
    """One of the closed list."""
    generation: int
    """1 .. 2^32-1."""

    def __str__(self) -> str:
        return f"{self.stream}/{self.generation}"


@dataclass(frozen=True, slots=True)
class Fence:
    """The right to write as a worker; the newest token of a name wins."""

    name: str
    token: int


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event ready to be stored."""

    stream: str
    generation: int
    """Of the log that it shall stand in, by whose VRF key its map key was derived."""
    kind: str
    op: str
    """``put`` or ``drop``."""
    record_type: str
    subject: str = field(repr=False)
    record_id: str
    version: int
    map_key: Hash32
    commitment: Hash32
    event: bytes = field(repr=False)
    """JCS of the event."""
    salt: bytes = field(repr=False)
    disclosures: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unsequenced:
    """An accepted event that waits for its log index."""

    seq: int
    op: str
    map_key: Hash32
    commitment: Hash32
    target_seq: int | None
    """The put that a drop or an amendment refers to."""
    target_index: LeafIndex | None
    """The log index of that put, None while it waits itself."""


@dataclass(frozen=True, slots=True)
class OpenableEvent:
    """What opens an entry of the log; event and salt are None once erased."""

    log_index: LeafIndex
    entry: bytes
    event: bytes | None = field(repr=False)
    salt: bytes | None = field(repr=False)
    disclosures: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewRecord:
    """What a put says of its record: the columns of the record from then on.

    At any time a record's columns are those of its newest put event: the amendment with the highest
    version, or else the publication. An amendment leaves the record's id, type, stream, subject,
    issuer and natural key as they were.
    """

    record_id: str
    record_type: str
    stream: str
    subject: str = field(repr=False)
    issuer: str
    document_number: str = field(repr=False)
    document_match: str = field(repr=False)
    """The spelling by which change rows find the record."""
    natural_key: Hash32
    content_digest: Hash32
    in_force_until: date | None


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as the store knows it now."""

    record_id: str
    record_type: str
    stream: str
    subject: str = field(repr=False)
    issuer: str
    natural_key: Hash32
    content_digest: Hash32
    in_force_until: date | None
    status: str
    ended_kind: str | None
    ended_on: date | None
    put_seq: int
    version: int

    @property
    def is_in_force(self) -> bool:
        """Whether no drop of it was accepted yet."""
        return self.status == IN_FORCE


@dataclass(frozen=True, slots=True)
class Ending:
    """A drop event and the record it ends."""

    event: NewEvent
    kind: str
    decided_on: date
    target_seq: int | None
    """The put it removes; None: the put of the same transaction."""


@dataclass(frozen=True, slots=True)
class Put:
    """A put event, its record, and its end where that lies in the past already."""

    event: NewEvent
    record: NewRecord
    ending: Ending | None = None
    target_seq: int | None = None
    """The put of the same record that an amendment replaces; None: a new record."""


@dataclass(frozen=True, slots=True)
class NewBatch:
    """A received file and what became of its rows."""

    source_name: str
    content_digest: Hash32
    idempotency_key: str | None
    received_at: datetime
    report: str
    """JSON text."""


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch with its number."""

    id: int
    source_name: str
    content_digest: Hash32
    idempotency_key: str | None
    received_at: datetime
    report: str


@dataclass(frozen=True, slots=True)
class RecordPosition:
    """Where a record's events stand in the log; None: not sequenced (or no end accepted)."""

    put_log: StreamLog
    put_index: LeafIndex | None
    is_ended: bool
    end_log: StreamLog | None
    end_index: LeafIndex | None

    def place(self, *, is_end: bool) -> tuple[StreamLog, LeafIndex | None]:
        """Log and index of its put, or of its end where it has one."""
        if is_end:
            return self.end_log or self.put_log, self.end_index
        return self.put_log, self.put_index


@dataclass(frozen=True, slots=True)
class SequencedEntry:
    """An entry with its index; ``seq`` is None for the opening entry."""

    log_index: LeafIndex
    entry: bytes
    leaf_hash: Hash32
    map_key: Hash32 | None
    seq: int | None


@dataclass(frozen=True, slots=True)
class NewOutboxRow:
    """A head to be anchored with its signed transaction, stored before it is sent."""

    log: StreamLog
    kind: str
    """``open`` or ``anchor``."""
    epoch: int
    old_size: TreeSize
    new_size: TreeSize
    log_root: Hash32
    map_root: Hash32
    sender: bytes | None
    """Address that signed it, 20 bytes; None in rows of a release that knew one key."""
    nonce: int
    raw_tx: bytes
    tx_hash: Hash32
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OutboxRow(NewOutboxRow):
    """An outbox row with its number and what is known of its transaction."""

    id: int
    state: str
    block_number: int | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Accepting:
    """The generation of a stream that takes events."""

    generation: int
    is_carrying: bool
    """Items of the generation before are being put again; until then it takes no others."""


@dataclass(frozen=True, slots=True)
class StandingItem:
    """An item in force as it stands in a log, with what is needed to put it again."""

    seq: int
    """Of its event."""
    log_index: LeafIndex
    record_type: str
    subject: str = field(repr=False)
    event: bytes = field(repr=False)
    """JCS of the event."""


@dataclass(frozen=True, slots=True)
class CarriedItem:
    """An item in force, put again into the next generation under a fresh salt."""

    seq: int
    """The event that stands in the log before."""
    entry: SequencedEntry
    """Its place in the next log; ``seq`` is not filled."""
    commitment: Hash32
    salt: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A verified view of one stream at one block; shared by all evidence made under it."""

    stream: str
    block_number: int
    block_hash: Hash32
    block_time: UnixSeconds
    header: bytes
    """RLP."""
    nodes: tuple[bytes, ...]
    """Every trie node that the stream's proofs need, each once, ascending."""
    words: tuple[int, ...] | None
    """Numbers of the confirmation words that are proved; None where none is asked for."""
    head: Head

    @property
    def log(self) -> StreamLog:
        """The log whose head it proves."""
        return StreamLog(self.stream, self.head.vrf_key)
