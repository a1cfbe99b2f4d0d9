"""Rows as an audit reads them: raw, as the database holds them, nothing parsed or believed.

The names are those of the columns. What names a subject or opens a commitment must not reach a
finding; rows are never printed.
"""

from dataclasses import dataclass
from typing import NamedTuple

from ledger.services.stored import StreamLog


class FactRow(NamedTuple):
    """A fact that never changes."""

    name: str
    value: str


class FenceRow(NamedTuple):
    """The newest token of a name."""

    name: str
    token: int


class GenerationRow(NamedTuple):
    """Which generation of a stream takes events."""

    stream: str
    generation: int
    is_carrying: int


class BatchRow(NamedTuple):
    """A received file."""

    id: int
    source_name: str
    content_digest: bytes
    idempotency_key: str | None
    received_at: str
    report: str


class BatchEventRow(NamedTuple):
    """An event as its batch names it."""

    batch_id: int
    seq: int
    record_id: str
    op: str
    accepted_at: str


class EventRow(NamedTuple):
    """An accepted event with all it needs to be opened."""

    seq: int
    stream: str
    generation: int
    kind: str
    op: str
    record_type: str
    record_id: str
    version: int
    map_key: bytes
    commitment: bytes
    subject: str | None
    event: str | None
    salt: bytes | None
    disclosures: str | None
    target_seq: int | None
    origin_seq: int | None
    log_index: int | None
    batch_id: int | None
    accepted_at: str

    @property
    def log(self) -> StreamLog:
        """The log that it is in or waits for."""
        return StreamLog(self.stream, self.generation)


class LogEventRow(NamedTuple):
    """An event that has its place in the log."""

    stream: str
    generation: int
    log_index: int
    seq: int
    op: str
    map_key: bytes
    commitment: bytes
    target_seq: int | None


class EntryRow(NamedTuple):
    """An entry of the log."""

    stream: str
    generation: int
    log_index: int
    entry: bytes
    leaf_hash: bytes
    map_key: bytes | None

    @property
    def log(self) -> StreamLog:
        """The log that it is in."""
        return StreamLog(self.stream, self.generation)


class RecordRow(NamedTuple):
    """A record as publication knows it."""

    record_id: str
    record_type: str
    stream: str
    natural_key: bytes
    content_digest: bytes
    subject: str | None
    issuer: str | None
    document_number: str | None
    document_match: str | None
    version: int
    status: str
    ended_kind: str | None
    ended_on: str | None
    in_force_until: str | None
    put_seq: int
    end_seq: int | None


class OutboxRecord(NamedTuple):
    """A head on its way to the chain."""

    id: int
    stream: str
    generation: int
    kind: str
    epoch: int
    live_epoch: int | None
    old_size: int
    new_size: int
    log_root: bytes
    map_root: bytes
    sender: bytes | None
    nonce: int
    raw_tx: bytes
    tx_hash: bytes
    state: str
    block_number: int | None
    created_at: str
    sent_at: str | None

    @property
    def log(self) -> StreamLog:
        """The log whose head it is."""
        return StreamLog(self.stream, self.generation)


class HeadRow(NamedTuple):
    """What of a head must be known while the rest is read."""

    id: int
    stream: str
    generation: int
    epoch: int
    old_size: int
    new_size: int
    log_root: bytes
    map_root: bytes
    tx_hash: bytes
    state: str

    @property
    def log(self) -> StreamLog:
        """The log whose head it is."""
        return StreamLog(self.stream, self.generation)


class SnapshotRow(NamedTuple):
    """A verified view of a stream at one block."""

    id: int
    stream: str
    epoch: int
    is_first: int
    day: str
    block_number: int
    block_hash: bytes
    block_time: int
    header: bytes
    nodes: str
    words: str | None
    size: int
    anchored_at: int
    map_function: int
    vrf_key: int
    log_root: bytes
    map_root: bytes

    @property
    def log(self) -> StreamLog:
        """The log whose head it proves."""
        return StreamLog(self.stream, self.vrf_key)


class SnapshotSize(NamedTuple):
    """At which size a snapshot needs the roots."""

    id: int
    stream: str
    vrf_key: int
    size: int

    @property
    def log(self) -> StreamLog:
        """The log whose head it proves."""
        return StreamLog(self.stream, self.vrf_key)


class MirroredRow(NamedTuple):
    """An entry of another region's log."""

    region: str
    stream: str
    vrf_key: int
    log_index: int
    entry: bytes


@dataclass(frozen=True, slots=True)
class StorageFault:
    """Something wrong with the database itself, or with a row whatever it says.

    Attributes:
        code: A stable word.
        expected: What should be there; never a stored value.
        found: What is there instead; never a stored value.
        table: The table, where it is one's.
        row: The row's number, where it is one's.
    """

    code: str
    expected: str
    found: str
    table: str | None = None
    row: int | None = None
    column: str | None = None
