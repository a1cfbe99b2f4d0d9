"""A region with a million keys: a real database, chain state and node, filled in a minute.

Some thousand companies are published through the whole path, so that their records can be looked up
and opened. The rest of the log is written straight into the same tables: entries with keys drawn by
chance, as VRF outputs look, and events whose content was erased. The node then loads, hashes,
anchors and serves all of them with its own code; only the chain is the one in memory of the tests.
"""

import random
import sys
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from benchmarks.figure import SEED, Say
from benchmarks.files import make_code, make_penalties
from ledger.core.merkle import hash_leaf
from ledger.core.stream.entry import Entry, encode_entry

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from worlds.node import World

FILE_ROWS: Final = 2_000
_CHUNK: Final = 50_000

_ENTRIES: Final = (
    "INSERT INTO entries (stream, generation, log_index, entry, leaf_hash, map_key)"
    " VALUES ('records', 1, ?, ?, ?, ?)"
)
_EVENTS: Final = (
    "INSERT INTO events (stream, generation, kind, op, record_type, record_id, version, map_key,"
    " commitment, log_index, accepted_at, checksum)"
    " VALUES ('records', 1, 'publish', 'put', 'cf', ?, 1, ?, ?, ?, '2026-10-01T00:00:00Z', ?)"
)


def make_region(folder: Path, *, keys: int, companies: int, say: Say) -> World:
    """A world whose records stream has about this many keys and serves all of them.

    Args:
        folder: Empty; takes the database.
        keys: Keys in the map.
        companies: Companies with one real record each, numbered from 0; part of the keys.
        say: Told what happens.
    """
    world = World(folder)
    say(f"publishing {companies:,} records")
    for first in range(0, companies, FILE_ROWS):
        rows = min(FILE_ROWS, companies - first)
        world.publish(make_penalties(first, rows, companies=companies))
    world.settle(20)
    say(f"filling the log up to {keys:,} keys")
    _fill(world, keys - companies)
    world.restart()
    return world


def known(number: int) -> str:
    """The code of a company with one record."""
    return make_code(number)


def unknown(number: int) -> str:
    """The code of a company without records."""
    return make_code(number, "92310118MA")


def _fill(world: World, count: int) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a measurement
    first = world.records.size
    with world.store.writing() as connection:
        driver: Any = connection.connection.driver_connection
        for start in range(first, first + count, _CHUNK):
            entries, events = [], []
            for index in range(start, min(start + _CHUNK, first + count)):
                key, commitment = chance.randbytes(32), chance.randbytes(32)
                entry = encode_entry(Entry(commitment, key, "put", None))
                entries.append((index, entry, hash_leaf(entry), key))
                events.append((commitment[:16].hex(), key, commitment, index, bytes(16)))
            driver.executemany(_ENTRIES, entries)
            driver.executemany(_EVENTS, events)
        connection.execute(text("ANALYZE"))
