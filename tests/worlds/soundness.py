"""What must hold of a node at rest that nobody kept a book of."""

import random
from datetime import UTC, datetime

from faulting import checks
from faulting.book import Book
from faulting.network import Place

from ledger.core.verify.verdict import day_of


def assert_sound(place: Place) -> None:
    """No gap, no double, heads as replayed, and fsck clean."""
    nobodys = Book(place.region, random.Random(0))
    assert checks.at_rest(place, nobodys, day_of(datetime.now(UTC))) == []
