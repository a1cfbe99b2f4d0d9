"""Checksums of rows: one for each content, made by every writer and by the migration."""

from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from alembic import command
from sqlalchemy import create_engine
from worlds.auditing import AuditedWorld, audit_file, lived_in

from ledger.adapters.sql import migrate, open_store
from ledger.adapters.sql.checksums import CHECKSUM_BYTES, COVERED, checksum, checksum_under
from ledger.adapters.sql.schema import metadata
from ledger.errors import StoreDamagedError

ROW: dict[str, Any] = {"region": "320000", "stream": "s", "vrf_key": 1, "log_index": 2}
ROW["entry"] = b"ab"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> AuditedWorld:
    return lived_in(tmp_path_factory.mktemp("lived"), is_renewed=False)


def test_checksum_has_sixteen_bytes_and_is_of_the_covered_columns_alone() -> None:
    found = checksum("mirrored_entries", ROW)
    assert len(found) == CHECKSUM_BYTES == 16
    assert found == checksum("mirrored_entries", ROW | {"checksum": b"x", "more": 1})
    assert found == checksum_under("mirrored_entries", COVERED["mirrored_entries"], ROW)


def test_checksum_never_changes_between_releases() -> None:
    # Whoever changes this must migrate every database.
    assert (
        checksum("facts", {"name": "a", "value": "值"}).hex() == "628b03ea57a07e2671fadda4328f8a82"
    )
    assert checksum("mirrored_entries", ROW).hex() == "f5de97fc04bbff9767e69bacd8554381"


@pytest.mark.parametrize(
    "changed",
    [
        {"region": "320001"},
        {"region": b"320000"},
        {"region": None},
        {"stream": ""},
        {"vrf_key": -1},
        {"vrf_key": "1"},
        {"vrf_key": b"1"},
        {"vrf_key": None},
        {"vrf_key": 12, "log_index": 2},
        {"vrf_key": 2, "log_index": 1},
        {"entry": "ab"},
        {"entry": b"ab\x00"},
        {"entry": b""},
        {"region": "320000s", "stream": ""},
        {"region": "32000", "stream": "0s"},
        {"stream": "s\udc80"},
    ],
)
def test_checksum_of_other_content_is_another(changed: dict[str, Any]) -> None:
    assert checksum("mirrored_entries", ROW | changed) != checksum("mirrored_entries", ROW)


def test_checksum_of_equal_content_in_another_table_is_another() -> None:
    row = {"name": "a", "value": 1, "token": 1}
    assert checksum("facts", row) != checksum("fences", row)


def test_checksum_of_a_value_no_column_holds_is_refused() -> None:
    with pytest.raises(TypeError, match="float"):
        checksum("fences", {"name": "a", "token": 1.5})


def test_checksums_cover_columns_that_exist_and_every_table_but_the_derived_one() -> None:
    for table, columns in COVERED.items():
        assert set(columns) < set(metadata.tables[table].c.keys())
        assert "checksum" in metadata.tables[table].c
    assert set(metadata.tables) - set(COVERED) == {"entries"}


@pytest.mark.parametrize("revision", ["0002", "0003"])
def test_migration_of_an_earlier_release_makes_what_this_release_writes(
    lived: AuditedWorld, tmp_path: Path, revision: str
) -> None:
    path = tmp_path / "node.db"
    _make_earlier(path, revision, lived.path)
    open_store(f"sqlite:///{path}").close()
    expected = _contents(lived.path)
    for row in expected["outbox"]:
        # Which of several keys signed is not known of what an earlier release signed.
        row["sender"] = None
    assert _contents(path) == expected
    assert audit_file(path, lived.identity(), None).is_clean


def test_migration_of_a_database_that_lost_a_row_is_refused(
    lived: AuditedWorld, tmp_path: Path
) -> None:
    path = tmp_path / "node.db"
    _make_earlier(path, "0003", lived.path)
    connection = pysqlite3.connect(path, isolation_level=None)
    assert connection.execute("DELETE FROM events WHERE seq = 3").rowcount == 1
    connection.close()
    before = _contents(path)
    with pytest.raises(StoreDamagedError, match="reference"):
        open_store(f"sqlite:///{path}")
    assert _contents(path) == before


def _make_earlier(path: Path, revision: str, source: Path) -> None:
    """A database of an earlier release that lived as the source did."""
    config = migrate._config()
    engine = create_engine(f"sqlite:///{path}", module=pysqlite3)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    connection = pysqlite3.connect(path, isolation_level=None)
    connection.execute("ATTACH ? AS source", (str(source),))
    for (table,) in connection.execute(
        "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name != 'alembic_version'"
    ).fetchall():
        pragma = f"SELECT name FROM pragma_table_info('{table}')"
        columns = ", ".join(name for (name,) in connection.execute(pragma))
        connection.execute(
            f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}"
        )
    connection.close()


def _contents(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row by table; members by name, since a table that was extended has another order."""
    connection = pysqlite3.connect(path)
    connection.row_factory = pysqlite3.Row
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    found = {
        table: sorted(
            (dict(row) for row in connection.execute(f"SELECT * FROM {table}")),
            key=lambda row: repr(sorted(row.items())),
        )
        for (table,) in tables
        if not table.startswith("sqlite_")
    }
    connection.close()
    return found
