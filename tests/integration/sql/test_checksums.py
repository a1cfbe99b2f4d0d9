"""Checksums of rows: one for each content, made by every writer and by the migration."""

import shutil
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from worlds.auditing import AuditedWorld, audit_file, lived_in

from ledger.adapters.sql import open_store
from ledger.adapters.sql.checksums import CHECKSUM_BYTES, COVERED, checksum, checksum_under
from ledger.adapters.sql.schema import metadata

ROW: dict[str, Any] = {"region": "320000", "stream": "s", "vrf_key": 1, "log_index": 2}
ROW["entry"] = b"ab"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> AuditedWorld:
    return lived_in(tmp_path_factory.mktemp("lived"))


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


def test_migration_gives_checksums_to_rows_that_were_there(
    lived: AuditedWorld, tmp_path: Path
) -> None:
    path = tmp_path / "node.db"
    shutil.copyfile(lived.path, path)
    connection = pysqlite3.connect(path, isolation_level=None)
    before = _checksums(connection)
    for table in COVERED:
        connection.execute(f"ALTER TABLE {table} DROP COLUMN checksum")
    connection.execute("UPDATE alembic_version SET version_num = '0002'")
    connection.close()
    open_store(f"sqlite:///{path}").close()
    connection = pysqlite3.connect(path)
    assert _checksums(connection) == before
    connection.close()
    assert audit_file(path, lived.identity(), None).is_clean


def _checksums(connection: Any) -> dict[str, list[bytes]]:
    return {
        table: [
            row[0] for row in connection.execute(f"SELECT checksum FROM {table} ORDER BY rowid")
        ]
        for table in COVERED
    }
