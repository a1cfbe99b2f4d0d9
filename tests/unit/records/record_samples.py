"""One record and its event for the tests, with random bytes that repeat."""

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Any

from hypothesis import strategies as st

from ledger.core.records.catalogue import (
    CATALOGUE_VERSION,
    LICENCE,
    NO_END,
    PENALTY,
    RULE_AS_PUBLISHED,
)
from ledger.core.records.event import PreparedEvent, prepare_put
from ledger.core.records.fields import Field
from ledger.core.records.record import FieldValue, Record
from ledger.core.records.subject import check_character
from ledger.core.types import MAX_SAFE_INTEGER


def code(body: str) -> str:
    """Complete 17 characters to a code."""
    return body + check_character(body)


PARTY = code("91310115MA1TEXT01")
AUTHORITY = code("11340000MA1TEXT02")
RECORD_ID = "0123456789abcdef0123456789abcdef"
OTHER_ID = "fedcba9876543210fedcba9876543210"

VALUES: dict[str, FieldValue] = {
    **dict.fromkeys(PENALTY.field_names),
    "party_name": "云栖示例供应链有限公司",
    "party_category": "法人及非法人组织",
    "party_code": PARTY,
    "document_number": "34罚〔2026〕00001号",
    "content": "罚款",
    "fine_fen": 2_000_000,
    "decided_on": "2026-03-05",
    "publicity_until": "2027-03-05",
    "authority_name": "示例市交通运输局",
    "authority_code": AUTHORITY,
}


def make_record(**changed: Any) -> Record:
    """Make the record with some members changed."""
    members: dict[str, Any] = {
        "record_type": "cf",
        "subject": PARTY,
        "issuer": AUTHORITY,
        "document_number": "34罚〔2026〕00001号",
        "decided_on": date(2026, 3, 5),
        "in_force_until": date(2027, 3, 5),
        "fields": VALUES,
        "schema": "cf/1",
        "catalogue": CATALOGUE_VERSION,
        "rule": RULE_AS_PUBLISHED,
    }
    return Record(**{**members, **changed})


def counting_random() -> Callable[[int], bytes]:
    """Return a source of bytes that differ at every call and repeat at every run."""
    calls = iter(range(1000))
    return lambda count: hashlib.shake_128(str(next(calls)).encode()).digest(count)


def put(**changed: Any) -> PreparedEvent:
    """Prepare the put of the record with some arguments changed."""
    arguments: dict[str, Any] = {
        "region": "340000",
        "stream": "records",
        "record_id": RECORD_ID,
        "version": 1,
        "published_on": "2026-03-10",
        "random": counting_random(),
    }
    return prepare_put(make_record(), **{**arguments, **changed})


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=18),
    st.text(
        '"\\/\x00\b\t\n\f\r\x1f\x7f\u2028\ud7ff\ue000\uffff\U0001f600罚é', min_size=1, max_size=18
    ),
)
DAYS = st.dates(date(1949, 10, 1), date(2199, 12, 31))


def value_of(field: Field) -> st.SearchStrategy[FieldValue]:
    some: st.SearchStrategy[FieldValue]
    match field.kind:
        case "money":
            some = st.integers(0, MAX_SAFE_INTEGER)
        case "date":
            some = st.one_of(DAYS.map(date.isoformat), st.just(NO_END))
        case "uscc":
            some = st.sampled_from([VALUES["party_code"], VALUES["authority_code"]])
        case _:
            some = TEXTS
    return some if field.mandatory else st.one_of(st.none(), some)


@st.composite
def records(draw: st.DrawFn) -> Record:
    kind = draw(st.sampled_from([PENALTY, LICENCE]))
    fields = {field.name: draw(value_of(field)) for field in kind.fields}
    end = fields[kind.end_field]
    return make_record(
        record_type=kind.code,
        schema=kind.schema,
        subject=fields["party_code"],
        issuer=fields["authority_code"],
        document_number=fields["document_number"],
        decided_on=date.fromisoformat(str(fields["decided_on"])),
        in_force_until=None if end in (None, NO_END) else date.fromisoformat(str(end)),
        fields=fields,
    )
