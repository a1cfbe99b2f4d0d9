"""Many threads and two processes on one node at once: nothing is lost, doubled or denied."""

import random
from collections import Counter
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import text
from worlds.node import REGION, World, change, changes, penalties, penalty, uscc

from ledger.services.lookup.answers import Answer, Question, Result
from ledger.services.lookup.region import RegionLookup
from ledger.services.publication import BatchReport, Publication

PUBLISHERS = 4
EACH = 12
SUBJECTS = 5


class Publisher:
    """Publishes and ends records, and asks at once about each; keeps what went wrong."""

    def __init__(self, number: int, publication: Publication, lookup: RegionLookup) -> None:
        self.numbers = range(1 + number * EACH, 1 + (number + 1) * EACH)
        self.publication = publication
        self.lookup = lookup
        self.chance = random.Random(number)
        self.wrong: list[object] = []
        self.ended: set[int] = set()

    def run(self) -> None:
        try:
            for number in self.numbers:
                self.publish(number)
        except Exception as error:
            self.wrong.append(error)

    def publish(self, number: int) -> None:
        subject = uscc(900 + number % SUBJECTS)
        # A row of another publisher comes along: it must be published by one of them only.
        shared = 500 + number % EACH
        rows = (penalty(number, subject=subject), penalty(shared, subject=uscc(shared)))
        self.expect(self.publication.accept(penalties(*rows), "a.csv"), rejected=0)
        if self.ask(subject).result is Result.NONE:
            self.wrong.append(f"{number} denied")
        if self.chance.random() < 0.5:
            report = self.publication.accept(changes(change(number, subject=subject)), "c.csv")
            self.expect(report, rejected=0)
            self.ended.add(number)

    def expect(self, report: BatchReport, rejected: int) -> None:
        if report.rejected != rejected:
            self.wrong.append(report)

    def ask(self, subject: str) -> Answer:
        (answer,) = self.lookup.answer([Question(subject, REGION, "cf")])
        return answer


def test_publishers_in_two_processes_beside_a_working_worker_lose_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.settle(4)
    first = (world.publication, world.lookup, world.store)
    world.start()  # A second process; its worker takes over.
    world.worker.run_once()
    stop = Event()

    def work() -> None:
        while not stop.is_set():
            world.worker.run_once()
            world.chain.mine()

    publishers = [
        Publisher(number, *(first[:2] if number % 2 else (world.publication, world.lookup)))
        for number in range(PUBLISHERS)
    ]
    worker = Thread(target=work)
    threads = [Thread(target=publisher.run) for publisher in publishers]
    for thread in (worker, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    worker.join()
    assert [wrong for publisher in publishers for wrong in publisher.wrong] == []
    world.clock.advance(60)
    world.settle(12)
    ended = set().union(*(publisher.ended for publisher in publishers))
    with world.store.reading() as connection:
        counted = Counter(connection.execute(text("SELECT op FROM events")).scalars())
        placed = connection.scalar(text("SELECT count(*) FROM entries"))
    assert counted == {"put": PUBLISHERS * EACH + EACH, "drop": len(ended)}
    assert placed == 1 + counted.total()
    for subject in range(SUBJECTS):
        expected = [
            f"31罚〔2026〕{number:05d}号"
            for number in range(1, 1 + PUBLISHERS * EACH)
            if number % SUBJECTS == subject and number not in ended
        ]
        assert sorted(map(str, world.numbers(900 + subject))) == expected
    first[2].close()
    world.kill()
