"""Rows a second from the bytes of a file until they are integrated: in the log and in the map.

A node over a database file with durability on (WAL, synchronous FULL) and with its worker running
takes files one after the other, each as soon as the one before is acknowledged; the time ends when
the last row is in log and map. Its chain stands still, so that anchoring takes nothing.

The floor of a row is what no way of publishing can do without, each alone and in a loop: the VRF
output that is its map key (known companies: none), the system's random bytes, SHA-256 over each of
its disclosures and over its event, base64url of disclosures and digests, and one SQLite insert of
its bytes into one table without index, committed in files of the same size. Left out are reading,
checking, JSON, deciding, indices, entries, the log, the map, and Python between all of these.
"""

import base64
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Final

import pysqlite3

from benchmarks.figure import Figure, Say, make_cost, make_rate, time_median
from benchmarks.files import make_code, make_penalties
from benchmarks.great_region import World
from ledger.adapters.processes.frames import Tools
from ledger.adapters.processes.workshop import ProcessWorkshop
from ledger.adapters.sql.engine import PAGE_BYTES
from ledger.core import vrf
from ledger.core.stream.map_key import alpha
from ledger.services.publication import Publication
from ledger.services.publication.events import EventMaker
from ledger.services.publication.identity import RecordIdentity
from ledger.services.publication.slices import OwnWorkshop

AIM_ROWS: Final = 4_000
AIM_MEMORY_MIB: Final = 300
MANY: Final = 10**7
"""Companies, where every row is about another one."""

FEW: Final = 50
SECRETS: Final = {"records": b"\x01" * 32}
NODE_KEY: Final = b"\x07" * 32
REGION: Final = "310000"
INTEGRATED_WITHIN_S: Final = 900.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """What a piece of work took for each of its rows."""

    rows: int
    seconds: float
    """On the wall, altogether."""
    node_us: float
    """CPU of the node's own process, a row."""
    helpers_us: float
    """CPU of its helpers, a row."""

    @property
    def cpu_us(self) -> float:
        """CPU of all processes, a row."""
        return self.node_us + self.helpers_us


def run(*, quick: bool, say: Say) -> list[Figure]:
    """Measure cold and known companies, with helper processes and without."""
    files, rows = (3, 2_000) if quick else (8, 5_000)
    say("the floor of a row")
    floors = {"cold": _floor_us(rows, is_cold=True), "known": _floor_us(rows, is_cold=False)}
    figures = []
    for name, companies in (("cold", MANY), ("known", FEW)):
        say(f"{name} companies, {files} files of {rows:,} rows")
        with _world(has_helpers=True) as (world, workshop):
            spent = _publish(world, workshop, files, rows, companies)
        figures += _figures(name, spent, floors[name])
    many = 10_000 if quick else 100_000
    say(f"memory for a file of {many:,} rows")
    with (
        tempfile.NamedTemporaryFile() as file,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process,
    ):
        file.write(make_penalties(1_000_000, many, companies=FEW))
        file.flush()
        peak_mib = process.submit(_memory_mib, file.name).result()
    figures.append(
        make_cost(
            f"memory, file of {many:,} rows",
            peak_mib,
            "MiB",
            aim=AIM_MEMORY_MIB,
            note="what the node's peak rises by while it takes the file in",
        )
    )
    say("cold companies without helper processes")
    with _world(has_helpers=False) as (world, workshop):
        spent = _publish(world, workshop, 1, rows, MANY)
    figures.append(_cpu_figure("cold, one process", spent, floors["cold"]))
    return figures


def _figures(name: str, spent: Spent, floor_us: float) -> list[Figure]:
    cores = len(os.sched_getaffinity(0))
    rate = make_rate(
        f"publish, {name} companies",
        spent.rows / spent.seconds,
        "rows/s",
        floor_name=f"{_FLOORS[name]}, on {cores} cores at once",
        floor=cores / floor_us * 1e6,
        aim=AIM_ROWS,
        note=f"{spent.rows:,} rows in {spent.seconds:.1f} s; all CPU at once would give"
        f" {cores / spent.cpu_us * 1e6:,.0f}",
    )
    return [rate, _cpu_figure(f"{name} companies", spent, floor_us)]


def _cpu_figure(name: str, spent: Spent, floor_us: float) -> Figure:
    return make_cost(
        f"CPU a row, {name}",
        spent.cpu_us,
        "us",
        floor_name=_FLOORS["known" if name.startswith("known") else "cold"],
        floor=floor_us,
        note=f"node {spent.node_us:.0f}, helpers {spent.helpers_us:.0f}",
    )


_FLOORS: Final = {
    "cold": "VRF output, random bytes, SHA-256 and base64 of its disclosures, one SQLite insert",
    "known": "random bytes, SHA-256 and base64 of its disclosures, one SQLite insert",
}


@contextmanager
def _world(*, has_helpers: bool) -> Iterator[tuple[World, ProcessWorkshop]]:
    """A node whose worker runs; its chain mines nothing."""
    with tempfile.TemporaryDirectory(prefix="credit-ledger-bench-") as folder:
        world = World(Path(folder))
        own = OwnWorkshop(
            region=REGION,
            identity=RecordIdentity(region=REGION, node_key=NODE_KEY),
            maker=EventMaker(region=REGION, keys=world.keys, entropy=os.urandom),
        )
        workshop = ProcessWorkshop(
            Tools(REGION, NODE_KEY, SECRETS), own, processes=None if has_helpers else 1
        )
        world.publication = Publication(
            region=REGION,
            store=world.store,
            keys=world.keys,
            node_key=NODE_KEY,
            clock=world.clock,
            entropy=os.urandom,
            states=world.states,
            workshop=workshop,
        )
        world.worker.start()
        try:
            # Helpers are started and code is loaded before anything is measured.
            _take(world, [make_penalties(0, 600, companies=MANY)])
            yield world, workshop
        finally:
            world.worker.stop()
            workshop.close()
            world.kill()


def _publish(
    world: World, workshop: ProcessWorkshop, files: int, rows: int, companies: int
) -> Spent:
    contents = [
        make_penalties(1_000_000 + number * rows, rows, companies=companies)
        for number in range(files)
    ]
    helpers = workshop.helper_ids()
    started, node, others = time.monotonic(), time.process_time(), _cpu_of(helpers)
    _take(world, contents)
    seconds = time.monotonic() - started
    count = files * rows
    return Spent(
        rows=count,
        seconds=seconds,
        node_us=(time.process_time() - node) / count * 1e6,
        helpers_us=(_cpu_of(helpers) - others) / count * 1e6,
    )


def _take(world: World, contents: list[bytes]) -> None:
    """Take files in and wait until every row is in log and map."""
    wanted = max(world.records.size, 1)
    for content in contents:
        report = world.publish(content)
        if report.accepted != len(report.rows):
            raise RuntimeError(f"expected every row accepted, found {report.accepted}")
        wanted += report.accepted
        world.worker.wake()
    deadline = time.monotonic() + INTEGRATED_WITHIN_S
    while world.records.size < wanted:
        if time.monotonic() > deadline:
            raise RuntimeError(f"expected {wanted} entries, found {world.records.size}")
        time.sleep(0.005)


def _memory_mib(path: str) -> float:
    """What the peak of this process, a new one, rises by while it takes in one file."""
    with _world(has_helpers=True) as (world, _):
        before = getrusage(RUSAGE_SELF).ru_maxrss
        world.publish(Path(path).read_bytes())
        return (getrusage(RUSAGE_SELF).ru_maxrss - before) / 1024


def _cpu_of(processes: tuple[int, ...]) -> float:
    """Seconds of CPU that running processes have taken."""
    ticks = 0
    for process in processes:
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(after_name[11]) + int(after_name[12])
    return ticks / _TICKS


def _floor_us(rows: int, *, is_cold: bool) -> float:
    """Microseconds of CPU that the irreducible parts of a row take."""
    disclosures = [base64.urlsafe_b64encode(os.urandom(66)).rstrip(b"=") for _ in range(26)]
    event = os.urandom(2_400)

    def hash_all() -> None:
        os.urandom(26 * 16 + 32)
        for one in disclosures:
            digest = hashlib.sha256(base64.b64encode(one)).digest()
            base64.b64encode(digest)
        hashlib.sha256(event).digest()

    def evaluate() -> None:
        for number in range(200):
            message = alpha(REGION, "records", "cf", make_code(number))
            vrf.evaluate(SECRETS["records"], message)

    hashing = time_median(lambda: _times(hash_all, 200)) / 200
    finding = time_median(evaluate) / 200 if is_cold else 0.0
    return (hashing + finding + _insert_s(rows)) * 1e6


def _times(work: Callable[[], None], count: int) -> None:
    for _ in range(count):
        work()


def _insert_s(rows: int) -> float:
    """Seconds of CPU to insert the bytes of one row, in a transaction of a file's rows."""
    with tempfile.TemporaryDirectory(prefix="credit-ledger-bench-") as folder:
        connection = pysqlite3.connect(f"{folder}/floor.db")
        connection.isolation_level = None
        for pragma in (f"page_size = {PAGE_BYTES}", "journal_mode = WAL", "synchronous = FULL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("CREATE TABLE rows (event TEXT, disclosures TEXT, others BLOB)")
        values = [("e" * 2_400, "d" * 2_700, os.urandom(400)) for _ in range(rows)]

        def insert() -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO rows VALUES (?, ?, ?)", values)
            connection.execute("COMMIT")

        taken = time_median(insert, repeat=3)
        connection.close()
    return taken / rows
