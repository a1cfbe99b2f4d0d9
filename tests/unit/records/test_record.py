import unicodedata
from dataclasses import FrozenInstanceError, fields
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_samples import AUTHORITY, PARTY, VALUES, make_record

from ledger.core import canonical
from ledger.core.records.catalogue import (
    LICENCE,
    PENALTY,
    RECORD_TYPES,
    SCHEMAS,
    record_type,
)
from ledger.core.records.disclosure import FIELD_NAME
from ledger.core.records.fields import NEVER_PUBLIC
from ledger.core.records.record import (
    _OUTSIDE,
    _UNIFIED,
    Record,
    match_form,
    natural_key,
    restore_record,
)
from ledger.core.records.subject import WHITE_SPACE
from ledger.core.types import MAX_SAFE_INTEGER
from ledger.errors import MalformedRecordError

MANDATORY = {
    "party_name",
    "party_category",
    "party_code",
    "document_number",
    "content",
    "decided_on",
    "authority_name",
    "authority_code",
}


@pytest.mark.parametrize("kind", RECORD_TYPES.values(), ids=RECORD_TYPES)
def test_catalogue_every_type_has_one_table_with_the_verified_mandatory_fields(kind: Any) -> None:
    columns = [column for field in kind.fields for column in field.columns]
    assert len(set(kind.field_names)) == len(kind.fields)
    assert len(set(columns)) == len(columns)
    assert not set(columns) & NEVER_PUBLIC
    assert {field.name for field in kind.fields if field.mandatory} == MANDATORY
    assert kind.end_field in kind.field_names
    assert SCHEMAS[kind.schema] == kind.field_names
    assert all(FIELD_NAME.fullmatch(name) for name in kind.field_names)


def test_catalogue_only_penalties_are_adverse() -> None:
    assert (PENALTY.adverse, LICENCE.adverse) == (True, False)


def test_record_type_unlisted_code_is_refused() -> None:
    assert record_type("cf") is PENALTY
    with pytest.raises(MalformedRecordError):
        record_type("hy")


def test_record_fields_cannot_be_changed_afterwards() -> None:
    values = dict(VALUES)
    record = make_record(fields=values)
    values["content"] = "别的"
    assert record.fields["content"] == "罚款"
    with pytest.raises(TypeError):
        record.fields["content"] = "别的"  # type: ignore[index]


def test_record_without_end_is_made() -> None:
    for end in (None, "2099-12-31"):
        record = make_record(fields=VALUES | {"publicity_until": end}, in_force_until=None)
        assert record.in_force_until is None


@pytest.mark.parametrize(
    "changed",
    [
        {"record_type": "hy"},
        {"record_type": "xk"},
        {"schema": "cf/2"},
        {"subject": AUTHORITY},
        {"issuer": PARTY},
        {"document_number": "另一号"},
        {"decided_on": date(2026, 3, 6)},
        {"in_force_until": None},
        {"in_force_until": date(2099, 12, 31)},
        {"fields": {}},
        {"fields": {**VALUES, "more": None}},
        {"fields": {**VALUES, "content": None}},
        {"fields": {**VALUES, "content": ""}},
        {"fields": {**VALUES, "content": 5}},
        {"fields": {**VALUES, "party_name": "甲" * 201}},
        {"fields": {**VALUES, "fine_fen": "5"}},
        {"fields": {**VALUES, "fine_fen": True}},
        {"fields": {**VALUES, "fine_fen": -1}},
        {"fields": {**VALUES, "fine_fen": MAX_SAFE_INTEGER + 1}},
        {"fields": {**VALUES, "source_code": PARTY.lower()}},
        {"fields": {**VALUES, "source_code": "1"}},
        {"fields": {**VALUES, "penalty_until": "20260305"}},
        {"fields": {**VALUES, "penalty_until": "2026-02-30"}},
        {"fields": {**VALUES, "penalty_until": "２０２６-03-05"}},
    ],
)
def test_record_that_contradicts_itself_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(MalformedRecordError):
        make_record(**changed)


@pytest.mark.parametrize(
    "spelling",
    [
        "34罚〔2026〕00001号",
        " 34罚〔2026〕 00001 号\u3000",
        "３４罚〔２０２６〕０００１号".replace("０００１", "００００１"),
        "34罚[2026]00001号",
        "34罚［2026］00001号",
        "34罚【2026】00001号",
        "34罚(2026)00001号",
        "34罚（2026）00001号",
        "34罚﹝2026﹞00001号",
        "34罚〔2026〕\n00001号",
        "34罚〔2026〕\u200b00001号\ufeff",
    ],
)
def test_match_form_spellings_of_one_number_are_equal(spelling: str) -> None:
    assert match_form(spelling) == "34罚(2026)00001号"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("34罚〔2026〕00001号", "34罚〔2026〕00010号"),
        ("34罚〔2026〕00001号", "34罚〔2026〕0001号"),
        ("34罚〔2026〕00001号", "34许〔2026〕00001号"),
        ("A-1-12", "A-11-2"),
        ("A-1", "A1"),
    ],
)
def test_match_form_different_numbers_stay_different(one: str, other: str) -> None:
    assert match_form(one) != match_form(other)


def test_match_form_dashes_and_case_do_not_matter() -> None:
    assert match_form("沪a—１") == match_form("沪A-1")


@given(st.text(max_size=20))
def test_match_form_spaces_around_any_text_do_not_matter(text: str) -> None:
    form = match_form(text)
    assert match_form(f"\u3000{text}\u200b\n") == form
    assert not set(form) & WHITE_SPACE


def test_natural_key_is_canonical_and_separates_its_parts() -> None:
    parts = {
        "region": "340000",
        "record_type": "cf",
        "issuer": AUTHORITY,
        "document_number": "34罚〔2026〕1号",
        "subject": PARTY,
    }
    key = natural_key(**parts)
    assert key == canonical.encode(["340000", "cf", AUTHORITY, "34罚(2026)1号", PARTY])
    assert natural_key(**{**parts, "document_number": "34罚（2026）１ 号"}) == key
    for name in parts:
        assert natural_key(**{**parts, name: "x"}) != key


def test_restore_record_is_the_record_and_as_unchangeable() -> None:
    record = make_record()
    restored = restore_record(record.values())
    assert restored == record
    assert {field.name for field in fields(Record)} == {*_OUTSIDE, "fields"}
    assert list(restored.fields.items()) == list(record.fields.items())
    with pytest.raises(FrozenInstanceError):
        restored.subject = AUTHORITY  # type: ignore[misc]
    with pytest.raises(TypeError):
        restored.fields["content"] = "x"  # type: ignore[index]


@given(
    st.text(st.characters(exclude_categories=["Cs"]))
    | st.text("〔(〕)\u200b\u00ad\ufeff -－Ａa\x00")
)
def test_match_form_any_number_holds_nothing_invisible(number: str) -> None:
    folded = unicodedata.normalize("NFKC", number).translate(_UNIFIED).upper()
    visible = [one for one in folded if unicodedata.category(one) != "Cf"]
    assert match_form(number) == "".join(visible)
