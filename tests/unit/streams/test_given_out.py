"""What of a log may be read while its heads are on their way to the chain."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from worlds.chain import ChainTwin
from worlds.node import RECORDS, REGION, World, penalties, penalty
from worlds.streams import tiles_of, vkey

from ledger.core.chain.head_slots import stream_id
from ledger.core.checkpoint.checkpoint import Checkpoint, open_checkpoint
from ledger.core.merkle import hash_leaf
from ledger.core.stream.tiles import Bundle, Tile, parse_bundle
from ledger.errors import FatalStateError, StoreUnavailableError
from ledger.services.ports import LogStore
from ledger.services.stream.state import StreamState
from ledger.services.stream.tiles import StreamTiles


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.kill()


def tiles(world: World) -> StreamTiles:
    return tiles_of(world)[RECORDS]


def checkpoint(world: World) -> Checkpoint | None:
    signed = tiles(world).checkpoint()
    return None if signed is None else open_checkpoint(signed, vkey())


def head_size(chain: ChainTwin) -> int:
    head = chain.fetch_head(stream_id(REGION, "records"))
    return 0 if head is None else head.size


def publish(world: World, first: int, last: int) -> None:
    world.publish(penalties(*(penalty(number) for number in range(first, last + 1))))


def test_stream_tiles_before_the_first_head_there_is_nothing(world: World) -> None:
    assert checkpoint(world) is None
    assert tiles(world).size() == 0
    assert tiles(world).tile(Tile(0, 0, 1)) is None
    assert tiles(world).bundle(Bundle(0, 1)) is None


def test_stream_tiles_entries_that_no_signed_head_covers_are_not_given_out(world: World) -> None:
    world.settle()
    publish(world, 1, 3)
    world.chain.is_down = True
    world.tick()
    # Sequenced and integrated, and no head can be signed while the chain is silent.
    assert world.records.size == 4
    assert tiles(world).size() == 1
    assert tiles(world).bundle(Bundle(0, 2)) is None
    assert tiles(world).tile(Tile(0, 0, 2)) is None


def test_stream_tiles_head_on_its_way_its_entries_are_there_and_its_checkpoint_is_not(
    world: World,
) -> None:
    world.settle()
    publish(world, 1, 3)
    world.worker.run_once()
    newest = world.store.newest_outbox(RECORDS)
    assert newest is not None and newest.new_size == 4
    assert head_size(world.chain) == 1
    bundle = tiles(world).bundle(Bundle(0, 4))
    assert bundle is not None
    hashes = b"".join(hash_leaf(entry) for entry in parse_bundle(bundle, 4))
    assert tiles(world).tile(Tile(0, 0, 4)) == hashes
    found = checkpoint(world)
    assert found is not None and found.size == 1


def test_checkpoint_is_never_ahead_of_the_chain_nor_goes_back(world: World) -> None:
    last = 0
    number = 0
    for step in range(40):
        if step % 5 == 0:
            publish(world, number + 1, number + 1 + step % 3)
            number += 1 + step % 3
        if step % 4 == 1:
            world.chain.replies_lost = 1
        if step % 7 == 3:
            world.chain.sends_lost = 1
        world.worker.run_once()
        found = checkpoint(world)
        size = 0 if found is None else found.size
        assert last <= size <= head_size(world.chain)
        assert size <= tiles(world).size() <= world.records.size
        last = size
        world.clock.advance(2)
        world.chain.mine()
        if step % 11 == 10:
            world.restart()
            # A new process may lag behind; it never says more than it can prove.
            after = checkpoint(world)
            assert after is None or after.size <= head_size(world.chain)
            world.worker.run_once()
    assert last > 10


def test_checkpoint_of_one_size_is_always_the_same_bytes(world: World) -> None:
    publish(world, 1, 2)
    world.settle()
    first = tiles(world).checkpoint()
    world.restart()
    world.settle()
    assert tiles(world).checkpoint() == first


def test_stream_tiles_after_a_restart_only_what_memory_holds_is_given_out(world: World) -> None:
    publish(world, 1, 2)
    world.settle()
    world.restart()
    assert world.records.size == 0
    assert tiles(world).size() == 0
    assert checkpoint(world) is None
    world.worker.run_once()
    assert tiles(world).size() == 3


def test_stream_tiles_chain_rolled_back_nothing_that_was_given_out_changes(world: World) -> None:
    publish(world, 1, 2)
    world.settle()
    block = world.chain.latest_block()
    publish(world, 3, 9)
    world.settle()
    wide = tiles(world).bundle(Bundle(0, 10))
    assert wide is not None
    world.chain.roll_back(block)
    assert head_size(world.chain) == 3
    for _ in range(12):
        world.tick()
        now = tiles(world).bundle(Bundle(0, 10))
        assert now in (wide, None)
        narrow = tiles(world).bundle(Bundle(0, 3))
        assert narrow is not None and wide.startswith(narrow)
    assert tiles(world).bundle(Bundle(0, 10)) == wide
    assert head_size(world.chain) == 10


def test_checkpoint_root_other_than_the_logs_is_not_signed(world: World) -> None:
    publish(world, 1, 2)
    world.settle()
    other = StreamState(RECORDS, _Changed(world.store))  # type: ignore[arg-type]
    other.catch_up()
    served = tiles_of(world)[RECORDS]
    wrong = StreamTiles(state=other, store=world.store, key=served._key)
    with pytest.raises(FatalStateError, match="expected log root"):
        wrong.checkpoint()


class _Changed:
    """A store whose second entry is another one."""

    def __init__(self, store: LogStore) -> None:
        self._store = store

    def entries(self, stream: str, start: int, limit: int) -> tuple[object, ...]:
        return tuple(
            replace(one, entry=b"other", leaf_hash=hash_leaf(b"other"))
            if one.log_index == 1
            else one
            for one in self._store.entries(stream, start, limit)
        )


def test_bundle_that_the_store_lost_is_an_alarm_not_a_short_answer(world: World) -> None:
    publish(world, 1, 2)
    world.settle()

    class Short:
        def __init__(self) -> None:
            self.newest_outbox = world.store.newest_outbox

        def entries(self, stream: str, start: int, limit: int) -> tuple[object, ...]:
            return world.store.entries(stream, start, limit)[:-1]

    key = tiles_of(world)[RECORDS]._key
    short = StreamTiles(state=world.records, store=Short(), key=key)  # type: ignore[arg-type]
    with pytest.raises(FatalStateError, match="expected entries 0 to 2"):
        short.bundle(Bundle(0, 3))


def test_stream_tiles_store_that_does_not_answer_is_unavailable(world: World) -> None:
    publish(world, 1, 2)
    world.settle()

    class Silent:
        def newest_outbox(self, stream: str) -> None:
            raise StoreUnavailableError("no answer")

        def entries(self, stream: str, start: int, limit: int) -> None:
            raise StoreUnavailableError("no answer")

    key = tiles_of(world)[RECORDS]._key
    silent = StreamTiles(state=world.records, store=Silent(), key=key)  # type: ignore[arg-type]
    for read in (silent.checkpoint, silent.size, lambda: silent.bundle(Bundle(0, 1))):
        with pytest.raises(StoreUnavailableError):
            read()


def test_stream_tiles_read_by_others_while_the_log_grows_are_never_torn(world: World) -> None:
    world.settle()
    served = tiles(world)
    chance = random.Random(7)
    seen: dict[tuple[str, int, int], bytes] = {}
    grown = Event()

    def read() -> None:
        # Until the log has grown, and so often at most.
        for _ in range(50_000):
            if grown.is_set():
                return
            index, width = chance.randrange(4), chance.randint(1, 256)
            for kind, content in (
                ("bundle", served.bundle(Bundle(index, width))),
                ("tile", served.tile(Tile(0, index, width))),
            ):
                if content is not None:
                    assert seen.setdefault((kind, index, width), content) == content

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for start in range(1, 301, 50):
                publish(world, start, start + 49)
                world.settle()
        finally:
            grown.set()
        for reader in readers:
            reader.result()
    entries = [one.entry for one in world.store.entries(RECORDS, 0, 1_000)]
    assert len(entries) == 301
    assert len(seen) > 20
    for (kind, index, width), content in seen.items():
        expected = entries[256 * index : 256 * index + width]
        if kind == "bundle":
            assert list(parse_bundle(content, width)) == expected
        else:
            assert content == b"".join(hash_leaf(entry) for entry in expected)
