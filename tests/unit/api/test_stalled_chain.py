"""A chain that answers and seals nothing has a word of its own, and what is served stays proved."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from worlds.node import World
from worlds.node_app import TOKEN, app_of, client_of

from ledger.core.headers import parse_header
from ledger.errors import ChainForkedError
from ledger.services.background.watch import STALLED_AFTER_S

MAX_AGE_S = 600


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.kill()


async def ask(world: World, age: int) -> httpx.Response:
    """Ask when the newest block is that old."""
    world.settle()
    newest = world.chain.fetch_header(world.chain.latest_block())[1]
    since = world.clock.now().timestamp() - parse_header(newest).timestamp
    world.clock.advance(age - since)
    async with client_of(app_of(world)) as client:
        return await client.get("/readyz?verbose")


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (STALLED_AFTER_S, ("ok", "ok")),
        (STALLED_AFTER_S + 1, ("warning", "chain-stalled")),
        (MAX_AGE_S - 1, ("warning", "chain-stalled")),
    ],
)
async def test_readyz_names_a_chain_that_stands_and_stays_ready(
    fresh: World, age: int, expected: tuple[str, str]
) -> None:
    answer = await ask(fresh, age)
    assert answer.status_code == 200
    (found,) = [one for one in answer.json()["checks"] if one["name"] == "chain"]
    assert (found["state"], found["code"]) == expected


async def test_readyz_says_since_when_the_chain_stands_and_how_long(fresh: World) -> None:
    answer = await ask(fresh, STALLED_AFTER_S + 15)
    found = {one["name"]: one for one in answer.json()["checks"]}
    newest = fresh.chain.fetch_header(fresh.chain.latest_block())[1]
    since = datetime.fromisoformat(found["chain"]["since"])
    assert since.timestamp() == parse_header(newest).timestamp
    assert found["chain"]["lasted_s"] == STALLED_AFTER_S + 15
    assert (found["store"]["since"], found["store"]["lasted_s"]) == (None, None)


async def test_chain_that_seals_again_is_no_longer_named(fresh: World) -> None:
    await ask(fresh, STALLED_AFTER_S + 15)
    fresh.chain.mine()
    async with client_of(app_of(fresh)) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]) == (200, [])


async def test_metrics_give_the_age_of_the_newest_block_and_call_the_chain_up(fresh: World) -> None:
    await ask(fresh, STALLED_AFTER_S + 15)
    async with client_of(app_of(fresh), token=TOKEN) as client:
        lines = (await client.get("/metrics")).text.splitlines()
    assert f"credit_ledger_chain_head_age_seconds {STALLED_AFTER_S + 15}.0" in lines
    assert "credit_ledger_chain_up 1.0" in lines
    assert "credit_ledger_ready 1.0" in lines


async def test_readyz_after_long_is_not_ready_and_still_names_the_chain(fresh: World) -> None:
    answer = await ask(fresh, MAX_AGE_S + 60)
    assert (answer.status_code, answer.json()["detail"]) == (503, "snapshot-too-old")
    assert {"field": "chain", "code": "chain-stalled"} in answer.json()["errors"]


async def test_readyz_tells_a_silent_chain_from_one_that_stands(fresh: World) -> None:
    fresh.settle()
    fresh.chain.is_down = True
    async with client_of(app_of(fresh)) as client:
        answer = await client.get("/readyz?verbose")
    (found,) = [one for one in answer.json()["checks"] if one["name"] == "chain"]
    assert found["code"] == "chain-unavailable"


async def test_readyz_names_a_chain_that_its_validators_forked(
    fresh: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def latest_block() -> int:
        raise ChainForkedError("block 7: validators sealed two")

    fresh.settle()
    monkeypatch.setattr(fresh.chain, "latest_block", latest_block)
    async with client_of(app_of(fresh)) as client:
        answer = await client.get("/readyz?verbose")
    (found,) = [one for one in answer.json()["checks"] if one["name"] == "chain"]
    assert found["code"] == "chain-forked"
