"""The threads of mirroring: a region that never answers holds up nobody but itself."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from worlds.mirrors import MirrorWorld

from ledger.core.stream.tiles import Bundle
from ledger.services.mirror import mirroring
from ledger.services.ports.mirroring import LogName

DEADLINE_S = 60.0


def wait(world: MirrorWorld, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not reached():
        assert time.monotonic() < deadline, world.mirroring.status()
        world.chain.mine()
        world.clock.advance(1)
        time.sleep(0.01)


def test_region_that_never_answers_holds_up_nobody_but_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = MirrorWorld(tmp_path)
    released, held = threading.Event(), threading.Event()
    honest = world.source.fetch_bundle

    def slow(log: LogName, bundle: Bundle, *, seat: int) -> tuple[bytes, ...]:
        if log.region == world.near.region:
            held.set()
            released.wait(DEADLINE_S)
        return honest(log, bundle, seat=seat)

    monkeypatch.setattr(world.source, "fetch_bundle", slow)
    world.mirroring.start()
    try:
        world.near.anchor()
        for epoch in (1, 2, 3):
            world.far.put()
            world.far.anchor()
            wait(world, lambda epoch=epoch: world.far.lane() == epoch)  # type: ignore[misc]
        assert held.is_set()
        assert world.near.lane() == 0
        assert world.mirroring.status().is_running
        released.set()
        wait(world, lambda: world.near.lane() == 1)
    finally:
        released.set()
        world.mirroring.stop()
    assert not world.mirroring.status().is_running
    assert world.mirroring.status().errors == ()


def test_mirroring_that_is_stopped_while_it_catches_up_ends_and_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = MirrorWorld(tmp_path)
    world.near.put(3000)
    world.near.anchor()
    under_way = threading.Event()
    honest = world.source.fetch_bundle

    def watched(log: LogName, bundle: Bundle, *, seat: int) -> tuple[bytes, ...]:
        under_way.set()
        return honest(log, bundle, seat=seat)

    monkeypatch.setattr(world.source, "fetch_bundle", watched)
    world.mirroring.start()
    assert under_way.wait(DEADLINE_S)
    world.mirroring.stop()
    assert not world.mirroring.status().is_running
    world.restart()
    world.settle(4)
    assert world.near.lane() == 1
    assert world.stored(world.near) == world.near.entries


def test_node_that_mirrors_nobody_starts_no_thread(tmp_path: Path) -> None:
    world = MirrorWorld(tmp_path)
    before = threading.active_count()
    nobody = mirroring.Mirroring(
        region="110000",
        trust_root=world.trust_root(),
        store=world.store,
        source=world.source,
        chain=world.chain,
        clock=world.clock,
        keys=[world.key],
    )
    nobody.start()
    assert threading.active_count() == before
    assert nobody.run_once()
    assert nobody.status().sources == ()
    nobody.stop()
