"""A World in which company 5 has a penalty in force."""

import pytest
from worlds.node import World, penalties, penalty


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("peer"))
    world.publish(penalties(penalty(5), penalty(7), penalty(8, subject=None)))
    world.settle()
    return world
