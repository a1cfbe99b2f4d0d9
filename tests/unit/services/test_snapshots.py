"""Snapshots: nothing the chain says is believed, only what it proves."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from worlds.node import REGION, World, penalties, penalty

from ledger.core.chain.head_slots import CONTRADICTION, stream_id
from ledger.core.trust import Confirmation, Mirror
from ledger.services.lookup.answers import Result

RECORDS = stream_id(REGION, "records")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def require_mirrors(world: World, required: int, *mirrors: Mirror) -> None:
    numbers = tuple(mirror.number for mirror in mirrors)
    world.trust_root = replace(
        world.trust_root,
        mirrors=mirrors,
        confirmations=(Confirmation(REGION, "records", numbers, required),),
    )
    world.restart()


def error_codes(world: World) -> set[str]:
    return {error.code for error in world.worker.status().errors}


def test_snapshot_follows_every_block(world: World) -> None:
    world.settle(3)
    numbers = []
    for _ in range(3):
        world.tick()
        snapshot = world.records.snapshot
        assert snapshot is not None
        numbers.append(snapshot.block_number)
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]
    world.worker.run_once()
    world.worker.run_once()
    again = world.records.snapshot
    assert again is not None and again.block_number == numbers[-1] + 1


def test_snapshot_marks_the_row_anchored_and_the_report_says_so(world: World) -> None:
    report = world.publish(penalties(penalty(1)))
    states = []
    for _ in range(3):
        later = world.publication.report(report.batch_id)
        assert later is not None
        states.append(later.rows[0].state)
        world.tick()
    assert states == ["accepted", "integrated", "confirmed"]


def test_snapshot_waits_for_the_required_confirmations(world: World) -> None:
    require_mirrors(
        world, 2, Mirror(1, "a", "region"), Mirror(2, "b", "region"), Mirror(6, "b", "region")
    )
    world.settle(5)
    assert world.answer(1).result is Result.UNAVAILABLE
    world.chain.confirm(RECORDS, 2, 1)
    world.chain.confirm(RECORDS, 6, 1)  # the same operator twice
    world.settle(3)
    assert world.answer(1).result is Result.UNAVAILABLE
    world.chain.confirm(RECORDS, 1, 1)
    world.settle(3)
    assert world.numbers(1) == []
    snapshot = world.records.snapshot
    assert snapshot is not None and snapshot.words == (0, 1)


def test_snapshot_the_regulator_contradicts_is_not_served(world: World) -> None:
    require_mirrors(world, 1, Mirror(1, "a", "region"), Mirror(3, "reg", "regulator"))
    world.chain.confirm(RECORDS, 1, 1)
    world.settle(3)
    assert world.answer(1).result is Result.NONE
    world.publish(penalties(penalty(1)))
    world.chain.confirm(RECORDS, 1, 2)
    world.chain.confirm(RECORDS, 3, 2 + CONTRADICTION)
    world.settle(4)
    assert world.answer(1).result is Result.PENDING
    assert world.records.served_size == 1


def test_snapshot_of_other_code_is_refused(world: World) -> None:
    world.trust_root = replace(
        world.trust_root,
        head_anchor=replace(world.trust_root.head_anchor, code_hash=b"\x01" * 32),
    )
    world.restart()
    world.settle(4)
    assert error_codes(world) == {"root-mismatch"}
    assert world.answer(1).result is Result.UNAVAILABLE


def test_snapshot_of_a_replaced_contract_stops_the_worker(world: World) -> None:
    world.settle(3)
    world.chain.replace_contract(b"\x77" * 20)
    world.chain.mine()
    world.settle(2)
    status = world.worker.status()
    assert status.stopped_by is not None and status.stopped_by.step == "snapshots:records"


@pytest.mark.parametrize("fault", ["missing", "surplus", "flipped", "header"])
def test_snapshot_from_a_lying_chain_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    world.settle(3)
    proof, header = world.chain.fetch_proof, world.chain.fetch_header

    def lie(*arguments: Any) -> tuple[bytes, ...]:
        nodes = proof(*arguments)
        if fault == "missing":
            return nodes[1:]
        if fault == "surplus":
            return (*nodes, b"\xc2\x01\x02" * 20)
        if fault == "flipped":
            return (nodes[0][:-1] + bytes([nodes[0][-1] ^ 1]), *nodes[1:])
        return nodes

    def lie_header(number: int) -> tuple[bytes, bytes]:
        block_hash, rlp = header(number)
        return (b"\x01" * 32, rlp) if fault == "header" else (block_hash, rlp)

    monkeypatch.setattr(world.chain, "fetch_proof", lie)
    monkeypatch.setattr(world.chain, "fetch_header", lie_header)
    before = world.records.snapshot
    world.tick()
    world.tick()
    assert world.records.snapshot == before
    assert error_codes(world) == {"chain-unavailable" if fault == "header" else "malformed-proof"}
    monkeypatch.undo()
    world.clock.advance(60)
    world.settle(4)
    assert error_codes(world) == set()


def test_snapshot_of_a_sealed_chain_needs_its_validators(world: World) -> None:
    world.settle(1)
    world.trust_root = replace(world.trust_root, consensus="qbft")
    world.restart()
    world.settle(4)
    assert world.answer(1).result is Result.UNAVAILABLE
    assert world.worker.status().reason == "fatal-state"


def test_snapshot_of_an_empty_map_is_served(world: World) -> None:
    """Head word 2 is zero, which is proved by exclusion."""
    world.settle(3)
    snapshot = world.records.snapshot
    assert snapshot is not None and snapshot.head.map_root == b"\x00" * 32
    assert world.numbers(5) == []
