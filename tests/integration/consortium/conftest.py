"""One consortium for all tests that only use it; tests that break one make their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.adapters.devnet.qbft import control
from ledger.adapters.devnet.qbft.directory import ConsortiumConfig, ConsortiumDirectory
from ledger.adapters.governance.creation import create_contracts
from ledger.adapters.governance.deployment import Deployment


class Consortium:
    """A running consortium with its contracts."""

    def __init__(self, root: Path) -> None:
        found = control.up(root).config
        assert found is not None
        self.root = root
        self.config: ConsortiumConfig = found
        self.directory = ConsortiumDirectory(root)
        self.deployment: Deployment = create_contracts(
            self.directory.deployment_file,
            chain_id=self.config.chain_id,
            rpc_urls=[one.rpc_url for one in self.config.validators],
            founder=self.directory.owner_key(),
            validators=[bytes.fromhex(one.address[2:]) for one in self.config.validators],
        )


@pytest.fixture(scope="session")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consortium]:
    root = tmp_path_factory.mktemp("consortium")
    try:
        yield Consortium(root)
    finally:
        control.down(root)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A directory whose consortium, if any, is gone afterwards."""
    folder = tmp_path / "consortium"
    yield folder
    control.down(folder)
