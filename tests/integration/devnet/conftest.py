"""One devnet for all tests that only use it; tests that break one make their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from worlds.devnet import Running, deploy

from ledger.adapters.devnet import control
from ledger.adapters.devnet.directory import DevnetDirectory
from ledger.adapters.evm.chain import EvmChain


@pytest.fixture(scope="session")
def devnet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = tmp_path_factory.mktemp("devnet")
    try:
        config = control.up(root, port=0).config
        assert config is not None
        directory = DevnetDirectory(root)
        yield Running(directory, deploy(directory, config))
    finally:
        control.down(root)


@pytest.fixture
def chain(devnet: Running) -> Iterator[EvmChain]:
    chain = devnet.chain()
    yield chain
    chain.close()


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory whose devnet, if any, is gone afterwards."""
    folder = tmp_path / "net"
    yield folder
    control.down(folder)
