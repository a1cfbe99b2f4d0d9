"""One governed chain for all tests: they leave it running, and governed by the same Council."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds.founder import Founding
from worlds.governed import GovernedChain, governed_chain

from ledger.adapters.governance.deployment import load_deployment


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovernedChain]:
    with governed_chain(tmp_path_factory.mktemp("governed")) as chain:
        yield chain


@pytest.fixture
def founding(founded: GovernedChain, tmp_path: Path) -> Iterator[Founding]:
    """Somebody who founds contracts of its own on the same chain."""
    one = Founding(tmp_path, load_deployment(founded.path))
    yield one
    one.client.close()
