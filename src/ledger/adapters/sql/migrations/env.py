"""Alembic's entry point: runs on the connection that ``migrate.upgrade`` hands over."""

from alembic import context

from ledger.adapters.sql.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=False,
)
context.run_migrations()
