"""The first tables.

Revision: 0001, after None
"""

import sqlalchemy as sa
from alembic import op

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "batches",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("received_at", sa.String(length=20), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_batches_idempotency_key")),
    )
    op.create_table(
        "entries",
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column(
            "log_index",
            NUMBER,
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("map_key", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("stream", "log_index", name=op.f("pk_entries")),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_facts")),
    )
    op.create_table(
        "fences",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("token", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_fences")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("epoch", NUMBER, nullable=False),
        sa.Column("live_epoch", NUMBER, nullable=True),
        sa.Column("old_size", NUMBER, nullable=False),
        sa.Column("new_size", NUMBER, nullable=False),
        sa.Column("log_root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("map_root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("nonce", NUMBER, nullable=False),
        sa.Column("raw_tx", sa.LargeBinary(), nullable=False),
        sa.Column("tx_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("block_number", NUMBER, nullable=True),
        sa.Column("created_at", sa.String(length=20), nullable=False),
        sa.Column("sent_at", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("stream", "live_epoch", name=op.f("uq_outbox_stream_live_epoch")),
    )
    op.create_index(op.f("ix_outbox_state"), "outbox", ["state"], unique=False)
    op.create_index(op.f("ix_outbox_stream_epoch"), "outbox", ["stream", "epoch"], unique=False)
    op.create_table(
        "snapshots",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column("epoch", NUMBER, nullable=False),
        sa.Column("is_first", sa.Boolean(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("block_number", NUMBER, nullable=False),
        sa.Column("block_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("block_time", NUMBER, nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("nodes", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("size", NUMBER, nullable=False),
        sa.Column("anchored_at", NUMBER, nullable=False),
        sa.Column("map_function", NUMBER, nullable=False),
        sa.Column("vrf_key", NUMBER, nullable=False),
        sa.Column("log_root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("map_root", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snapshots")),
    )
    op.create_index(op.f("ix_snapshots_stream_id"), "snapshots", ["stream", "id"], unique=False)
    op.create_table(
        "events",
        sa.Column("seq", NUMBER, nullable=False),
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("op", sa.String(length=4), nullable=False),
        sa.Column("record_type", sa.String(length=32), nullable=False),
        sa.Column("record_id", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("map_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("commitment", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.String(length=18), nullable=True),
        sa.Column("event", sa.Text(), nullable=True),
        sa.Column("salt", sa.LargeBinary(length=32), nullable=True),
        sa.Column("disclosures", sa.Text(), nullable=True),
        sa.Column("target_seq", NUMBER, nullable=True),
        sa.Column("log_index", NUMBER, nullable=True),
        sa.Column("batch_id", NUMBER, nullable=True),
        sa.Column("accepted_at", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_events_batch_id_batches")
        ),
        sa.ForeignKeyConstraint(
            ["target_seq"], ["events.seq"], name=op.f("fk_events_target_seq_events")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("stream", "log_index", name=op.f("uq_events_stream_log_index")),
    )
    op.create_index(op.f("ix_events_batch_id"), "events", ["batch_id"], unique=False)
    op.create_index(op.f("ix_events_record_id"), "events", ["record_id"], unique=False)
    op.create_index(
        op.f("ix_events_stream_map_key_log_index"),
        "events",
        ["stream", "map_key", "log_index"],
        unique=False,
    )
    op.create_table(
        "records",
        sa.Column("record_id", sa.String(length=32), nullable=False),
        sa.Column("record_type", sa.String(length=32), nullable=False),
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column("natural_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("subject", sa.String(length=18), nullable=True),
        sa.Column("issuer", sa.String(length=18), nullable=True),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("document_match", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("ended_kind", sa.String(length=16), nullable=True),
        sa.Column("ended_on", sa.String(length=10), nullable=True),
        sa.Column("in_force_until", sa.String(length=10), nullable=True),
        sa.Column("put_seq", NUMBER, nullable=False),
        sa.Column("end_seq", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(
            ["end_seq"], ["events.seq"], name=op.f("fk_records_end_seq_events")
        ),
        sa.ForeignKeyConstraint(
            ["put_seq"], ["events.seq"], name=op.f("fk_records_put_seq_events")
        ),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_records")),
        sa.UniqueConstraint("natural_key", name=op.f("uq_records_natural_key")),
    )
    op.create_index(
        op.f("ix_records_record_type_subject_document_match"),
        "records",
        ["record_type", "subject", "document_match"],
        unique=False,
    )
    op.create_index(
        op.f("ix_records_status_in_force_until"),
        "records",
        ["status", "in_force_until"],
        unique=False,
    )
