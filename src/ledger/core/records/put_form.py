"""The put events of many records of one type on one day, several times as fast as one by one.

What all of them share is written out once, and the first event of each combination is taken apart
and checked whole. After that only what differs from record to record is checked, as far as it is
not valid by construction: subject, issuer and days are those of a ``Record``, digests are made
here. ``prepare_put`` stays the reference: equal random bytes give equal bytes.
"""

import hashlib
import re
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ledger.core import canonical
from ledger.core.records.catalogue import RecordType
from ledger.core.records.disclosure import SALT_BYTES
from ledger.core.records.event import EVENT_SALT_BYTES, RandomBytes, check_event, commitment
from ledger.core.records.record import FieldValue, Record
from ledger.core.types import MAX_SAFE_INTEGER, Hash32
from ledger.errors import CanonicalizationError, MalformedRecordError

_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_RECORD_ID: Final = re.compile("[0-9a-f]{32}", re.ASCII)
_LEAST_VERSION: Final = {"publish": 1, "amend": 2}
_MOST_VERSION: Final = {"publish": 1, "amend": MAX_SAFE_INTEGER}


class PreparedPut(NamedTuple):
    """A put event with everything needed to open it later."""

    event_bytes: bytes
    """Its canonical JSON."""
    salt: bytes
    """32 random bytes of the commitment."""
    disclosures: tuple[str, ...]
    """One per field, in the order of the schema."""
    commitment: Hash32


class PutForm:
    """Prepares put events of one record type on one day.

    Args:
        kind: The record type.
        region: The publishing region, six digits.
        published_on: The node's current day, ``YYYY-MM-DD``.
        random: Source of fresh random bytes; called once per event.
    """

    def __init__(
        self, kind: RecordType, *, region: str, published_on: str, random: RandomBytes
    ) -> None:
        self._kind = kind
        self._random = random
        self._published_on = published_on
        names = kind.field_names
        self._fields = tuple((name, f'","{name}",') for name in names)
        self._members = tuple(sorted((f'"{name}":"', i) for i, name in enumerate(names)))
        self._where = f'"record_type":"{kind.code}","region":"{region}"'
        self._what = f'"schema":"{kind.schema}","stream":"{kind.stream}"'
        self._checked: set[tuple[str, str, str]] = set()

    def prepare(
        self, record: Record, *, event_kind: str = "publish", record_id: str, version: int = 1
    ) -> PreparedPut:
        """Prepare the event that puts a record, or its amendment, in force.

        Args:
            record: What is put; of this form's type.
            event_kind: ``publish`` or ``amend``.
            record_id: 32 hex digits; an amendment keeps the id of the record.
            version: 1, or one more than the amended version.

        Raises:
            MalformedRecordError: A member breaks the form of an event.
            CanonicalizationError: A value has no canonical JSON.
        """
        self._check(record, event_kind, record_id, version)
        random = self._random(SALT_BYTES * len(self._fields) + EVENT_SALT_BYTES)
        try:
            disclosures = self._disclose(record.fields, random)
            digests = _digests(disclosures)
            event_bytes = self._encode(record, event_kind, record_id, version, digests)
        except UnicodeEncodeError:
            raise CanonicalizationError("text: expected no lone surrogate, found one") from None
        circumstances = (event_kind, record.catalogue, record.rule)
        if circumstances not in self._checked:
            check_event(canonical.decode(event_bytes))
            self._checked.add(circumstances)
        salt = random[-EVENT_SALT_BYTES:]
        return PreparedPut(
            event_bytes,
            salt,
            tuple([one.decode("ascii") for one in disclosures]),
            commitment(event_bytes, salt),
        )

    def _check(self, record: Record, event_kind: str, record_id: str, version: int) -> None:
        if record.record_type != self._kind.code:
            raise _refuse("record_type", self._kind.code, "another")
        if event_kind not in _LEAST_VERSION:
            raise _refuse("kind", "publish or amend", "another")
        if not _LEAST_VERSION[event_kind] <= version <= _MOST_VERSION[event_kind]:
            raise _refuse("version", "1 for a publication, 2 or more for an amendment", "another")
        if not _RECORD_ID.fullmatch(record_id):
            raise _refuse("record_id", "16 bytes in lower-case hex", "something else")

    def _disclose(self, fields: Mapping[str, FieldValue], random: bytes) -> list[bytes]:
        """The transmitted strings, as ``make_disclosure`` makes each."""
        scalar = canonical.encode_scalar
        encode = b2a_base64
        salts = _encode_each(
            [random[i * SALT_BYTES : (i + 1) * SALT_BYTES] for i in range(len(self._fields))]
        )
        return [
            encode(f'["{salt}{name_part}{scalar(fields[name])}]'.encode(), newline=False)
            .translate(_URL_SAFE)
            .rstrip(b"=")
            for salt, (name, name_part) in zip(salts, self._fields, strict=True)
        ]

    def _encode(
        self, record: Record, event_kind: str, record_id: str, version: int, digests: Sequence[str]
    ) -> bytes:
        """The event's canonical JSON: members in ascending order of their names."""
        fields = '",'.join([f"{name}{digests[i]}" for name, i in self._members])
        until = record.in_force_until
        last_day = "null" if until is None else f'"{until.isoformat()}"'
        return (
            f'{{"about":null,"catalogue":"{record.catalogue}"'
            f',"decided_on":"{record.decided_on.isoformat()}","fields":{{{fields}"}}'
            f',"in_force_until":{last_day},"issuer":"{record.issuer}","kind":"{event_kind}"'
            f',"published_on":"{self._published_on}","record_id":"{record_id}",{self._where}'
            f',"rule":"{record.rule}",{self._what},"subject":"{record.subject}"'
            f',"v":1,"version":{version}}}'
        ).encode()


def _digests(disclosures: Sequence[bytes]) -> list[str]:
    """The digest of each disclosure, as ``disclosure.digest`` makes each."""
    sha256 = hashlib.sha256
    return _encode_each([sha256(one).digest() for one in disclosures])


def _encode_each(parts: Sequence[bytes]) -> list[str]:
    """Base64url without padding of parts of one length, all in one call.

    Zero bytes fill each part up to a multiple of three; what they add to its text is cut off, and
    the bits they add to its last character are the zero bits that stand there anyway.
    """
    length = len(parts[0])
    fill = bytes(-length % 3)
    text = b2a_base64(fill.join(parts) + fill, newline=False).translate(_URL_SAFE).decode("ascii")
    width, used = (length + len(fill)) // 3 * 4, (length * 8 + 5) // 6
    return [text[i : i + used] for i in range(0, len(text), width)]


def _refuse(what: str, expected: str, found: str) -> MalformedRecordError:
    return MalformedRecordError(f"{what}: expected {expected}, found {found}")
