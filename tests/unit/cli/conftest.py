"""A World in which company 5 has a penalty in force, its evidence as files; and a folder."""

import pytest
from files import Files, write_files
from worlds.auditing import AuditedWorld
from worlds.lived_in_folder import lived_in_folder
from worlds.node import World, penalties, penalty


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("node"))
    world.publish(penalties(penalty(5)))
    world.settle()
    return world


@pytest.fixture(scope="session")
def files(world: World, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return write_files(world, tmp_path_factory.mktemp("evidence"))


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> AuditedWorld:
    return lived_in_folder(tmp_path_factory.mktemp("lived"))
