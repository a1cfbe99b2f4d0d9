"""All checks of one node together."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

from faulting.book import Book
from faulting.checks.anchored import check_heads
from faulting.checks.findings import DOUBLED, FSCK, LOST, STUCK, WRONG, Finding
from faulting.checks.tables import Tables, read_tables
from faulting.network import Place
from ledger.bootstrap.auditing import audit_node
from ledger.core.stream.entry import parse_entry
from ledger.errors import LedgerError


def after_kill(place: Place, book: Book) -> list[Finding]:
    """What must hold at every moment, whatever the process was doing when it died."""
    tables = read_tables(place.database)
    if tables is None:
        promised = any(record.is_acknowledged for record in book.records.values())
        return [Finding(LOST, f"{place.region}: there is no database")] if promised else []
    return [*_promises(tables, book), *_shape(tables)]


def at_rest(place: Place, book: Book, today: date, *, idle: int | None = 0) -> list[Finding]:
    """What must hold once everything that was accepted is proved.

    Args:
        place: Where the node lives.
        book: What its sender knows.
        today: The day of the node.
        idle: Transactions of the anchor key that took no effect; None for any number.
    """
    tables = read_tables(place.database)
    if tables is None:
        return [Finding(LOST, f"{place.region}: there is no database")]
    found = [*_promises(tables, book), *_shape(tables), *_standing(tables, book, today)]
    waiting = sum(one["log_index"] is None for one in tables.events)
    if waiting:
        found.append(Finding(STUCK, f"{place.region}: {waiting} events have no index"))
    return [*found, *check_heads(place, tables, idle), *_audit(place)]


def _promises(tables: Tables, book: Book) -> Iterator[Finding]:
    """Every acknowledged record is there, and none is there twice."""
    of_document = Counter(one["document_number"] for one in tables.records)
    puts = Counter(
        (one["record_id"], one["version"]) for one in tables.events if one["op"] == "put"
    )
    drops = Counter(one["record_id"] for one in tables.events if one["op"] == "drop")
    ids = {one["document_number"]: one for one in tables.records}
    for record in book.records.values():
        document = book.document(record.number)
        if of_document[document] > 1:
            yield Finding(DOUBLED, f"{document}: {of_document[document]} records")
        row = ids.get(document)
        if row is None:
            if record.is_acknowledged:
                yield Finding(LOST, f"{document}: acknowledged, no record")
            continue
        for version in range(1, row["version"] + 1):
            if (count := puts[row["record_id"], version]) != 1:
                text = f"{document}: expected one put of version {version}, found {count}"
                yield Finding(DOUBLED if count else LOST, text)
        if record.is_acknowledged and row["version"] < record.version:
            text = f"{document}: version {record.version} was acknowledged"
            yield Finding(LOST, f"{text}, found {row['version']}")
        if record.is_acknowledged and record.status == "ended" and row["status"] != "ended":
            yield Finding(LOST, f"{document}: its end was acknowledged, it is in force")
    for key, count in puts.items():
        if count > 1:
            yield Finding(DOUBLED, f"record {key}: {count} puts of one version")
    for key, count in drops.items():
        if count > 1:
            yield Finding(DOUBLED, f"record {key}: {count} drops")


def _shape(tables: Tables) -> Iterator[Finding]:
    """No gap, and one index an event."""
    for stream, entries in tables.entries.items():
        if [index for index, _ in entries] != list(range(len(entries))):
            yield Finding(LOST, f"{stream}: the log has a gap")
        commitments = Counter(parse_entry(entry).event for index, entry in entries if index)
        indexed = {
            one["commitment"]: one["log_index"]
            for one in tables.events
            if one["stream"] == stream and one["log_index"] is not None
        }
        for commitment, count in commitments.items():
            if count > 1:
                yield Finding(DOUBLED, f"{stream}: one event in {count} entries")
            if commitment not in indexed:
                yield Finding(WRONG, f"{stream}: an entry without its event")
        if len(indexed) != len(entries) - 1:
            yield Finding(LOST, f"{stream}: {len(indexed)} indices, {len(entries) - 1} entries")
    live = Counter((one["stream"], one["live_epoch"]) for one in tables.outbox)
    for (stream, epoch), count in live.items():
        if epoch is not None and count > 1:
            yield Finding(DOUBLED, f"{stream}: {count} heads for epoch {epoch}")


def _standing(tables: Tables, book: Book, today: date) -> Iterator[Finding]:
    """Every record stands as its sender expects."""
    status = {one["document_number"]: one["status"] for one in tables.records}
    for record in book.records.values():
        expected = book.expected(record, today)
        found = status.get(book.document(record.number))
        if record.is_acknowledged and found != expected:
            document = book.document(record.number)
            yield Finding(LOST, f"{document}: expected {expected}, found {found}")


def _audit(place: Place) -> Iterator[Finding]:
    """``credit-ledger fsck`` finds nothing and leaves nothing out."""
    try:
        report = audit_node(place.folder)
    except LedgerError as error:
        yield Finding(FSCK, f"{place.region}: {error.code}: {error}")
        return
    for one in report.findings:
        yield Finding(FSCK, f"{place.region}: {one}")
    for unknown in report.unknown:
        yield Finding(FSCK, f"{place.region}: not checked: {unknown.code}: {unknown.reason}")
