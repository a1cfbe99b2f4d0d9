"""What is particular to the SQL store: schema, settings, and every failure of the library."""

from pathlib import Path

import pysqlite3
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import exc, text

from ledger.adapters.sql import open_store
from ledger.adapters.sql.engine import open_engine
from ledger.adapters.sql.errors import mapped
from ledger.adapters.sql.schema import metadata
from ledger.errors import (
    ConflictError,
    FatalStateError,
    LedgerError,
    StoreDamagedError,
    StoreFullError,
    StoreUnavailableError,
)

BUGS = {
    # A mistake in this package, whatever the world does.
    "AmbiguousColumnError",
    "AmbiguousForeignKeysError",
    "ArgumentError",
    "AwaitRequired",
    "Base20DeprecationWarning",
    "CircularDependencyError",
    "CompileError",
    "ConstraintColumnNotFoundError",
    "DataError",
    "DontWrapMixin",
    "DuplicateColumnError",
    "IdentifierError",
    "IllegalStateChangeError",
    "InvalidRequestError",
    "InvalidatePoolError",
    "MissingGreenlet",
    "MovedIn20Warning",
    "MultipleResultsFound",
    "NoDBAPILoaded",
    "NoForeignKeysError",
    "NoInspectionAvailable",
    "NoReferenceError",
    "NoReferencedColumnError",
    "NoReferencedTableError",
    "NoResultFound",
    "NoSuchColumnError",
    "NoSuchModuleError",
    "NoSuchTableError",
    "ObjectNotExecutableError",
    "PendingRollbackError",
    "ProgrammingError",
    "ResourceClosedError",
    "SADeprecationWarning",
    "SAPendingDeprecationWarning",
    "SATestSuiteWarning",
    "SAWarning",
    "SQLAlchemyError",
    "StatementError",
    "UnboundExecutionError",
    "UnreflectableTableError",
    "UnsupportedCompilationError",
}
WORLD = {
    "DBAPIError": StoreUnavailableError,
    "DatabaseError": StoreUnavailableError,
    "DisconnectionError": StoreUnavailableError,
    "IntegrityError": ConflictError,
    "InterfaceError": StoreUnavailableError,
    "InternalError": StoreUnavailableError,
    "NotSupportedError": StoreUnavailableError,
    "OperationalError": StoreUnavailableError,
    "TimeoutError": StoreUnavailableError,
}


def library_errors() -> dict[str, type[Exception]]:
    found: dict[str, type[Exception]] = {}

    def walk(kind: type[Exception]) -> None:
        found[kind.__name__] = kind
        for below in kind.__subclasses__():
            if below.__module__ == "sqlalchemy.exc":
                walk(below)

    walk(exc.SQLAlchemyError)
    return found


def test_errors_of_the_library_are_all_decided_on() -> None:
    assert set(library_errors()) - BUGS == set(WORLD)


@pytest.mark.parametrize("name", sorted(WORLD))
def test_errors_of_the_world_become_ours(name: str) -> None:
    kind = library_errors()[name]
    if issubclass(kind, exc.DBAPIError):
        error: Exception = kind("SELECT secret", {"subject": "9131"}, Exception("disk I/O error"))
    else:
        error = kind("message")
    with pytest.raises(WORLD[name]) as caught, mapped():
        raise error
    assert "secret" not in str(caught.value) and "9131" not in str(caught.value)


@pytest.mark.parametrize("name", ["ProgrammingError", "DataError", "InvalidRequestError"])
def test_errors_that_are_bugs_stay_bugs(name: str) -> None:
    kind = library_errors()[name]
    is_driver = issubclass(kind, exc.DBAPIError)
    error = kind("SELECT", {}, Exception("x")) if is_driver else kind("x")
    with pytest.raises(kind), mapped():
        raise error


def test_migrations_make_the_schema(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/node.db")
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    store.close()


def test_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/node.db"
    store = open_store(url)
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(FatalStateError, match="9999"):
        open_store(url)


def test_connection_keeps_the_settings_durability_needs(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/node.db")
    with store.reading() as connection:
        found = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }
    store.close()


def test_library_with_the_wal_bug_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pysqlite3, "sqlite_version_info", (3, 51, 2))
    with pytest.raises(FatalStateError):
        open_engine(f"sqlite:///{tmp_path}/node.db")


def test_disk_full_is_reported_and_leaves_nothing_behind(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/node.db")
    with store.writing() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(exc.OperationalError):
            connection.execute(
                text("INSERT INTO facts (name, value) VALUES ('b', hex(zeroblob(100000)))")
            )
    with pytest.raises(StoreFullError, match="full"):
        store.bind("big", "x" * 200_000)
    store.bind("small", "fits")
    with store.reading() as connection:
        assert connection.execute(text("SELECT name FROM facts")).scalars().all() == ["small"]
        assert connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    store.close()


def test_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "node.db").write_bytes(b"not a database at all" * 500)
    with pytest.raises(StoreDamagedError):
        open_store(f"sqlite:///{tmp_path}/node.db")


def test_folder_that_is_missing_is_reported(tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        open_store(f"sqlite:///{tmp_path}/missing/node.db")


def test_write_that_raises_is_rolled_back(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/node.db")
    with pytest.raises(ZeroDivisionError), store.writing() as connection:
        connection.execute(text("INSERT INTO facts (name, value) VALUES ('a', 'b')"))
        raise ZeroDivisionError
    with store.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM facts")).scalar() == 0
    store.close()
