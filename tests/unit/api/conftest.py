"""One node for all tests of the API: a penalty of company 5 in force, nothing about company 6."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from worlds.node import World, penalties, penalty
from worlds.node_app import TOKEN, app_of, client_of


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("node"))
    world.publish(penalties(penalty(5)))
    world.settle()
    return world


@pytest.fixture(scope="session")
def app(world: World) -> FastAPI:
    return app_of(world)


@pytest.fixture
async def anyone(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


@pytest.fixture
async def operator(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, token=TOKEN) as client:
        yield client
