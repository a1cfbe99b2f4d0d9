"""A copy survives restarts; one that was damaged on disk is noticed and fetched anew."""

from pathlib import Path

import pytest
from sqlalchemy import delete, update
from worlds.mirrors import NEXT, MirrorWorld

from ledger.adapters.sql.schema import mirrored_entries as table
from ledger.errors import FencedError, RollbackError, StoreUnavailableError
from ledger.services.mirror import following
from ledger.services.ports.mirroring import LogName

NAME = LogName(NEXT, "records", 1)


@pytest.fixture
def world(tmp_path: Path) -> MirrorWorld:
    world = MirrorWorld(tmp_path)
    world.near.put(700)
    world.near.anchor()
    world.settle()
    return world


def change(world: MirrorWorld, index: int, entry: bytes | None) -> None:
    with world.store.writing() as connection:
        one = (table.c.region == NEXT) & (table.c.log_index == index)
        if entry is None:
            connection.execute(delete(table).where(one))
        else:
            connection.execute(update(table).where(one).values(entry=entry))


def flipped(entry: bytes) -> bytes:
    return bytes([entry[0] ^ 1]) + entry[1:]


def test_copy_is_read_and_not_fetched_again_after_a_restart(world: MirrorWorld) -> None:
    world.restart()
    world.near.asked = 0
    world.settle()
    assert world.of(world.near).word == "confirmed"
    assert world.near.asked == 0
    world.near.put(2)
    world.near.anchor()
    world.settle()
    assert (world.near.lane(), world.near.asked) == (2, 1)


@pytest.mark.parametrize("index", [0, 1, 255, 256, 511, 700])
@pytest.mark.parametrize("grows", [False, True])
def test_copy_with_a_wrong_byte_is_noticed_and_fetched_anew(
    world: MirrorWorld, index: int, grows: bool
) -> None:
    change(world, index, flipped(world.near.entries[index]))
    world.restart()
    if grows:
        world.near.put(3)
        world.near.anchor()
    world.settle()
    assert world.stored(world.near) == world.near.entries
    assert world.near.lane() == world.near.epoch
    assert world.mirroring.status().alarms == ()


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("index", [0, 300, 700])
def test_copy_with_a_missing_entry_is_fetched_from_there(world: MirrorWorld, index: int) -> None:
    change(world, index, None)
    world.restart()
    world.settle()
    assert world.stored(world.near) == world.near.entries
    assert world.of(world.near).word == "confirmed"


def test_copy_with_a_wrong_byte_is_kept_while_the_region_does_not_prove_its_log(
    world: MirrorWorld,
) -> None:
    change(world, 5, flipped(world.near.entries[5]))
    world.restart()
    honest, world.near.served = world.near.served, lambda index, entry: flipped(entry)
    world.settle()
    assert len(world.stored(world.near)) == 701
    assert [one.alarm.code for one in world.mirroring.status().alarms if one.alarm] == [
        "log-root-differs"
    ]
    world.near.served = honest
    world.clock.advance(60)
    world.settle()
    assert world.stored(world.near) == world.near.entries
    assert world.mirroring.status().alarms == ()


def test_copy_that_grows_by_many_over_a_wrong_byte_is_fetched_anew(
    world: MirrorWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FEW_BUNDLES", 1)
    change(world, 699, flipped(world.near.entries[699]))
    world.restart()
    world.near.put(1000)
    world.near.anchor()
    world.settle()
    assert world.stored(world.near) == world.near.entries
    assert world.near.lane() == 2


def test_store_that_fails_after_the_write_is_read_again(
    world: MirrorWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = world.store.append_mirrored

    def unknown(*arguments: object) -> None:
        append(*arguments)  # type: ignore[arg-type]
        raise StoreUnavailableError("the outcome is unknown")

    world.near.put(2)
    world.near.anchor()
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "append_mirrored", unknown)
        world.mirroring.run_once()
    error = world.of(world.near).error
    assert error is not None and error.code == "store-unavailable"
    world.clock.advance(10)
    world.settle()
    assert world.near.lane() == 2
    assert world.stored(world.near) == world.near.entries


def test_append_elsewhere_than_at_the_end_is_refused(world: MirrorWorld) -> None:
    fence = world.store.acquire_fence("mirror")
    for size in (0, 700, 702):
        with pytest.raises(RollbackError, match="found 701"):
            world.store.append_mirrored(fence, NAME, size, [b"x"])
    world.store.append_mirrored(fence, NAME, 701, [b"x", b"y"])
    world.store.cut_mirrored(fence, NAME, 702)
    assert world.store.mirrored_entries(NAME, 700, 10)[1:] == ((701, b"x"),)


def test_write_under_an_old_fence_is_refused(world: MirrorWorld) -> None:
    old = world.store.acquire_fence("mirror")
    world.store.acquire_fence("mirror")
    with pytest.raises(FencedError):
        world.store.append_mirrored(old, NAME, 701, [b"x"])
    with pytest.raises(FencedError):
        world.store.cut_mirrored(old, NAME, 0)
    assert len(world.stored(world.near)) == 701


def test_region_that_is_down_delays_no_other(world: MirrorWorld) -> None:
    world.near.is_down = True
    world.near.put()
    world.near.anchor()
    world.far.anchor()
    world.settle(4)
    assert (world.near.lane(), world.far.lane()) == (1, 1)
    status = world.of(world.near)
    assert status.error is not None and status.error.code == "region-unavailable"
    assert status.lag == 1
    world.near.is_down = False
    world.clock.advance(10)
    world.settle()
    assert world.near.lane() == 2
    assert world.of(world.near).error is None
