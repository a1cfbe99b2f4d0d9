"""A record: one decision of an authority about one subject, with every field of its schema.

Also the two keys by which rows find records again: the match form of a document number and the
natural key. Neither ever leaves the node unkeyed.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Any, Final

from ledger.core import canonical
from ledger.core.records.catalogue import NO_END, RECORD_TYPES, RecordType, record_type
from ledger.core.records.fields import Field
from ledger.core.records.subject import DASHES, WHITE_SPACE, is_normal_uscc
from ledger.core.types import MAX_SAFE_INTEGER
from ledger.errors import MalformedRecordError

FieldValue = str | int | None
"""A text, integer fen, or nothing; dates are ``YYYY-MM-DD``."""

_OUTSIDE: Final = (
    *("record_type", "subject", "issuer", "document_number", "decided_on", "in_force_until"),
    *("schema", "catalogue", "rule"),
)
_outside: Final = attrgetter(*_OUTSIDE)
_NAMES_IN_ORDER: Final = {code: kind.field_names for code, kind in RECORD_TYPES.items()}
_NAMES: Final = {code: frozenset(names) for code, names in _NAMES_IN_ORDER.items()}
_in_order: Final = {code: itemgetter(*names) for code, names in _NAMES_IN_ORDER.items()}
_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_UNIFIED: Final = str.maketrans(
    dict.fromkeys("[〔【〖「『﹝⟦{(", "(")
    | dict.fromkeys("]〕】〗」』﹞⟧})", ")")
    | dict.fromkeys(DASHES, "-")
    | dict.fromkeys(WHITE_SPACE, "")
)


@dataclass(frozen=True, slots=True)
class Record:
    """One record, valid by construction."""

    record_type: str
    """Code of its type in the catalogue."""
    subject: str
    """Normalised code of the party."""
    issuer: str
    """Normalised code of the authority that decided."""
    document_number: str
    """Number of the decision document, as published."""
    decided_on: date
    """Day of the decision."""
    in_force_until: date | None
    """Last day in force, inclusive; None without end."""
    fields: Mapping[str, FieldValue]
    """Every field of the schema by its name."""
    schema: str
    """Name and version of the table the fields follow."""
    catalogue: str
    """Version of the catalogue the record was made under."""
    rule: str
    """Rule by which the end of force was found."""

    def __post_init__(self) -> None:
        kind = record_type(self.record_type)
        if self.schema != kind.schema:
            raise _refuse("schema", f"{kind.schema}", "another schema")
        fields = dict(self.fields)
        if fields.keys() != _NAMES[kind.code]:
            raise _refuse("fields", f"the fields of {kind.schema}", "other names")
        for field in kind.fields:
            value = fields[field.name]
            if value is not None:
                _check_value(field, value)
            elif field.mandatory:
                raise _refuse(field.name, "a value", "nothing")
        object.__setattr__(self, "fields", MappingProxyType(fields))
        self._check_agreement(kind)

    def values(self) -> tuple[object, ...]:
        """What ``restore_record`` makes the same record from."""
        inside = _in_order[self.record_type](self.fields)
        return (*_outside(self), *inside)

    def _check_agreement(self, kind: RecordType) -> None:
        """Check that what stands outside the fields is what the fields say."""
        end = self.fields[kind.end_field]
        until = None if end in (None, NO_END) else end
        agreed: dict[str, tuple[FieldValue, FieldValue]] = {
            "subject": (self.subject, self.fields["party_code"]),
            "issuer": (self.issuer, self.fields["authority_code"]),
            "document_number": (self.document_number, self.fields["document_number"]),
            "decided_on": (self.decided_on.isoformat(), self.fields["decided_on"]),
            "in_force_until": (
                None if self.in_force_until is None else self.in_force_until.isoformat(),
                until,
            ),
        }
        for name, (outside, inside) in agreed.items():
            if outside != inside:
                raise _refuse(name, "the value of the field", "another value")


def restore_record(values: tuple[Any, ...]) -> Record:
    """Make a record again from its ``values``, without checking it once more.

    Only for values that have been in nobody else's hands since the record was made.
    """
    record = object.__new__(Record)
    for name, value in zip(_OUTSIDE, values, strict=False):
        object.__setattr__(record, name, value)
    names = _NAMES_IN_ORDER[record.record_type]
    fields = dict(zip(names, values[len(_OUTSIDE) :], strict=True))
    object.__setattr__(record, "fields", MappingProxyType(fields))
    return record


def match_form(document_number: str) -> str:
    """Return the form in which two spellings of one document number are equal.

    Widths, brackets, dashes, spaces, invisible characters and case differ between systems; the
    number itself is published as it was given, only comparisons use this form.
    """
    folded = unicodedata.normalize("NFKC", document_number).translate(_UNIFIED).upper()
    if folded.isprintable():
        return folded  # no character of category Cf is
    return "".join(one for one in folded if unicodedata.category(one) != "Cf")


def natural_key(
    *, region: str, record_type: str, issuer: str, document_number: str, subject: str
) -> bytes:
    """Encode what makes two rows the same record, for an HMAC under a node key.

    The document number enters in its match form, so a row sent again with other spaces or widths is
    found to be the same record.

    Source: DESIGN, section 5, "Natural key of a record".
    """
    number = match_form(document_number)
    return canonical.encode([region, record_type, issuer, number, subject])


def _check_value(field: Field, value: str | int) -> None:
    if field.kind == "money":
        if type(value) is not int or not 0 <= value <= MAX_SAFE_INTEGER:
            raise _refuse(field.name, "integer fen from 0 to 2^53-1", "something else")
    elif not isinstance(value, str) or not 1 <= len(value) <= field.max_chars:
        raise _refuse(field.name, f"1 to {field.max_chars} characters", "something else")
    elif field.kind == "uscc" and not is_normal_uscc(value):
        raise _refuse(field.name, "a right code in its one spelling", "something else")
    elif field.kind == "date":
        _check_date(field.name, value)


def _check_date(name: str, value: str) -> None:
    try:
        if not _ISO_DATE.fullmatch(value):
            raise ValueError
        date.fromisoformat(value)
    except ValueError:
        raise _refuse(name, "a date YYYY-MM-DD", "something else") from None


def _refuse(name: str, expected: str, found: str) -> MalformedRecordError:
    return MalformedRecordError(f"{name}: expected {expected}, found {found}")
