"""Puts this folder on the path, so that tests share the worlds in ``worlds``."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
SHARING = tuple(
    f"integration/{folder}" for folder in ("consortium", "governance", "devnet", "faults", "audit")
)
"""Folders whose files share a chain."""

LONGEST = ("integration", "interop", "property/test_attack_campaign.py", "property")
"""Begun first, so that no worker is left with one of them at the end."""

# What an example takes on a busy machine says nothing about the code: no test is timed.
settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests on one worker, and those that share a chain."""
    places = {item: item.path.relative_to(TESTS).as_posix() for item in items}
    for item, place in places.items():
        found = [folder for folder in SHARING if place.startswith(folder)]
        item.add_marker(pytest.mark.xdist_group(found[0] if found else place))
    items.sort(key=lambda item: _turn(places[item], LONGEST))


def _turn(place: str, longest: Sequence[str]) -> int:
    return next((n for n, part in enumerate(longest) if place.startswith(part)), len(longest))
