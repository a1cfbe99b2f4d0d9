"""One stopped node with something of everything, and copies of its database to damage."""

import shutil
from pathlib import Path

import pytest
from worlds.auditing import AuditedWorld, lived_in
from worlds.damage import Damaged

from ledger.services.audit import Memory, NodeIdentity


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> AuditedWorld:
    return lived_in(tmp_path_factory.mktemp("lived"))


@pytest.fixture(scope="session")
def identity(lived: AuditedWorld) -> tuple[NodeIdentity, Memory]:
    return lived.identity(), Memory()


@pytest.fixture
def damaged(lived: AuditedWorld, identity: tuple[NodeIdentity, Memory], tmp_path: Path) -> Damaged:
    path = tmp_path / "node.db"
    shutil.copyfile(lived.path, path)
    return Damaged(path, lived, *identity)
