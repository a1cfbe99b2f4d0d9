"""Bytes a key takes in memory: log and map of a stream with one record a key."""

import gc
import random
from pathlib import Path

from benchmarks.figure import SEED, Figure, Say, make_cost
from ledger.core.merkle import hash_leaf
from ledger.core.stream.entry import Entry, encode_entry
from ledger.core.stream.log import MerkleLog
from ledger.core.stream.stream_map import StreamMap

AIM_BYTES = 200
_CHUNK = 10_000
_PAGE = 4096


def run(*, quick: bool, say: Say) -> list[Figure]:
    """Measure memory a key."""
    keys = 100_000 if quick else 1_000_000
    chance = random.Random(SEED)  # noqa: S311 - a measurement
    say(f"{keys:,} keys")
    # What the interpreter takes for itself and for one chunk of entries is there already.
    _loaded(chance, MerkleLog(), _CHUNK)
    gc.collect()
    before = _resident()
    merkle_log = MerkleLog()
    served = _loaded(chance, merkle_log, keys)
    gc.collect()
    whole = _resident() - before
    entries = _entries(chance, 1_000)
    merkle_log.extend([hash_leaf(entry) for entry in entries])
    draft = served.copy()
    draft.take(entries)
    draft.root()
    gc.collect()
    both = _resident() - before
    held = 64 + 72
    return [
        make_cost(
            f"memory, {keys:,} keys of one record",
            whole / keys,
            "bytes/key",
            floor_name="hashes of the log (64), key, index and leaf of an item (72)",
            floor=held,
            aim=AIM_BYTES,
            note="resident memory of log and served map",
        ),
        make_cost(
            "the same with a draft of the next 1,000 records",
            both / keys,
            "bytes/key",
            floor_name="hashes of the log (64), key, index and leaf of an item (72)",
            floor=held,
            aim=AIM_BYTES,
            note=f"{(both - whole) / 1_000:,.0f} bytes more for each record of the draft",
        ),
    ]


def _loaded(chance: random.Random, merkle_log: MerkleLog, keys: int) -> StreamMap:
    served = StreamMap(merkle_log, keys=keys)
    for start in range(0, keys, _CHUNK):
        entries = _entries(chance, min(_CHUNK, keys - start))
        merkle_log.extend([hash_leaf(entry) for entry in entries])
        served.take(entries)
    served.root()
    return served


def _entries(chance: random.Random, count: int) -> list[bytes]:
    return [
        encode_entry(Entry(chance.randbytes(32), chance.randbytes(32), "put", None))
        for _ in range(count)
    ]


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE
