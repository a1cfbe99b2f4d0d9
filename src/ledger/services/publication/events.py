"""Makes the events of rows: commitments, map keys and what the store keeps with them."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from ledger.core.intake import Change
from ledger.core.records.catalogue import RECORD_TYPES, record_type
from ledger.core.records.event import PreparedEvent, prepare_drop
from ledger.core.records.put_form import PutForm
from ledger.core.records.record import Record, match_form
from ledger.core.types import Hash32
from ledger.services.ports import Entropy
from ledger.services.stored import Ending, NewEvent, NewRecord, Put, StoredRecord
from ledger.services.stream.subject_keys import SubjectKeys

RECORD_ID_BYTES: Final = 16


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

    def put(
        self, record: Record, *, natural_key: Hash32, content: Hash32, today: date, proved: date
    ) -> Put:
        """Publish a record; one whose last day is over is expired in the same batch.

        A day is over when clock and chain both say so, as for ``Expiry``.
        """
        standing = _Standing(
            record_type(record.record_type).stream,
            record.record_type,
            record.subject,
            record.issuer,
            self._entropy(RECORD_ID_BYTES).hex(),
            1,
            None,
        )
        return self._put("publish", record, standing, natural_key, content, today, proved)

    def amend(
        self, record: Record, known: StoredRecord, *, content: Hash32, today: date, proved: date
    ) -> Put:
        """Put a record in force with other content, in the place of its newest put.

        It keeps its id and is one version further; one whose new last day is over is expired in the
        same batch. The record's columns are from then on those of this event.
        """
        standing = replace(_standing(known), version=known.version + 1, put_seq=None)
        put = self._put("amend", record, standing, known.natural_key, content, today, proved)
        return replace(put, target_seq=known.put_seq)

    def _put(
        self,
        kind: str,
        record: Record,
        standing: _Standing,
        natural_key: Hash32,
        content: Hash32,
        today: date,
        proved: date,
    ) -> Put:
        prepared = self._form(record.record_type, today).prepare(
            record, event_kind=kind, record_id=standing.record_id, version=standing.version
        )
        until = record.in_force_until
        is_over = until is not None and until < min(today, proved)
        return Put(
            event=NewEvent(
                stream=standing.stream,
                kind=kind,
                op="put",
                record_type=record.record_type,
                subject=record.subject,
                record_id=standing.record_id,
                version=standing.version,
                map_key=self._keys.map_key_of(standing.stream, record.record_type, record.subject),
                commitment=prepared.commitment,
                event=prepared.event_bytes,
                salt=prepared.salt,
                disclosures=prepared.disclosures,
            ),
            record=NewRecord(
                record_id=standing.record_id,
                record_type=record.record_type,
                stream=standing.stream,
                subject=record.subject,
                issuer=record.issuer,
                document_number=record.document_number,
                document_match=match_form(record.document_number),
                natural_key=natural_key,
                content_digest=content,
                in_force_until=until,
            ),
            ending=self._end("expire", standing, until, today) if until and is_over else None,
        )

    def change(self, change: Change, record: StoredRecord, today: date) -> Ending:
        """End a record by a decision."""
        return self._end(change.kind, _standing(record), change.decided_on, today, change.basis)

    def expire(self, record: StoredRecord, today: date) -> Ending:
        """End a record whose last day is over; that day stands as the day of the decision."""
        return self._end("expire", _standing(record), record.in_force_until or today, today)

    def _end(
        self,
        kind: str,
        record: _Standing,
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
            event=self._drop(prepared),
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

    def _drop(self, prepared: PreparedEvent) -> NewEvent:
        event = prepared.event
        return NewEvent(
            stream=event["stream"],
            kind=event["kind"],
            op="drop",
            record_type=event["record_type"],
            subject=event["subject"],
            record_id=event["record_id"],
            version=event["version"],
            map_key=self._keys.map_key_of(event["stream"], event["record_type"], event["subject"]),
            commitment=prepared.commitment,
            event=prepared.event_bytes,
            salt=prepared.salt,
            disclosures=prepared.disclosures,
        )


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
