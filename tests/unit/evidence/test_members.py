"""Members takes decoded JSON apart strictly and never repeats a value in its messages."""

from datetime import UTC, date, datetime

import pytest

from ledger.core.members import Members
from ledger.errors import MalformedEvidenceError

READ = Members(MalformedEvidenceError)
SECRET = "91310118MA0PAP001"


def refused(call: object) -> str:
    with pytest.raises(MalformedEvidenceError) as caught:
        call()  # type: ignore[operator]
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_members_of_exactly_the_names_is_taken() -> None:
    assert READ.members({"a": 1, "b": 2}, ("b", "a"), "x") == {"a": 1, "b": 2}


@pytest.mark.parametrize("value", [{}, {"a": 1}, {"a": 1, "b": 2, "c": 3}, [], None, SECRET])
def test_members_of_other_names_is_refused(value: object) -> None:
    assert "exactly a, b" in refused(lambda: READ.members(value, ("a", "b"), "x"))


def test_array_reads_each_item_and_names_its_place() -> None:
    assert READ.array(["k"], lambda one, at: (one, at), "x", most=1) == (("k", "x[0]"),)
    refused(lambda: READ.array(["k", "k"], lambda one, at: one, "x", most=1))
    refused(lambda: READ.array("k", lambda one, at: one, "x", most=1))


@pytest.mark.parametrize("value", [1, None, "toolong", "ab\n", "AB", "ａｂ"])
def test_text_outside_its_pattern_is_refused(value: object) -> None:
    refused(lambda: READ.text(value, "x", most=4, pattern="[a-z]+"))


def test_text_without_pattern_is_taken() -> None:
    assert READ.text("任意", "x", most=2) == "任意"


@pytest.mark.parametrize("value", [None, "c", ["a"], 1])
def test_choice_outside_the_list_is_refused(value: object) -> None:
    refused(lambda: READ.choice(value, ("a", "b"), "x"))
    assert READ.choice("a", ("a", "b"), "x") == "a"


@pytest.mark.parametrize("value", [True, False, "1", None, 0, 4, 2.0])
def test_integer_outside_its_range_is_refused(value: object) -> None:
    refused(lambda: READ.integer(value, "x", least=1, most=3))
    assert READ.integer(3, "x", least=1, most=3) == 3


@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_boolean_of_another_type_is_refused(value: object) -> None:
    refused(lambda: READ.boolean(value, "x"))
    assert READ.boolean(False, "x") is False


@pytest.mark.parametrize("value", ["", "0", "00", "0000", "0g", "AB", "0x", "00\n", 0, None, "０0"])
def test_hex_of_another_form_is_refused(value: object) -> None:
    if value != "00":
        refused(lambda: READ.hex(value, "x", length=1))
    else:
        assert READ.hex(value, "x", length=1) == b"\x00"


@pytest.mark.parametrize("value", ["", "0", "000", "000000", "0g", "AB", 0, None])
def test_hex_up_to_of_another_form_is_refused(value: object) -> None:
    refused(lambda: READ.hex_up_to(value, "x", most=2))
    assert READ.hex_up_to("00ff", "x", most=2) == b"\x00\xff"


@pytest.mark.parametrize("value", ["00", "0X00", "0x", "0x0", "0xAB", "0x0000", 0, None])
def test_prefixed_of_another_form_is_refused(value: object) -> None:
    refused(lambda: READ.prefixed(value, "x", length=1))
    assert READ.prefixed("0xff", "x", length=1) == b"\xff"


@pytest.mark.parametrize(
    "value", ["2026-02-29", "2026-1-01", "20260101", "0000-01-01", "2026-01-01\n", 1, None]
)
def test_date_that_does_not_exist_is_refused(value: object) -> None:
    refused(lambda: READ.date(value, "x"))
    assert READ.date("2024-02-29", "x") == date(2024, 2, 29)


@pytest.mark.parametrize(
    "value", ["2026-01-01T00:00:60Z", "2026-01-01T24:00:00Z", "2026-01-01 00:00:00Z", 1, None]
)
def test_time_that_does_not_exist_is_refused(value: object) -> None:
    refused(lambda: READ.time(value, "x"))
    assert READ.time("2026-01-01T01:02:03Z", "x") == datetime(2026, 1, 1, 1, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize("value", [SECRET, [SECRET], {SECRET: SECRET}, 91, None])
def test_refusal_describes_by_type_and_length_only(value: object) -> None:
    message = str(READ.refuse("claim.subject", "something else", value))
    assert SECRET not in message
    assert "91" not in message
