"""The database as an audit sees it; adapters implement it.

Nothing is written, no migration is run, and everything read through one inspection is one state of
the database, that of its first read, whatever a running node writes meanwhile.
"""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from ledger.services.inspected import StorageFault

R = TypeVar("R", covariant=True)

OnFault = Callable[[StorageFault], None]
"""Told of every fault as it is met."""


class Inspection(Protocol):
    """One state of a database, to be read from end to end in bounded memory."""

    def check_storage(self, on_fault: OnFault) -> bool:
        """Check what the database says of itself: pages, indexes, references, schema.

        Returns:
            Whether its tables can be read at all.

        Raises:
            StoreUnavailableError: It cannot be opened now.
        """
        ...

    def count(self, kind: type[tuple[object, ...]]) -> int:
        """How many rows ``read`` would give."""
        ...

    def read(self, kind: type[R], on_fault: OnFault) -> Iterator[R]:
        """Rows of one kind of ``services.inspected`` in the order of that kind.

        =========== =================================
        rows        order
        =========== =================================
        facts       name
        fences      name
        generations stream
        batches     id
        events      record id, seq
        records     record id
        entries     stream, generation, index
        outbox      id
        snapshots   stream, generation, id
        mirrored    region, stream, generation, index
        =========== =================================

        Events of batches come by batch and seq, events of logs by stream, generation and index. A
        row with a value of another type than its column's is reported and left out; one whose
        checksum is not that of its values is reported and given out.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        ...
