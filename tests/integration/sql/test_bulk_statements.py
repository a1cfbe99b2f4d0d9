"""Statements for many rows: what they write is what the usual way writes, and nothing half."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import exc, insert, select
from worlds.node import World, penalties, penalty

from ledger.adapters.sql.batches import _EVENT_COLUMNS, _RECORD_COLUMNS
from ledger.adapters.sql.bulk import ROWS, give_indices, insert_many, known_among, next_seq
from ledger.adapters.sql.checksums import COVERED, checksum, checksum_of
from ledger.adapters.sql.schema import entries, events, facts, records
from ledger.adapters.sql.store import SqlStore
from ledger.adapters.sql.texts import encode_strings, parse_strings


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.kill()


@given(st.lists(st.text(), max_size=4) | st.lists(st.from_regex("[A-Za-z0-9_-]*", fullmatch=True)))
def test_encode_strings_any_list_is_what_json_writes(values: list[str]) -> None:
    text = encode_strings(tuple(values))
    assert text == json.dumps(values)
    assert parse_strings(text) == tuple(values)


@pytest.mark.parametrize("one", ['"', "\\", "\x7f", "\x00", "é", "a b", "", "+/="])
def test_encode_strings_any_ascii_is_what_json_writes(one: str) -> None:
    for values in ((one,), ("abc", one), (one, "abc")):
        assert encode_strings(values) == json.dumps(values)


def test_insert_many_writes_the_rows_of_the_usual_way(world: World) -> None:
    names = ("stream", "generation", "log_index", "entry", "leaf_hash", "map_key")
    rows = [("queries", 1, i, b"%d" % i, bytes(32), None) for i in range(2 * ROWS + 1)]
    with world.store.writing() as connection:
        insert_many(connection, entries, names, iter(rows))
        quick = connection.execute(select(entries).order_by(entries.c.log_index)).all()
        connection.exec_driver_sql("DELETE FROM entries")
        connection.execute(insert(entries), [dict(zip(names, row, strict=True)) for row in rows])
        usual = connection.execute(select(entries).order_by(entries.c.log_index)).all()
    assert quick == usual and len(quick) == len(rows)


def test_insert_many_of_nothing_writes_nothing(world: World) -> None:
    with world.store.writing() as connection:
        insert_many(connection, facts, ("name", "value"), [])
        assert give_indices(connection, []) == 0


def test_insert_many_column_that_the_table_has_not_is_refused(world: World) -> None:
    with world.store.writing() as connection, pytest.raises(KeyError):
        insert_many(connection, facts, ("name); DROP TABLE facts; --",), [("a",)])


def test_insert_many_failing_row_leaves_nothing_of_the_others(world: World) -> None:
    def rows() -> Iterator[tuple[object, ...]]:
        for i in range(ROWS + 1):
            yield ("records", 1, i, b"", bytes(32), None)
        raise ArithmeticError

    with pytest.raises(ArithmeticError), world.store.writing() as connection:
        insert_many(connection, entries, ("stream", "generation", "log_index", "entry"), [])
        insert_many(
            connection,
            entries,
            ("stream", "generation", "log_index", "entry", "leaf_hash", "map_key"),
            rows(),
        )
    with world.store.reading() as connection:
        assert connection.execute(select(entries)).all() == []


def test_row_of_the_same_key_is_refused_by_the_driver(world: World) -> None:
    with pytest.raises(exc.IntegrityError), world.store._engine.begin() as connection:
        insert_many(connection, facts, ("name", "value", "checksum"), [("a", "b", b"")] * 2)


def test_columns_of_rows_are_all_of_their_tables_but_those_set_later() -> None:
    assert {*_EVENT_COLUMNS, "log_index", "origin_seq"} == set(events.c.keys())
    assert len(set(_EVENT_COLUMNS)) == len(_EVENT_COLUMNS)
    later = {"ended_kind", "ended_on", "end_seq"}
    assert {*_RECORD_COLUMNS, *later} == set(records.c.keys())
    assert len(set(_RECORD_COLUMNS)) == len(_RECORD_COLUMNS)


@pytest.mark.parametrize("table", [events, records])
def test_rows_of_files_carry_the_checksum_of_what_is_stored(world: World, table) -> None:
    world.publish(penalties(penalty(1), penalty(2, until="2026-01-01"), penalty(3)))
    with world.store.reading() as connection:
        rows = connection.execute(select(table)).mappings().all()
    assert len(rows) >= 3
    for row in rows:
        assert row["checksum"] == checksum(table.name, row)
        covered = [row[name] for name in COVERED[table.name]]
        assert row["checksum"] == checksum_of(table.name, covered)


def test_next_seq_follows_the_newest_event(world: World) -> None:
    seqs = []
    for number in (1, 2, 3):
        with world.store.writing() as connection:
            seqs.append(next_seq(connection))
        world.publish(penalties(penalty(number), penalty(number + 10)))
    assert seqs == [1, 3, 5]
    assert _seqs(world.store) == [1, 2, 3, 4, 5, 6]


def test_give_indices_leaves_events_that_have_one_as_they_are(world: World) -> None:
    world.publish(penalties(penalty(1), penalty(2)))
    with world.store.writing() as connection:
        assert give_indices(connection, [(7, 1)]) == 1
        assert give_indices(connection, [(8, 1), (9, 2), (10, 99)]) == 1
        found = connection.execute(select(events.c.log_index).order_by(events.c.seq)).scalars()
        assert list(found) == [7, 9]


def _seqs(store: SqlStore) -> list[int]:
    with store.reading() as connection:
        return list(connection.execute(select(events.c.seq).order_by(events.c.seq)).scalars())


def test_known_among_many_names_are_exactly_those_of_records(world: World) -> None:
    world.publish(penalties(penalty(1), penalty(2, until="2026-01-01"), penalty(3)))
    with world.store.reading() as connection:
        stored = list(connection.execute(select(records.c.natural_key)).scalars())
        others = [bytes([i % 256, i // 256]) * 16 for i in range(1_200)]
        asked = [*others[:600], *stored, *others[600:]]
        assert sorted(known_among(connection, asked)) == sorted(stored)
        assert known_among(connection, []) == []
    assert set(world.store.records_by_natural_key(asked)) == set(stored)
