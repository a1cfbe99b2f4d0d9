"""A database whose pages are all in its WAL still, as a node that was just founded leaves it."""

from pathlib import Path

from ledger.adapters.sql import open_store
from ledger.adapters.sql.inspection import open_inspection
from ledger.services.inspected import StorageFault


def test_database_that_was_never_checkpointed_is_sound(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/node.db"
    store = open_store(url)
    assert (tmp_path / "node.db").stat().st_size < (tmp_path / "node.db-wal").stat().st_size
    faults: list[StorageFault] = []
    inspection = open_inspection(url)
    assert inspection.check_storage(faults.append)
    inspection.close()
    store.close()
    assert faults == []


def test_file_without_its_wal_is_no_database_of_a_ledger(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/node.db")
    content = (tmp_path / "node.db").read_bytes()
    store.close()
    (tmp_path / "alone.db").write_bytes(content)
    faults: list[StorageFault] = []
    inspection = open_inspection(f"sqlite:///{tmp_path}/alone.db")
    inspection.check_storage(faults.append)
    inspection.close()
    assert "database-header" in {fault.code for fault in faults}
