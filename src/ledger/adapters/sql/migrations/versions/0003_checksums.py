"""A checksum beside every row whose content nothing else repeats.

Rows that exist are taken as they stand: their checksums say that nothing changed since.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

from ledger.adapters.sql.checksums import checksum_under

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COVERED = {
    "facts": "name value",
    "fences": "name token",
    "batches": "id source_name content_digest idempotency_key received_at report",
    "events": (
        "stream kind op record_type record_id version map_key commitment target_seq batch_id"
        " accepted_at"
    ),
    "records": "record_id record_type stream natural_key",
    "outbox": (
        "id stream kind epoch live_epoch old_size new_size log_root map_root nonce raw_tx tx_hash"
        " state block_number created_at sent_at"
    ),
    "snapshots": (
        "id stream epoch is_first day block_number block_hash block_time header nodes words size"
        " anchored_at map_function vrf_key log_root map_root"
    ),
    "mirrored_entries": "region stream vrf_key log_index entry",
}
KEYS = {
    "facts": "name",
    "fences": "name",
    "events": "seq",
    "records": "record_id",
    "mirrored_entries": "region stream vrf_key log_index",
}
"""Primary keys; ``id`` elsewhere."""

CHUNK = 1_000


def upgrade() -> None:
    """Bring the tables forward."""
    for table in COVERED:
        op.add_column(table, sa.Column("checksum", sa.LargeBinary(length=16), nullable=True))
    connection = op.get_bind()
    for table, columns in COVERED.items():
        _fill(connection, table, columns.split(), KEYS.get(table, "id").split())


def _fill(connection: sa.Connection, table: str, columns: list[str], keys: list[str]) -> None:
    """In parts: a file that was in use for years does not fit into memory."""
    wanted = list(dict.fromkeys([*keys, *columns]))
    rows = sa.table(table, *(sa.column(name) for name in wanted), sa.column("checksum"))
    chosen = sa.select(*(rows.c[name] for name in wanted)).where(rows.c.checksum.is_(None))
    given = (
        sa.update(rows)
        .where(*(rows.c[name] == sa.bindparam(f"of_{name}") for name in keys))
        .values(checksum=sa.bindparam("new"))
    )
    while found := connection.execute(chosen.limit(CHUNK)).mappings().all():
        connection.execute(
            given,
            [
                {f"of_{name}": row[name] for name in keys}
                | {"new": checksum_under(table, columns, dict(row))}
                for row in found
            ],
        )
