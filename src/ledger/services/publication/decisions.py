"""What becomes of each row of a file, decided against the records that the ledger knows.

Decisions are made outside a transaction, on what was read; the store refuses to write them if the
state they were made on has changed, and they are made again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from ledger.core.intake import Change, ParsedRow
from ledger.core.intake.problems import RowError
from ledger.core.records.record import match_form
from ledger.core.types import Hash32
from ledger.services.ports import Entropy, PublicationStore
from ledger.services.publication.events import RECORD_ID_BYTES, EventMaker, Generations, PutPlan
from ledger.services.publication.problems import state_error
from ledger.services.publication.report import Effect, Mode, Outcome, RowReport, State
from ledger.services.publication.slices import ReadRow, ReadSlice
from ledger.services.stored import ENDED, Ending, StoredRecord


class PlacedPlan(NamedTuple):
    """What is put, and where its record is."""

    slice: int
    """Number of its slice."""
    place: int
    """Its place in the slice."""
    plan: PutPlan


@dataclass(slots=True)
class Decisions:
    """Everything a batch writes, and the report of each row."""

    puts: list[PlacedPlan] = field(default_factory=list)
    """In the order of the rows."""
    endings: list[Ending] = field(default_factory=list)
    rows: list[RowReport] = field(default_factory=list)

    def reject(self, row: int, *errors: RowError, record_id: str | None = None) -> None:
        """Note that a row has errors."""
        self.rows.append(RowReport(row, Outcome.REJECTED, record_id=record_id, errors=errors))

    def keep(self, row: int, record_id: str) -> None:
        """Note that the ledger says the same already."""
        self.rows.append(RowReport(row, Outcome.UNCHANGED, record_id=record_id))

    def accept(self, row: int, effect: Effect, record_id: str) -> None:
        """Note what a row writes."""
        self.rows.append(RowReport(row, Outcome.ACCEPTED, effect, record_id, State.ACCEPTED))


def decide_records(
    slices: Sequence[ReadSlice],
    *,
    mode: Mode = Mode.PUBLISH,
    store: PublicationStore,
    entropy: Entropy,
    today: date,
    proved: date,
) -> Decisions:
    """Decide a file of records: publish the new, keep the known, refuse or amend what differs.

    Args:
        slices: The rows of the file.
        mode: Whether a row that differs from its record in force contradicts or amends it.
        store: Knows the records so far.
        entropy: Source of record ids.
        today: The node's day, on which they are published.
        proved: The chain's day; what is not over by this one either is left to the sweep.
    """
    names = {row.natural_key for one in slices for row in one.rows}
    known = store.records_by_natural_key([name for name in names if name is not None])
    decider = _RecordDecider(mode, known, entropy, min(today, proved))
    for number, one in enumerate(slices):
        for place, row in enumerate(one.rows):
            decider.decide(row, number, place)
    return decider.decisions


def decide_changes(
    rows: Sequence[ParsedRow],
    *,
    store: PublicationStore,
    maker: EventMaker,
    today: date,
    generations: Generations,
) -> Decisions:
    """Decide a file of changes: end each record that a row matches, and exactly one."""
    in_file: dict[str, Ending] = {}
    decisions = Decisions()
    for row in rows:
        if row.change is None:
            pass_on(row, decisions)
            continue
        change = row.change
        found = _matches(store, change)
        if len(found) != 1:
            decisions.reject(row.row, _unmatched(change, found))
            continue
        record = found[0]
        ended = _end_of(record, in_file)
        if ended == (change.kind, change.decided_on):
            decisions.keep(row.row, record.record_id)
        elif ended is not None:
            error = _already_ended(row.row, ended[0])
            decisions.reject(row.row, error, record_id=record.record_id)
        else:
            ending = maker.change(change, record, today, generations)
            in_file[record.record_id] = ending
            decisions.endings.append(ending)
            decisions.accept(row.row, Effect.ENDED, record.record_id)
    return decisions


def pass_on(row: ParsedRow | ReadRow, decisions: Decisions) -> None:
    """Report a row of which nothing is to be decided."""
    if row.skipped:
        decisions.rows.append(RowReport(row.row, Outcome.SKIPPED))
    else:
        decisions.reject(row.row, *row.errors)


class _RecordDecider:
    """Decides the rows of one file one after the other, in the light of the rows before."""

    def __init__(
        self,
        mode: Mode,
        known: Mapping[Hash32, StoredRecord],
        entropy: Entropy,
        over_before: date,
    ) -> None:
        self._mode = mode
        self._known = known
        self._entropy = entropy
        self._over_before = over_before
        """A last day before this one is over: by the clock and by the chain, as for ``Expiry``."""
        self._in_file: dict[Hash32, tuple[Hash32, str]] = {}
        """Content and record of each name that an earlier row spoke of and was not refused."""
        self.decisions = Decisions()

    def decide(self, row: ReadRow, number: int, place: int) -> None:
        """Decide one row, which has this place in the slice of this number."""
        name, content = row.natural_key, row.content_digest
        if name is None or content is None:
            pass_on(row, self.decisions)
            return
        known, earlier = self._known.get(name), self._in_file.get(name)
        if earlier is not None:
            self._compare_in_file(row.row, content, *earlier)
        elif known is None:
            self._publish(row, name, content, number, place)
        elif ended := self._ended_by(known):
            # Only an explicit reversal publishes it again: a scraper that sends old rows must not
            # bring back what was repaired.
            error = _already_ended(row.row, ended)
            self.decisions.reject(row.row, error, record_id=known.record_id)
        elif known.content_digest == content:
            self._in_file[name] = (content, known.record_id)
            self.decisions.keep(row.row, known.record_id)
        elif self._mode is Mode.AMEND:
            self._amend(row, known, content, number, place)
        else:
            error = _conflict(row.row, "the published record")
            self.decisions.reject(row.row, error, record_id=known.record_id)

    def _compare_in_file(self, row: int, content: Hash32, earlier: Hash32, record_id: str) -> None:
        # Two rows that contradict each other: which of them is meant is not guessed by their order.
        if earlier == content:
            self.decisions.keep(row, record_id)
        else:
            self.decisions.reject(row, _conflict(row, "another row of this file"))

    def _ended_by(self, known: StoredRecord) -> str | None:
        if not known.is_in_force:
            return known.ended_kind or ENDED
        # Over, though the sweep was not here yet: an amendment must not bring it back.
        is_over = self._is_over(known.in_force_until)
        return "expire" if is_over and self._mode is Mode.AMEND else None

    def _is_over(self, until: date | None) -> bool:
        return until is not None and until < self._over_before

    def _publish(
        self, row: ReadRow, name: Hash32, content: Hash32, number: int, place: int
    ) -> None:
        if self._mode is Mode.AMEND:
            self.decisions.reject(row.row, _nothing_to_amend(row.row))
            return
        ends = self._is_over(row.in_force_until)
        record_id = self._entropy(RECORD_ID_BYTES).hex()
        plan = PutPlan("publish", record_id, 1, name, content, None, ends)
        effect = Effect.PUT_AND_ENDED if ends else Effect.PUT
        self._take(row.row, PlacedPlan(number, place, plan), effect)

    def _amend(
        self, row: ReadRow, known: StoredRecord, content: Hash32, number: int, place: int
    ) -> None:
        # It keeps its id and is one version further.
        ends = self._is_over(row.in_force_until)
        plan = PutPlan(
            "amend",
            known.record_id,
            known.version + 1,
            known.natural_key,
            content,
            known.put_seq,
            ends,
        )
        effect = Effect.AMENDED_AND_ENDED if ends else Effect.AMENDED
        self._take(row.row, PlacedPlan(number, place, plan), effect)

    def _take(self, row: int, placed: PlacedPlan, effect: Effect) -> None:
        plan = placed.plan
        self._in_file[plan.natural_key] = (plan.content_digest, plan.record_id)
        self.decisions.puts.append(placed)
        self.decisions.accept(row, effect, plan.record_id)


def _matches(store: PublicationStore, change: Change) -> tuple[StoredRecord, ...]:
    found = store.records_by_document(
        change.record_type, match_form(change.document_number), change.subject
    )
    if change.issuer is None:
        return found
    return tuple(record for record in found if record.issuer == change.issuer)


def _end_of(record: StoredRecord, in_file: dict[str, Ending]) -> tuple[str, date] | None:
    """Kind and day of the end of a record, in the store or earlier in this file."""
    if record.record_id in in_file:
        earlier = in_file[record.record_id]
        return earlier.kind, earlier.decided_on
    if record.ended_kind is not None and record.ended_on is not None:
        return record.ended_kind, record.ended_on
    return None


def _unmatched(change: Change, found: tuple[StoredRecord, ...]) -> RowError:
    if not found:
        return state_error(change.row, None, "unknown-record", expected="a record", found="none")
    issuers = f"records of {len(found)} authorities"
    return state_error(change.row, None, "ambiguous", expected="one authority", found=issuers)


def _conflict(row: int, other: str) -> RowError:
    return state_error(row, None, "conflict", expected=f"the content of {other}", found="other")


def _nothing_to_amend(row: int) -> RowError:
    return state_error(row, None, "nothing-to-amend", expected="a published record", found="none")


def _already_ended(row: int, kind: str | None) -> RowError:
    return state_error(row, None, "already-ended", expected="a record in force", found=kind)
