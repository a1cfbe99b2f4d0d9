"""Two processes amend the same records at once: versions follow each other and none is lost."""

import random
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import text
from worlds.node import World, change, changes, penalties, penalty, uscc

from ledger.errors import StoreUnavailableError
from ledger.services.publication import BatchReport, Effect, Mode, Outcome, Publication

WRITERS = 4
ROUNDS = 10
RECORDS = 3
COMPANY = uscc(900)


def number_of(record: int) -> int:
    return 1 + record


class Writer:
    """Amends the same records as all the others, each time to a fine that nobody else sends."""

    def __init__(self, number: int, publication: Publication) -> None:
        self.publication = publication
        self.number = number
        self.chance = random.Random(number)
        self.amended: list[tuple[int, str]] = []
        self.wrong: list[object] = []

    def run(self) -> None:
        try:
            for turn in range(ROUNDS):
                self.amend(self.chance.randrange(RECORDS), f"{1 + self.number}.{turn:06d}")
            # The last record is ended while the others still amend it.
            if self.number == 0:
                self.end(RECORDS - 1)
        except Exception as error:
            self.wrong.append(error)

    def amend(self, record: int, fine: str) -> None:
        row = penalty(number_of(record), subject=COMPANY, fine=fine)
        (told,) = self.send(penalties(row), Mode.AMEND).rows
        # Unchanged: an earlier try got through and its answer was lost.
        if told.effect is Effect.AMENDED or told.outcome is Outcome.UNCHANGED:
            self.amended.append((record, fine))
        elif [error.code for error in told.errors] != ["already-ended"]:
            self.wrong.append(told)

    def end(self, record: int) -> None:
        row = change(number_of(record), subject=COMPANY)
        (told,) = self.send(changes(row), Mode.PUBLISH).rows
        if told.effect is not Effect.ENDED:
            self.wrong.append(told)

    def send(self, content: bytes, mode: Mode) -> BatchReport:
        for _ in range(20):
            try:
                return self.publication.accept(content, "file.csv", mode=mode)
            except StoreUnavailableError:
                continue  # The others were quicker again, or the answer was lost.
        raise AssertionError("never quick enough")


def test_amendments_of_two_processes_at_once_follow_each_other(tmp_path: Path) -> None:
    world = World(tmp_path)
    rows = [penalty(number_of(one), subject=COMPANY, fine="9.000000") for one in range(RECORDS)]
    world.publish(penalties(*rows))
    world.settle(4)
    first, older = world.publication, world.store
    world.start()  # A second process; its worker takes over.
    stop = Event()

    def work() -> None:
        while not stop.is_set():
            world.worker.run_once()
            world.chain.mine()

    writers = [
        Writer(number, first if number % 2 else world.publication) for number in range(WRITERS)
    ]
    worker, threads = Thread(target=work), [Thread(target=writer.run) for writer in writers]
    for thread in (worker, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    worker.join()
    assert [wrong for writer in writers for wrong in writer.wrong] == []
    world.clock.advance(60)
    world.settle(12)

    with world.store.reading() as connection:
        query = "SELECT seq, op, record_id, version, target_seq FROM events ORDER BY seq"
        events = list(connection.execute(text(query)))
    histories = defaultdict(list)
    for event in events:
        histories[event.record_id].append(event)
    assert len(histories) == RECORDS
    for history in histories.values():
        puts = [event for event in history if event.op == "put"]
        assert [event.version for event in puts] == list(range(1, 1 + len(puts)))
        for before, after in pairwise(history):
            assert after.target_seq == before.seq
    amended = [one for writer in writers for one in writer.amended]
    assert len(amended) == len(set(amended)) == sum(e.op == "put" for e in events) - RECORDS
    verdict = world.verdict(900)
    assert verdict, verdict.steps
    assert len(verdict.records) == RECORDS - 1
    sent = {(f"31罚〔2026〕{number_of(one):05d}号", fine) for one, fine in amended}
    for record in verdict.records:
        fen = int(str(record.values["fine_fen"]))
        fine = f"{fen // 10**6}.{fen % 10**6:06d}"
        assert record.version == 1 or (record.values["document_number"], fine) in sent
    older.close()
    world.kill()
