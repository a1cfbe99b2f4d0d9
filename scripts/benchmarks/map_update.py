"""A head of 1,000 new records into maps of 10^4, 10^5 and 10^6 keys, beside its SHA-256 hashes."""

import hashlib
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest.mock import patch

from benchmarks.figure import SEED, Figure, Say, make_cost, make_rate, uncollected
from ledger.core.merkle import hash_leaf
from ledger.core.stream import bucket_tree
from ledger.core.stream.entry import Entry, encode_entry
from ledger.core.stream.log import MerkleLog
from ledger.core.stream.stream_map import StreamMap

RECORDS: Final = 1_000
AIM_MS: Final = 40.0
_CHUNK: Final = 10_000
_REPEAT: Final = 5
_FLOOR: Final = "its SHA-256 calls, counted, times one of 65 bytes in this run"


def run(*, quick: bool, say: Say) -> list[Figure]:
    """Measure map updates and loading."""
    figures = []
    for keys in (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000):
        say(f"a map of {keys:,} keys")
        figures += _measure(keys)
    return figures


def _measure(keys: int) -> list[Figure]:
    chance = random.Random(SEED)  # noqa: S311 - a measurement
    merkle_log = MerkleLog()
    started = time.process_time()
    served, making = _load(chance, merkle_log, keys)
    load_s = time.process_time() - started - making
    best = float("inf")
    with uncollected():
        for _ in range(_REPEAT):
            entries = _entries(chance, RECORDS)
            started = time.process_time()
            served = _update(merkle_log, served, entries)
            best = min(best, time.process_time() - started)
        hash_s = _one_hash()
    with _counting() as counted:
        _update(merkle_log, served, _entries(chance, RECORDS))
    aim = AIM_MS if keys == 1_000_000 else None
    return [
        make_cost(
            f"map update of {RECORDS:,} records, {keys:,} keys",
            best * 1e3,
            "ms CPU",
            floor_name=_FLOOR,
            floor=counted[0] * hash_s * 1e3,
            aim=aim,
            note=f"{counted[0]:,} hashes of {hash_s * 1e6:.2f} us; log, copy, lists, tree, root",
        ),
        make_rate(
            f"loading {keys:,} entries into log and map",
            keys / load_s,
            "entries/s CPU",
            note=f"{load_s:.1f} s, without reading them from the store",
        ),
    ]


def _update(merkle_log: MerkleLog, served: StreamMap, entries: list[bytes]) -> StreamMap:
    """What a node does for a head: everything but store and chain."""
    merkle_log.extend([hash_leaf(entry) for entry in entries])
    draft = served.copy()
    draft.take(entries)
    draft.root()
    return draft


def _load(chance: random.Random, merkle_log: MerkleLog, keys: int) -> tuple[StreamMap, float]:
    """The map, and the seconds that went into making entries up."""
    loaded, making = StreamMap(merkle_log, keys=keys), 0.0
    for start in range(0, keys, _CHUNK):
        began = time.process_time()
        entries = _entries(chance, min(_CHUNK, keys - start))
        making += time.process_time() - began
        merkle_log.extend([hash_leaf(entry) for entry in entries])
        loaded.take(entries)
    loaded.root()
    return loaded, making


def _entries(chance: random.Random, count: int) -> list[bytes]:
    """Puts under keys drawn by chance, as outputs of a VRF look."""
    return [
        encode_entry(Entry(chance.randbytes(32), chance.randbytes(32), "put", None))
        for _ in range(count)
    ]


def _one_hash() -> float:
    """Seconds of one SHA-256 of a node's 65 bytes, digest included."""
    content, calls, sha256 = bytes(65), 200_000, hashlib.sha256
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for _ in range(calls):
            sha256(content).digest()
        best = min(best, (time.process_time() - started) / calls)
    return best


@contextmanager
def _counting() -> Iterator[list[int]]:
    """Count the SHA-256 calls of the modules that make a map."""
    calls, sha256 = [0], hashlib.sha256

    def counted(content: bytes) -> "hashlib._Hash":
        calls[0] += 1
        return sha256(content)

    with patch.object(hashlib, "sha256", counted), patch.object(bucket_tree, "_sha256", counted):
        # Every other module looks the function up in hashlib at each call.
        yield calls
