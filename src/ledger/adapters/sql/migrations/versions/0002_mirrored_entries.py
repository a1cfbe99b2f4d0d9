"""The entries of other regions' logs.

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "mirrored_entries",
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column("vrf_key", NUMBER, autoincrement=False, nullable=False),
        sa.Column("log_index", NUMBER, autoincrement=False, nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(
            "region", "stream", "vrf_key", "log_index", name=op.f("pk_mirrored_entries")
        ),
    )
