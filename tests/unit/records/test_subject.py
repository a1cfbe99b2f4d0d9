import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc as oracle

from ledger.core.records.subject import (
    ALPHABET,
    UsccError,
    check_character,
    normalize_uscc,
    squeeze_code,
)
from ledger.errors import MalformedRecordError

VALID = (
    "91110108551385082Q",
    "91320105780688132K",
    "91230500MA1B3N1N2M",
    "11230500001755309F",
    "91350100M000100Y43",
    # Remainder 0, where alphabet[31 - remainder] falls off the end.
    "913101137354069170",
    "913101177362326640",
)

bodies = st.text(ALPHABET, min_size=17, max_size=17)


@pytest.mark.parametrize("code", VALID)
def test_normalize_uscc_published_code_is_itself(code: str) -> None:
    assert normalize_uscc(code) == code


@pytest.mark.parametrize("code", VALID)
def test_normalize_uscc_published_code_is_valid_for_the_oracle(code: str) -> None:
    assert oracle.is_valid(code)


@given(st.text("0123456789", min_size=8, max_size=8), st.text(ALPHABET, min_size=9, max_size=9))
def test_check_character_any_body_equals_the_oracle(head: str, tail: str) -> None:
    assert check_character(head + tail) == oracle.calc_check_digit(head + tail)


@given(bodies)
def test_check_character_any_body_makes_a_weighted_sum_of_zero(body: str) -> None:
    total = sum(ALPHABET.index(one) * 3**i for i, one in enumerate(body))
    assert (total + ALPHABET.index(check_character(body))) % 31 == 0


def test_normalize_uscc_example_of_the_standard_is_refused_for_its_check() -> None:
    with pytest.raises(UsccError) as caught:
        normalize_uscc("91350100M000100Y4Z")
    assert caught.value.problem == "alphabet"
    with pytest.raises(UsccError) as caught:
        normalize_uscc("91350100M000100Y4X")
    assert caught.value.problem == "check"


@pytest.mark.parametrize(
    "spelling",
    [
        "91230500ma1b3n1n2m",
        " 91230500MA1B3N1N2M\t",
        "9123 0500 MA1B 3N1N 2M",
        "912305-00MA1B3N1N2-M",
        "912305\u201000MA\u20111B\u20123N\u20131N\u20142\u2015M\u2212",
        "９１２３０５００ＭＡ１Ｂ３Ｎ１Ｎ２Ｍ",
        "\u300091230500\u00a0MA1B3N1N2M\u3000",
        "91230500\u2003MA1B\u202f3N1N\u205f2M",
        "91230500\r\nMA1B3N1N2M",
        "９１２３０５００－ｍａ１ｂ３ｎ１ｎ２ｍ",
    ],
)
def test_normalize_uscc_any_spelling_gives_the_one_spelling(spelling: str) -> None:
    assert normalize_uscc(spelling) == "91230500MA1B3N1N2M"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "missing"),
        (" \u3000-\u00a0", "missing"),
        ("91230500MA1B3N1N2", "length"),
        ("91230500MA1B3N1N2MM", "length"),
        ("9.12305E+17", "length"),
        ("91230500MA1B3N1N2M" + " " * 300, "length"),
        ("'91230500MA1B3N1N2M", "length"),
        ("91230500MI1B3N1N2M", "alphabet"),
        ("91230500MA1B3N1N2Z", "alphabet"),
        ("91230500MA1B3N1N2ſ", "alphabet"),
        ("中1230500MA1B3N1N2M", "alphabet"),
        ("91230500MA1B3N1N2N", "check"),
        ("91230500MA1BN31N2M", "check"),
    ],
)
def test_normalize_uscc_broken_code_is_refused_by_its_first_problem(
    text: str, problem: str
) -> None:
    with pytest.raises(UsccError) as caught:
        normalize_uscc(text)
    assert caught.value.problem == problem
    assert isinstance(caught.value, MalformedRecordError)


@pytest.mark.parametrize("invisible", ["\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad"])
def test_normalize_uscc_zero_width_character_is_no_white_space(invisible: str) -> None:
    with pytest.raises(UsccError) as caught:
        normalize_uscc("91230500" + invisible + "MA1B3N1N2M")
    assert caught.value.problem == "length"


@pytest.mark.parametrize("text", ["310101199003074231", "91230500MA1B3N1N2N", "9123 I", "甲乙丙"])
def test_normalize_uscc_refusal_never_repeats_the_code(text: str) -> None:
    with pytest.raises(UsccError) as caught:
        normalize_uscc(text)
    assert text not in str(caught.value)


@given(bodies, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_normalize_uscc_any_single_substitution_is_refused(
    body: str, position: int, other: str
) -> None:
    code = body + check_character(body)
    changed = code[:position] + other + code[position + 1 :]
    if changed == code:
        assert normalize_uscc(changed) == code
    else:
        with pytest.raises(UsccError):
            normalize_uscc(changed)


@given(bodies, st.integers(0, 16))
def test_normalize_uscc_any_neighbours_swapped_is_refused(body: str, position: int) -> None:
    code = body + check_character(body)
    swapped = code[:position] + code[position + 1] + code[position] + code[position + 2 :]
    if swapped != code:
        with pytest.raises(UsccError):
            normalize_uscc(swapped)


@given(st.text(max_size=40))
def test_normalize_uscc_any_text_gives_a_valid_code_or_its_error(text: str) -> None:
    try:
        code = normalize_uscc(text)
    except UsccError:
        return
    assert normalize_uscc(code) == code
    assert code == squeeze_code(text)


def test_normalize_uscc_area_and_inner_check_are_not_tested() -> None:
    body = "A1999999ZZZZZZZZ0".replace("Z", "Y")
    assert normalize_uscc(body + check_character(body))


@pytest.mark.parametrize("body", ["", "1" * 16, "1" * 18, "I" * 17, "中" * 17])
def test_check_character_other_body_is_refused(body: str) -> None:
    with pytest.raises(UsccError):
        check_character(body)
