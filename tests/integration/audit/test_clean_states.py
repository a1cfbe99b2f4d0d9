"""Unfinished is not wrong: whatever a node may leave behind when it dies is clean."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pysqlite3
import pytest
from worlds.auditing import TRANSACTIONS, AuditedWorld, Killed
from worlds.damage import Damaged
from worlds.node import change, changes, penalties, penalty

from ledger.adapters.sql.engine import open_engine
from ledger.adapters.sql.inspection import SqlInspection, open_inspection
from ledger.adapters.sql.sources import ServerSource
from ledger.core.trust import ValidatorRange
from ledger.errors import InputError, StoreUnavailableError
from ledger.services.audit import Outcome, audit
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
    # One of them was put again before it ended: both puts are erased.
    ended = "(SELECT put_seq FROM records WHERE ended_kind = 'repair')"
    assert damaged.one(f"SELECT count(*) FROM events WHERE seq IN {ended} AND origin_seq > 0") == 1
    damaged.run(
        "UPDATE events SET subject = NULL, event = NULL, salt = NULL, disclosures = NULL"
        f" WHERE seq IN {ended} OR seq IN (SELECT origin_seq FROM events WHERE seq IN {ended})",
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


# --- Other ways to the database


def test_audit_through_a_server_reads_the_same(damaged: Damaged) -> None:
    engine = open_engine(f"sqlite:///{damaged.path}")
    inspection = SqlInspection(ServerSource(engine))
    report = audit(inspection, damaged.node, transactions=TRANSACTIONS)
    inspection.close()
    assert report.is_clean, report.findings
    assert report.rows == damaged.audit().rows


def test_audit_through_a_server_finds_another_schema_and_a_changed_row(damaged: Damaged) -> None:
    damaged.run("DROP INDEX ix_events_batch_id")
    damaged.run("UPDATE facts SET value = 'x' WHERE name = 'region'", keeps_checksums=True)
    inspection = SqlInspection(ServerSource(open_engine(f"sqlite:///{damaged.path}")))
    report = audit(inspection, damaged.node, transactions=TRANSACTIONS)
    inspection.close()
    assert set(report.counts) == {"database-schema", "checksum", "fact-value"}


def test_audit_of_a_locked_database_is_refused_as_unavailable(damaged: Damaged) -> None:
    connection = pysqlite3.connect(damaged.path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("BEGIN EXCLUSIVE")
    inspection = open_inspection(f"sqlite:///{damaged.path}", busy_timeout_ms=10)
    with pytest.raises(StoreUnavailableError):
        audit(inspection, damaged.node, transactions=TRANSACTIONS)
    inspection.close()
    connection.close()


def test_audit_of_snapshots_of_unknown_validators_is_incomplete(damaged: Damaged) -> None:
    trust_root = replace(damaged.node.trust_root, consensus="qbft")
    report = damaged.audit(node=replace(damaged.node, trust_root=trust_root))
    assert report.counts == {}
    assert [one.code for one in report.unknown] == ["validators-unknown"]
    assert report.outcome is Outcome.INCOMPLETE


def test_audit_of_snapshots_that_no_validator_sealed_finds_it(damaged: Damaged) -> None:
    validators = ValidatorRange(0, None, None, None, frozenset({b"\x01" * 20}))
    trust_root = replace(damaged.node.trust_root, consensus="qbft", validators=(validators,))
    report = damaged.audit(node=replace(damaged.node, trust_root=trust_root))
    assert report.counts == {"snapshot-proof": report.rows["snapshots"]}
