"""Unfinished is not wrong: whatever a node may leave behind when it dies is clean."""

from collections.abc import Callable
from pathlib import Path

import pysqlite3
import pytest
from worlds.auditing import AuditedWorld, Killed
from worlds.damage import Damaged
from worlds.node import change, changes, penalties, penalty

from ledger.adapters.sql.inspection import open_inspection
from ledger.errors import InputError
from ledger.services.inspected import EventRow

WRITES = (
    "commit_batch",
    "append_entries",
    "add_outbox",
    "set_outbox_state",
    "add_snapshot",
    "commit_endings",
)


@pytest.fixture
def world(tmp_path: Path) -> AuditedWorld:
    return AuditedWorld(tmp_path)


def test_audit_of_a_database_nobody_wrote_into_is_clean(world: AuditedWorld) -> None:
    assert world.audit().is_clean


def test_audit_of_events_that_wait_for_the_log_is_clean(world: AuditedWorld) -> None:
    world.publish(penalties(penalty(1), penalty(2, until="2026-10-20")))
    world.publish(changes(change(1)))
    report = world.audit()
    assert report.is_clean
    assert report.rows["entries"] == 0


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize("is_after", [False, True])
def test_audit_after_a_death_beside_any_write_is_clean_and_so_is_the_recovery(
    call: str, is_after: bool, world: AuditedWorld
) -> None:
    world.publish(penalties(penalty(1), penalty(2, until="2026-10-31")))
    world.settle()
    world.clock.advance(86_400)
    world.chain.mine()
    deaths = die_at(world, call, is_after)
    try:
        world.publish(penalties(penalty(3)))
        world.settle()
    except Killed:
        pass
    assert deaths, f"{call} was never reached"
    world.restart()
    assert world.audit().is_clean
    world.settle()
    assert world.audit().is_clean


def die_at(world: AuditedWorld, call: str, is_after: bool) -> list[str]:
    """Die at the next such write, before or after it; gives the list in which it is noted."""
    real: Callable[..., object] = getattr(world.store, call)
    deaths: list[str] = []

    def strike(*arguments: object, **named: object) -> object:
        world.store.__dict__.pop(call)
        deaths.append(call)
        if is_after:
            real(*arguments, **named)
        raise Killed

    setattr(world.store, call, strike)
    return deaths


def test_audit_of_a_running_node_reads_one_state(world: AuditedWorld) -> None:
    world.publish(penalties(penalty(1)))
    inspection = open_inspection(f"sqlite:///{world.path}")
    faults: list[object] = []
    assert inspection.check_storage(faults.append)
    world.publish(penalties(penalty(2), penalty(3)))
    assert len(list(inspection.read(EventRow, faults.append))) == 1
    inspection.close()
    assert faults == []
    assert world.audit().rows["events"] == 3


def test_audit_writes_nothing(world: AuditedWorld) -> None:
    world.publish(penalties(penalty(1)))
    world.settle()
    world.kill()
    before = world.path.read_bytes()
    assert world.audit().is_clean
    assert world.path.read_bytes() == before


def test_audit_of_an_older_schema_is_refused_and_brings_nothing_forward(
    world: AuditedWorld,
) -> None:
    world.kill()
    connection = pysqlite3.connect(world.path)
    connection.execute("ALTER TABLE facts DROP COLUMN checksum")
    connection.execute("UPDATE alembic_version SET version_num = '0002'")
    connection.commit()
    connection.close()
    with pytest.raises(InputError, match="0002"):
        world.audit()
    with pytest.raises(InputError, match="0002"):
        world.audit()


def test_audit_of_a_missing_file_is_refused_and_makes_none(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        open_inspection(f"sqlite:///{tmp_path}/node.db")
    assert not list(tmp_path.iterdir())


def test_audit_of_an_erased_record_that_ended_is_clean(damaged: Damaged) -> None:
    ended = "(SELECT put_seq FROM records WHERE ended_kind = 'repair')"
    damaged.run(
        "UPDATE events SET subject = NULL, event = NULL, salt = NULL, disclosures = NULL"
        f" WHERE seq = {ended}",
        "UPDATE records SET subject = NULL, issuer = NULL, document_number = NULL,"
        " document_match = NULL WHERE ended_kind = 'repair'",
    )
    assert damaged.audit().is_clean


def test_quick_audit_leaves_out_map_keys_and_nothing_that_checksums_hold(
    damaged: Damaged,
) -> None:
    damaged.run("UPDATE events SET subject = '91310118MA0000020X' WHERE seq = 5")
    assert "event-column" in damaged.audit(is_quick=True).counts
    damaged.run("UPDATE events SET map_key = zeroblob(32) WHERE seq = 5", keeps_checksums=True)
    quick = damaged.audit(is_quick=True)
    assert "event-map-key" not in quick.counts
    assert "checksum" in quick.counts
    assert "event-map-key" in damaged.audit().counts
