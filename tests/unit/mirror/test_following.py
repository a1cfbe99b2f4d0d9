"""A mirror confirms what follows from the anchored log, and stores nothing else."""

from pathlib import Path

import pytest
from worlds.mirrors import NEXT, OTHER, SEAT, MirrorWorld

from ledger.core.chain.head_slots import CONTRADICTION
from ledger.core.merkle import hash_leaf
from ledger.core.prefix_tree import PrefixTree
from ledger.core.stream.entry import Entry, opening_entry, parse_entry
from ledger.core.stream.frontier import Frontier
from ledger.core.stream.map_function import MapState
from ledger.services.mirror import following
from ledger.services.ports.mirroring import LogName


@pytest.fixture
def world(tmp_path: Path) -> MirrorWorld:
    return MirrorWorld(tmp_path)


def test_mirror_follows_exactly_the_streams_it_counts_for(world: MirrorWorld) -> None:
    sources = world.mirroring.status().sources
    assert {(one.region, one.stream) for one in sources} == {(NEXT, "records"), (OTHER, "records")}
    world.settle()
    assert world.mirroring.status().number == SEAT
    assert {one.word for one in world.mirroring.status().sources} == {"no-head"}


def test_mirror_confirms_every_head_of_an_honest_region(world: MirrorWorld) -> None:
    for count in (0, 1, 3, 300, 1, 700):
        world.near.put(count)
        if not count:
            world.far.put()
        world.near.anchor()
        world.settle()
        assert world.near.lane() == world.near.epoch
        assert world.of(world.near).word == "confirmed"
        assert world.stored(world.near) == world.near.entries
    assert world.far.lane() == 0
    assert world.mirroring.status().alarms == ()


def test_mirror_rebuilds_maps_that_shrink_and_grow(world: MirrorWorld) -> None:
    key = b"\x07" * 32
    world.near.put(3, key=key)
    world.near.add(Entry(b"\x01" * 32, key, "drop", 2))
    world.near.add(Entry(b"\x02" * 32, key, "put", 1))
    world.near.add(Entry(b"\x03" * 32, key, "drop", 99))  # ineffective
    world.near.add(b"no entry at all")
    world.near.anchor()
    world.settle()
    assert world.near.lane() == 1
    world.near.add(Entry(b"\x04" * 32, key, "drop", 3))
    world.near.add(Entry(b"\x05" * 32, key, "drop", 5))
    world.near.anchor()
    world.settle()
    assert world.near.lane() == 2
    assert world.near.map_root() == bytes(32)


def test_map_without_one_subject_is_contradicted_until_it_is_right(world: MirrorWorld) -> None:
    hidden = b"\x33" * 32
    world.near.put(5)
    world.near.put(1, key=hidden)
    world.near.anchor(map_root=world.near.map_root(leave_out=hidden))
    world.far.anchor()
    world.settle()
    assert world.near.lane() == 1 + CONTRADICTION
    assert world.far.lane() == 1
    (alarm,) = world.mirroring.status().alarms
    assert alarm.region == NEXT and alarm.alarm is not None
    assert alarm.alarm.code == "map-root-differs"
    assert world.near.map_root().hex() in alarm.alarm.message
    assert alarm.word == "contradicted"
    # It stands as long as nothing changes, and nothing more is sent.
    sent = len(world.chain.sent)
    world.settle(10)
    assert len(world.chain.sent) == sent
    assert world.mirroring.status().alarms
    world.near.put()
    world.near.anchor()
    world.settle()
    assert world.near.lane() == 2
    assert world.mirroring.status().alarms == ()


@pytest.mark.parametrize("place", [0, 1, 4, 255, 256, 299])
def test_entries_that_are_not_the_anchored_ones_are_neither_stored_nor_confirmed(
    world: MirrorWorld, place: int
) -> None:
    world.near.put(299)
    world.near.anchor()
    world.far.anchor()
    world.near.served = lambda index, entry: b"x" + entry[1:] if index == place else entry
    world.settle(5)
    assert world.stored(world.near) == []
    assert world.near.lane() == 0
    (alarm,) = world.mirroring.status().alarms
    assert alarm.alarm is not None and alarm.alarm.code == "log-root-differs"
    assert world.far.lane() == 1
    # The region hands out its log after all.
    world.near.served = lambda index, entry: entry
    world.clock.advance(60)
    world.settle()
    assert world.near.lane() == 1
    assert world.stored(world.near) == world.near.entries
    assert world.mirroring.status().alarms == ()


@pytest.mark.parametrize(
    "first",
    [
        b"",
        opening_entry(OTHER, "records", 1),
        opening_entry(NEXT, "queries", 1),
        opening_entry(NEXT, "records", 2),
    ],
)
def test_log_that_does_not_begin_with_its_opening_entry_is_never_confirmed(
    world: MirrorWorld, first: bytes
) -> None:
    world.near.entries[0] = first
    world.near.put(5)
    world.near.anchor()
    world.settle(5)
    assert (world.near.lane(), world.stored(world.near)) == (0, [])
    (alarm,) = world.mirroring.status().alarms
    assert alarm.alarm is not None and alarm.alarm.code == "opening-entry-differs"


@pytest.mark.parametrize("function", [2, 0, 2**32 - 1])
def test_head_of_an_unknown_map_function_is_not_confirmed(
    world: MirrorWorld, function: int
) -> None:
    world.near.anchor(map_function=function)
    world.settle()
    (alarm,) = world.mirroring.status().alarms
    assert alarm.alarm is not None and alarm.alarm.code == "map-function-unknown"
    assert world.near.lane() == 0


def test_head_of_an_absurd_size_is_refused_without_asking_for_it(world: MirrorWorld) -> None:
    world.near.anchor(size=2**60)
    world.settle()
    (alarm,) = world.mirroring.status().alarms
    assert alarm.alarm is not None and alarm.alarm.code == "log-too-long"
    assert world.near.asked == 0


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is many at ordinary sizes is many at small ones."""
    monkeypatch.setattr(following, "FEW_BUNDLES", 2)
    monkeypatch.setattr(following, "CHUNK", 600)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("size", [256 * 3, 256 * 4 + 1, 256 * 7 + 77])
def test_mirror_catches_up_from_nothing_in_chunks(
    world: MirrorWorld, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.near.put(size - 1)
    world.near.anchor()
    largest = []
    append = world.store.append_mirrored

    def watched(*arguments: object) -> None:
        largest.append(len(arguments[3]))  # type: ignore[arg-type]
        append(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(world.store, "append_mirrored", watched)
    world.settle()
    assert world.near.lane() == 1
    assert world.stored(world.near) == world.near.entries
    assert max(largest) <= following.CHUNK + 256
    # And goes on from an odd place, by many and by few.
    for more in (256 * 4 + 3, 5):
        world.near.put(more)
        world.near.anchor()
        world.settle()
        assert world.near.lane() == world.near.epoch
    assert world.stored(world.near) == world.near.entries


@pytest.mark.slow
def test_mirror_catches_up_with_thirty_thousand_entries(world: MirrorWorld) -> None:
    world.near.put(29_999)
    state, tree = MapState(), PrefixTree()
    for index, entry in enumerate(world.near.entries):
        state.apply(index, entry)
        if index:
            key = parse_entry(entry).key
            tree.update({key: state.value(key)})
    frontier = Frontier()
    frontier.extend(hash_leaf(entry) for entry in world.near.entries)
    world.near.anchor(log_root=frontier.root(), map_root=tree.root())
    world.settle()
    assert world.near.lane() == 1
    assert world.stored(world.near) == world.near.entries


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("place", [0, 700, 256 * 4 + 3])
def test_long_log_that_differs_is_not_stored_at_all(world: MirrorWorld, place: int) -> None:
    world.near.put(256 * 4 + 9)
    world.near.anchor()
    world.near.served = lambda index, entry: b"x" + entry[1:] if index == place else entry
    world.settle()
    assert (world.near.lane(), world.stored(world.near)) == (0, [])
    assert len(world.mirroring.status().alarms) == 1


@pytest.mark.usefixtures("small")
def test_bundle_that_is_not_the_one_of_the_tiles_ends_what_is_stored_before_it(
    world: MirrorWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.near.put(256 * 9)
    world.near.anchor()
    honest = world.source.fetch_bundle

    def lying(log: LogName, bundle: object, *, seat: int) -> tuple[bytes, ...]:
        entries = honest(log, bundle, seat=seat)  # type: ignore[arg-type]
        return (*entries[:-1], b"x") if bundle.index == 7 else entries  # type: ignore[attr-defined]

    monkeypatch.setattr(world.source, "fetch_bundle", lying)
    world.settle()
    stored = world.stored(world.near)
    assert 0 < len(stored) <= 256 * 7
    assert stored == world.near.entries[: len(stored)]
    assert world.near.lane() == 0
    monkeypatch.undo()
    world.clock.advance(60)
    world.settle()
    assert world.near.lane() == 1
    assert world.stored(world.near) == world.near.entries


def test_new_generation_is_another_log_from_its_opening_on(world: MirrorWorld) -> None:
    world.near.put(20)
    world.near.anchor()
    world.settle()
    world.near.begin(2)
    world.near.put(3)
    world.near.anchor()
    world.settle()
    assert world.near.lane() == 2
    assert world.of(world.near).vrf_key == 2
    assert world.stored(world.near) == world.near.entries
    assert len(world.store.mirrored_entries(LogName(NEXT, "records", 1), 0, 100)) == 21
    world.restart()
    world.near.put()
    world.near.anchor()
    world.settle()
    assert world.near.lane() == 3
