"""Every code: a database that is wrong in one way, with checksums to match, is found to be so."""

import json
from collections.abc import Callable

import pytest
from worlds.auditing import CHAIN_ID, GAS
from worlds.chain import HEAD_ANCHOR
from worlds.damage import Damaged
from worlds.node import ANCHOR_SECRET, OTHER_ISSUER, REGION

from ledger.adapters.evm.head_anchor import HeadAnchorCalls
from ledger.adapters.evm.signing import address_of, sign
from ledger.core import canonical
from ledger.core.chain.head_slots import stream_id
from ledger.core.merkle import hash_leaf
from ledger.core.records.event import commitment
from ledger.services.audit import Outcome

FIRST_PUT = "SELECT min(seq) FROM events WHERE kind = 'publish' AND log_index IS NOT NULL"
FIRST_DROP = "SELECT min(seq) FROM events WHERE kind = 'repair'"
LAST_ENTRY = "SELECT max(log_index) FROM entries WHERE stream = 'records'"

FIFTH = "(SELECT seq FROM events WHERE origin_seq = 5)"
"""Where the record of event 5 stands since it was put again."""

STATEMENTS = {
    "database-header": "PRAGMA user_version = 7",
    "database-schema": "DROP INDEX ix_events_batch_id",
    "database-version": "UPDATE alembic_version SET version_num = '0009'",
    "foreign-key": f"UPDATE events SET target_seq = 999 WHERE seq = ({FIRST_DROP})",
    "column-type": "UPDATE events SET accepted_at = CAST(accepted_at AS BLOB) WHERE seq = 3",
    "stream-unknown": f"UPDATE entries SET stream = 'recordz' WHERE log_index = ({LAST_ENTRY})",
    "fact-value": "UPDATE facts SET value = '320000' WHERE name = 'region'",
    "fence-token": "UPDATE fences SET token = 0 WHERE name = 'worker'",
    "entry-gap": "DELETE FROM entries WHERE stream = 'records' AND log_index = 4",
    "entry-leaf-hash": "UPDATE entries SET leaf_hash = zeroblob(32) WHERE log_index = 4",
    "entry-opening": "UPDATE entries SET entry = x'00' WHERE log_index = 0 AND stream = 'records'",
    "entry-form": "UPDATE entries SET entry = CAST(entry || x'20' AS BLOB) WHERE log_index = 4",
    "entry-map-key": "UPDATE entries SET map_key = zeroblob(32) WHERE log_index = 4",
    "entry-event": f"UPDATE events SET commitment = zeroblob(32) WHERE seq = ({FIRST_PUT})",
    "event-index": "UPDATE events SET log_index = 500 WHERE log_index = 4 AND stream = 'records'",
    "event-form": "UPDATE events SET event = event || ' ' WHERE seq = 3",
    "event-column": f"UPDATE events SET kind = 'revoke' WHERE seq = ({FIRST_DROP})",
    "event-commitment": "UPDATE events SET salt = zeroblob(32) WHERE seq = 3",
    "event-disclosure": (
        "UPDATE events SET disclosures = json_remove(disclosures, '$[0]') WHERE seq = 3"
    ),
    "event-map-key": "UPDATE events SET map_key = zeroblob(32) WHERE seq = 3",
    "event-erased": "UPDATE events SET salt = NULL WHERE seq = 3",
    "event-batch": "UPDATE events SET batch_id = NULL WHERE seq = 3",
    "event-time": "UPDATE events SET accepted_at = '2026-10-31T04:00:61Z' WHERE seq = 3",
    "event-order": f"UPDATE events SET target_seq = 5 WHERE seq = ({FIRST_DROP})",
    "record-missing": f"DELETE FROM records WHERE put_seq = {FIFTH}",
    "record-without-events": (
        "UPDATE events SET record_id = replace(record_id, substr(record_id, 1, 1), 'x')"
        " WHERE 5 IN (seq, origin_seq)"
    ),
    "record-fold": "UPDATE records SET status = 'in_force' WHERE ended_kind = 'repair'",
    "record-identity": f"UPDATE records SET natural_key = zeroblob(32) WHERE put_seq = {FIFTH}",
    "record-erased": (
        "UPDATE events SET subject = NULL, event = NULL, salt = NULL, disclosures = NULL"
        " WHERE seq = (SELECT put_seq FROM records WHERE ended_kind = 'repair')"
    ),
    "batch-report": "UPDATE batches SET report = '{}' WHERE id = 1",
    "batch-events": "UPDATE batches SET report = json_remove(report, '$.rows[0]') WHERE id = 1",
    "outbox-hash": "UPDATE outbox SET tx_hash = zeroblob(32) WHERE id = 3",
    "outbox-transaction": "UPDATE outbox SET raw_tx = CAST(raw_tx || x'00' AS BLOB) WHERE id = 3",
    "outbox-arguments": "UPDATE outbox SET nonce = 77 WHERE id = 3",
    "outbox-root": "UPDATE outbox SET map_root = zeroblob(32) WHERE id = 3",
    "outbox-size": "UPDATE outbox SET new_size = 999 WHERE id = 3",
    "outbox-epoch": "UPDATE outbox SET live_epoch = NULL WHERE id = 3",
    "outbox-state": "UPDATE outbox SET state = 'sent', sent_at = NULL WHERE id = 3",
    "snapshot-proof": "UPDATE snapshots SET nodes = json_remove(nodes, '$[0]') WHERE id = 1",
    "snapshot-head": "UPDATE snapshots SET block_time = block_time + 1 WHERE id = 1",
    "snapshot-outbox": "UPDATE snapshots SET epoch = 60 WHERE id = 1",
    "snapshot-root": "UPDATE snapshots SET log_root = zeroblob(32) WHERE id = 1",
    "snapshot-order": "UPDATE snapshots SET is_first = 1 - is_first WHERE id = 1",
    "mirrored-gap": "DELETE FROM mirrored_entries WHERE log_index = 5",
    "mirrored-opening": "UPDATE mirrored_entries SET vrf_key = 2 WHERE log_index = 0",
}


@pytest.mark.parametrize("code", STATEMENTS)
def test_audit_of_a_database_changed_in_one_place_finds_it(code: str, damaged: Damaged) -> None:
    damaged.run(STATEMENTS[code])
    report = damaged.audit()
    assert report.outcome is Outcome.FINDINGS
    assert code in report.counts
    assert "checksum" not in report.counts


def test_audit_of_the_undamaged_database_is_clean(damaged: Damaged) -> None:
    report = damaged.audit(damaged.world.chain)
    assert report.is_clean, (report.findings, report.unknown)
    assert not report.is_offline
    assert set(report.rows) == {
        *("facts", "fences", "batches", "events", "records", "entries", "outbox", "snapshots"),
        *("generations", "mirrored_entries"),
    }
    assert all(report.rows.values())


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE facts SET value = value || '0' WHERE name = 'genesis'",
        "UPDATE fences SET token = token + 1 WHERE name = 'mirror'",
        "UPDATE batches SET source_name = 'another.csv' WHERE id = 2",
        "UPDATE batches SET idempotency_key = 'key-3' WHERE idempotency_key = 'key-2'",
        "UPDATE events SET accepted_at = '2026-11-01T04:00:09Z' WHERE batch_id IS NULL",
        f"UPDATE records SET natural_key = zeroblob(32) WHERE put_seq = {FIFTH}",
        "UPDATE outbox SET block_number = block_number + 1 WHERE id = 1",
        "UPDATE outbox SET sent_at = '2026-10-31T04:00:09Z' WHERE id = 1",
        "UPDATE snapshots SET words = '[]' WHERE id = 1",
        "UPDATE mirrored_entries SET entry = CAST(entry || x'20' AS BLOB) WHERE log_index = 5",
        "UPDATE mirrored_entries SET checksum = zeroblob(16) WHERE log_index = 5",
    ],
)
def test_audit_of_a_row_that_is_not_that_of_its_checksum_finds_it(
    statement: str, damaged: Damaged
) -> None:
    damaged.run(statement, keeps_checksums=True)
    assert "checksum" in damaged.audit().counts


def test_audit_of_a_row_without_a_checksum_finds_it(damaged: Damaged) -> None:
    damaged.run(f"UPDATE records SET checksum = NULL WHERE put_seq = {FIFTH}", keeps_checksums=True)
    (finding,) = damaged.audit().findings
    row = damaged.one(f"SELECT {FIFTH}")
    assert (finding.code, finding.table, finding.row) == ("checksum-missing", "records", row)


# --- Damage to the file


def test_audit_of_a_file_that_is_no_database_finds_it(damaged: Damaged) -> None:
    with damaged.path.open("r+b") as file:
        file.write(b"SQLite format 4\x00")
    report = damaged.audit()
    assert set(report.counts) == {"database-header", "database-unreadable"}


def test_audit_of_an_index_that_is_not_its_tables_finds_it(damaged: Damaged) -> None:
    record_id = damaged.one(f"SELECT record_id FROM records WHERE put_seq = {FIFTH}").encode()
    content = bytearray(damaged.path.read_bytes())
    size = int.from_bytes(content[16:18], "big")
    leaves = (at for at in range(size, len(content), size) if content[at] == 10)
    at = next(at for at in leaves if record_id in content[at : at + size])
    content[content.index(record_id, at)] ^= 1
    damaged.path.write_bytes(content)
    assert "database-integrity" in damaged.audit().counts


# --- Whoever holds the keys


def test_audit_of_an_event_whose_fields_are_of_another_authority_finds_it(
    damaged: Damaged,
) -> None:
    event = json.loads(damaged.one("SELECT event FROM events WHERE seq = 3"))
    salt = damaged.one("SELECT salt FROM events WHERE seq = 3")
    changed = canonical.encode(event | {"issuer": OTHER_ISSUER})
    damaged.run(
        (
            "UPDATE events SET event = ?, commitment = ? WHERE seq = 3",
            [changed.decode(), commitment(changed, salt)],
        )
    )
    assert "event-record" in damaged.audit().counts


def test_audit_of_an_entry_that_can_take_no_effect_finds_it(damaged: Damaged) -> None:
    index = damaged.one(LAST_ENTRY)
    entry = damaged.one(
        f"SELECT entry FROM entries WHERE stream = 'records' AND log_index = {index}"
    )
    idle = json.loads(entry) | {"op": "drop", "replaces": None}
    entry = json.dumps(idle, separators=(",", ":")).encode()
    damaged.run(
        (
            "UPDATE entries SET entry = ?, leaf_hash = ? WHERE log_index = ?",
            [entry, hash_leaf(entry), index],
        )
    )
    assert "entry-without-effect" in damaged.audit().counts


NEWEST_ANCHOR = "SELECT max(id) FROM outbox WHERE kind = 'anchor' AND state = 'anchored'"
SIGNED_OTHERWISE: dict[str, tuple[str, Callable[[Damaged], bytes]]] = {
    "another key": ("outbox-transaction", lambda damaged: anchor(damaged, key=b"\x43" * 32)),
    "another chain": ("outbox-transaction", lambda damaged: anchor(damaged, chain_id=CHAIN_ID + 1)),
    "another contract": ("outbox-transaction", lambda damaged: anchor(damaged, to=b"\xbb" * 20)),
    "another stream": ("outbox-arguments", lambda damaged: anchor(damaged, stream="restricted")),
    "another proof": ("outbox-proof", lambda damaged: anchor(damaged, proof=[b"\x00" * 32])),
}


@pytest.mark.parametrize("how", SIGNED_OTHERWISE)
def test_audit_of_a_head_signed_otherwise_finds_it(how: str, damaged: Damaged) -> None:
    code, make = SIGNED_OTHERWISE[how]
    raw = make(damaged)
    damaged.run((f"UPDATE outbox SET raw_tx = ? WHERE id = ({NEWEST_ANCHOR})", [raw]))
    report = damaged.audit()
    assert code in report.counts
    assert "checksum" not in report.counts


def anchor(
    damaged: Damaged,
    *,
    key: bytes = ANCHOR_SECRET,
    chain_id: int = CHAIN_ID,
    to: bytes = HEAD_ANCHOR,
    stream: str = "records",
    proof: list[bytes] | None = None,
) -> bytes:
    """The transaction of the newest anchored row, signed again with something else in it."""
    row = {
        name: damaged.one(f"SELECT {name} FROM outbox WHERE id = ({NEWEST_ANCHOR})")
        for name in ("nonce", "old_size", "new_size", "log_root", "map_root")
    }
    call = HeadAnchorCalls(HEAD_ANCHOR).anchor_call(
        address_of(key),
        stream=stream_id(REGION, stream),
        old_size=row["old_size"],
        new_size=row["new_size"],
        log_root=row["log_root"],
        map_root=row["map_root"],
        proof=proof or [],
    )
    return sign(key, chain_id=chain_id, nonce=row["nonce"], to=to, data=call.data, gas=GAS).raw


@pytest.mark.parametrize("name", ["type", "name", "tbl_name", "sql"])
def test_audit_of_a_schema_with_another_word_in_it_finds_it(name: str, damaged: Damaged) -> None:
    # SQLite itself does not mind another table's name beside an index that it made.
    index = damaged.one("SELECT name FROM sqlite_schema WHERE name LIKE '%autoindex_records%'")
    damaged.run(
        "PRAGMA writable_schema = ON",
        (f"UPDATE sqlite_schema SET {name} = {name} || '$' WHERE name = ?", [index])
        if name != "sql"
        else "UPDATE sqlite_schema SET sql = replace(sql, 'pk_events', 'pk_eventr')",
        keeps_checksums=True,
    )
    assert damaged.audit().counts.keys() & {"database-schema", "database-unreadable"}


@pytest.mark.parametrize("other", [b"\n\x0b", b"\n\r", b"\x0b\t", b"\x0c\t"])
def test_audit_of_a_schema_with_another_white_space_finds_it(
    other: bytes, damaged: Damaged
) -> None:
    content = damaged.path.read_bytes()
    assert content.count(b"\n\tdisclosures TEXT") == 1
    damaged.path.write_bytes(content.replace(b"\n\tdisclosures TEXT", other + b"disclosures TEXT"))
    assert set(damaged.audit().counts) == {"database-schema"}
