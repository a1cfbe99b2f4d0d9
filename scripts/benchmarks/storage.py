"""Bytes on disk: of a published record by table and index, and of an entry of the log.

A database is filled with cold companies, each with one record, and sequenced. Then tables and
indices are dropped from it one after the other, compacting it after each; what it shrinks by was
the bytes of that one, with everything pages and rows cost.

The floor of a record is what nothing else in the database repeats and nobody could compute: the
values of its fields and the random bytes that hide them. All else - event, digests, commitment,
entry, leaf hash - follows from these and is kept because it must be at hand, must survive erasure
of the values, or must be found. The floor of an entry is its own bytes: the log has to serve them.
"""

import tempfile
from pathlib import Path
from typing import Final

import pysqlite3

from benchmarks.figure import Figure, Say, make_cost
from benchmarks.files import make_penalties
from benchmarks.great_region import RECORDS, World
from ledger.core.intake import read_file

REGION: Final = "310000"
COMPANIES: Final = 10**7
FILE_ROWS: Final = 2_000
SALTS_BYTES: Final = 26 * 16 + 32
PARTS: Final = ("events", "records", "entries", "batches")


def run(*, quick: bool, say: Say) -> list[Figure]:
    """Fill a database and take it apart."""
    files = 1 if quick else 5
    rows = files * FILE_ROWS
    with tempfile.TemporaryDirectory(prefix="credit-ledger-bench-") as folder:
        world = World(Path(folder))
        say(f"publishing {rows:,} records")
        contents = [
            make_penalties(number * FILE_ROWS, FILE_ROWS, companies=COMPANIES)
            for number in range(files)
        ]
        for content in contents:
            world.publish(content)
        world.settle(6)
        (entry,) = world.store.entries(RECORDS, 1, 1)
        world.kill()
        say("taking the database apart")
        sizes = _take_apart(Path(folder) / "node.db")
    return _figures(sizes, rows, _values_bytes(contents) / rows + SALTS_BYTES, len(entry.entry))


def _figures(
    sizes: dict[str, int], rows: int, record_floor: float, entry_floor: int
) -> list[Figure]:
    whole = sum(sizes.values())
    figures = [
        make_cost(
            "record on disk",
            whole / rows,
            "bytes",
            floor_name="UTF-8 of its values and its random bytes",
            floor=record_floor,
            note=f"{rows:,} records of cold companies",
        )
    ]
    for name, size in sizes.items():
        note = f"{size / whole:.0%}"
        floor = float(entry_floor) if name == "entries" else None
        figures.append(
            make_cost(
                f"{name}, of a record",
                size / rows,
                "bytes",
                floor_name="the bytes of the entry" if floor else None,
                floor=floor,
                note=note,
            )
        )
    return figures


def _take_apart(path: Path) -> dict[str, int]:
    """Bytes of each index and each table, found by dropping it."""
    connection = pysqlite3.connect(str(path))
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("PRAGMA journal_mode = DELETE")
    sizes: dict[str, int] = {}
    before = _compacted(connection)
    for table in PARTS:
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?"
            " AND sql IS NOT NULL",
            (table,),
        ).fetchall()
        indices = 0
        for (index,) in found:
            connection.execute(f"DROP INDEX {index}")
            after = _compacted(connection)
            indices, before = indices + before - after, after
        connection.execute(f"DROP TABLE {table}")
        after = _compacted(connection)
        sizes[table], before = before - after, after
        if indices:
            sizes[f"{table}, indices that can be dropped"] = indices
    connection.close()
    return sizes


def _compacted(connection: "pysqlite3.Connection") -> int:
    connection.execute("VACUUM")
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int(pages) * int(size)


def _values_bytes(contents: list[bytes]) -> int:
    """UTF-8 bytes of every value of every record."""
    records = [row.record for content in contents for row in read_file(content, region=REGION).rows]
    values = [value for one in records if one is not None for value in one.fields.values()]
    return sum(len(str(value).encode()) for value in values if value is not None)
