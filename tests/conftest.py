"""Puts this folder on the path, so that tests share the worlds in ``worlds``."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

SHARING = tuple(
    f"tests/integration/{folder}/"
    for folder in ("audit", "consortium", "devnet", "faults", "governance")
)
"""Folders whose files share a chain."""

LONGEST = ("tests/integration/consortium/", "tests/integration/", "tests/interop/", "tests/evm/")
"""Begun first, so that no worker is left with one of them at the end; then the rest."""

# What an example takes on a busy machine says nothing about the code: no test is timed.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")


class ByPlace(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps a file's tests on one worker, and those of a folder that shares a chain."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::", 1)[0]
        return next((folder for folder in SHARING if path.startswith(folder)), path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByPlace:
    """Who runs what, where tests run side by side."""
    return ByPlace(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest begin."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    return next((n for n, part in enumerate(LONGEST) if item.nodeid.startswith(part)), len(LONGEST))
