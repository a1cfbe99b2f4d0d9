"""What becomes of each row of a file, decided against the records that the ledger knows.

Decisions are made outside a transaction, on what was read; the store refuses to write them if the
state they were made on has changed, and they are made again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from ledger.core.intake import Change, ParsedRow
from ledger.core.intake.problems import RowError
from ledger.core.records.record import Record, match_form
from ledger.core.types import Hash32
from ledger.services.ports import PublicationStore
from ledger.services.publication.events import EventMaker
from ledger.services.publication.identity import RecordIdentity
from ledger.services.publication.problems import state_error
from ledger.services.publication.report import Effect, Mode, Outcome, RowReport
from ledger.services.stored import ENDED, Ending, Put, StoredRecord

Tick = Callable[[], None]
"""Called once a row."""


@dataclass(slots=True)
class Decisions:
    """Everything a batch writes, and the report of each row."""

    puts: list[Put] = field(default_factory=list)
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
        self.rows.append(RowReport(row, Outcome.ACCEPTED, effect, record_id))


def decide_records(
    rows: Sequence[ParsedRow],
    *,
    mode: Mode = Mode.PUBLISH,
    store: PublicationStore,
    identity: RecordIdentity,
    maker: EventMaker,
    today: date,
    proved: date,
    tick: Tick,
) -> Decisions:
    """Decide a file of records: publish the new, keep the known, refuse or amend what differs.

    Args:
        rows: The rows of the file.
        mode: Whether a row that differs from its record in force contradicts or amends it.
        store: Knows the records so far.
        identity: By what records are known again.
        maker: Makes events.
        today: The node's day, on which they are published.
        proved: The chain's day; what is not over by this one either is left to the sweep.
        tick: Called once a row.
    """
    names = {row.row: identity.natural_key(row.record) for row in rows if row.record is not None}
    known = store.records_by_natural_key(list(set(names.values())))
    decider = _RecordDecider(mode, known, maker, today, proved)
    for row in rows:
        tick()
        if row.record is None:
            _pass_on(row, decider.decisions)
        else:
            content = identity.content_digest(row.record)
            decider.decide(row.row, row.record, names[row.row], content)
    return decider.decisions


def decide_changes(
    rows: Sequence[ParsedRow],
    *,
    store: PublicationStore,
    maker: EventMaker,
    today: date,
    tick: Tick,
) -> Decisions:
    """Decide a file of changes: end each record that a row matches, and exactly one."""
    in_file: dict[str, Ending] = {}
    decisions = Decisions()
    for row in rows:
        tick()
        if row.change is None:
            _pass_on(row, decisions)
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
            ending = maker.change(change, record, today)
            in_file[record.record_id] = ending
            decisions.endings.append(ending)
            decisions.accept(row.row, Effect.ENDED, record.record_id)
    return decisions


def _pass_on(row: ParsedRow, decisions: Decisions) -> None:
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
        maker: EventMaker,
        today: date,
        proved: date,
    ) -> None:
        self._mode = mode
        self._known = known
        self._maker = maker
        self._today = today
        self._proved = proved
        self._in_file: dict[Hash32, tuple[Hash32, str]] = {}
        """Content and record of each name that an earlier row spoke of and was not refused."""
        self.decisions = Decisions()

    def decide(self, row: int, record: Record, name: Hash32, content: Hash32) -> None:
        """Decide one row."""
        known, earlier = self._known.get(name), self._in_file.get(name)
        if earlier is not None:
            self._compare_in_file(row, content, *earlier)
        elif known is None:
            self._publish(row, record, name, content)
        elif ended := self._ended_by(known):
            # Only an explicit reversal publishes it again: a scraper that sends old rows must not
            # bring back what was repaired.
            error = _already_ended(row, ended)
            self.decisions.reject(row, error, record_id=known.record_id)
        elif known.content_digest == content:
            self._in_file[name] = (content, known.record_id)
            self.decisions.keep(row, known.record_id)
        elif self._mode is Mode.AMEND:
            self._amend(row, record, known, content)
        else:
            error = _conflict(row, "the published record")
            self.decisions.reject(row, error, record_id=known.record_id)

    def _compare_in_file(self, row: int, content: Hash32, earlier: Hash32, record_id: str) -> None:
        # Two rows that contradict each other: which of them is meant is not guessed by their order.
        if earlier == content:
            self.decisions.keep(row, record_id)
        else:
            self.decisions.reject(row, _conflict(row, "another row of this file"))

    def _ended_by(self, known: StoredRecord) -> str | None:
        if not known.is_in_force:
            return known.ended_kind or ENDED
        until = known.in_force_until
        is_over = until is not None and until < min(self._today, self._proved)
        # Over, though the sweep was not here yet: an amendment must not bring it back.
        return "expire" if is_over and self._mode is Mode.AMEND else None

    def _publish(self, row: int, record: Record, name: Hash32, content: Hash32) -> None:
        if self._mode is Mode.AMEND:
            self.decisions.reject(row, _nothing_to_amend(row))
            return
        put = self._maker.put(
            record, natural_key=name, content=content, today=self._today, proved=self._proved
        )
        self._take(row, put, Effect.PUT if put.ending is None else Effect.PUT_AND_ENDED)

    def _amend(self, row: int, record: Record, known: StoredRecord, content: Hash32) -> None:
        put = self._maker.amend(
            record, known, content=content, today=self._today, proved=self._proved
        )
        self._take(row, put, Effect.AMENDED if put.ending is None else Effect.AMENDED_AND_ENDED)

    def _take(self, row: int, put: Put, effect: Effect) -> None:
        self._in_file[put.record.natural_key] = (put.record.content_digest, put.record.record_id)
        self.decisions.puts.append(put)
        self.decisions.accept(row, effect, put.record.record_id)


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
