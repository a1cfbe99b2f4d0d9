"""Generations of streams: logs that follow one another under another VRF key.

What is there belongs to the newest generation that this database was bound to, by its facts. The
two tables whose keys change are made anew; nothing of a row's checksum is touched.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

from ledger.adapters.sql.checksums import checksum_under

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FACT = "vrf-key:"
STREAMS = ("records", "restricted", "queries")
REFERENCES = (
    ("batch_id", "batches", "id"),
    ("target_seq", "events", "seq"),
    ("origin_seq", "events", "seq"),
)
COVERED = ["stream", "generation", "is_carrying"]


def upgrade() -> None:
    """Bring the tables forward."""
    connection = op.get_bind()
    generations = _generations(connection)
    op.create_table(
        "generations",
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column("generation", NUMBER, nullable=False),
        sa.Column("is_carrying", sa.Boolean(), nullable=False),
        sa.Column("checksum", sa.LargeBinary(length=16), nullable=True),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_generations")),
    )
    _renew_entries(connection)
    _extend_events()
    _extend_outbox()
    op.drop_index(op.f("ix_snapshots_stream_id"), "snapshots")
    op.create_index(
        op.f("ix_snapshots_stream_vrf_key_id"), "snapshots", ["stream", "vrf_key", "id"]
    )
    for stream, generation in generations.items():
        if generation != 1:
            for table in ("entries", "events", "outbox"):
                rows = sa.table(table, sa.column("stream"), sa.column("generation"))
                connection.execute(
                    sa.update(rows).where(rows.c.stream == stream).values(generation=generation)
                )
        _begin(connection, stream, generation)


def _generations(connection: sa.Connection) -> dict[str, int]:
    """The newest generation of each stream that the database knows of."""
    facts = sa.table("facts", sa.column("name"))
    found: dict[str, int] = {}
    for (name,) in connection.execute(sa.select(facts.c.name).where(facts.c.name.like(f"{FACT}%"))):
        _, stream, generation = name.split(":")
        found[stream] = max(int(generation), found.get(stream, 0))
    events = sa.table("events", sa.column("stream"))
    for (stream,) in connection.execute(sa.select(events.c.stream).distinct()):
        # Accepted before the worker had ever run.
        found.setdefault(stream, 1)
    return found


def _begin(connection: sa.Connection, stream: str, generation: int) -> None:
    row = {"stream": stream, "generation": generation, "is_carrying": False}
    table = sa.table("generations", *map(sa.column, [*COVERED, "checksum"]))
    connection.execute(
        sa.insert(table).values(**row, checksum=checksum_under("generations", COVERED, row))
    )


def _renew_entries(connection: sa.Connection) -> None:
    op.rename_table("entries", "entries_before")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "ALTER TABLE entries_before RENAME CONSTRAINT pk_entries TO pk_entries_before"
        )
    op.create_table(
        "entries",
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column("generation", NUMBER, autoincrement=False, nullable=False),
        sa.Column("log_index", NUMBER, autoincrement=False, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("map_key", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("stream", "generation", "log_index", name=op.f("pk_entries")),
    )
    connection.exec_driver_sql(
        "INSERT INTO entries (stream, generation, log_index, entry, leaf_hash, map_key)"
        " SELECT stream, 1, log_index, entry, leaf_hash, map_key FROM entries_before"
    )
    op.drop_table("entries_before")


def _extend_events() -> None:
    # Added first, which costs nothing, so that the rows are copied once.
    op.add_column("events", sa.Column("generation", NUMBER, nullable=False, server_default="1"))
    op.add_column("events", sa.Column("origin_seq", NUMBER, nullable=True))
    with op.batch_alter_table("events") as events:
        events.alter_column("generation", server_default=None)
        events.drop_constraint(op.f("uq_events_stream_log_index"), type_="unique")
        events.drop_index(op.f("ix_events_stream_map_key_log_index"))
        # All made anew, so that they stand in the same order in every database: a copied table
        # has them in the order of a set.
        for column, table, referred in REFERENCES:
            name = op.f(f"fk_events_{column}_{table}")
            if column != "origin_seq":
                events.drop_constraint(name, type_="foreignkey")
            events.create_foreign_key(name, table, [column], [referred])
        events.create_unique_constraint(
            op.f("uq_events_stream_generation_log_index"), ["stream", "generation", "log_index"]
        )
        events.create_index(
            op.f("ix_events_stream_generation_map_key_log_index"),
            ["stream", "generation", "map_key", "log_index"],
        )


def _extend_outbox() -> None:
    op.add_column("outbox", sa.Column("generation", NUMBER, nullable=False, server_default="1"))
    op.add_column("outbox", sa.Column("sender", sa.LargeBinary(length=20), nullable=True))
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("generation", server_default=None)
        outbox.drop_constraint(op.f("uq_outbox_stream_live_epoch"), type_="unique")
        outbox.drop_index(op.f("ix_outbox_stream_epoch"))
        outbox.create_unique_constraint(
            op.f("uq_outbox_stream_generation_live_epoch"), ["stream", "generation", "live_epoch"]
        )
        outbox.create_index(
            op.f("ix_outbox_stream_generation_epoch"), ["stream", "generation", "epoch"]
        )
