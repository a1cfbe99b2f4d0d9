"""Taking a file in: read it, decide each row, write everything at once, report.

Order of durability:

1. Nothing is written while the file is read and its rows are decided; a crash costs nothing.
2. Batch, report, events and records are written in one transaction. It refuses if a decision was
   made on state that changed since; then step 1 runs again. The puts of a great file are made while
   it is open, so that they need not all be in memory; whatever fails there undoes all of it.
3. Only then is the report given out: what was acknowledged survives. If the reply is lost, sending
   the file again finds every row by its natural key, and sending it under the same idempotency key
   finds the batch itself. Nothing is published twice either way.
"""

import hashlib
import unicodedata
from dataclasses import replace
from datetime import date
from threading import Lock
from typing import Final

from ledger.core.intake import Encoding
from ledger.core.types import Hash32
from ledger.core.verify.verdict import day_of
from ledger.errors import ConflictError, InputError, KeyReusedError, StoreUnavailableError
from ledger.services.crash_points import reach
from ledger.services.ports import Clock, Entropy, PublicationStore
from ledger.services.publication.decisions import Decisions, decide_changes, decide_records
from ledger.services.publication.events import EventMaker, Generations, accepting_generations
from ledger.services.publication.identity import RecordIdentity
from ledger.services.publication.progress import state_of
from ledger.services.publication.reading import FileReading, Progress, Reading
from ledger.services.publication.report import (
    ENDING,
    BatchReport,
    Mode,
    Outcome,
    RowReport,
    encode_report,
    parse_report,
)
from ledger.services.publication.slices import OwnWorkshop, Workshop
from ledger.services.stored import NewBatch, RecordPosition, StoredBatch
from ledger.services.stream.state import proved_day
from ledger.services.stream.streams import NodeStreams
from ledger.services.stream.subject_keys import SubjectKeys

MAX_NAME_CHARS: Final = 255
"""Longest source name and idempotency key."""

UNFIT: Final = frozenset({"Cc", "Cs"})
"""Unicode categories that a name must not hold, controls and surrogates: not every database can."""

SENDING_DOMAIN: Final = b"credit-ledger/sending/v1\x00"
"""Domain separation of the digest of a file that was not sent in the usual way."""

TRIES: Final = 5
"""How often rows are decided again because another writer was quicker."""


class Publication:
    """Accepts files of one region; safe for use by many threads.

    Args:
        region: GB/T 2260 code, six digits.
        store: Where batches, events and records are kept.
        keys: Derives map keys.
        node_key: 32 secret bytes by which records are known again.
        clock: The node's clock.
        entropy: Source of salts and record ids.
        streams: The node's streams, to say how far a row has come.
        workshop: Where the rows of files are worked on; None: in the thread that accepts them.
    """

    def __init__(
        self,
        *,
        region: str,
        store: PublicationStore,
        keys: SubjectKeys,
        node_key: bytes,
        clock: Clock,
        entropy: Entropy,
        streams: NodeStreams,
        workshop: Workshop | None = None,
    ) -> None:
        self._store = store
        self._identity = RecordIdentity(region=region, node_key=node_key)
        self._maker = EventMaker(region=region, keys=keys, entropy=entropy)
        own = OwnWorkshop(region=region, identity=self._identity, maker=self._maker)
        self._reading = FileReading(region=region, workshop=workshop or own, clock=clock)
        self._entropy = entropy
        self._clock = clock
        self._streams = streams
        self._one_at_a_time = Lock()
        self._is_bound = False

    def accept(
        self,
        content: bytes,
        source_name: str,
        idempotency_key: str | None = None,
        *,
        mode: Mode = Mode.PUBLISH,
        encoding: Encoding | None = None,
        progress: Progress | None = None,
    ) -> BatchReport:
        """Take a file in; returns after everything it changes is stored.

        Args:
            content: The file, XLSX or CSV.
            source_name: What the sender calls it.
            idempotency_key: Names this sending; the same key with the same bytes is answered with
                the report of the first time.
            mode: Whether rows that differ from their records amend them.
            encoding: What the sender says that a text is in; None: found out from its bytes.
            progress: Told how far the decisions are.

        Raises:
            FileError: The file cannot be read at all, or is one of changes sent as an amendment.
            InputError: The name or key is too long, or holds control characters.
            KeyReusedError: The idempotency key came with other bytes before.
            GenerationChangingError: The stream goes over to its next generation just now; nothing
                was taken.
            FatalStateError: The database was filled under another node key.
            StoreUnavailableError: The outcome is unknown; send the same file again.
        """
        _check_names(source_name, idempotency_key)
        reach("publication.received")
        digest = _digest(content, mode, encoding)
        with self._one_at_a_time:
            self._bind()
            earlier = self._earlier(idempotency_key, digest)
            if earlier is not None:
                return self._read(earlier)
            # 1. Read and decide.
            reading = self._reading.read(content, mode=mode, encoding=encoding)
            reach("publication.parsed")
            for _ in range(TRIES):
                generations = accepting_generations(self._store)
                report, batch, decisions = self._decide(
                    reading, mode, source_name, idempotency_key, digest, generations
                )
                puts = self._reading.prepare(
                    reading, decisions, report.received_at, generations, progress
                )
                reach("publication.decided")
                try:
                    # 2. One transaction.
                    stored = self._store.commit_batch(batch, puts, decisions.endings)
                except ConflictError:
                    earlier = self._earlier(idempotency_key, digest)
                    if earlier is not None:
                        return self._read(earlier)
                    continue
                reach("publication.accepted")
                # 3. Acknowledged from here on.
                return self._with_states(replace(report, batch_id=stored.id))
            raise StoreUnavailableError(f"store: {TRIES} times another writer was quicker")

    def report(self, batch_id: int) -> BatchReport | None:
        """The report of a batch with the present state of its rows; None for an unknown number.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        stored = self._store.batch(batch_id)
        return None if stored is None else self._read(stored)

    def _bind(self) -> None:
        # Under another node key no record is known again: every row would be published twice.
        if not self._is_bound:
            self._store.bind("node-key", self._identity.fingerprint.hex())
            self._is_bound = True

    def _decide(
        self,
        reading: Reading,
        mode: Mode,
        source_name: str,
        idempotency_key: str | None,
        digest: bytes,
        generations: Generations,
    ) -> tuple[BatchReport, NewBatch, Decisions]:
        received_at = self._clock.now()
        today = day_of(received_at)
        if reading.kind == "records":
            decisions = decide_records(
                reading.slices,
                mode=mode,
                store=self._store,
                entropy=self._entropy,
                today=today,
                proved=self._proved_day() or today,
            )
        else:
            decisions = decide_changes(
                reading.changes,
                store=self._store,
                maker=self._maker,
                today=today,
                generations=generations,
            )
        report = BatchReport(
            batch_id=0,
            source_name=source_name,
            kind=reading.kind,
            record_type=reading.record_type,
            received_at=received_at,
            ignored_columns=reading.ignored_columns,
            dropped_columns=reading.dropped_columns,
            rows=tuple(decisions.rows),
            mode=mode,
        )
        batch = NewBatch(source_name, digest, idempotency_key, received_at, encode_report(report))
        return report, batch, decisions

    def _proved_day(self) -> date | None:
        # From the store: a process that has just started serves nothing yet, and just then the
        # clock may be wrong.
        logs = [log for one in self._streams.values() for log in one.sizes()]
        return proved_day(map(self._store.newest_snapshot, logs))

    def _earlier(self, idempotency_key: str | None, digest: bytes) -> StoredBatch | None:
        if idempotency_key is None:
            return None
        earlier = self._store.find_batch(idempotency_key)
        if earlier is not None and earlier.content_digest != digest:
            raise KeyReusedError(
                f"idempotency key: expected content {earlier.content_digest.hex()},"
                f" found {digest.hex()}"
            )
        return earlier

    def _read(self, stored: StoredBatch) -> BatchReport:
        report = parse_report(
            stored.report,
            batch_id=stored.id,
            source_name=stored.source_name,
            received_at=stored.received_at,
        )
        return self._with_states(report)

    def _with_states(self, report: BatchReport) -> BatchReport:
        known = {row.record_id for row in report.rows if row.record_id and row.state is None}
        positions = self._store.positions(list(known), report.batch_id)
        is_change = report.kind == "changes"
        return replace(
            report,
            rows=tuple(self._with_state(row, positions, is_change) for row in report.rows),
        )

    def _with_state(
        self, row: RowReport, positions: dict[str, RecordPosition], is_change: bool
    ) -> RowReport:
        position = None if row.state else positions.get(row.record_id or "")
        if position is None or row.outcome not in (Outcome.ACCEPTED, Outcome.UNCHANGED):
            return row
        # An unchanged row of a change file speaks of the end as well.
        ends = is_change or row.effect in ENDING
        return replace(row, state=state_of(self._streams, *position.place(is_end=ends)))


def _digest(content: bytes, mode: Mode, encoding: Encoding | None) -> Hash32:
    """Tells two sendings apart: the same bytes sent to amend, or as other text, are another one."""
    if mode is Mode.PUBLISH and encoding is None:
        return hashlib.sha256(content).digest()
    how = f"{mode.value}\x00{encoding.value if encoding else ''}\x00".encode()
    return hashlib.sha256(SENDING_DOMAIN + how + content).digest()


def _check_names(source_name: str, idempotency_key: str | None) -> None:
    for what, text in (("source name", source_name), ("idempotency key", idempotency_key)):
        if text is None:
            continue
        if not 1 <= len(text) <= MAX_NAME_CHARS:
            raise InputError(
                f"{what}: expected 1 to {MAX_NAME_CHARS} characters, found {len(text)}"
            )
        found = {unicodedata.category(one) for one in text} & UNFIT
        if found:
            raise InputError(f"{what}: expected no character of {sorted(UNFIT)}, found {found}")
