"""The tables. Migrations make them; a test proves both agree.

Times are RFC 3339 text in UTC with ``Z`` and days ``YYYY-MM-DD``: equal in every database, and
their order is the order of the text. Nothing here is special to one database.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Number: Final = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit number; SQLite allots row numbers only to a column of type INTEGER."""

TIME_CHARS: Final = 20
DAY_CHARS: Final = 10
CHECKSUM_BYTES: Final = 16


def _checksum() -> Column[bytes]:
    """Of the row's other columns (``checksums``); NULL only where a release without it wrote."""
    return Column("checksum", LargeBinary(CHECKSUM_BYTES))


facts: Final = Table(
    "facts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    _checksum(),
)

# Which generation of each stream takes events.
generations: Final = Table(
    "generations",
    metadata,
    Column("stream", String(16), primary_key=True),
    Column("generation", Number, nullable=False),
    Column("is_carrying", Boolean, nullable=False),
    _checksum(),
)

fences: Final = Table(
    "fences",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("token", Number, nullable=False),
    _checksum(),
)

batches: Final = Table(
    "batches",
    metadata,
    Column("id", Number, primary_key=True),
    Column("source_name", Text, nullable=False),
    Column("content_digest", LargeBinary(32), nullable=False),
    Column("idempotency_key", String(255), unique=True),
    Column("received_at", String(TIME_CHARS), nullable=False),
    Column("report", Text, nullable=False),
    _checksum(),
)

events: Final = Table(
    "events",
    metadata,
    Column("seq", Number, primary_key=True),
    Column("stream", String(16), nullable=False),
    Column("generation", Number, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("op", String(4), nullable=False),
    Column("record_type", String(32), nullable=False),
    Column("record_id", String(32), nullable=False),
    Column("version", Integer, nullable=False),
    Column("map_key", LargeBinary(32), nullable=False),
    Column("commitment", LargeBinary(32), nullable=False),
    # What erasure takes away:
    Column("subject", String(18)),
    Column("event", Text),
    Column("salt", LargeBinary(32)),
    Column("disclosures", Text),
    # The put that a drop or an amendment refers to:
    Column("target_seq", Number, ForeignKey("events.seq")),
    # The event that was accepted, of one that puts its item again into a later generation:
    Column("origin_seq", Number, ForeignKey("events.seq")),
    Column("log_index", Number),
    Column("batch_id", Number, ForeignKey("batches.id")),
    Column("accepted_at", String(TIME_CHARS), nullable=False),
    _checksum(),
    UniqueConstraint("stream", "generation", "log_index"),
    Index(None, "stream", "generation", "map_key", "log_index"),
    Index(None, "batch_id"),
    Index(None, "record_id"),
)

entries: Final = Table(
    "entries",
    metadata,
    Column("stream", String(16), primary_key=True),
    Column("generation", Number, primary_key=True, autoincrement=False),
    Column("log_index", Number, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary(32), nullable=False),
    Column("map_key", LargeBinary(32)),
)

# The entries of other regions' logs, as their nodes served them and the chain vouches for them.
mirrored_entries: Final = Table(
    "mirrored_entries",
    metadata,
    Column("region", String(6), primary_key=True),
    Column("stream", String(16), primary_key=True),
    Column("vrf_key", Number, primary_key=True, autoincrement=False),
    Column("log_index", Number, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),
    _checksum(),
)

records: Final = Table(
    "records",
    metadata,
    Column("record_id", String(32), primary_key=True),
    Column("record_type", String(32), nullable=False),
    Column("stream", String(16), nullable=False),
    # HMACs under the node's key: they outlive erasure and say nothing without the key.
    Column("natural_key", LargeBinary(32), nullable=False, unique=True),
    Column("content_digest", LargeBinary(32), nullable=False),
    # What erasure takes away:
    Column("subject", String(18)),
    Column("issuer", String(18)),
    Column("document_number", Text),
    Column("document_match", Text),
    Column("version", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("ended_kind", String(16)),
    Column("ended_on", String(DAY_CHARS)),
    Column("in_force_until", String(DAY_CHARS)),
    Column("put_seq", Number, ForeignKey("events.seq"), nullable=False),
    Column("end_seq", Number, ForeignKey("events.seq")),
    _checksum(),
    Index(None, "record_type", "subject", "document_match"),
    Index(None, "status", "in_force_until"),
)

outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", Number, primary_key=True),
    Column("stream", String(16), nullable=False),
    Column("generation", Number, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("epoch", Number, nullable=False),
    # The epoch again while the row stands, NULL once it is withdrawn: NULLs do not collide.
    Column("live_epoch", Number),
    Column("old_size", Number, nullable=False),
    Column("new_size", Number, nullable=False),
    Column("log_root", LargeBinary(32), nullable=False),
    Column("map_root", LargeBinary(32), nullable=False),
    Column("sender", LargeBinary(20)),
    Column("nonce", Number, nullable=False),
    Column("raw_tx", LargeBinary, nullable=False),
    Column("tx_hash", LargeBinary(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("block_number", Number),
    Column("created_at", String(TIME_CHARS), nullable=False),
    Column("sent_at", String(TIME_CHARS)),
    _checksum(),
    UniqueConstraint("stream", "generation", "live_epoch"),
    Index(None, "stream", "generation", "epoch"),
    Index(None, "state"),
)

snapshots: Final = Table(
    "snapshots",
    metadata,
    Column("id", Number, primary_key=True),
    Column("stream", String(16), nullable=False),
    Column("epoch", Number, nullable=False),
    Column("is_first", Boolean, nullable=False),
    Column("day", String(DAY_CHARS), nullable=False),
    Column("block_number", Number, nullable=False),
    Column("block_hash", LargeBinary(32), nullable=False),
    Column("block_time", Number, nullable=False),
    Column("header", LargeBinary, nullable=False),
    Column("nodes", Text, nullable=False),
    Column("words", Text),
    Column("size", Number, nullable=False),
    Column("anchored_at", Number, nullable=False),
    Column("map_function", Number, nullable=False),
    Column("vrf_key", Number, nullable=False),
    Column("log_root", LargeBinary(32), nullable=False),
    Column("map_root", LargeBinary(32), nullable=False),
    _checksum(),
    Index(None, "stream", "vrf_key", "id"),
)
