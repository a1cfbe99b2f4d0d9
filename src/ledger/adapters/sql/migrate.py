"""Brings the schema up to date with the migrations that ship with the package."""

from functools import cache
from importlib import resources

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ledger.errors import FatalStateError, StoreDamagedError


def upgrade(connection: Connection) -> None:
    """Run every migration that this database has not seen, within the caller's transaction.

    Raises:
        FatalStateError: A newer release has migrated the database further than this one knows.
        StoreDamagedError: A row refers to one that is not there.
    """
    config = _config()
    config.attributes["connection"] = connection
    known = set(revisions())
    stored = set(MigrationContext.configure(connection).get_current_heads())
    if not stored <= known:
        raise FatalStateError(
            f"database: expected a schema up to {max(known)}, found {', '.join(sorted(stored))}"
        )
    command.upgrade(config, "head")
    if connection.dialect.name == "sqlite" and stored not in (set(), {max(known)}):
        # Tables were made anew with references switched off.
        if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise StoreDamagedError(
                "database: expected every reference to be met, found one that is not"
            )


@cache
def revisions() -> tuple[str, ...]:
    """Every revision this release knows, oldest first."""
    newest_first = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(one.revision for one in newest_first)[::-1]


def _config() -> Config:
    config = Config()
    folder = resources.files("ledger.adapters.sql").joinpath("migrations")
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    return config
