"""Cells of worksheets: what is read as the text it stands for, and what is refused."""

from datetime import date

import pytest
from intake_files import CHANGE, LICENCE, PARTY, PENALTY, REGION, code, problems, read_one
from worlds.workbooks import (
    Cell,
    Value,
    boolean,
    error,
    formula,
    number,
    shared,
    sheet,
    workbook,
)

from ledger.core.intake import FileError, ParsedRow, read_file
from ledger.core.intake.xlsx.formats import Look, built_in, look_of

DATES = ("yyyy-mm-dd", "14", "m/d/yy h:mm", 'yyyy"年"m"月"d"日"', "[$-804]yyyy/m/d;@", "22", "31")
PLAIN = ("0.00", "#,##0.000000", "4", "43", "_ * #,##0.00_ ;_ * \\-#,##0.00_ ", "[Red]0.0", "#000")
UNCLEAR = (
    *('0.00"元"', "¥#,##0.00", "[$¥-804]#,##0.00", "0%", "9", "0.00E+00", "11", "# ?/?", "12"),
    *("0.0,", "General\\元", '"万"0', "[>100]0", "", "7", "44", "5000"),
)
PART_OF_A_DAY = ("yyyy-mm", 'yyyy"年"m"月"', 'm"月"d"日"', "h:mm", "mmm-yy", "20", "57", "[h]:mm")


def read_cells(base: dict[str, str], cells: dict[str, Value], **named: object) -> ParsedRow:
    """Read a worksheet with one row: the base with some cells of its own."""
    row: dict[str, Value] = {**base, **cells}
    (found,) = read_file(
        workbook(sheet([list(row), list(row.values())]), **named), region=REGION
    ).rows
    return found


def same(left: ParsedRow, right: ParsedRow) -> bool:
    return left.record is not None and left.record == right.record


def test_cells_of_text_give_the_record_of_the_csv() -> None:
    assert same(read_cells(PENALTY, {}), read_one(PENALTY))
    assert same(read_cells(LICENCE, {}), read_one(LICENCE))


@pytest.mark.parametrize("style", DATES)
@pytest.mark.parametrize(("stored", "is_1904"), [("46086", False), ("44624", True)])
def test_date_cell_is_its_day(style: str, stored: str, is_1904: bool) -> None:
    cells = {"CF_JDRQ": number(stored, 1), "CF_GSJZQ": number(f"{stored}.75", 1)}
    found = read_cells(PENALTY, cells, formats=[style], is_1904=is_1904)
    assert found.record is not None
    assert found.record.decided_on == date(2026, 3, 5)
    assert found.record.in_force_until == date(2026, 3, 5)


@pytest.mark.parametrize(
    ("stored", "is_1904", "day"),
    [
        ("46086", False, "2026-03-05"),
        ("46086.0", False, "2026-03-05"),
        ("4.6086E4", False, "2026-03-05"),
        ("44624", True, "2026-03-05"),
        ("20260305", False, "2026-03-05"),
        ("20260305", True, "2026-03-05"),
    ],
)
def test_day_number_without_date_format_is_its_day(stored: str, is_1904: bool, day: str) -> None:
    found = read_cells(PENALTY, {"CF_JDRQ": number(stored)}, is_1904=is_1904)
    assert found.record is not None
    assert found.record.decided_on.isoformat() == day


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        (number("1", 1), "date-range"),
        (number("60", 1), "date-range"),
        (number("0.5", 1), "date-range"),
        (number("-1", 1), "date-impossible"),
        (number("2958466", 1), "date-impossible"),
        (number("1E+300", 1), "date-impossible"),
        (number("12"), "date-format"),
        (number("20260230"), "date-impossible"),
        (boolean(1), "date-format"),
        (Cell("<v>2026-02-30</v>", t="d"), "date-impossible"),
    ],
)
def test_date_cell_that_is_no_day_is_refused(cell: Cell, code: str) -> None:
    found = read_cells(PENALTY, {"CF_JDRQ": cell}, formats=["yyyy-mm-dd"])
    assert problems(found) == [("CF_JDRQ", code)]


def test_date_cell_in_iso_form_is_its_day() -> None:
    cell = Cell("<v>2026-03-05T00:00:00</v>", t="d")
    found = read_cells(PENALTY, {"CF_JDRQ": cell})
    assert found.record is not None and found.record.decided_on == date(2026, 3, 5)


@pytest.mark.parametrize("style", [*PART_OF_A_DAY, "0.00", "0%", '0"天"'])
def test_date_cell_that_does_not_show_a_whole_day_is_refused(style: str) -> None:
    """2026年3月 is stored as the first of March, which nobody wrote."""
    found = read_cells(PENALTY, {"CF_JDRQ": number("46086", 1)}, formats=[style])
    assert problems(found) == [("CF_JDRQ", "number-format")]


@pytest.mark.parametrize(
    ("stored", "fen"),
    [
        ("2", 2_000_000),
        ("0", 0),
        ("0.000001", 1),
        ("1E-6", 1),
        ("2.0000000000000004", 2_000_000),
        ("0.30000000000000004", 300_000),
        ("1234.5", 1_234_500_000),
        ("1.5E2", 150_000_000),
        (" 3 ", 3_000_000),
    ],
)
@pytest.mark.parametrize("style", ["General", *PLAIN])
def test_money_cell_is_its_amount(stored: str, fen: int, style: str) -> None:
    found = read_cells(PENALTY, {"CF_NR_FK": number(stored, 1)}, formats=[style])
    assert found.record is not None
    assert found.record.fields["fine_fen"] == fen


@pytest.mark.parametrize("style", [*UNCLEAR, *PART_OF_A_DAY, *DATES])
def test_money_cell_shown_with_anything_else_is_refused(style: str) -> None:
    """20,000元 in a column of 万元 would be ten thousand times as much."""
    found = read_cells(PENALTY, {"CF_NR_FK": number("20000", 1)}, formats=[style])
    assert problems(found) == [("CF_NR_FK", "number-format")]


@pytest.mark.parametrize(
    ("stored", "code"),
    [
        ("-1", "amount-range"),
        ("1E15", "amount-range"),
        ("1E300", "amount-range"),
        ("0.0000001", "amount-fraction"),
        ("1.23456789", "amount-fraction"),
    ],
)
def test_money_cell_out_of_range_is_refused(stored: str, code: str) -> None:
    found = read_cells(PENALTY, {"CF_NR_FK": number(stored)})
    assert problems(found) == [("CF_NR_FK", code)]


@pytest.mark.parametrize(
    ("base", "column"),
    [
        *((PENALTY, column) for column in ("CF_XDR_SHXYM", "CF_WSH", "CF_CFJGDM")),
        *((LICENCE, column) for column in ("XK_XDR_SHXYM", "XK_WSH", "XK_XKJGDM")),
        *((CHANGE, column) for column in ("CF_WSH", "CF_XDR_SHXYM")),
    ],
)
@pytest.mark.parametrize("stored", ["7", "123456789012345678", "1.2345678901234568E+17", "0.5"])
def test_number_in_a_column_of_identifiers_is_refused(
    base: dict[str, str], column: str, stored: str
) -> None:
    """Leading zeros and the sixteenth digit on are lost, and nothing tells that they were there."""
    found = read_cells(base, {column: number(stored)})
    assert problems(found) == [(column, "number-not-text")]
    assert found.errors[0].found is None


@pytest.mark.parametrize("column", ["XK_XKBH", "XK_XDR_GSZC", "XK_XDR_ZZJG", "XK_XDR_SWDJ"])
def test_number_in_an_optional_column_of_identifiers_is_refused(column: str) -> None:
    found = read_cells(LICENCE, {column: number("31")})
    assert problems(found) == [(column, "number-not-text")]


@pytest.mark.parametrize(("stored", "written"), [("1", "1"), ("-7", "-7"), ("1E3", "1000")])
@pytest.mark.parametrize("style", ["General", "0", "@", "1", "49"])
def test_whole_number_in_a_text_column_is_its_digits(stored: str, written: str, style: str) -> None:
    found = read_cells(LICENCE, {"XK_ZT": number(stored, 1)}, formats=[style])
    assert found.record is not None
    assert found.record.fields["state"] == written


@pytest.mark.parametrize(
    ("stored", "style"),
    [
        ("1.5", "General"),
        ("1000000000000000", "General"),
        ("1E20", "General"),
        *(("7", style) for style in (*DATES, *PLAIN, *UNCLEAR, *PART_OF_A_DAY)),
    ],
)
def test_other_number_in_a_text_column_is_refused(stored: str, style: str) -> None:
    """A cell in which somebody wrote 3/5 holds the fifth of March of that year."""
    found = read_cells(PENALTY, {"BZ": number(stored, 1)}, formats=[style])
    assert problems(found) == [("BZ", "number-not-text")]


@pytest.mark.parametrize("value", ["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", ""])
@pytest.mark.parametrize("column", ["CF_NR_FK", "CF_XDR_SHXYM", "CF_JDRQ", "BZ", "CF_NR"])
def test_error_cell_is_refused_and_not_read_as_empty(value: str, column: str) -> None:
    found = read_cells(PENALTY, {column: error(value)})
    assert problems(found) == [(column, "cell-error")]
    assert found.errors[0].found is None


@pytest.mark.parametrize("column", ["CF_NR_FK", "CF_WSH", "CF_JDRQ", "BZ"])
@pytest.mark.parametrize(
    "cell",
    [formula(None, "n"), formula("", "n"), formula(None, "str"), formula(None, "b")],
    ids=["none", "empty", "text", "truth"],
)
def test_formula_without_result_is_refused_and_not_read_as_empty(cell: Cell, column: str) -> None:
    found = read_cells(PENALTY, {column: cell})
    assert problems(found) == [(column, "formula-without-value")]


def test_formula_with_result_is_that_result() -> None:
    cells: dict[str, Value] = {
        "CF_WSH": formula(PENALTY["CF_WSH"]),
        "CF_NR_FK": formula("2", "n"),
        "CF_JDRQ": formula("46086", "n"),
        "BZ": formula(""),
    }
    assert same(read_cells(PENALTY, cells), read_one(PENALTY))


def test_formula_that_fails_is_an_error_cell() -> None:
    found = read_cells(PENALTY, {"BZ": formula("#REF!", "e")})
    assert problems(found) == [("BZ", "cell-error")]


@pytest.mark.parametrize(("stored", "shown"), [(1, "TRUE"), (0, "FALSE"), ("true", "TRUE")])
def test_truth_value_is_the_word_that_is_shown(stored: object, shown: str) -> None:
    found = read_cells(PENALTY, {"BZ": boolean(stored)})
    assert found.record is not None and found.record.fields["remark"] == shown
    refused = read_cells(PENALTY, {"CF_NR_FK": boolean(stored)})
    assert problems(refused) == [("CF_NR_FK", "amount-format")]


def test_shared_texts_are_read_with_runs_and_without_readings() -> None:
    texts = [
        "<t>罚款</t>",
        "<r><rPr><b/></rPr><t>罚</t></r><r><t xml:space='preserve'>款 </t></r>",
        "<t>罚款</t><rPh sb='0' eb='2'><t>fakuan</t></rPh><phoneticPr fontId='1'/>",
    ]
    for index in range(3):
        found = read_cells(PENALTY, {"CF_NR": shared(index)}, texts=texts)
        assert same(found, read_one(PENALTY))


def test_text_in_the_cell_is_read_with_runs_and_without_readings() -> None:
    inside = "<is><r><t>罚</t></r><r><t>款</t></r><rPh sb='0' eb='2'><t>fakuan</t></rPh></is>"
    found = read_cells(PENALTY, {"CF_NR": Cell(inside, t="inlineStr")})
    assert same(found, read_one(PENALTY))


def test_shared_text_longer_than_a_cell_refuses_the_file() -> None:
    with pytest.raises(FileError) as caught:
        read_cells(PENALTY, {}, texts=["<t>" + "甲" * 32_768 + "</t>"])
    assert caught.value.problem == "malformed-xlsx"


def test_escaped_characters_are_those_that_are_meant() -> None:
    cells: dict[str, Value] = {"CF_SY": "一_x000A_二", "BZ": "_x005F_x0041_ _x41_ _xD83D_"}
    found = read_cells(PENALTY, cells)
    assert found.record is not None
    assert found.record.fields["facts"] == "一\n二"
    assert found.record.fields["remark"] == "_x0041_ _x41_ _xD83D_"


def test_escaped_control_character_is_refused_as_in_csv() -> None:
    found = read_cells(PENALTY, {"CF_NR": "罚_x0007_款"})
    assert problems(found) == [("CF_NR", "control-character")]


def test_faults_in_columns_without_meaning_do_not_matter() -> None:
    cells: dict[str, Value] = {"序号": error(), "CF_FR_ZJHM": number("1E17"), "说明": formula(None)}
    assert same(read_cells(PENALTY, cells), read_one(PENALTY))


def test_fault_beyond_the_header_has_slipped() -> None:
    row = read_file(
        workbook(sheet([list(PENALTY), [*PENALTY.values(), error()]])), region=REGION
    ).rows[0]
    assert problems(row) == [(None, "column-count")]


def test_faults_and_other_problems_of_a_row_are_all_told() -> None:
    cells: dict[str, Value] = {"CF_WSH": number("7"), "CF_NR_FK": "约2万", "CF_JDRQ": error()}
    assert set(problems(read_cells(PENALTY, cells))) == {
        ("CF_WSH", "number-not-text"),
        ("CF_JDRQ", "cell-error"),
        ("CF_NR_FK", "amount-format"),
    }


@pytest.mark.parametrize(
    "cells",
    [
        {"CF_XDR_LB": "自然人", "CF_XDR_SHXYM": number("310101199001011234")},
        {"CF_XDR_LB": "自然人", "CF_WSH": error()},
    ],
)
def test_row_of_a_person_with_faults_says_only_that(cells: dict[str, Value]) -> None:
    assert problems(read_cells(PENALTY, cells)) == [("CF_XDR_LB", "natural-person")]


def test_sole_proprietor_with_faults_says_only_that() -> None:
    cells: dict[str, Value] = {"CF_XDR_SHXYM": code("92310115MA1TEXT04"), "CF_WSH": number("1")}
    assert problems(read_cells(PENALTY, cells)) == [("CF_XDR_SHXYM", "sole-proprietor")]


def test_change_row_in_a_worksheet_is_a_change() -> None:
    cells: dict[str, Value] = {"region": number(REGION), "decided_on": number("46300", 1)}
    found = read_cells(CHANGE, cells, formats=["yyyy/m/d"])
    assert found.change is not None
    assert (found.change.subject, found.change.decided_on) == (PARTY, date(2026, 10, 5))


def test_change_row_of_another_region_is_left_out_with_its_faults() -> None:
    found = read_cells(CHANGE, {"region": number("310000"), "CF_WSH": error()})
    assert found.skipped and not found.errors


@pytest.mark.parametrize(
    "inside",
    [
        Cell("<v>x</v>"),
        Cell("<v>NaN</v>"),
        Cell("<v>1e</v>"),
        Cell("<v>1e999</v>"),
        Cell("<v>0x10</v>"),
        Cell("<v>１</v>"),
        Cell("<v>" + "1" * 400 + "</v>"),
        Cell("<v>2</v>", t="b"),
        Cell("<v>9</v>", t="s"),
        Cell("<v>-1</v>", t="s"),
        Cell("<v>x</v>", t="s"),
        Cell("<v>1</v>", t="z"),
        Cell(t=""),
        Cell("<is><t>" + "甲" * 32_768 + "</t></is>", t="inlineStr"),
        Cell("<v>" + "甲" * 32_768 + "</v>", t="str"),
    ],
    ids=lambda cell: cell.xml("A1")[:40],
)
def test_cell_that_no_program_writes_refuses_the_file(inside: Cell) -> None:
    with pytest.raises(FileError) as caught:
        read_cells(PENALTY, {"BZ": inside}, texts=["<t>a</t>"])
    assert caught.value.problem == "malformed-xlsx"


@pytest.mark.parametrize("style", ["-1", "x", "99", "1e1", "9" * 30])
def test_number_of_an_unknown_style_is_shown_as_nobody_knows(style: str) -> None:
    found = read_cells(PENALTY, {"CF_NR_FK": Cell("<v>2</v>", s=style)})
    assert problems(found) == [("CF_NR_FK", "number-format")]


@pytest.mark.parametrize(
    ("code", "look"),
    [
        ("General", Look.WHOLE),
        (" general ", Look.WHOLE),
        ("@", Look.WHOLE),
        ("#,##0.00_);[Red](#,##0.00)", Look.PLAIN),
        ("0.00 ", Look.PLAIN),
        ("yyyy\\-mm\\-dd;@", Look.DATE),
        ('[DBNum1][$-804]yyyy"年"m"月"d"日";@', Look.DATE),
        ("dddd, mmmm dd, yyyy", Look.DATE),
        ('"ymd"0', Look.OTHER),
        ("\\y\\m\\d", Look.OTHER),
        ('"unclosed', Look.OTHER),
        ("0" * 300, Look.OTHER),
        ("yyyy-mm-dd 0", Look.OTHER),
        (";;;", Look.OTHER),
    ],
)
def test_look_of_a_format_code(code: str, look: Look) -> None:
    assert look_of(code) is look


def test_look_of_built_in_formats() -> None:
    assert built_in(0) is Look.WHOLE and built_in(14) is Look.DATE and built_in(4) is Look.PLAIN
    assert {built_in(one) for one in (5, 9, 10, 11, 13, 16, 21, 42, 57, 99)} == {Look.OTHER}
