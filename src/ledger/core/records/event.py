"""Events: one change of a record, committed to under a salt, opened field by field.

Random bytes are passed in; everything made from them must be kept with the record, because nothing
here can be made a second time.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypedDict

from ledger.core import canonical
from ledger.core.records.catalogue import CATALOGUE_VERSION, END_SCHEMA
from ledger.core.records.disclosure import SALT_BYTES, digest, make_disclosure
from ledger.core.records.event_form import DROP_KINDS, EVENT_VERSION, PUT_KINDS, check_event
from ledger.core.records.record import FieldValue, Record
from ledger.core.types import Hash32
from ledger.errors import MalformedRecordError

__all__ = [
    "DROP_KINDS",
    "PUT_KINDS",
    "EventHead",
    "PreparedEvent",
    "check_event",
    "commitment",
    "prepare_drop",
    "prepare_event",
    "prepare_put",
]

COMMITMENT_DOMAIN: Final = b"credit-ledger/event/v1\x00"
"""Domain separation of the commitment."""

EVENT_SALT_BYTES: Final = 32
"""Random bytes in front of every event."""

RandomBytes = Callable[[int], bytes]
"""Returns so many fresh random bytes."""


@dataclass(frozen=True, slots=True)
class PreparedEvent:
    """An event with everything needed to open it later."""

    event: Mapping[str, Any]
    """The members of the event."""
    event_bytes: bytes
    """Their canonical JSON."""
    salt: bytes
    """32 random bytes of the commitment."""
    disclosures: tuple[str, ...]
    """One per field, in the order of the schema."""
    commitment: Hash32
    """What the log entry holds."""


class EventHead(TypedDict):
    """Every member of an event but its version and its fields."""

    kind: str
    region: str
    stream: str
    record_type: str
    subject: str
    record_id: str
    version: int
    about: str | None
    catalogue: str
    schema: str
    rule: str | None
    issuer: str
    decided_on: str
    published_on: str
    in_force_until: str | None


def commitment(event_bytes: bytes, salt: bytes) -> Hash32:
    """Return H("credit-ledger/event/v1" || 0x00 || salt || event bytes), 32 bytes.

    Args:
        event_bytes: The canonical JSON of the event.
        salt: Its 32 random bytes.

    Raises:
        MalformedRecordError: The salt has another length.

    Source: DESIGN, section 3, row "commitment".
    """
    if len(salt) != EVENT_SALT_BYTES:
        raise MalformedRecordError(f"salt: expected 32 bytes, found {len(salt)}")
    return hashlib.sha256(COMMITMENT_DOMAIN + salt + event_bytes).digest()


def prepare_put(
    record: Record,
    *,
    kind: str = "publish",
    region: str,
    stream: str,
    record_id: str,
    version: int,
    about: str | None = None,
    published_on: str,
    random: RandomBytes,
) -> PreparedEvent:
    """Prepare the event that puts a record, or its amendment, in force.

    Args:
        record: What is put.
        kind: ``publish`` or ``amend``.
        region: The publishing region, six digits.
        stream: The stream of the record's class.
        record_id: 32 hex digits; an amendment keeps the id of the record.
        version: 1, or one more than the amended version.
        about: The disputed record of a dispute, else None.
        published_on: The node's current day, ``YYYY-MM-DD``.
        random: Source of fresh random bytes.

    Raises:
        MalformedRecordError: A member breaks the form of an event.
    """
    until = record.in_force_until
    head = EventHead(
        kind=kind,
        region=region,
        stream=stream,
        record_type=record.record_type,
        subject=record.subject,
        record_id=record_id,
        version=version,
        about=about,
        catalogue=record.catalogue,
        schema=record.schema,
        rule=record.rule,
        issuer=record.issuer,
        decided_on=record.decided_on.isoformat(),
        published_on=published_on,
        in_force_until=None if until is None else until.isoformat(),
    )
    return prepare_event(head, record.fields, random=random)


def prepare_drop(
    kind: str,
    *,
    region: str,
    stream: str,
    record_type: str,
    subject: str,
    record_id: str,
    version: int,
    about: str | None = None,
    issuer: str,
    decided_on: str,
    published_on: str,
    basis: str | None,
    random: RandomBytes,
) -> PreparedEvent:
    """Prepare the event that takes a record or a dispute out of force.

    Args:
        kind: ``repair``, ``revoke``, ``expire`` or ``resolve``.
        region: The publishing region, six digits.
        stream: The stream of the record.
        record_type: Type of the record.
        subject: Normalised code of the party.
        record_id: The record or dispute that ends.
        version: The version that ends.
        about: The disputed record, for ``resolve`` only.
        issuer: Normalised code of the authority that decided on the end.
        decided_on: Day of that decision; for ``expire`` the last day in force.
        published_on: The node's current day.
        basis: Why it ends, or None.
        random: Source of fresh random bytes.

    Raises:
        MalformedRecordError: A member breaks the form of an event.
    """
    head = EventHead(
        kind=kind,
        region=region,
        stream=stream,
        record_type=record_type,
        subject=subject,
        record_id=record_id,
        version=version,
        about=about,
        catalogue=CATALOGUE_VERSION,
        schema=END_SCHEMA,
        rule=None,
        issuer=issuer,
        decided_on=decided_on,
        published_on=published_on,
        in_force_until=None,
    )
    return prepare_event(head, {"basis": basis}, random=random)


def prepare_event(
    head: EventHead, fields: Mapping[str, FieldValue], *, random: RandomBytes
) -> PreparedEvent:
    """Salt every field, put the digests into the event and commit to it.

    Args:
        head: Every other member.
        fields: Every field of the schema, empty ones with None.
        random: Called once per field with 16 and once with 32.

    Raises:
        MalformedRecordError: The event breaks its form.
        CanonicalizationError: A value has no canonical JSON.
    """
    disclosures = {
        name: make_disclosure(random(SALT_BYTES), name, value) for name, value in fields.items()
    }
    digests = {name: digest(disclosure) for name, disclosure in disclosures.items()}
    event = {"v": EVENT_VERSION, **head, "fields": digests}
    check_event(event)
    event_bytes = canonical.encode(event)
    salt = random(EVENT_SALT_BYTES)
    return PreparedEvent(
        event=event,
        event_bytes=event_bytes,
        salt=salt,
        disclosures=tuple(disclosures.values()),
        commitment=commitment(event_bytes, salt),
    )
