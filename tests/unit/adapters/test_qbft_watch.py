"""When the supervisor of a consortium starts all validators again, and when it must not."""

from ledger.adapters.devnet.qbft.directory import Wishes
from ledger.adapters.devnet.qbft.watch import SETTLE_S, STALL_S, Watch


def test_watch_chain_that_moves_is_left_alone() -> None:
    watch = Watch(quorum=4)
    assert not any(watch.see(float(second), second, 5) for second in range(200))


def test_watch_stall_with_a_quorum_restarts_all_once_and_waits() -> None:
    watch = Watch(quorum=4)
    said = [second for second in range(60) if watch.see(float(second), 7, 4)]
    assert said[0] == STALL_S
    assert said[1] - said[0] >= SETTLE_S
    assert watch.restarts == len(said) == 2


def test_watch_stall_without_a_quorum_restarts_nobody() -> None:
    watch = Watch(quorum=4)
    assert not any(watch.see(float(second), 7, 3) for second in range(600))


def test_watch_quorum_that_comes_back_is_given_time_from_then_on() -> None:
    watch = Watch(quorum=4)
    for second in range(100):
        assert not watch.see(float(second), 7, 3)
    said = [second for second in range(100, 140) if watch.see(float(second), 7, 4)]
    assert said[0] == 100 + STALL_S


def test_watch_silent_validators_are_a_stall_too() -> None:
    watch = Watch(quorum=4)
    watch.see(0.0, 5, 5)
    assert any(watch.see(float(second), None, 5) for second in range(1, 40))


def test_wishes_cut_between_groups_only() -> None:
    wishes = Wishes(groups=(("a", "b"), ("c",)))
    assert wishes.is_open("a", "b")
    assert not wishes.is_open("a", "c")
    assert not wishes.is_open("c", "d")
    assert Wishes().is_open("a", "d")
