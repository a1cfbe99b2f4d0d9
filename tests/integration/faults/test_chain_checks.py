"""The checks of the chain's table find what a bug would do, and nothing where there is none."""

import argparse
import asyncio
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import faulting.sender
import httpx
import pytest
from fastapi import FastAPI
from faulting.chain.blocks import Sealed
from faulting.chain.command import ChainTable
from faulting.chain.report import RowReport, RowResult
from faulting.chain.rows.partitions import every_cut
from faulting.chain.run import Run
from faulting.chain.standing import Standing, check_answer, check_state
from faulting.chain.table import ROWS
from faulting.chain.traffic import quantile
from faulting.checks import DOUBLED, FALSE, LOST, STUCK, WRONG, Finding
from faulting.checks.acknowledged import CONTRADICTS, Lane, enough
from faulting.checks.anchored import AnchorEvent, check_events
from faulting.network import FaultsError, Place
from faulting.sender import Sender
from worlds.consortium import KEYS, VALIDATORS, SealedBlock
from worlds.node import REGION, World, penalties, penalty
from worlds.node_app import TOKEN, app_of

EVENTS = {"accepted": 2, "sequenced": 2, "integrated": 2, "anchored": 0, "confirmed": 0}
BATCH = {"id": 7, "state": "integrated", "events": EVENTS}
PENDING = {"result": "pending", "code": "change-not-anchored", "evidence": None}
HEADS = [AnchorEvent(1, 4), AnchorEvent(2, 6), AnchorEvent(3, 9)]


# --- False acknowledgements


class Running:
    is_alive = True

    def wait_up(self, deadline: float) -> bool:
        return True


class InOneGo(httpx.BaseTransport):
    """Runs an application for one request, for a client that knows no event loop."""

    def __init__(self, app: FastAPI) -> None:
        self.app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._ask(request))

    async def _ask(self, request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app)) as client:
            answer = await client.request(
                request.method, request.url, headers=request.headers, content=request.read()
            )
            content = await answer.aread()
        return httpx.Response(answer.status_code, content=content)


class Stood:
    """A real node over a chain that seals no block any more, and what is found of it."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.publish(penalties(penalty(9_001)))
        self.world.settle()
        app = app_of(self.world)
        self.found: list[Finding] = []

        class AppSender(Sender):
            def client(self) -> httpx.Client:
                key = {"Authorization": f"Bearer {TOKEN}"}
                return httpx.Client(transport=InOneGo(app), base_url="http://node", headers=key)

        sender = AppSender(Place(REGION, folder, ""), "1", self.found.append)
        self.standing = Standing(sender, Running(), self.found.append)

    def work(self) -> None:
        """Rounds of the worker, and no block."""
        for _ in range(4):
            self.world.worker.run_once()
            self.world.clock.advance(5)


@pytest.fixture
def stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stood]:
    keys = SimpleNamespace(operator_token=TOKEN)
    monkeypatch.setattr(faulting.sender, "load_keys", lambda _folder: keys)
    made = Stood(tmp_path)
    yield made
    made.world.kill()


def test_node_that_waits_for_the_chain_is_not_accused(stood: Stood) -> None:
    stood.standing.publish()
    stood.work()
    stood.standing.publish()
    stood.standing.look()
    assert stood.standing.accepted == 2
    assert stood.standing.looks > 2
    assert stood.found == []


def test_node_that_calls_a_head_anchored_before_its_block_is_found(stood: Stood) -> None:
    stood.standing.publish()
    stood.work()
    stood.world.records.note_anchored(stood.world.records.size)
    stood.standing.look()
    assert FALSE in {one.kind for one in stood.found}


def test_node_that_answers_from_the_head_before_is_found(
    stood: Stood, monkeypatch: pytest.MonkeyPatch
) -> None:
    stood.standing.publish()
    monkeypatch.setattr(stood.world.store, "is_pending", lambda *_: False)
    stood.standing.look()
    assert {one.kind for one in stood.found} == {FALSE}
    assert any("none" in one.text for one in stood.found)


def test_node_that_takes_no_file_while_the_chain_stands_is_stuck(
    stood: Stood, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Sender, "_send_once", lambda *_: None)
    monkeypatch.setattr("faulting.chain.standing.SEND_S", 0.1)
    stood.standing.publish()
    assert [one.kind for one in stood.found] == [STUCK]


@pytest.mark.parametrize("state", ["anchored", "confirmed"])
def test_batch_called_final_while_the_chain_stands_is_found(state: str) -> None:
    assert list(check_state(REGION, BATCH)) == []
    assert [one.kind for one in check_state(REGION, BATCH | {"state": state})] == [FALSE]
    counted = BATCH | {"events": EVENTS | {state: 1}}
    assert [one.kind for one in check_state(REGION, counted)] == [FALSE]


@pytest.mark.parametrize("result", ["none", "records"])
def test_pending_subject_with_a_proved_answer_is_found(result: str) -> None:
    assert list(check_answer(REGION, PENDING)) == []
    assert [one.kind for one in check_answer(REGION, PENDING | {"result": result})] == [FALSE]


def test_pending_subject_with_evidence_or_another_word_is_found() -> None:
    (with_evidence,) = check_answer(REGION, PENDING | {"evidence": {}})
    (unavailable,) = check_answer(REGION, PENDING | {"result": "unavailable"})
    assert (with_evidence.kind, unavailable.kind) == (FALSE, WRONG)


def test_confirmation_counts_operators_once_and_no_contradiction() -> None:
    lanes = [Lane("320000", 5), Lane("320000", 6), Lane("330000", 4), Lane("340000", CONTRADICTS)]
    assert enough(lanes, 4, 2) and enough(lanes, 5, 1)
    assert not enough(lanes, 5, 2) and not enough(lanes, 7, 1)
    assert not enough([Lane("340000", CONTRADICTS + 5)], 5, 1)


# --- One chain


def sealed(found: list[Finding]) -> Sealed:
    return Sealed(frozenset(VALIDATORS), found.append)


def take(blocks: Sealed, who: str, block: SealedBlock) -> None:
    blocks.take(who, block.number, block.block_hash, block.header)


def test_two_sealed_hashes_at_one_height_are_found() -> None:
    found: list[Finding] = []
    blocks = sealed(found)
    take(blocks, "shanghai", SealedBlock({}, timestamp=5))
    assert found == []
    take(blocks, "anhui", SealedBlock({}, timestamp=6))
    (one,) = found
    assert one.kind == WRONG and "two sealed blocks at height 1000" in one.text


def test_other_seals_of_one_block_are_no_fork() -> None:
    found: list[Finding] = []
    blocks = sealed(found)
    for who, keys in (("shanghai", KEYS[:4]), ("anhui", KEYS[1:])):
        take(blocks, who, SealedBlock({}, sealers=keys))
    assert found == []
    assert blocks.hash_at(1_000) == SealedBlock({}).block_hash


def test_header_with_too_few_seals_is_found_and_not_remembered() -> None:
    found: list[Finding] = []
    blocks = sealed(found)
    take(blocks, "shanghai", SealedBlock({}, sealers=KEYS[:3]))
    assert [one.kind for one in found] == [WRONG]
    assert blocks.height == 0


def test_gaps_are_between_first_sights() -> None:
    blocks = sealed([])
    begun = time.monotonic()
    for number in (1, 2, 2, 3):
        take(blocks, "shanghai", SealedBlock({}, number=number))
    gaps = blocks.gaps(begun, time.monotonic())
    assert len(gaps) == 2 and all(gap >= 0 for gap in gaps)


def test_four_validators_are_cut_in_every_way_once() -> None:
    names = ("a", "b", "c", "d")
    cuts = {frozenset(map(frozenset, parts)) for parts in every_cut(names)}
    assert len(cuts) == 7
    assert all(sorted(name for part in cut for name in part) == list(names) for cut in cuts)


# --- Heads


def test_heads_that_took_effect_once_each_are_sound() -> None:
    assert list(check_events("x", HEADS, 3, 9)) == []


@pytest.mark.parametrize(
    ("heads", "newest", "size", "kind"),
    [
        ([*HEADS, AnchorEvent(3, 9)], 3, 9, DOUBLED),
        ([*HEADS, AnchorEvent(4, 9)], 4, 9, DOUBLED),
        ([*HEADS[:2], AnchorEvent(3, 5)], 3, 5, DOUBLED),
        ([HEADS[0], HEADS[2]], 3, 9, WRONG),
        (HEADS, 4, 9, WRONG),
        (HEADS, 3, 10, LOST),
    ],
)
def test_heads_that_are_doubled_missing_or_short_are_found(
    heads: list[AnchorEvent], newest: int, size: int, kind: str
) -> None:
    assert kind in {one.kind for one in check_events("x", heads, newest, size)}


# --- The table


def table_of(tmp_path: Path, **options: object) -> ChainTable:
    given = {"only": None, "seed": 1, "quick": True, "kinds": ()} | options
    return ChainTable(argparse.Namespace(**given), tmp_path, lambda _text: None)


def test_row_that_breaks_off_is_a_finding_and_the_next_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_run: Run) -> None:
        raise FaultsError("no chain")

    def sound(run: Run) -> None:
        run.note("figure", 1.5)

    rows = {"first": broken, "second": sound}
    monkeypatch.setattr("faulting.chain.command.ROWS", rows)
    table = table_of(tmp_path)
    table.run()
    assert [(row.name, row.found) for row in table.report.rows] == [("first", 1), ("second", 0)]
    assert table.report.counts[WRONG] == 1 and not table.report.is_good
    assert table.report.content()["rows"]["second"]["figure"] == 1.5


def test_same_finding_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def twice(run: Run) -> None:
        for _ in range(2):
            run.report(Finding(LOST, "the same"))

    monkeypatch.setattr("faulting.chain.command.ROWS", {"twice": twice})
    table = table_of(tmp_path)
    table.run()
    assert table.report.findings == [Finding(LOST, "the same")]


def test_report_without_a_wanted_row_is_not_good() -> None:
    report = RowReport(1, wanted=("one-stopped",))
    assert not report.is_good
    report.rows.append(RowResult("one-stopped", {}, 0, 1.0))
    assert report.is_good


def test_rows_of_one_seed_choose_the_same(tmp_path: Path) -> None:
    made = [
        Run("x", tmp_path, "7 x", False, (), lambda _: None, lambda _: None).chance.random()
        for _ in range(2)
    ]
    assert made[0] == made[1]


def test_rows_are_named_as_the_page_names_them() -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "operations" / "faults.md"
    text = page.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in ROWS)


def test_quantile_is_a_value_that_was_seen() -> None:
    values = [3.0, 1.0, 2.0, 9.0]
    assert quantile([], 0.5) is None
    assert [quantile(values, share) for share in (0.0, 0.5, 0.99)] == [1.0, 3.0, 9.0]
    assert all(quantile(values, a) <= quantile(values, b) for a, b in pairwise((0.1, 0.6, 1.0)))  # type: ignore[operator]
