"""The quick ways of reading cells against plain ones that take every cell the long way."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.intake import values
from ledger.core.intake.problems import Problem
from ledger.core.intake.values import (
    clean_text,
    is_identity_number,
    narrow,
    read_amount,
    read_date,
    read_text,
)
from ledger.core.records.subject import (
    ALPHABET,
    DASHES,
    WHITE_SPACE,
    UsccError,
    check_character,
    is_normal_uscc,
    normalize_uscc,
    squeeze_code,
)

EDGE = "".join(WHITE_SPACE) + "\u200b\u200c\u200d\u2060\ufeff"
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NASTY = st.text(
    "\r\n\t \u3000\u200b\ufeff\x00\x07\x1f\x7f\x9fe\u0301\u212b罚09１９Xx-－./年月日,", max_size=24
)
DIGITS = st.text("0123456789０１２３４５６７８９Xx- \u3000", min_size=14, max_size=24)


def in_full_width(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) for one in text)


def plain_text(cell: str, max_chars: int) -> str | None:
    """The text of a cell, or the code of its problem in capitals."""
    folded = unicodedata.normalize("NFC", cell.replace("\r\n", "\n").replace("\r", "\n"))
    text = folded.strip(EDGE)
    if not text:
        return None
    if len(text) > max_chars:
        return "TOO-LONG"
    if any(unicodedata.category(one) == "Cc" and one not in "\t\n" for one in text):
        return "CONTROL-CHARACTER"
    if any(map(is_identity_number, values._IDENTITY.findall(narrow(text)))):
        return "IDENTITY-NUMBER"
    return text


def found(value: object) -> object:
    return value.code.upper() if isinstance(value, Problem) else value


@given(st.one_of(ANY_TEXT, NASTY, DIGITS), st.sampled_from([5, 1000]))
def test_read_text_any_cell_reads_as_the_plain_way(cell: str, most: int) -> None:
    assert found(read_text(cell, max_chars=most)) == plain_text(cell, most)


@pytest.mark.parametrize("write", [str, in_full_width, lambda text: f"证件号\u3000{text}。"])
@pytest.mark.parametrize("number", ["110101199001011237", "11010119900101123x"])
def test_read_text_identity_number_is_found_in_any_width(write, number: str) -> None:
    numbers = [f"{number[:17]}{last}" for last in "0123456789X"]
    assert sum(map(is_identity_number, numbers)) == 1
    codes = {found(read_text(write(one), max_chars=100)) for one in numbers}
    assert "IDENTITY-NUMBER" in codes and len(codes) > 1


@given(st.one_of(ANY_TEXT, NASTY))
def test_clean_text_any_cell_is_cleaned_as_the_plain_way(cell: str) -> None:
    folded = unicodedata.normalize("NFC", cell.replace("\r\n", "\n").replace("\r", "\n"))
    assert clean_text(cell) == folded.strip(EDGE)


@given(st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True))
def test_read_date_usual_spelling_reads_as_any_other(cell: str) -> None:
    assert (
        found(read_date(cell))
        == found(read_date(f" {cell}"))
        == found(read_date(in_full_width(cell)))
    )


@given(st.dates(date(1949, 10, 1)))
def test_read_date_usual_spelling_is_the_day(day: date) -> None:
    assert read_date(day.isoformat()) == day


@given(st.from_regex(r"[0-9]{1,9}\.[0-9]{6}", fullmatch=True))
def test_read_amount_usual_spelling_reads_as_any_other(cell: str) -> None:
    whole, decimals = cell.split(".")
    assert read_amount(cell) == int(whole) * 10**6 + int(decimals)
    assert read_amount(cell) == read_amount(f" {cell}") == read_amount(in_full_width(cell))


@pytest.mark.parametrize("cell", ["1.000000\n", "1.0000000", "1000000000.000000", "１.000000"])
def test_read_amount_near_the_usual_spelling_is_read_the_long_way(cell: str) -> None:
    assert read_amount(cell) == read_amount(f"{cell}\u3000")


SQUEEZED = st.text("0189AIOSVZ", max_size=20)
SPELLED = st.one_of(
    SQUEEZED,
    st.text("0189AZaz -\u2010\u3000０Ａａ", max_size=20),
    st.text(ALPHABET, min_size=17, max_size=17).map(lambda body: body + check_character(body)),
    st.text(ALPHABET, min_size=18, max_size=18),
)


@given(SPELLED)
def test_squeeze_code_any_text_is_squeezed_as_the_plain_way(text: str) -> None:
    folded = unicodedata.normalize("NFKC", text)
    kept = "".join(one for one in folded if one not in WHITE_SPACE | DASHES)
    assert squeeze_code(text) == kept.upper()


@given(SPELLED)
def test_is_normal_uscc_exactly_where_normalizing_changes_nothing(text: str) -> None:
    try:
        normal = normalize_uscc(f"{text} ")  # the space keeps it from the quick way
    except UsccError:
        assert not is_normal_uscc(text)
    else:
        assert is_normal_uscc(text) == (normal == text)
        assert normalize_uscc(text) == normal


def test_is_normal_uscc_of_the_eighteen_places_needs_each() -> None:
    code = "91310115MA1TEXT01" + check_character("91310115MA1TEXT01")
    assert is_normal_uscc(code)
    for place in range(18):
        for other in set(ALPHABET) - {code[place]}:
            assert not is_normal_uscc(code[:place] + other + code[place + 1 :])
    for wrong in (
        code[:17],
        code + "0",
        code + "\n",
        code.lower(),
        f" {code}",
        in_full_width(code),
    ):
        assert not is_normal_uscc(wrong)
