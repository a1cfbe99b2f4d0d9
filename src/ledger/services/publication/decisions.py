"""What becomes of each row of a file, decided against the records that the ledger knows.

Decisions are made outside a transaction, on what was read; the store refuses to write them if the
state they were made on has changed, and they are made again.
"""

from collections.abc import Callable, Sequence
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
from ledger.services.publication.report import Effect, Outcome, RowReport
from ledger.services.stored import Ending, Put, StoredRecord

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
    store: PublicationStore,
    identity: RecordIdentity,
    maker: EventMaker,
    today: date,
    proved: date,
    tick: Tick,
) -> Decisions:
    """Decide a file of records: publish the new, keep the known, refuse what contradicts.

    Args:
        rows: The rows of the file.
        store: Knows the records so far.
        identity: By what records are known again.
        maker: Makes events.
        today: The node's day, on which they are published.
        proved: The chain's day; what is not over by this one either is left to the sweep.
        tick: Called once a row.
    """
    names = {row.row: identity.natural_key(row.record) for row in rows if row.record is not None}
    known = store.records_by_natural_key(list(set(names.values())))
    in_file: dict[Hash32, Put] = {}
    decisions = Decisions()
    for row in rows:
        tick()
        if row.record is None:
            _pass_on(row, decisions)
            continue
        name, content = names[row.row], identity.content_digest(row.record)
        if name in known:
            _compare(row, row.record, content, known[name], decisions)
        elif name in in_file:
            earlier = in_file[name].record
            if earlier.content_digest == content:
                decisions.keep(row.row, earlier.record_id)
            else:
                decisions.reject(row.row, _conflict(row.row, "another row of this file"))
        else:
            put = maker.put(
                row.record, natural_key=name, content=content, today=today, proved=proved
            )
            in_file[name] = put
            decisions.puts.append(put)
            effect = Effect.PUT if put.ending is None else Effect.PUT_AND_ENDED
            decisions.accept(row.row, effect, put.record.record_id)
    return decisions


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


def _compare(
    row: ParsedRow, record: Record, content: Hash32, known: StoredRecord, decisions: Decisions
) -> None:
    if not known.is_in_force:
        # Only an explicit reversal publishes it again: a scraper that sends old rows must not bring
        # back what was repaired.
        error = _already_ended(row.row, known.ended_kind)
        decisions.reject(row.row, error, record_id=known.record_id)
    elif known.content_digest == content:
        decisions.keep(row.row, known.record_id)
    else:
        decisions.reject(
            row.row, _conflict(row.row, "the published record"), record_id=known.record_id
        )


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


def _already_ended(row: int, kind: str | None) -> RowError:
    return state_error(row, None, "already-ended", expected="a record in force", found=kind)
