"""The work on a file that needs neither store nor clock, a slice of its rows at a time.

First a slice is *read*: every row becomes what decisions need to know of it, while the records
themselves stay packed. Once it is decided what is put, the puts of a slice are *prepared* from its
packed records. Both need the node's secrets (the key by which records are known again, the VRF
seeds) and fresh random bytes, and nothing else: they may happen in another process of the same
node, which is then as trusted as the node itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple, Protocol

from ledger.core.intake import RowError
from ledger.core.intake.file import RowReader
from ledger.core.intake.layout import Layout
from ledger.core.intake.table import Row
from ledger.core.records.record import Record
from ledger.core.types import Hash32
from ledger.services.publication.events import EventMaker, Generations, PutPlan
from ledger.services.publication.identity import RecordIdentity
from ledger.services.stored import Put

SLICE_ROWS: Final = 250
"""Rows of one slice; large enough that handing it over costs little."""


class ReadRow(NamedTuple):
    """What decisions need to know of a row of a file of records."""

    row: int
    """Its number."""
    natural_key: Hash32 | None = None
    """By what its record is known again; None: the row has no record."""
    content_digest: Hash32 | None = None
    """What its record says."""
    in_force_until: date | None = None
    """Last day of its record."""
    errors: tuple[RowError, ...] = ()
    """Everything that is wrong with the row."""
    skipped: bool = False
    """The row has only empty cells."""


Packed = Sequence[Record | None] | bytes
"""The record of each row of a slice; bytes that only their maker reads if it is another process."""


@dataclass(frozen=True, slots=True)
class ReadSlice:
    """A slice after reading."""

    rows: tuple[ReadRow, ...]
    records: Packed


@dataclass(frozen=True, slots=True)
class SliceToRead:
    """Rows of a file of records."""

    record_type: str
    layout: Layout
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class SliceToPrepare:
    """What is put of the records of one slice."""

    records: Packed
    plans: tuple[tuple[int, PutPlan], ...]
    """Place of each record within its slice, and how it is put."""
    today: date
    """The day of publication."""
    generations: Generations
    """Whose logs the puts are for."""


class Workshop(Protocol):
    """Where slices are worked on. Results come in the order of the slices."""

    def read(self, slices: Iterable[SliceToRead], rows: int | None) -> Iterator[ReadSlice]:
        """Read slices of one file.

        Args:
            slices: Asked for when there is room.
            rows: About how many rows there are; None where nobody knows.

        Raises:
            UnavailableError: The work was lost on the way; nothing was written.
        """
        ...

    def prepare(self, slices: Iterable[SliceToPrepare], rows: int) -> Iterator[Sequence[Put]]:
        """Prepare the puts of slices, each slice in order.

        Raises:
            MalformedRecordError: An event breaks its form.
            CanonicalizationError: A value has no canonical JSON.
            UnavailableError: The work was lost on the way; nothing was written.
        """
        ...


class OwnWorkshop:
    """Works in the caller's thread.

    Args:
        region: GB/T 2260 code, six digits.
        identity: By what records are known again.
        maker: Makes events.
    """

    def __init__(self, *, region: str, identity: RecordIdentity, maker: EventMaker) -> None:
        self._region = region
        self._identity = identity
        self._maker = maker

    def read(self, slices: Iterable[SliceToRead], rows: int | None = None) -> Iterator[ReadSlice]:
        """See ``Workshop``."""
        return map(self.read_slice, slices)

    def prepare(self, slices: Iterable[SliceToPrepare], rows: int = 0) -> Iterator[Sequence[Put]]:
        """See ``Workshop``."""
        return map(self.prepare_slice, slices)

    def read_slice(self, todo: SliceToRead) -> ReadSlice:
        """Read one slice."""
        reader = RowReader(todo.record_type, todo.layout, region=self._region)
        parsed = [reader(row) for row in todo.rows]
        rows = []
        for one in parsed:
            if one.record is None:
                rows.append(ReadRow(one.row, errors=one.errors, skipped=one.skipped))
            else:
                rows.append(
                    ReadRow(
                        one.row,
                        self._identity.natural_key(one.record),
                        self._identity.content_digest(one.record),
                        one.record.in_force_until,
                    )
                )
        return ReadSlice(tuple(rows), tuple([one.record for one in parsed]))

    def prepare_slice(self, todo: SliceToPrepare) -> Sequence[Put]:
        """Prepare the puts of one slice."""
        puts = []
        for place, plan in todo.plans:
            record = todo.records[place]
            if not isinstance(record, Record):
                raise TypeError("slice: expected a record that was read here")
            puts.append(
                self._maker.put(record, plan, today=todo.today, generations=todo.generations)
            )
        return puts
