"""One consortium for all tests that only use it; tests that break one make their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds.shared_consortium import SharedConsortium

from ledger.adapters.devnet.qbft import control


@pytest.fixture(scope="session")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedConsortium]:
    root = tmp_path_factory.mktemp("consortium")
    try:
        yield SharedConsortium(root)
    finally:
        control.down(root)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory whose consortium, if any, is gone afterwards."""
    folder = tmp_path / "consortium"
    yield folder
    control.down(folder)
