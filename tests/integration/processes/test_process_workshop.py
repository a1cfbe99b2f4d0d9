"""Helper processes: the same results in the same order, and no file half stored without them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds.node import NODE_KEY, RECORDS, REGION, SEEDS, World, change, changes, penalties, penalty

from ledger.adapters.processes import workshop as module
from ledger.adapters.processes.frames import (
    PREPARE,
    READ,
    Tools,
    pack,
    pack_puts,
    pack_records,
    pack_rows,
    read_frame,
    unpack,
    unpack_puts,
    unpack_records,
    unpack_rows,
    write_frame,
)
from ledger.adapters.processes.workshop import ProcessWorkshop
from ledger.core.intake import FileError, open_file
from ledger.core.records.disclosure import digest, open_disclosure
from ledger.core.records.event import check_event, commitment
from ledger.errors import MalformedRecordError, UnavailableError
from ledger.services.publication import Outcome, Publication
from ledger.services.publication.events import PutPlan
from ledger.services.publication.report import Mode
from ledger.services.publication.slices import (
    OwnWorkshop,
    ReadSlice,
    SliceToPrepare,
    SliceToRead,
)

TOOLS = Tools(REGION, NODE_KEY, {RECORDS: SEEDS["records"]})
ROWS = [
    *(penalty(n, until="2026-01-01" if n % 7 == 0 else "") for n in range(60)),
    penalty(3),  # twice in one file
    penalty(4, fine="9.000000"),  # contradicts an earlier row
    penalty(61, subject="12"),
    "," * 13,
]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.kill()


@pytest.fixture
def own(world: World) -> OwnWorkshop:
    own = world.publication._reading._workshop
    assert isinstance(own, OwnWorkshop)
    return own


@pytest.fixture
def helpers(own: OwnWorkshop) -> Iterator[ProcessWorkshop]:
    made = ProcessWorkshop(TOOLS, own, processes=2, fewest_rows=1)
    yield made
    made.close()


def publication(world: World, helpers: ProcessWorkshop) -> Publication:
    return Publication(
        region=REGION,
        store=world.store,
        keys=world.keys,
        node_key=NODE_KEY,
        clock=world.clock,
        entropy=world.entropy,
        streams=world.node_streams,
        workshop=helpers,
    )


def cut(content: bytes, size: int = 5) -> list[SliceToRead]:
    opened = open_file(content)
    rows = list(opened.rows)
    return [
        SliceToRead("cf", opened.layout, tuple(rows[i : i + size]))
        for i in range(0, len(rows), size)
    ]


def plan(number: int, read: ReadSlice, place: int) -> PutPlan:
    row = read.rows[place]
    assert row.natural_key is not None and row.content_digest is not None
    ends = row.in_force_until is not None
    return PutPlan("publish", f"{number:032x}", 1, row.natural_key, row.content_digest, None, ends)


def to_prepare(world: World, read: list[ReadSlice]) -> list[SliceToPrepare]:
    today = world.clock.now().date()
    return [
        SliceToPrepare(
            one.records,
            tuple(
                (place, plan(100 * number + place, one, place))
                for place, row in enumerate(one.rows)
                if row.natural_key is not None
            ),
            today,
            world.generations,
        )
        for number, one in enumerate(read)
    ]


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def wait_until_gone(pids: tuple[int, ...]) -> None:
    deadline = time.monotonic() + 20
    while any(map(is_alive, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- The same work


def test_helpers_read_and_prepare_what_the_node_itself_does(
    world: World, own: OwnWorkshop, helpers: ProcessWorkshop
) -> None:
    slices = cut(penalties(*ROWS))
    here, there = list(own.read(slices)), list(helpers.read(slices, None))
    assert [one.rows for one in there] == [one.rows for one in here]
    assert all(isinstance(one.records, bytes) for one in there)
    prepared_here = list(own.prepare(to_prepare(world, here)))
    prepared = list(helpers.prepare(to_prepare(world, there), len(ROWS)))
    assert len(prepared) == len(prepared_here) > 10
    for puts, expected_puts in zip(prepared, prepared_here, strict=True):
        assert [put.record for put in puts] == [put.record for put in expected_puts]
        for put, expected in zip(puts, expected_puts, strict=True):
            assert put.event.map_key == expected.event.map_key
            assert (put.ending is None) == (expected.ending is None)
            # Salts and all that is made from them are each its own.
            assert put.event.salt != expected.event.salt
            assert commitment(put.event.event, put.event.salt) == put.event.commitment
            event = json.loads(put.event.event)
            check_event(event)
            opened = [open_disclosure(one) for one in put.event.disclosures]
            expected_opened = [open_disclosure(one) for one in expected.event.disclosures]
            assert [one[1:] for one in opened] == [one[1:] for one in expected_opened]
            for one, text in zip(opened, put.event.disclosures, strict=True):
                assert event["fields"][one.name] == digest(text)


def test_helpers_never_draw_the_same_salts(world: World, helpers: ProcessWorkshop) -> None:
    """Two helpers start from one image; what they draw must come from the system."""
    read = list(helpers.read(cut(penalties(*ROWS)), None))
    todo = to_prepare(world, read)
    prepared = [put for puts in helpers.prepare(todo + todo, 0) for put in puts]
    salts = [put.event.salt for put in prepared]
    salts += [open_disclosure(one).salt for put in prepared for one in put.event.disclosures]
    assert len(set(salts)) == len(salts)


def test_file_through_helpers_is_reported_as_without(
    world: World, helpers: ProcessWorkshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.services.publication.reading.SLICE_ROWS", 5)
    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other")
    expected = other.publish(penalties(*ROWS))
    told: list[tuple[int, int]] = []
    report = publication(world, helpers).accept(
        penalties(*ROWS), "file.csv", progress=lambda *at: told.append(at)
    )
    assert [(row.row, row.outcome, row.effect, row.errors) for row in report.rows] == [
        (row.row, row.outcome, row.effect, row.errors) for row in expected.rows
    ]
    assert {row.outcome for row in report.rows} == set(Outcome)
    assert told == sorted(told) and told[-1] == (len(ROWS), len(ROWS))
    world.settle(4)
    other.settle(4)
    assert world.records.size == other.records.size
    for number in (1, 7, 59):
        assert world.numbers(number) == other.numbers(number)
    again = publication(world, helpers).accept(penalties(*ROWS), "file.csv")
    assert again.accepted == 0
    other.kill()


def test_small_file_starts_no_helper(world: World, own: OwnWorkshop) -> None:
    helpers = ProcessWorkshop(TOOLS, own, processes=2)
    assert publication(world, helpers).accept(penalties(*ROWS), "file.csv").accepted
    assert not helpers.helper_ids()
    alone = ProcessWorkshop(TOOLS, own, processes=1, fewest_rows=1)
    assert list(alone.read(cut(penalties(*ROWS)), None))
    assert not alone.helper_ids()


def test_packed_values_are_unpacked_as_they_were(own: OwnWorkshop, world: World) -> None:
    (todo,) = cut(penalties(*ROWS), size=1000)
    assert unpack_rows(unpack(pack(pack_rows(todo)))) == todo
    read = own.read_slice(todo)
    assert not isinstance(read.records, bytes)
    assert unpack_records(pack_records(read.records)) == list(read.records)
    puts = own.prepare_slice(to_prepare(world, [read])[0])
    assert unpack_puts(unpack(pack(pack_puts(puts)))) == list(puts)


def test_amendments_through_helpers_stand_in_the_place_of_the_newest_put(
    world: World, helpers: ProcessWorkshop
) -> None:
    takes = publication(world, helpers)
    numbers = range(1, 8)
    assert takes.accept(penalties(*map(penalty, numbers)), "file.csv").accepted == 7
    amended = penalties(*[penalty(n, fine="7.000000") for n in numbers])
    report = takes.accept(amended, "file.csv", mode=Mode.AMEND)
    assert report.amended == 7
    world.settle(6)
    for number in numbers:
        (record,) = world.verdict(number).records
        assert record.values["fine_fen"] == 7_000_000


# --- What goes wrong


def test_file_that_breaks_off_in_its_midst_stores_nothing(
    world: World, helpers: ProcessWorkshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.services.publication.reading.SLICE_ROWS", 5)
    takes = publication(world, helpers)
    for _ in range(2):
        with pytest.raises(FileError):
            takes.accept(penalties(*ROWS, '"never closed'), "file.csv")
    assert world.store.batch(1) is None
    assert takes.accept(penalties(*ROWS), "file.csv").accepted


def test_changes_need_no_helper(world: World, helpers: ProcessWorkshop) -> None:
    takes = publication(world, helpers)
    takes.accept(penalties(penalty(1), penalty(2)), "file.csv")
    helpers.close()
    assert takes.accept(changes(change(1), change(2)), "changes.csv").accepted == 2


@pytest.mark.parametrize("fatal", [signal.SIGKILL, signal.SIGSEGV])
def test_killed_helper_ends_the_file_with_nothing_stored(
    world: World, helpers: ProcessWorkshop, fatal: signal.Signals
) -> None:
    takes = publication(world, helpers)
    assert takes.accept(penalties(penalty(900)), "file.csv").accepted == 1
    before = helpers.helper_ids()
    for pid in before:
        os.kill(pid, fatal)
    with pytest.raises(UnavailableError, match="nothing was stored"):
        takes.accept(penalties(*ROWS), "file.csv", "key")
    assert world.store.batch(2) is None
    wait_until_gone(before)
    report = takes.accept(penalties(*ROWS), "file.csv", "key")
    assert report.accepted > 50
    assert not set(before) & set(helpers.helper_ids())


def test_helper_killed_while_its_puts_are_written_ends_with_nothing_stored(
    world: World, helpers: ProcessWorkshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond what was made ahead puts are made within the transaction; it must be undone."""
    monkeypatch.setattr("ledger.services.publication.reading.SLICE_ROWS", 2)
    monkeypatch.setattr("ledger.services.publication.reading.AHEAD_SLICES", 1)
    written: list[tuple[int, int]] = []

    def kill_late(done: int, total: int) -> None:
        written.append((done, total))
        if done > total // 2:
            for pid in helpers.helper_ids():
                os.kill(pid, signal.SIGKILL)

    takes = publication(world, helpers)
    content = penalties(*[penalty(n) for n in range(200)])
    with pytest.raises(UnavailableError):
        takes.accept(content, "file.csv", progress=kill_late)
    assert written[-1][0] < 200
    assert world.store.batch(1) is None
    assert not world.store.unsequenced(RECORDS, 10)
    assert takes.accept(content, "file.csv").accepted == 200


def test_helper_that_does_not_answer_is_given_up(
    world: World, helpers: ProcessWorkshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes = publication(world, helpers)
    takes.accept(penalties(penalty(900)), "file.csv")
    before = helpers.helper_ids()
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(module, "SLICE_TIMEOUT_S", 0.2)
    with pytest.raises(UnavailableError, match="waited"):
        takes.accept(penalties(*ROWS), "file.csv")
    wait_until_gone(before)
    assert world.store.batch(2) is None
    monkeypatch.setattr(module, "SLICE_TIMEOUT_S", 60.0)
    assert takes.accept(penalties(*ROWS), "file.csv").accepted


def test_helper_that_cannot_be_started_ends_the_file(
    world: World, helpers: ProcessWorkshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(UnavailableError, match="not started"):
        publication(world, helpers).accept(penalties(*ROWS), "file.csv")
    assert world.store.batch(1) is None


def test_slice_that_a_helper_fails_at_is_told_of_as_without(
    world: World, own: OwnWorkshop, helpers: ProcessWorkshop
) -> None:
    read = list(helpers.read(cut(penalties(*ROWS)), None))
    good = to_prepare(world, read)
    wrong = plan(1, read[0], 0)._replace(record_id="no record id")
    today = world.clock.now().date()
    bad = SliceToPrepare(read[0].records, ((0, wrong),), today, world.generations)
    with pytest.raises(MalformedRecordError):
        list(helpers.prepare([*good[:2], bad, *good[2:]], 0))
    before = helpers.helper_ids()
    assert len(list(helpers.prepare(good, 0))) == len(good)
    assert helpers.helper_ids() == before


def test_closed_workshop_ends_its_helpers_and_takes_nothing(
    world: World, helpers: ProcessWorkshop
) -> None:
    takes = publication(world, helpers)
    takes.accept(penalties(penalty(900)), "file.csv")
    before = helpers.helper_ids()
    helpers.close()
    assert not any(map(is_alive, before))
    with pytest.raises(UnavailableError, match="stopped"):
        takes.accept(penalties(*ROWS), "file.csv")
    helpers.close()


# --- The helper alone


def start_helper() -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-P", "-m", "ledger.adapters.processes.child"]
    helper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert helper.stdin is not None
    write_frame(helper.stdin, pack(TOOLS))
    return helper


def ask(helper: "subprocess.Popen[bytes]", todo: object) -> object:
    assert helper.stdin is not None and helper.stdout is not None
    write_frame(helper.stdin, pack(todo))
    answer = read_frame(helper.stdout)
    assert answer is not None
    return unpack(answer)


def test_helper_ends_with_the_node_and_with_no_signal_before(own: OwnWorkshop) -> None:
    """A service manager or a terminal signals the whole group; the node finishes its file first."""
    (todo,) = cut(penalties(penalty(1)))
    with start_helper() as helper:
        assert helper.stdin is not None
        assert ask(helper, (READ, pack_rows(todo)))[0] is True  # type: ignore[index]
        for stop in (signal.SIGINT, signal.SIGTERM):
            helper.send_signal(stop)
        assert ask(helper, (READ, pack_rows(todo)))[0] is True  # type: ignore[index]
        assert ask(helper, (PREPARE, None)) == (False, None)
        helper.stdin.close()
        assert helper.wait(20) == 0


def test_helper_shows_no_secret_to_other_processes() -> None:
    with start_helper() as helper:
        assert helper.stdin is not None
        ask(helper, (PREPARE, None))
        for name in ("cmdline", "environ"):
            shown = Path(f"/proc/{helper.pid}/{name}").read_bytes()
            for secret in (NODE_KEY, SEEDS["records"]):
                assert secret not in shown and secret.hex().encode() not in shown
        helper.stdin.close()
    assert "07" * 32 not in repr(TOOLS) and repr(NODE_KEY) not in repr(TOOLS)


@pytest.mark.parametrize("sent", [b"\x00", b"\x00" * 7 + b"\x05ab", b"\xff" * 8])
def test_frame_cut_short_is_an_error_and_not_an_end(sent: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    path.write_bytes(sent)
    with path.open("rb") as pipe, pytest.raises(EOFError):
        read_frame(pipe)
