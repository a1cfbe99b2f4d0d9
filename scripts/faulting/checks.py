"""What must hold of a node after every kill, and what once it has come to rest.

Everything is read from the bytes of the database and from the chain, with none of the node's own
bookkeeping: the log is replayed, roots are computed again, heads are compared with the contract's.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pysqlite3

from faulting.book import Book
from faulting.network import Place
from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.signing import address_of
from ledger.adapters.keystore import load_keys
from ledger.bootstrap.auditing import audit_node
from ledger.core.chain.head_slots import stream_id
from ledger.core.merkle import hash_leaf, root_hash
from ledger.core.prefix_tree import PrefixTree
from ledger.core.stream.entry import parse_entry
from ledger.core.stream.map_function import replay
from ledger.core.trust import TrustRoot, parse_trust_root
from ledger.errors import LedgerError
from ledger.settings import load_settings

LOST = "lost"
DOUBLED = "doubled"
STUCK = "stuck"
WRONG = "wrong"
FSCK = "fsck"
KINDS = (LOST, DOUBLED, STUCK, WRONG, FSCK)


@dataclass(frozen=True)
class Finding:
    """Something that must not be."""

    kind: str
    text: str


@dataclass
class Tables:
    """What the database holds, as it was read once."""

    records: list[Any]
    events: list[Any]
    entries: dict[str, list[tuple[int, bytes]]]
    outbox: list[Any]
    served: dict[str, int] = field(default_factory=dict)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(pysqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=10)) as connection:
        connection.row_factory = pysqlite3.Row
        yield connection


def read_tables(path: Path) -> Tables | None:
    """Read a node's database in one transaction; None before it was made."""
    if not path.exists():
        return None
    with _open(path) as connection:
        connection.execute("BEGIN")
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if "snapshots" not in names:
            return None
        entries: dict[str, list[tuple[int, bytes]]] = {}
        for stream, index, entry in connection.execute(
            "SELECT stream, log_index, entry FROM entries ORDER BY stream, log_index"
        ):
            entries.setdefault(stream, []).append((index, entry))
        return Tables(
            records=connection.execute("SELECT * FROM records").fetchall(),
            events=connection.execute("SELECT * FROM events").fetchall(),
            entries=entries,
            outbox=connection.execute("SELECT * FROM outbox ORDER BY id").fetchall(),
            served=dict(
                connection.execute(
                    "SELECT stream, max(size) FROM snapshots GROUP BY stream"
                ).fetchall()
            ),
        )


def pending(path: Path) -> int | None:
    """Accepted events that no stored snapshot covers; None while there is no snapshot."""
    tables = read_tables(path)
    if tables is None or not tables.served:
        return None
    return sum(
        one["log_index"] is None or one["log_index"] >= tables.served.get(one["stream"], 0)
        for one in tables.events
    )


def overdue(path: Path, today: date) -> int:
    """Records in force although their last day is over."""
    tables = read_tables(path)
    if tables is None:
        return 0
    return sum(
        one["status"] == "in_force"
        and one["in_force_until"] is not None
        and one["in_force_until"] < today.isoformat()
        for one in tables.records
    )


def after_kill(place: Place, book: Book) -> list[Finding]:
    """What must hold at every moment, whatever the process was doing when it died."""
    tables = read_tables(place.database)
    if tables is None:
        promised = any(record.is_acknowledged for record in book.records.values())
        return [Finding(LOST, f"{place.region}: there is no database")] if promised else []
    return [*_promises(tables, book), *_shape(tables)]


def at_rest(place: Place, book: Book, today: date) -> list[Finding]:
    """What must hold once everything that was accepted is proved."""
    tables = read_tables(place.database)
    if tables is None:
        return [Finding(LOST, f"{place.region}: there is no database")]
    found = [*_promises(tables, book), *_shape(tables), *_standing(tables, book, today)]
    waiting = sum(one["log_index"] is None for one in tables.events)
    if waiting:
        found.append(Finding(STUCK, f"{place.region}: {waiting} events have no index"))
    return [*found, *_chain(place, tables), *_audit(place)]


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


def _chain(place: Place, tables: Tables) -> Iterator[Finding]:
    """The chain's heads are the replay of the log, each anchored once."""
    root = parse_trust_root((place.folder / "trust-root.json").read_bytes())
    chain = open_chain(place, root)
    try:
        anchored = 0
        for stream, entries in tables.entries.items():
            head = chain.fetch_head(stream_id(place.region, stream))
            if head is None:
                yield Finding(STUCK, f"{place.region} {stream}: no head on chain")
                continue
            anchored += head.epoch
            yield from _replayed(stream, [entry for _, entry in entries], head)
            yield from _epochs(stream, head.epoch, tables)
        sent = chain.transaction_count(address_of(load_keys(place.folder).anchor_keys[-1]))
        if sent != anchored:
            text = f"{place.region}: {sent} transactions for {anchored} heads"
            yield Finding(DOUBLED, text)
    finally:
        chain.close()


def _replayed(stream: str, entries: list[bytes], head: Any) -> Iterator[Finding]:
    tree = PrefixTree()
    state = replay(entries)
    tree.update({key: state.value(key) for key in state.lists})
    expected = (len(entries), root_hash([hash_leaf(one) for one in entries]), tree.root())
    found = (head.size, head.log_root, head.map_root)
    if expected != found:
        text = f"{stream}: replay gives size {expected[0]}, the chain has {found[0]} or other roots"
        yield Finding(WRONG, text)


def _epochs(stream: str, newest: int, tables: Tables) -> Iterator[Finding]:
    live = sorted(
        one["live_epoch"]
        for one in tables.outbox
        if one["stream"] == stream and one["live_epoch"] is not None
    )
    if live != list(range(1, newest + 1)):
        yield Finding(WRONG, f"{stream}: {newest} epochs on chain, heads {live[-3:]} in the outbox")


def open_chain(place: Place, root: TrustRoot) -> EvmChain:
    """The node's way to the chain."""
    registry = root.region_registry
    return EvmChain(
        load_settings(place.folder).rpc_url,
        chain_id=root.chain_id,
        head_anchor=root.head_anchor.address,
        region_registry=None if registry is None else registry.address,
    )
