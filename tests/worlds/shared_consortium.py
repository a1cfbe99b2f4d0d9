"""A running consortium with its contracts, and what a test says that needs one."""

import os
from pathlib import Path

import pytest

from ledger.adapters.devnet.qbft import control
from ledger.adapters.devnet.qbft.directory import ConsortiumConfig, ConsortiumDirectory
from ledger.adapters.governance.creation import create_contracts
from ledger.adapters.governance.deployment import Deployment

NEEDS_VALIDATORS = pytest.mark.skipif(
    "CREDIT_LEDGER_TEST_CONSORTIUM" not in os.environ, reason="run ./scripts/test-consortium"
)
NEEDS_CONSORTIUM = [pytest.mark.devnet, pytest.mark.slow, NEEDS_VALIDATORS]
"""Marks of tests that build and start validators."""


class SharedConsortium:
    """A running consortium with its contracts."""

    def __init__(self, root: Path) -> None:
        found = control.up(root).config
        assert found is not None
        self.root = root
        self.config: ConsortiumConfig = found
        self.directory = ConsortiumDirectory(root)
        self.deployment: Deployment = deploy_over(self.directory, found)


def deploy_over(directory: ConsortiumDirectory, config: ConsortiumConfig) -> Deployment:
    """Create the contracts on a consortium."""
    return create_contracts(
        directory.deployment_file,
        chain_id=config.chain_id,
        rpc_urls=[one.rpc_url for one in config.validators],
        founder=directory.owner_key(),
        validators=[bytes.fromhex(one.address[2:]) for one in config.validators],
    )
