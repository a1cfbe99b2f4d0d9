"""A mirror's word reaches the chain once, whatever is lost on the way."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds.chain import address_of
from worlds.mirrors import NEXT, OWN, SEAT, SECRET, MirrorWorld

from ledger.core.chain.head_slots import CONTRADICTION
from ledger.errors import FencedError
from ledger.services import crash_points
from ledger.services.onchain import MirrorEntry


@pytest.fixture
def world(tmp_path: Path) -> MirrorWorld:
    return MirrorWorld(tmp_path)


def nonces(world: MirrorWorld) -> list[int]:
    return [json.loads(raw)["nonce"] for raw in dict.fromkeys(world.chain.sent)]


def test_confirmation_is_sent_once_and_both_regions_in_one_block(world: MirrorWorld) -> None:
    world.near.anchor()
    world.far.anchor()
    world.settle(6)
    assert (world.near.lane(), world.far.lane()) == (1, 1)
    assert len(world.chain.sent) == 2
    assert nonces(world) == [0, 1]


def test_replies_that_are_lost_are_no_news(world: MirrorWorld) -> None:
    world.chain.replies_lost = 5
    world.near.anchor()
    world.far.anchor()
    world.settle(2)
    assert (world.near.lane(), world.far.lane()) == (1, 1)
    assert nonces(world) == [0, 1]


def test_transaction_that_never_arrived_is_sent_again(world: MirrorWorld) -> None:
    world.chain.sends_lost = 1
    world.near.anchor()
    world.far.anchor()
    world.settle(2)
    assert (world.near.lane(), world.far.lane()) == (0, 0)
    world.settle(4)
    assert (world.near.lane(), world.far.lane()) == (1, 1)
    assert len(set(world.chain.sent)) == 2


def test_transactions_that_the_pool_forgot_are_sent_again(world: MirrorWorld) -> None:
    world.near.anchor()
    world.far.anchor()
    world.mirroring.run_once()
    world.chain.drop_pool()
    world.settle(6)
    assert (world.near.lane(), world.far.lane()) == (1, 1)


def test_mirror_that_forgot_what_it_sent_is_not_stuck(world: MirrorWorld) -> None:
    world.near.anchor()
    world.mirroring.run_once()
    # Its word waits in the pool; now another one has the same nonce in mind.
    world.restart()
    world.far.anchor(anchored_at=2)
    world.near.put()
    world.near.anchor()
    world.settle(8)
    assert (world.near.lane(), world.far.lane()) == (2, 1)
    assert world.mirroring.status().errors == ()


def test_nonce_that_another_program_used_does_not_stop_it(world: MirrorWorld) -> None:
    world.near.anchor()
    world.mirroring.run_once()
    world.chain.drop_pool()
    world.chain.use_nonce(address_of(SECRET))
    world.settle(4)
    assert world.near.lane() == 1


def test_chain_that_is_away_is_waited_for(world: MirrorWorld) -> None:
    world.near.anchor()
    world.chain.is_down = True
    world.settle(5)
    (error,) = world.mirroring.status().errors
    assert error.code == "chain-unavailable"
    world.chain.is_down = False
    world.clock.advance(60)
    world.settle()
    assert world.near.lane() == 1
    assert world.mirroring.status().errors == ()


def test_confirmation_that_a_rolled_back_chain_lost_is_sent_again(world: MirrorWorld) -> None:
    world.near.put(3)
    world.near.anchor()
    block = world.chain.latest_block()
    world.settle(3)
    assert world.near.lane() == 1
    world.chain.roll_back(block)
    assert world.near.lane() == 0
    world.settle(8)
    assert world.near.lane() == 1


def test_head_that_a_rolled_back_chain_lost_is_followed_backwards(world: MirrorWorld) -> None:
    world.near.put(3)
    first = world.near.anchor()
    world.settle(2)
    block = world.chain.latest_block()
    world.near.put(4)
    world.near.anchor()
    world.settle(2)
    world.chain.roll_back(block)
    for _ in range(3):  # The chain stays short, so that it is believed.
        world.mirroring.run_once()
        world.clock.advance(2)
    status = world.of(world.near)
    assert (status.head_epoch, status.size, status.word) == (1, first.size, "confirmed")
    # The region anchors what it has again, in one head more.
    world.near.epoch = 1
    world.near.put()
    world.near.anchor()
    world.settle()
    assert world.near.lane() == 2
    assert world.stored(world.near) == world.near.entries


def test_endpoint_that_is_behind_for_a_moment_changes_nothing(
    world: MirrorWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.near.put(3)
    world.near.anchor()
    world.settle(2)
    newest = world.chain.latest_block()
    with monkeypatch.context() as patch:
        patch.setattr(world.chain, "latest_block", lambda: 1)
        world.mirroring.run_once()
    assert world.chain.latest_block() == newest
    assert world.of(world.near).head_epoch == 1


def test_contradiction_survives_a_restart_and_is_not_sent_again(world: MirrorWorld) -> None:
    world.near.put(3)
    world.near.anchor(map_root=bytes(32))
    world.settle()
    sent = len(world.chain.sent)
    world.restart()
    world.settle()
    assert world.near.lane() == 1 + CONTRADICTION
    assert len(world.chain.sent) == sent
    (alarm,) = world.mirroring.status().alarms
    assert alarm.alarm is not None and alarm.alarm.code == "map-root-differs"


def test_mirror_that_is_not_admitted_says_so_and_asks_nobody(world: MirrorWorld) -> None:
    world.chain.mirrors.clear()
    world.near.anchor()
    world.settle()
    (error,) = world.mirroring.status().errors
    assert error.code == "unavailable" and "have the node admitted" in error.message
    assert (world.near.asked, world.chain.sent) == (0, [])
    world.chain.mirrors[SEAT] = MirrorEntry(address_of(SECRET), OWN)
    world.clock.advance(60)
    world.settle()
    assert world.near.lane() == 1


def test_mirror_of_the_same_region_is_refused_by_the_chain_and_sends_nothing(
    world: MirrorWorld,
) -> None:
    world.chain.mirrors[SEAT] = MirrorEntry(address_of(SECRET), NEXT)
    world.near.anchor()
    world.settle(4)
    assert world.near.lane() == 0
    assert world.chain.sent == []
    (error,) = world.mirroring.status().errors
    assert error.code == "contract-revert"


def test_second_mirror_over_one_database_silences_the_first(world: MirrorWorld) -> None:
    world.near.anchor()
    world.settle()
    second = world.new_mirroring()
    second.run_once()
    world.near.put()
    world.near.anchor()
    assert world.mirroring.run_once() is False
    stopped_by = world.mirroring.status().stopped_by
    assert stopped_by is not None and stopped_by.code == FencedError.code
    second.run_once()
    world.chain.mine()
    assert world.near.lane() == 2


@pytest.fixture
def passed() -> Iterator[list[str]]:
    names: list[str] = []
    crash_points.watch(names.append)
    yield names
    crash_points.watch(None)


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    "point", [name for name in crash_points.CRASH_POINTS if name.startswith("mirror.")]
)
def test_mirror_killed_at_any_point_confirms_after_a_restart(
    world: MirrorWorld, point: str, passed: list[str]
) -> None:
    world.near.put(300)
    world.near.anchor()
    world.settle()
    assert point in passed

    def kill(name: str) -> None:
        if name == point:
            raise Killed

    world.near.put(5)
    world.near.anchor()
    crash_points.watch(kill)
    with pytest.raises(Killed):
        world.settle()
    crash_points.watch(None)
    world.restart()
    world.chain.mine()
    world.settle(5)
    assert world.near.lane() == 2
    assert world.stored(world.near) == world.near.entries
