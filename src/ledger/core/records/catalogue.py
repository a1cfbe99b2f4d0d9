"""The versioned catalogue: which record types exist, and the fields and columns of each.

A type that is not listed cannot be published (上海市社会信用条例, article 11). Column names are
those of the 双公示 tables. A change of a table is a new schema and a new ``CATALOGUE_VERSION``; old
records keep the names under which they were made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from ledger.core.records.fields import LICENCE_FIELDS, PENALTY_FIELDS, Field
from ledger.errors import MalformedRecordError

CATALOGUE_VERSION: Final = "2026.1"
"""The version of the tables below, written into every event."""

RULE_AS_PUBLISHED: Final = "as-published"
"""Rule of the end of force: the end date is taken as the authority gave it."""

NO_END: Final = "2099-12-31"
"""The end date that means: without end."""

END_SCHEMA: Final = "end/1"
"""Schema of the events that take a record out of force; its one field is ``basis``."""

RecordClass = Literal["public", "restricted"]


@dataclass(frozen=True, slots=True)
class RecordType:
    """One kind of record with its table."""

    code: str
    """The record type of events, claims and map keys."""
    title_zh: str
    """The name people know it by."""
    schema: str
    """Name and version of the table."""
    adverse: bool
    """Whether it counts against the subject, so that it can be repaired."""
    klass: RecordClass
    """Whether a lookup needs consent."""
    stream: str
    """The stream that carries it."""
    end_field: str
    """The field that holds the last day in force."""
    fields: tuple[Field, ...]
    """Every field, in the order of the table."""

    def field(self, name: str) -> Field:
        """Return the field of this name."""
        return next(field for field in self.fields if field.name == name)

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of all fields, in the order of the table."""
        return tuple(field.name for field in self.fields)


PENALTY: Final = RecordType(
    code="cf",
    title_zh="行政处罚",
    schema="cf/1",
    adverse=True,
    klass="public",
    stream="records",
    end_field="publicity_until",
    fields=PENALTY_FIELDS,
)
"""行政处罚, administrative penalty; prefix ``CF_``."""

LICENCE: Final = RecordType(
    code="xk",
    title_zh="行政许可",
    schema="xk/1",
    adverse=False,
    klass="public",
    stream="records",
    end_field="valid_until",
    fields=LICENCE_FIELDS,
)
"""行政许可, administrative licence; prefix ``XK_``."""

RECORD_TYPES: Final[Mapping[str, RecordType]] = MappingProxyType(
    {kind.code: kind for kind in (PENALTY, LICENCE)}
)
"""Every record type of this catalogue by its code."""

SCHEMAS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {kind.schema: kind.field_names for kind in RECORD_TYPES.values()} | {END_SCHEMA: ("basis",)}
)
"""Field names by schema, for every schema this release knows."""


def record_type(code: str) -> RecordType:
    """Return the record type of this code.

    Raises:
        MalformedRecordError: The catalogue does not list the code.
    """
    if code not in RECORD_TYPES:
        known = ", ".join(RECORD_TYPES)
        raise MalformedRecordError(f"record type: expected one of {known}, found an unlisted one")
    return RECORD_TYPES[code]
