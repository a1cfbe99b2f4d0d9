"""A file from its bytes to puts that wait to be written, a slice at a time.

Of a great file only what decisions need is kept of each row, beside its packed records; the puts
themselves are made little by little as they are written.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, groupby, islice
from operator import attrgetter
from typing import Final, Literal

from ledger.core.intake import Encoding, FileError, OpenedFile, ParsedRow, RowReader, open_file
from ledger.core.intake.layout import unused_columns
from ledger.core.verify.verdict import day_of
from ledger.errors import ConflictError
from ledger.services.ports import Clock
from ledger.services.publication.decisions import Decisions
from ledger.services.publication.events import Generations
from ledger.services.publication.report import Mode
from ledger.services.publication.slices import (
    SLICE_ROWS,
    ReadSlice,
    SliceToPrepare,
    SliceToRead,
    Workshop,
)
from ledger.services.stored import Put

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in the file)."""

AHEAD_SLICES: Final = 8
"""Slices whose puts are made before the transaction begins: a small file keeps other writers from
the database no longer than its writing takes; of a great one the rest is made meanwhile."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A file whose rows are read."""

    kind: Literal["records", "changes"]
    record_type: str | None
    ignored_columns: tuple[str, ...]
    dropped_columns: tuple[str, ...]
    slices: Sequence[ReadSlice] = ()
    """The rows of a file of records."""
    changes: Sequence[ParsedRow] = ()
    """The rows of a file of changes."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(len(one.rows) for one in self.slices) + len(self.changes)


class FileReading:
    """Reads files and makes the puts of their records.

    Args:
        region: GB/T 2260 code, six digits.
        workshop: Where the slices of files of records are worked on.
        clock: The node's clock.
    """

    def __init__(self, *, region: str, workshop: Workshop, clock: Clock) -> None:
        self._region = region
        self._workshop = workshop
        self._clock = clock

    def read(self, content: bytes, *, mode: Mode, encoding: Encoding | None) -> Reading:
        """Read a file.

        Raises:
            FileError: It cannot be read at all, or is one of changes sent as an amendment.
            UnavailableError: The work on it was lost on the way.
        """
        opened = open_file(content, encoding=encoding)
        unused = unused_columns(opened.layout)
        if opened.record_type is not None:
            # Lines and not rows, but enough to tell a great file by.
            slices = self._workshop.read(_slices(opened), content.count(b"\n"))
            return Reading("records", opened.record_type, *unused, slices=tuple(slices))
        reader = RowReader(None, opened.layout, region=self._region)
        rows = tuple(map(reader, opened.rows))
        if mode is Mode.AMEND:
            raise FileError("changes-as-amendment", expected="records", found="changes")
        return Reading("changes", None, *unused, changes=rows)

    def prepare(
        self,
        reading: Reading,
        decisions: Decisions,
        received_at: datetime,
        generations: Generations,
        progress: Progress | None,
    ) -> Iterator[Put]:
        """Make the puts that were decided, in their order.

        The first are made before this returns, the others when they are asked for.

        Raises:
            ConflictError: Midnight has passed, and they would be published on a day that is over.
            UnavailableError: The work on them was lost on the way.
        """
        today, total = day_of(received_at), reading.rows
        todo = _slices_of_puts(reading, decisions, today, generations)
        prepared = self._workshop.prepare(todo, len(decisions.puts))
        told = _telling(prepared, total - len(decisions.puts), total, progress)
        ahead = deque(islice(told, AHEAD_SLICES))

        def puts() -> Iterator[Put]:
            while ahead:
                yield from ahead.popleft()
            yield from chain.from_iterable(told)
            # Every put is made and none is committed: published_on must be the day of acceptance.
            if day_of(self._clock.now()) != today:
                raise ConflictError("day of publication: expected today, found yesterday")

        return puts()


def _slices(opened: OpenedFile) -> Iterator[SliceToRead]:
    while rows := tuple(islice(opened.rows, SLICE_ROWS)):
        yield SliceToRead(opened.record_type or "", opened.layout, rows)


def _slices_of_puts(
    reading: Reading, decisions: Decisions, today: date, generations: Generations
) -> Iterator[SliceToPrepare]:
    for number, placed in groupby(decisions.puts, key=attrgetter("slice")):
        plans = tuple([(one.place, one.plan) for one in placed])
        yield SliceToPrepare(reading.slices[number].records, plans, today, generations)


def _telling(
    prepared: Iterator[Sequence[Put]], done: int, total: int, progress: Progress | None
) -> Iterator[Sequence[Put]]:
    """Pass slices on and tell how far they are, beginning with the rows that write nothing."""
    if progress is not None and (done or not total):
        progress(done, total)
    for puts in prepared:
        done += len(puts)
        if progress is not None:
            progress(done, total)
        yield puts
