"""By what records are known again: the quick encoding against the canonical one."""

import hashlib
import hmac

import pytest
from hypothesis import given
from record_samples import VALUES, make_record, records

from ledger.core import canonical
from ledger.core.records.catalogue import PENALTY
from ledger.core.records.record import Record, natural_key
from ledger.errors import CanonicalizationError
from ledger.services.publication.identity import (
    CONTENT_DOMAIN,
    NATURAL_KEY_DOMAIN,
    RecordIdentity,
)

KEY = bytes(range(32))
IDENTITY = RecordIdentity(region="340000", node_key=KEY)


@given(records())
def test_identities_are_hmacs_over_canonical_json(record: Record) -> None:
    fields = {name: value for name, value in record.fields.items() if name != "document_number"}
    content = CONTENT_DOMAIN + canonical.encode([record.record_type, fields])
    assert IDENTITY.content_digest(record) == hmac.new(KEY, content, hashlib.sha256).digest()
    name = NATURAL_KEY_DOMAIN + natural_key(
        region="340000",
        record_type=record.record_type,
        issuer=record.issuer,
        document_number=record.document_number,
        subject=record.subject,
    )
    assert IDENTITY.natural_key(record) == hmac.new(KEY, name, hashlib.sha256).digest()


AMONG_THE_FIELDS_ONLY = [field.name for field in PENALTY.fields if field.kind in ("text", "money")]


@pytest.mark.parametrize("name", AMONG_THE_FIELDS_ONLY)
def test_content_depends_on_every_field_but_the_document_number(name: str) -> None:
    value = 1 if name.endswith("fen") else "另"
    members = {"document_number": value} if name == "document_number" else {}
    other = make_record(fields=VALUES | {name: value}, **members)
    is_equal = IDENTITY.content_digest(other) == IDENTITY.content_digest(make_record())
    assert is_equal == (name == "document_number")


def test_content_of_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(CanonicalizationError):
        IDENTITY.content_digest(make_record(fields=VALUES | {"content": "\ud800"}))
