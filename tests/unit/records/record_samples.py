"""One record and its event for the tests, with random bytes that repeat."""

import hashlib
from collections.abc import Callable
from datetime import date
from typing import Any

from ledger.core.records.catalogue import CATALOGUE_VERSION, PENALTY, RULE_AS_PUBLISHED
from ledger.core.records.event import PreparedEvent, prepare_put
from ledger.core.records.record import FieldValue, Record
from ledger.core.records.subject import check_character


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
