"""The checks after each kill find what a bug would leave behind."""

import copy
import random
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pysqlite3
import pytest
from faulting import checks
from faulting.book import Book, Sending
from faulting.checks import DOUBLED, LOST, WRONG
from faulting.network import Place
from worlds.node import World

from ledger.core.verify.verdict import day_of

REGION = "310000"
DAY = date(2026, 10, 31)
ANSWER = {"id": 7, "rows": 1, "accepted": 1, "unchanged": 0, "rejected": []}
DAMAGES = {
    # What a bug would leave behind, and the word the checks must have for it.
    "DELETE FROM records WHERE put_seq = 1": LOST,
    "UPDATE events SET record_id = 'other' WHERE seq = 1": LOST,
    "UPDATE events SET log_index = NULL WHERE log_index = 2": LOST,
    "DELETE FROM entries WHERE log_index = 1": LOST,
    "UPDATE events SET record_id = (SELECT record_id FROM events WHERE seq = 1)": DOUBLED,
    "UPDATE records SET version = 2 WHERE put_seq = 1": LOST,
    "UPDATE entries SET entry = (SELECT entry FROM entries WHERE log_index = 1)"
    " WHERE log_index = 2": DOUBLED,
    "UPDATE events SET commitment = randomblob(32) WHERE log_index = 1": WRONG,
}


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Book]:
    """Three files and some changes with their acknowledgements, all in the log; then a stop."""
    world = World(tmp_path_factory.mktemp("lived"))
    book = Book(REGION, random.Random(4))
    for _ in range(3):
        acknowledge(world, book, book._new_records(today(world), None))
    acknowledge(world, book, book._changes(book._standing(today(world)), today(world)))
    world.settle()
    world.kill()
    return world, book


@pytest.fixture
def place(lived: tuple[World, Book], tmp_path: Path) -> Place:
    shutil.copytree(lived[0].folder, tmp_path / "node")
    return Place(REGION, tmp_path / "node", "http://127.0.0.1:9")


@pytest.fixture
def book(lived: tuple[World, Book]) -> Book:
    return copy.deepcopy(lived[1])


def damage_database(place: Place, statement: str) -> None:
    with closing(pysqlite3.connect(place.database)) as connection:
        assert connection.execute(statement).rowcount >= 1
        connection.commit()


def today(world: World) -> date:
    return day_of(world.clock.now())


def acknowledge(world: World, book: Book, sending: Sending) -> None:
    report = world.publish(sending.content, sending.key)
    answer = {
        "id": report.batch_id,
        "rows": len(report.rows),
        "accepted": report.accepted,
        "unchanged": report.unchanged,
        "rejected": [],
    }
    assert book.note(sending, answer, today(world)) == []


def test_sound_database_has_no_findings(place: Place, book: Book) -> None:
    assert len(book.records) > 2
    assert checks.after_kill(place, book) == []
    assert checks.pending(place.database) == 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_that_a_bug_would_do_is_found(place: Place, book: Book, damage: str) -> None:
    damage_database(place, damage)
    assert DAMAGES[damage] in {one.kind for one in checks.after_kill(place, book)}


def test_acknowledged_end_that_is_in_force_again_is_lost(place: Place, book: Book) -> None:
    damage_database(place, "UPDATE records SET status = 'in_force', end_seq = NULL")
    found = checks.after_kill(place, book)
    assert any(one.kind == LOST and "its end was acknowledged" in one.text for one in found)


def test_missing_database_loses_what_was_acknowledged(place: Place, book: Book) -> None:
    elsewhere = Place(REGION, place.folder / "elsewhere", place.url)
    assert {one.kind for one in checks.after_kill(elsewhere, book)} == {LOST}
    assert checks.after_kill(elsewhere, Book(REGION, random.Random(1))) == []


def test_same_key_with_another_number_is_noticed(book: Book) -> None:
    sending = replace(book._new_records(DAY, None), key="a-key")
    assert book.note(sending, ANSWER, DAY) == []
    assert book.note(sending, ANSWER, DAY) == []
    assert any("key" in one for one in book.note(sending, ANSWER | {"id": 8}, DAY))


def test_refused_row_that_should_be_taken_is_noticed(book: Book) -> None:
    sending = book._new_records(DAY, None)
    refusal = {"row": 2, "code": "conflict"}
    answer = ANSWER | {"accepted": 0, "rejected": [refusal]}
    assert any("conflict" in one for one in book.note(sending, answer, DAY))
