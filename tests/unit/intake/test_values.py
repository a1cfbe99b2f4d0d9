from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.intake.problems import Problem
from ledger.core.intake.values import (
    clean_text,
    is_blank,
    is_identity_number,
    read_amount,
    read_code,
    read_date,
    read_text,
)
from ledger.core.types import MAX_SAFE_INTEGER

DAY = date(2026, 3, 5)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-03-05",
        "2026-3-5",
        "2026/03/05",
        "2026/3/5",
        "2026.3.5",
        "2026.03.05",
        "2026年3月5日",
        "2026年03月05号",
        "2026 年 3 月 5 日",
        "20260305",
        "20260305.0",
        "46086",
        "46086.0",
        "46086.75",
        "2026-03-05 00:00:00",
        "2026-03-05 00:00:00.000",
        "2026-03-05T00:00:00",
        "2026-03-05T23:59:59+08:00",
        "2026-03-05 8:05",
        "2026/3/5 0:00",
        "2026/3/5  0:00:00",
        "2026.3.5 12:30",
        "2026年3月5日00:00:00",
        "2026年3月5日 10时30分",
        "2026年3月5日10时30分05秒",
        "２０２６－０３－０５",
        "２０２６／３／５",
        "２０２６．３．５",
        "２０２６年３月５日",
        "２０２６０３０５",
        "４６０８６",
        "2026\u20113\u20115",
        "2026—03—05",
        "\u30002026-03-05\u00a0",
        "\u200b2026-03-05\ufeff",
        "2026-03-05\r\n",
        "2026 - 3 - 5",
    ],
)
def test_read_date_any_spelling_gives_the_day(cell: str) -> None:
    assert read_date(cell) == DAY


@pytest.mark.parametrize("cell", ["", " ", "\u3000\u00a0", "\u200b"])
def test_read_date_empty_cell_is_none(cell: str) -> None:
    assert read_date(cell) is None


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("2026-02-30", "date-impossible"),
        ("2025/2/29", "date-impossible"),
        ("2026-13-01", "date-impossible"),
        ("2026年0月5日", "date-impossible"),
        ("0000-01-01", "date-impossible"),
        ("20260230", "date-impossible"),
        ("0001-01-01", "date-range"),
        ("1900-01-01", "date-range"),
        ("1949-09-30", "date-range"),
        ("18991230", "date-range"),
        ("26-03-05", "date-format"),
        ("3/5/2026", "date-format"),
        ("2026-03", "date-format"),
        ("2026年3月", "date-format"),
        ("202603", "date-format"),
        ("2026", "date-format"),
        ("20263", "date-format"),
        ("32873", "date-format"),
        ("73051", "date-format"),
        ("460860", "date-format"),
        ("-46086", "date-format"),
        ("4.6086E4", "date-format"),
        ("2026-03/05", "date-format"),
        ("2026-03.05", "date-format"),
        ("2026-03-05Z", "date-format"),
        ("2026-03-05T00:00:00Z", "date-format"),
        ("2026-03-05T00:00:00+09:00", "date-format"),
        ("2026-03-05 24:00:00", "date-format"),
        ("2026-03-05 12:60", "date-format"),
        ("2026-03-0500:00:00", "date-format"),
        ("2026-03-05 2026-03-06", "date-format"),
        ("2026-03-05至2027-03-05", "date-format"),
        ("约2026-03-05", "date-format"),
        ("二〇二六年三月五日", "date-format"),
        ("长期", "date-format"),
        ("无", "date-format"),
        ("２０２６年３月", "date-format"),
        ("٢٠٢٦-٠٣-٠٥", "date-format"),
    ],
)
def test_read_date_anything_else_is_refused(cell: str, code: str) -> None:
    value = read_date(cell)
    assert isinstance(value, Problem)
    assert value.code == code


def test_read_date_first_day_and_serial_borders_are_read() -> None:
    assert read_date("1949-10-01") == date(1949, 10, 1)
    assert read_date("32874") == date(1990, 1, 1)
    assert read_date("73050") == date(2099, 12, 31)
    assert read_date("9999-12-31") == date(9999, 12, 31)


@given(st.dates(date(1990, 1, 1), date(2099, 12, 31)), st.sampled_from("-/."))
def test_read_date_every_day_is_read_in_every_form(day: date, mark: str) -> None:
    serial = (day - date(1899, 12, 30)) // timedelta(days=1)
    plain = (day.year, day.month, day.day)
    assert read_date(day.isoformat().replace("-", mark)) == day
    assert read_date(mark.join(map(str, plain))) == day
    assert read_date(f"{day.year}年{day.month}月{day.day}日") == day
    assert read_date(f"{day:%Y%m%d}") == day
    assert read_date(str(serial)) == day


@pytest.mark.parametrize(
    ("cell", "fen"),
    [
        ("0", 0),
        ("0.000000", 0),
        ("1", 1_000_000),
        ("0.2", 200_000),
        ("12.345678", 12_345_678),
        ("100.000000", 100_000_000),
        ("0.000001", 1),
        ("1.0000010000", 1_000_001),
        ("007.5", 7_500_000),
        ("1,234.5", 1_234_500_000),
        ("12,345,678", 12_345_678_000_000),
        ("１２．３４５６７８", 12_345_678),
        ("１，２３４．５", 1_234_500_000),
        ("\u30002.5\u00a0", 2_500_000),
        ("9007199254.740991", MAX_SAFE_INTEGER),
    ],
)
def test_read_amount_plain_number_is_exact_fen(cell: str, fen: int) -> None:
    assert read_amount(cell) == fen


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("约2万元", "amount-format"),
        ("2万元", "amount-format"),
        ("2元", "amount-format"),
        ("二", "amount-format"),
        ("无", "amount-format"),
        ("-", "amount-format"),
        ("/", "amount-format"),
        ("1e3", "amount-format"),
        ("1E+2", "amount-format"),
        ("+2", "amount-format"),
        ("¥2", "amount-format"),
        ("￥2", "amount-format"),
        ("(2)", "amount-format"),
        ("2.", "amount-format"),
        (".5", "amount-format"),
        ("1.2.3", "amount-format"),
        ("1,23.4", "amount-format"),
        ("1,2345", "amount-format"),
        ("1234,567", "amount-format"),
        (",123", "amount-format"),
        ("1,,234", "amount-format"),
        ("1.234,5", "amount-format"),
        ("1 234", "amount-format"),
        ("0x10", "amount-format"),
        ("1_000", "amount-format"),
        ("10²", "amount-format"),
        ("①", "amount-format"),
        ("٢", "amount-format"),
        ("NaN", "amount-format"),
        ("Infinity", "amount-format"),
        ("-1", "amount-range"),
        ("-0", "amount-range"),
        ("−0.5", "amount-range"),
        ("－１", "amount-range"),
        ("9007199254.740992", "amount-range"),
        ("99999999999", "amount-range"),
        ("9" * 5000, "amount-range"),
        ("0.0000001", "amount-fraction"),
        ("12.3456789", "amount-fraction"),
        ("12.34567800001", "amount-fraction"),
    ],
)
def test_read_amount_anything_else_is_refused(cell: str, code: str) -> None:
    value = read_amount(cell)
    assert isinstance(value, Problem)
    assert value.code == code


@pytest.mark.parametrize("cell", ["", " ", "\u3000"])
def test_read_amount_empty_cell_is_none(cell: str) -> None:
    assert read_amount(cell) is None


@given(st.integers(0, MAX_SAFE_INTEGER))
def test_read_amount_any_fen_survives_the_way_through_wan_yuan(fen: int) -> None:
    wan = Decimal(fen).scaleb(-6)
    assert read_amount(f"{wan:f}") == fen
    assert read_amount(f"{wan:,f}") == fen


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("  甲 乙\u3000", "甲 乙"),
        ("\ufeff甲\u200b", "甲"),
        ("甲\r\n乙\r丙\n丁", "甲\n乙\n丙\n丁"),
        ("\n甲\n", "甲"),
        ("Cafe\u0301", "Café"),
        ("\uf900", "\u8c48"),
        ("（Ａ）〔2026〕１号", "（Ａ）〔2026〕１号"),
        ("𠮷野🈲", "𠮷野🈲"),
        ("甲\t乙", "甲\t乙"),
    ],
)
def test_read_text_trims_and_composes_and_changes_nothing_else(cell: str, text: str) -> None:
    assert read_text(cell, max_chars=100) == text
    assert clean_text(text) == text


def test_read_text_empty_cell_is_none() -> None:
    assert read_text(" \u3000", max_chars=1) is None


def test_read_text_length_counts_characters_not_bytes() -> None:
    assert read_text("𠮷" * 3, max_chars=3) == "𠮷𠮷𠮷"
    assert read_text("𠮷" * 4, max_chars=3) == Problem(
        "too-long", "at most 3 characters", "4 characters"
    )


@pytest.mark.parametrize("control", ["\x00", "\x07", "\x0b", "\x1b", "\x7f", "\x85", "\x9f"])
def test_read_text_inner_control_character_is_refused(control: str) -> None:
    value = read_text(f"甲{control}乙", max_chars=10)
    assert value == Problem("control-character", "no control character", f"U+{ord(control):04X}")


# No area has the number 909999, so this is nobody's.
NOBODY = next(
    number
    for number in ("90999919000101001" + check for check in "0123456789X")
    if is_identity_number(number)
)


def test_is_identity_number_exactly_one_check_character_fits() -> None:
    fitting = [check for check in "0123456789X" if is_identity_number(NOBODY[:17] + check)]
    assert fitting == [NOBODY[17]]


def test_is_identity_number_check_by_the_standard_is_ten_as_x() -> None:
    # The example of ISO 7064 in GB 11643-1999, annex A.
    assert is_identity_number("11010519491231002X")
    assert is_identity_number("11010519491231002x")


@pytest.mark.parametrize(
    "text", ["", "1" * 18, "909999190002300010", "A" * 18, "01" + NOBODY[2:], NOBODY + "0"]
)
def test_is_identity_number_anything_else_is_none(text: str) -> None:
    assert not is_identity_number(text)


def test_read_text_with_an_identity_number_is_refused_without_repeating_it() -> None:
    wide = NOBODY.translate({ord(d): ord(d) + 0xFEE0 for d in "0123456789"})
    for text in (f"当事人身份证{NOBODY}，", f"号码：{wide}"):
        assert read_text(text, max_chars=99) == Problem("identity-number", "no identity number")
    assert read_text(f"编号1{NOBODY}", max_chars=99) == f"编号1{NOBODY}"


def test_read_code_problem_never_holds_the_code() -> None:
    assert read_code(" 91230500ma1b3n1n2m") == "91230500MA1B3N1N2M"
    value = read_code("91230500MA1B3N1N2N")
    assert isinstance(value, Problem)
    assert value.code == "uscc-check"
    assert "91230500" not in f"{value.expected}{value.found}"


@given(st.text(max_size=30))
def test_read_values_any_text_gives_a_value_or_a_problem(cell: str) -> None:
    assert read_date(cell) is None or isinstance(read_date(cell), date | Problem)
    assert read_amount(cell) is None or isinstance(read_amount(cell), int | Problem)
    text = read_text(cell, max_chars=20)
    assert (text is None) == is_blank(cell)
