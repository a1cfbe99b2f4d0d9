import hashlib
from typing import Any

import pytest
from record_samples import (
    AUTHORITY,
    OTHER_ID,
    PARTY,
    RECORD_ID,
    VALUES,
    counting_random,
    make_record,
    put,
)

from ledger.core import canonical
from ledger.core.records.catalogue import CATALOGUE_VERSION
from ledger.core.records.disclosure import digest, open_disclosure
from ledger.core.records.event import (
    DROP_KINDS,
    PUT_KINDS,
    EventHead,
    check_event,
    commitment,
    prepare_drop,
    prepare_event,
    prepare_put,
)
from ledger.core.types import STREAMS
from ledger.errors import CanonicalizationError, MalformedRecordError


def drop(kind: str = "repair", **changed: Any) -> Any:
    arguments: dict[str, Any] = {
        "region": "340000",
        "stream": "records",
        "record_type": "cf",
        "subject": PARTY,
        "record_id": RECORD_ID,
        "version": 1,
        "issuer": AUTHORITY,
        "decided_on": "2026-10-05",
        "published_on": "2026-10-06",
        "basis": "已履行",
        "random": counting_random(),
    }
    return prepare_drop(kind, **{**arguments, **changed})


def query_head(**changed: Any) -> EventHead:
    head = {
        "kind": "query",
        "region": "340000",
        "stream": "queries",
        "record_type": "2026-10",
        "subject": PARTY,
        "record_id": RECORD_ID,
        "version": 1,
        "about": None,
        "catalogue": CATALOGUE_VERSION,
        "schema": "query/1",
        "rule": None,
        "issuer": "member-7",
        "decided_on": "2026-10-06",
        "published_on": "2026-10-06",
        "in_force_until": None,
    }
    return EventHead(**{**head, **changed})  # type: ignore[typeddict-item]


def test_prepare_put_event_has_exactly_the_members_and_values() -> None:
    event = dict(put().event)
    fields = event.pop("fields")
    assert event == {
        "v": 1,
        "kind": "publish",
        "region": "340000",
        "stream": "records",
        "record_type": "cf",
        "subject": PARTY,
        "record_id": RECORD_ID,
        "version": 1,
        "about": None,
        "catalogue": CATALOGUE_VERSION,
        "schema": "cf/1",
        "rule": "as-published",
        "issuer": AUTHORITY,
        "decided_on": "2026-03-05",
        "published_on": "2026-03-10",
        "in_force_until": "2027-03-05",
    }
    assert set(fields) == set(VALUES)


def test_prepare_put_every_field_opens_under_its_own_name() -> None:
    prepared = put()
    opened = [open_disclosure(one) for one in prepared.disclosures]
    assert {field.name: field.value for field in opened} == VALUES
    assert len({field.salt for field in opened}) == len(VALUES)
    for field, one in zip(opened, prepared.disclosures, strict=True):
        assert prepared.event["fields"][field.name] == digest(one)


def test_prepare_put_commitment_is_the_formula() -> None:
    prepared = put()
    assert prepared.event_bytes == canonical.encode(prepared.event)
    assert len(prepared.salt) == 32
    domain = b"credit-ledger/event/v1\x00"
    expected = hashlib.sha256(domain + prepared.salt + prepared.event_bytes).digest()
    assert prepared.commitment == expected == commitment(prepared.event_bytes, prepared.salt)


def test_prepare_put_twice_shares_no_salt() -> None:
    random = counting_random()
    one, other = put(random=random), put(random=random)
    assert one.salt != other.salt
    assert one.commitment != other.commitment
    assert not set(one.disclosures) & set(other.disclosures)


def test_prepare_put_without_end_holds_null() -> None:
    record = make_record(fields=VALUES | {"publicity_until": None}, in_force_until=None)
    prepared = prepare_put(
        record,
        region="340000",
        stream="records",
        record_id=RECORD_ID,
        version=1,
        published_on="2026-03-10",
        random=counting_random(),
    )
    assert prepared.event["in_force_until"] is None


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_commitment_salt_of_another_length_is_refused(salt: bytes) -> None:
    with pytest.raises(MalformedRecordError):
        commitment(b"{}", salt)


@pytest.mark.parametrize("kind", ["repair", "revoke", "expire"])
def test_prepare_drop_has_one_field_and_no_end(kind: str) -> None:
    prepared = drop(kind)
    assert prepared.event["kind"] == kind
    assert prepared.event["schema"] == "end/1"
    assert prepared.event["rule"] is None
    assert prepared.event["in_force_until"] is None
    (basis,) = prepared.disclosures
    assert open_disclosure(basis)[1:] == ("basis", "已履行")
    check_event(canonical.decode(prepared.event_bytes))


def test_prepare_drop_of_an_amended_record_carries_its_version() -> None:
    assert drop("expire", version=3, basis=None).event["version"] == 3


def test_prepare_drop_of_a_dispute_names_the_disputed_record() -> None:
    assert drop("resolve", about=OTHER_ID).event["about"] == OTHER_ID


def test_prepare_event_query_is_filed_under_its_month() -> None:
    prepared = prepare_event(query_head(), {"purpose": "贷前"}, random=counting_random())
    check_event(canonical.decode(prepared.event_bytes))


def test_prepare_event_value_without_canonical_form_is_refused() -> None:
    with pytest.raises(CanonicalizationError):
        prepare_event(query_head(), {"purpose": "\ud800"}, random=counting_random())


def test_put_kinds_cover_every_stream_and_no_drop() -> None:
    assert set(PUT_KINDS) == set(STREAMS)
    assert not {kind for kinds in PUT_KINDS.values() for kind in kinds} & set(DROP_KINDS)


def test_check_event_every_missing_or_surplus_member_is_refused() -> None:
    event = dict(put().event)
    check_event(event)
    for name in event:
        with pytest.raises(MalformedRecordError):
            check_event({key: value for key, value in event.items() if key != name})
    with pytest.raises(MalformedRecordError):
        check_event({**event, "more": None})


@pytest.mark.parametrize("value", [None, [], "x", 1, {}, {1: 2}])
def test_check_event_no_object_is_refused(value: object) -> None:
    with pytest.raises(MalformedRecordError):
        check_event(value)


@pytest.mark.parametrize(
    "changed",
    [
        {"v": 2},
        {"v": True},
        {"v": "1"},
        {"kind": "query"},
        {"kind": "delete"},
        {"kind": "repair"},
        {"kind": None},
        {"stream": "queries"},
        {"stream": "other"},
        {"region": "34000"},
        {"region": "3400000"},
        {"region": "34000a"},
        {"region": "３４００００"},
        {"region": 340000},
        {"record_type": "CF"},
        {"record_type": "-cf"},
        {"record_type": ""},
        {"record_type": "c" * 33},
        {"subject": PARTY.lower()},
        {"subject": PARTY[:17]},
        {"subject": "8" + PARTY[1:]},
        {"subject": None},
        {"record_id": RECORD_ID.upper()},
        {"record_id": RECORD_ID[:31]},
        {"record_id": None},
        {"version": 0},
        {"version": 2},
        {"version": 1.0},
        {"version": True},
        {"kind": "amend"},
        {"kind": "amend", "version": 2**53},
        {"about": OTHER_ID},
        {"kind": "dispute"},
        {"kind": "dispute", "about": RECORD_ID},
        {"kind": "dispute", "about": "x"},
        {"kind": "dispute", "about": OTHER_ID, "version": 2},
        {"catalogue": ""},
        {"catalogue": None},
        {"catalogue": "a b"},
        {"schema": "cf"},
        {"schema": "cf/0"},
        {"schema": "end/1"},
        {"rule": ""},
        {"rule": 1},
        {"issuer": "member-7"},
        {"issuer": AUTHORITY.lower()},
        {"decided_on": None},
        {"decided_on": "2026-02-30"},
        {"decided_on": "20260305"},
        {"published_on": "2026-3-10"},
        {"published_on": None},
        {"in_force_until": ""},
        {"in_force_until": "2099"},
        {"fields": None},
        {"fields": {}},
        {"fields": {"content": "A" * 43}},
    ],
)
def test_check_event_any_broken_member_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecordError):
        check_event({**put().event, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "amend", "version": 2},
        {"kind": "dispute", "about": OTHER_ID},
        {"stream": "restricted"},
        {"rule": None},
        {"in_force_until": None},
        {"in_force_until": "2020-01-01"},
        {"catalogue": "2031.2"},
    ],
)
def test_check_event_other_right_members_are_accepted(changed: dict[str, Any]) -> None:
    check_event({**put().event, **changed})


@pytest.mark.parametrize(
    "fields",
    [
        {"A": "A" * 43},
        {"": "A" * 43},
        {"a": "A" * 42},
        {"a": "A" * 44},
        {"a": "A" * 42 + "B"},
        {"a": "A" * 42 + "="},
        {"a": None},
        {"a": 1},
        {f"a{i}": "A" * 43 for i in range(129)},
    ],
)
def test_check_event_broken_digest_is_refused(fields: dict[str, Any]) -> None:
    event = {**put().event, "schema": "zz/1"}
    check_event({**event, "fields": {"a": "A" * 43}})
    with pytest.raises(MalformedRecordError):
        check_event({**event, "fields": fields})


@pytest.mark.parametrize(
    "changed",
    [
        {"record_type": "2026-09"},
        {"record_type": "cf"},
        {"kind": "publish"},
        {"kind": "expire"},
        {"version": 2},
        {"about": OTHER_ID},
        {"schema": "end/1"},
        {"issuer": ""},
    ],
)
def test_prepare_event_query_that_breaks_its_stream_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecordError):
        prepare_event(query_head(**changed), {"basis": None}, random=counting_random())


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": "cf/1"},
        {"in_force_until": "2027-03-05"},
        {"version": 0},
        {"about": OTHER_ID},
        {"kind": "resolve"},
        {"kind": "resolve", "about": OTHER_ID, "version": 2},
        {"kind": "publish"},
    ],
)
def test_check_event_drop_that_is_not_one_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecordError):
        check_event({**drop().event, **changed})


def test_check_event_refusal_never_repeats_a_value() -> None:
    for name in ("subject", "issuer", "record_id", "region"):
        with pytest.raises(MalformedRecordError) as caught:
            check_event({**put().event, name: PARTY + "SECRET"})
        assert "SECRET" not in str(caught.value)
