"""One governed chain for all tests: they leave it running, and governed by the same Council."""

from collections.abc import Iterator

import pytest
from worlds.governed import GovernedChain, governed_chain


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GovernedChain]:
    with governed_chain(tmp_path_factory.mktemp("governed")) as chain:
        yield chain
