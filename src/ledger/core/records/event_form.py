"""The form of an event: exactly which members it has and what each may hold (version 1).

A verifier checks an opened event here, a producer its own before it commits to it. Whether an event
fits a claim, a log or a record in force is decided elsewhere.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ledger.core.members import Members
from ledger.core.records.catalogue import END_SCHEMA, SCHEMAS
from ledger.core.records.disclosure import FIELD_NAME, check_b64url
from ledger.core.records.subject import UsccError, normalize_uscc
from ledger.core.types import MAX_SAFE_INTEGER, STREAMS
from ledger.errors import MalformedRecordError

EVENT_VERSION: Final = 1
"""Version of this form."""

EVENT_MEMBERS: Final = (
    "v",
    "kind",
    "region",
    "stream",
    "record_type",
    "subject",
    "record_id",
    "version",
    "about",
    "catalogue",
    "schema",
    "rule",
    "issuer",
    "decided_on",
    "published_on",
    "in_force_until",
    "fields",
)
"""Every member of an event; all are present, unused ones are null."""

DROP_KINDS: Final = ("repair", "revoke", "expire", "resolve")
"""Kinds that take an item out of force."""

_RECORD_KINDS: Final = ("publish", "amend", "dispute")

PUT_KINDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"records": _RECORD_KINDS, "restricted": _RECORD_KINDS, "queries": ("query",)}
)
"""Kinds that put an item in force, by stream."""

MAX_FIELDS: Final = 128
"""Fields of the largest event; a limit of this system."""

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"
_SCHEMA: Final = r"[a-z][a-z0-9-]{0,31}/[1-9][0-9]{0,3}"
_RECORD_TYPE: Final = r"[a-z0-9][a-z0-9-]{0,31}"
_DIGEST_CHARS: Final = 43
"""Of 32 bytes in base64url."""

_members: Final = Members(MalformedRecordError)


def check_event(event: object) -> None:
    """Check that a decoded value has the form of an event.

    Args:
        event: The decoded JSON value; its bytes must have been checked to be canonical.

    Raises:
        MalformedRecordError: A member is missing, surplus, of another type or outside its grammar,
        or
            two members contradict each other. The message never holds a value.

    Source: DESIGN, section 3, rows "event" and "kinds".
    """
    members = _members.members(event, EVENT_MEMBERS, "event")
    _members.integer(members["v"], "v", least=EVENT_VERSION, most=EVENT_VERSION)
    kind = _check_place(members)
    _check_identity(kind, members)
    _check_provenance(kind, members)
    _check_fields(kind, members)


def _check_place(members: dict[str, object]) -> str:
    """Check stream, kind, region and record type, and that they go together."""
    stream = _members.choice(members["stream"], STREAMS, "stream")
    drops = () if stream == "queries" else DROP_KINDS
    kind = _members.choice(members["kind"], PUT_KINDS[stream] + drops, "kind")
    _members.text(members["region"], "region", most=6, pattern="[0-9]{6}")
    record_type = _members.text(
        members["record_type"], "record_type", most=32, pattern=_RECORD_TYPE
    )
    month = _members.date(members["published_on"], "published_on").isoformat()[:7]
    if stream == "queries" and record_type != month:
        raise _members.refuse("record_type", "the month of published_on", record_type)
    return kind


def _check_identity(kind: str, members: dict[str, object]) -> None:
    """Check subject, record id, version and the disputed record."""
    _check_code(members["subject"], "subject")
    record_id = _members.hex(members["record_id"], "record_id", length=16)
    # Above 1 only after an amendment: the amendment itself, or the end of an amended record.
    least = 2 if kind == "amend" else 1
    most = 1 if kind in ("publish", "dispute", "query", "resolve") else MAX_SAFE_INTEGER
    _members.integer(members["version"], "version", least=least, most=most)
    if kind in ("dispute", "resolve"):
        if _members.hex(members["about"], "about", length=16) == record_id:
            raise _members.refuse("about", "the id of another record", members["about"])
    elif members["about"] is not None:
        raise _members.refuse("about", "null", members["about"])


def _check_provenance(kind: str, members: dict[str, object]) -> None:
    """Check catalogue, schema, rule, issuer and days."""
    _members.text(members["catalogue"], "catalogue", most=64, pattern=_NAME)
    schema = _members.text(members["schema"], "schema", most=40, pattern=_SCHEMA)
    if (kind in DROP_KINDS) != (schema == END_SCHEMA):
        raise _members.refuse("schema", "a schema that goes with the kind", schema)
    if members["rule"] is not None:
        _members.text(members["rule"], "rule", most=64, pattern=_NAME)
    if kind == "query":
        # Who asked may be a member without a code; the place of the issuer then holds its number.
        _members.text(members["issuer"], "issuer", most=64, pattern=_NAME)
    else:
        _check_code(members["issuer"], "issuer")
    _members.date(members["decided_on"], "decided_on")
    if members["in_force_until"] is not None:
        if kind in DROP_KINDS:
            raise _members.refuse("in_force_until", "null in a drop", members["in_force_until"])
        _members.date(members["in_force_until"], "in_force_until")


def _check_fields(kind: str, members: dict[str, object]) -> None:
    """Check names and digests of the fields; a known schema fixes the names."""
    fields = members["fields"]
    if not isinstance(fields, dict) or not 1 <= len(fields) <= MAX_FIELDS:
        raise _members.refuse("fields", f"an object of 1 to {MAX_FIELDS} members", fields)
    names = SCHEMAS.get(str(members["schema"]))
    if names is not None and set(fields) != set(names):
        raise _members.refuse("fields", "exactly the fields of the schema", fields)
    for name, digest in fields.items():
        _members.text(name, "fields: a name", most=64, pattern=FIELD_NAME.pattern)
        text = _members.text(digest, f"fields.{name}", most=43)
        check_b64url(text)
        if len(text) != _DIGEST_CHARS:
            raise _members.refuse(f"fields.{name}", "32 bytes in b64url", digest)


def _check_code(value: object, where: str) -> None:
    """Check that a member is a unified social credit code in its one spelling."""
    text = _members.text(value, where, most=18)
    try:
        normal = normalize_uscc(text)
    except UsccError:
        raise _members.refuse(where, "a unified social credit code", value) from None
    if normal != text:
        raise _members.refuse(where, "a code in its one spelling", value)
