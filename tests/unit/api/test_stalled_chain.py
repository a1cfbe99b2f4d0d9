"""A chain that answers and seals nothing has a word of its own, and what is served stays proved."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from worlds.node import World
from worlds.node_app import app_of, client_of

from ledger.core.headers import parse_header
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
