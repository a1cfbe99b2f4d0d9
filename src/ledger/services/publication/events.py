"""Makes the events of rows: commitments, map keys and what the store keeps with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from ledger.core.intake import Change
from ledger.core.records.catalogue import RECORD_TYPES, record_type
from ledger.core.records.event import PreparedEvent, prepare_drop
from ledger.core.records.put_form import PutForm
from ledger.core.records.record import Record, match_form
from ledger.core.types import Hash32
from ledger.errors import GenerationChangingError
from ledger.services.ports import Entropy, PublicationStore
from ledger.services.stored import Ending, NewEvent, NewRecord, Put, StoredRecord, StreamLog
from ledger.services.stream.subject_keys import SubjectKeys

RECORD_ID_BYTES: Final = 16


Generations = Mapping[str, int]
"""The generation of each stream that takes events."""


def accepting_generations(store: PublicationStore) -> Generations:
    """The generation of each stream that takes events now, or will as soon as it is filled.

    The store refuses events for one that is not filled yet.
    """
    return {stream: found.generation for stream, found in store.accepting().items()}


class PutPlan(NamedTuple):
    """How a record is put, decided before its event is made."""

    kind: str
    """``publish`` or ``amend``."""
    record_id: str
    """A new one, or that of the amended record."""
    version: int
    """1, or one more than the amended version."""
    natural_key: Hash32
    content_digest: Hash32
    target_seq: int | None
    """The put that an amendment replaces."""
    ends: bool
    """Its last day is over: it is expired in the same batch."""


@dataclass(frozen=True, slots=True)
class _Standing:
    """A record as a drop event names it; ``put_seq`` is None while its put is not stored yet."""

    stream: str
    record_type: str
    subject: str
    issuer: str
    record_id: str
    version: int
    put_seq: int | None


class EventMaker:
    """Prepares events of one region.

    Args:
        region: GB/T 2260 code, six digits.
        keys: Derives map keys.
        entropy: Source of salts and record ids.
    """

    def __init__(self, *, region: str, keys: SubjectKeys, entropy: Entropy) -> None:
        self._region = region
        self._keys = keys
        self._entropy = entropy
        self._forms: dict[tuple[str, date], PutForm] = {}

    def put(self, record: Record, plan: PutPlan, *, today: date, generations: Generations) -> Put:
        """Put a record in force as planned; one that ends is expired in the same batch.

        An amendment stands in the place of the record's newest put, and the record's columns are
        from then on those of its event.
        """
        log = _log(record_type(record.record_type).stream, generations)
        prepared = self._form(record.record_type, today).prepare(
            record, event_kind=plan.kind, record_id=plan.record_id, version=plan.version
        )
        return Put(
            event=NewEvent(
                stream=log.stream,
                generation=log.generation,
                kind=plan.kind,
                op="put",
                record_type=record.record_type,
                subject=record.subject,
                record_id=plan.record_id,
                version=plan.version,
                map_key=self._keys.map_key_of(log, record.record_type, record.subject),
                commitment=prepared.commitment,
                event=prepared.event_bytes,
                salt=prepared.salt,
                disclosures=prepared.disclosures,
            ),
            record=NewRecord(
                record_id=plan.record_id,
                record_type=record.record_type,
                stream=log.stream,
                subject=record.subject,
                issuer=record.issuer,
                document_number=record.document_number,
                document_match=match_form(record.document_number),
                natural_key=plan.natural_key,
                content_digest=plan.content_digest,
                in_force_until=record.in_force_until,
            ),
            ending=self._expire_at_once(record, plan, log, today) if plan.ends else None,
            target_seq=plan.target_seq,
        )

    def _expire_at_once(self, record: Record, plan: PutPlan, log: StreamLog, today: date) -> Ending:
        standing = _Standing(
            log.stream,
            record.record_type,
            record.subject,
            record.issuer,
            plan.record_id,
            plan.version,
            None,
        )
        return self._end("expire", standing, log, record.in_force_until or today, today)

    def change(
        self, change: Change, record: StoredRecord, today: date, generations: Generations
    ) -> Ending:
        """End a record by a decision."""
        log, standing = _log(record.stream, generations), _standing(record)
        return self._end(change.kind, standing, log, change.decided_on, today, change.basis)

    def expire(self, record: StoredRecord, today: date, generations: Generations) -> Ending:
        """End a record whose last day is over; that day stands as the day of the decision."""
        log, standing = _log(record.stream, generations), _standing(record)
        return self._end("expire", standing, log, record.in_force_until or today, today)

    def _end(
        self,
        kind: str,
        record: _Standing,
        log: StreamLog,
        decided_on: date,
        today: date,
        basis: str | None = None,
    ) -> Ending:
        prepared = prepare_drop(
            kind,
            region=self._region,
            stream=record.stream,
            record_type=record.record_type,
            subject=record.subject,
            record_id=record.record_id,
            version=record.version,
            issuer=record.issuer,
            decided_on=decided_on.isoformat(),
            published_on=today.isoformat(),
            basis=basis,
            random=self._entropy,
        )
        return Ending(
            event=self._drop(prepared, log),
            kind=kind,
            decided_on=decided_on,
            target_seq=record.put_seq,
        )

    def _form(self, record_type_code: str, today: date) -> PutForm:
        name = (record_type_code, today)
        if name not in self._forms:
            self._forms = {
                (kind.code, today): PutForm(
                    kind,
                    region=self._region,
                    published_on=today.isoformat(),
                    random=self._entropy,
                )
                for kind in RECORD_TYPES.values()
            }
        return self._forms[name]

    def _drop(self, prepared: PreparedEvent, log: StreamLog) -> NewEvent:
        event = prepared.event
        return NewEvent(
            stream=log.stream,
            generation=log.generation,
            kind=event["kind"],
            op="drop",
            record_type=event["record_type"],
            subject=event["subject"],
            record_id=event["record_id"],
            version=event["version"],
            map_key=self._keys.map_key_of(log, event["record_type"], event["subject"]),
            commitment=prepared.commitment,
            event=prepared.event_bytes,
            salt=prepared.salt,
            disclosures=prepared.disclosures,
        )


def _log(stream: str, generations: Generations) -> StreamLog:
    generation = generations.get(stream)
    if generation is None:
        raise GenerationChangingError(f"{stream}: takes no events before the worker has begun it")
    return StreamLog(stream, generation)


def _standing(record: StoredRecord) -> _Standing:
    return _Standing(
        record.stream,
        record.record_type,
        record.subject,
        record.issuer,
        record.record_id,
        record.version,
        record.put_seq,
    )
