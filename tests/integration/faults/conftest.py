"""A chain and the folder of one region's node, made as the fault tables make them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

from faulting.network import Network, Place, network  # noqa: E402


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with network(tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.fixture(scope="session")
def place(net: Network) -> Place:
    (place,) = net.found("310000")
    return place
