"""The quick way to prepare puts against the slow one, byte for byte."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_samples import OTHER_ID, RECORD_ID, VALUES, make_record, records

from ledger.core import canonical
from ledger.core.records.catalogue import LICENCE, PENALTY, RecordType
from ledger.core.records.disclosure import digest, open_disclosure
from ledger.core.records.event import prepare_put
from ledger.core.records.put_form import PutForm
from ledger.core.records.record import Record
from ledger.core.types import MAX_SAFE_INTEGER
from ledger.errors import CanonicalizationError, InputError, MalformedRecordError


def tape(random: bytes) -> Callable[[int], bytes]:
    """Gives the same bytes in whatever portions they are drawn."""
    rest = bytearray(random)

    def draw(count: int) -> bytes:
        drawn = bytes(rest[:count])
        assert len(drawn) == count
        del rest[:count]
        return drawn

    return draw


def form(kind: RecordType = PENALTY, **changed: Any) -> PutForm:
    arguments: dict[str, Any] = {"region": "340000", "published_on": "2026-03-10"}
    return PutForm(kind, **{**arguments, "random": tape(bytes(10_000)), **changed})


@given(
    st.lists(records(), min_size=1, max_size=3),
    st.binary(min_size=3000, max_size=3000),
    st.integers(2, MAX_SAFE_INTEGER),
)
def test_put_form_makes_the_bytes_of_the_slow_way(
    some: list[Record], random: bytes, version: int
) -> None:
    quick, slow = tape(random), tape(random)
    forms = {kind.code: form(kind, random=quick) for kind in (PENALTY, LICENCE)}
    for record in some:
        for event_kind, number in (("publish", 1), ("amend", version)):
            made = forms[record.record_type].prepare(
                record, event_kind=event_kind, record_id=RECORD_ID, version=number
            )
            expected = prepare_put(
                record,
                kind=event_kind,
                region="340000",
                stream="records",
                record_id=RECORD_ID,
                version=number,
                published_on="2026-03-10",
                random=slow,
            )
            assert made.event_bytes == expected.event_bytes
            assert made.salt == expected.salt
            assert made.disclosures == expected.disclosures
            assert made.commitment == expected.commitment


def test_put_form_disclosures_open_under_their_own_names() -> None:
    made = form(random=tape(bytes(range(250)) * 4)).prepare(make_record(), record_id=RECORD_ID)
    digests = canonical.decode(made.event_bytes)["fields"]
    opened = [open_disclosure(one) for one in made.disclosures]
    assert [one.name for one in opened] == list(PENALTY.field_names)
    assert len({one.salt for one in opened}) == len(opened)
    assert {one.name: one.value for one in opened} == VALUES
    for one, text in zip(opened, made.disclosures, strict=True):
        assert digests[one.name] == digest(text)


def test_put_form_draws_fresh_bytes_for_every_event() -> None:
    drawn: list[int] = []

    def random(count: int) -> bytes:
        drawn.append(count)
        return bytes([len(drawn)]) * count

    maker = form(random=random)
    one = maker.prepare(make_record(), record_id=RECORD_ID)
    other = maker.prepare(make_record(), record_id=RECORD_ID)
    assert drawn == [16 * len(PENALTY.fields) + 32] * 2
    assert not set(one.disclosures) & set(other.disclosures)
    assert one.commitment != other.commitment


@pytest.mark.parametrize(
    "changed",
    [
        {"record_id": RECORD_ID[:31]},
        {"record_id": RECORD_ID + "0"},
        {"record_id": RECORD_ID + "\n"},
        {"record_id": RECORD_ID.upper()},
        {"record_id": '","subject":"' + RECORD_ID[:19]},
        {"version": 0},
        {"version": 2},
        {"event_kind": "amend", "version": 1},
        {"event_kind": "amend", "version": MAX_SAFE_INTEGER + 1},
        {"event_kind": "dispute"},
        {"event_kind": "repair"},
        {"event_kind": 'publish","x":"'},
    ],
)
def test_put_form_other_arguments_are_refused(changed: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"record_id": OTHER_ID}
    maker = form()
    maker.prepare(make_record(), record_id=RECORD_ID)
    with pytest.raises(MalformedRecordError):
        maker.prepare(make_record(), **{**arguments, **changed})


def test_put_form_record_of_another_type_is_refused() -> None:
    with pytest.raises(MalformedRecordError):
        form(LICENCE).prepare(make_record(), record_id=RECORD_ID)


@pytest.mark.parametrize(
    "changed",
    [
        {"region": "34000"},
        {"region": '340000","x":"y'},
        {"published_on": "2026-3-10"},
        {"published_on": "2026-02-30"},
        {"published_on": ""},
    ],
)
def test_put_form_other_circumstances_are_refused_at_the_first_event(
    changed: dict[str, Any],
) -> None:
    with pytest.raises(InputError):
        form(**changed).prepare(make_record(), record_id=RECORD_ID)


@pytest.mark.parametrize("name", ["catalogue", "rule"])
@pytest.mark.parametrize("value", ["", " ", 'x"', 'x","v":"1', "罚", "x\n", "\ud800"])
def test_put_form_other_catalogue_or_rule_is_refused_after_good_ones(name: str, value: str) -> None:
    maker = form()
    maker.prepare(make_record(), record_id=RECORD_ID)
    for _ in range(2):
        with pytest.raises(InputError):
            maker.prepare(make_record(**{name: value}), record_id=RECORD_ID)


def test_put_form_lone_surrogate_is_refused() -> None:
    record = make_record(fields=VALUES | {"content": "\ud800"})
    maker = form()
    for _ in range(2):
        with pytest.raises(CanonicalizationError):
            maker.prepare(record, record_id=RECORD_ID)
