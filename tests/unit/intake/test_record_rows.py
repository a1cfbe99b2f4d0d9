from collections.abc import Mapping
from datetime import date

import pytest
from intake_files import (
    AUTHORITY,
    LICENCE,
    PARTY,
    PENALTY,
    SOURCE,
    code,
    only_error,
    problems,
    read_one,
)

from ledger.core.intake.problems import PERSONAL, ROW_PROBLEMS
from ledger.core.intake.values import is_identity_number
from ledger.core.records.catalogue import CATALOGUE_VERSION
from ledger.core.records.catalogue import PENALTY as PENALTY_TYPE

WIDE = {ord(c): ord(c) + 0xFEE0 for c in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-./"}


def test_read_row_good_penalty_becomes_a_record() -> None:
    record = read_one(PENALTY).record
    assert record is not None
    assert (record.record_type, record.schema) == ("cf", "cf/1")
    assert (record.catalogue, record.rule) == (CATALOGUE_VERSION, "as-published")
    assert (record.subject, record.issuer) == (PARTY, AUTHORITY)
    assert record.document_number == "34罚〔2026〕00001号"
    assert record.decided_on == date(2026, 3, 5)
    assert record.in_force_until == date(2027, 3, 5)
    assert tuple(record.fields) == PENALTY_TYPE.field_names
    assert record.fields["fine_fen"] == 2_000_000
    assert record.fields["confiscated_fen"] is None
    assert record.fields["publicity_until"] == "2027-03-05"
    assert record.fields["remark"] is None


def test_read_row_good_licence_becomes_a_record_without_end() -> None:
    record = read_one(LICENCE).record
    assert record is not None
    assert (record.record_type, record.schema) == ("xk", "xk/1")
    assert record.in_force_until is None
    assert record.fields["valid_until"] == "2099-12-31"


@pytest.mark.parametrize(
    "end", ["", " ", "2099-12-31", "2099/12/31", "2099年12月31日", "20991231", "73050"]
)
def test_read_row_no_end_in_any_spelling_is_without_end(end: str) -> None:
    for row in (read_one(PENALTY, CF_GSJZQ=end), read_one(LICENCE, XK_YXQZI=end)):
        assert row.record is not None
        assert row.record.in_force_until is None


@pytest.mark.parametrize(
    ("end", "until"),
    [
        ("2020-01-01", date(2020, 1, 1)),
        ("2026-03-04", date(2026, 3, 4)),
        ("2100-01-01", date(2100, 1, 1)),
        ("46086", date(2026, 3, 5)),
    ],
)
def test_read_row_end_is_taken_as_published_even_when_past(end: str, until: date) -> None:
    row = read_one(PENALTY, CF_GSJZQ=end)
    assert row.record is not None
    assert row.record.in_force_until == until


@pytest.mark.parametrize(
    "changed",
    [
        {"CF_XDR_SHXYM": PARTY.lower()},
        {"CF_XDR_SHXYM": f" {PARTY[:8]}\u3000{PARTY[8:]}\u00a0"},
        {"CF_XDR_SHXYM": f"{PARTY[:2]}-{PARTY[2:8]}—{PARTY[8:]}"},
        {"CF_XDR_SHXYM": PARTY.translate(WIDE)},
        {"CF_CFJGDM": AUTHORITY.lower().translate(WIDE)},
        {"CF_CFJGDM": f"{AUTHORITY}\t"},
        {"CF_XDR_LB": "\u3000法人及非法人组织 "},
        {"CF_XDR_LB": "法人及\n非法人组织"},
        {"CF_NR_FK": "２．０"},
        {"CF_NR_FK": " 2 "},
        {"CF_JDRQ": "２０２６年３月５日"},
        {"CF_JDRQ": "46086.0"},
        {"CF_JDRQ": "2026-03-05 00:00:00"},
        {"CF_GSJZQ": "20270305"},
        {"CF_WSH": "\u200b34罚〔2026〕00001号\u3000"},
    ],
)
def test_read_row_dirty_spelling_gives_the_same_record(changed: dict[str, str]) -> None:
    assert read_one(PENALTY, **changed).record == read_one(PENALTY).record


def test_read_row_text_keeps_its_line_breaks_and_is_composed() -> None:
    row = read_one(PENALTY, CF_SY="一、\r\n二、\r三、Cafe\u0301 ", CF_XDR_MC="𠮷野示例有限公司")
    assert row.record is not None
    assert row.record.fields["facts"] == "一、\n二、\n三、Café"
    assert row.record.fields["party_name"] == "𠮷野示例有限公司"


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"CF_XDR_MC": ""}, "CF_XDR_MC", "required"),
        ({"CF_XDR_MC": "\u3000\u200b"}, "CF_XDR_MC", "required"),
        ({"CF_XDR_LB": ""}, "CF_XDR_LB", "required"),
        ({"CF_WSH": ""}, "CF_WSH", "required"),
        ({"CF_NR": ""}, "CF_NR", "required"),
        ({"CF_JDRQ": ""}, "CF_JDRQ", "required"),
        ({"CF_CFJG": ""}, "CF_CFJG", "required"),
        ({"CF_CFJGDM": ""}, "CF_CFJGDM", "uscc-missing"),
        ({"CF_CFJGDM": AUTHORITY[:17]}, "CF_CFJGDM", "uscc-length"),
        ({"CF_XDR_SHXYM": ""}, "CF_XDR_SHXYM", "uscc-missing"),
        ({"CF_XDR_SHXYM": " - "}, "CF_XDR_SHXYM", "uscc-missing"),
        ({"CF_XDR_SHXYM": PARTY + "0"}, "CF_XDR_SHXYM", "uscc-length"),
        ({"CF_XDR_SHXYM": "I" + PARTY[1:]}, "CF_XDR_SHXYM", "uscc-alphabet"),
        ({"CF_XDR_SHXYM": "8" + PARTY[1:]}, "CF_XDR_SHXYM", "uscc-check"),
        ({"CF_SJLYDM": "8" + SOURCE[1:]}, "CF_SJLYDM", "uscc-check"),
        ({"CF_XDR_LB": "其他"}, "CF_XDR_LB", "category-unknown"),
        ({"CF_JDRQ": "2026-02-30"}, "CF_JDRQ", "date-impossible"),
        ({"CF_GSJZQ": "长期"}, "CF_GSJZQ", "date-format"),
        ({"CF_YXQ": "1900-01-01"}, "CF_YXQ", "date-range"),
        ({"CF_NR_FK": "约2万元"}, "CF_NR_FK", "amount-format"),
        ({"CF_NR_WFFF": "-1"}, "CF_NR_WFFF", "amount-range"),
        ({"CF_NR_FK": "0.0000001"}, "CF_NR_FK", "amount-fraction"),
        ({"CF_XDR_MC": "甲" * 201}, "CF_XDR_MC", "too-long"),
        ({"CF_SY": "甲" * 20_001}, "CF_SY", "too-long"),
        ({"CF_SY": "甲\x07乙"}, "CF_SY", "control-character"),
    ],
)
def test_read_row_one_fault_gives_its_one_code(
    changed: dict[str, str], field: str, code: str
) -> None:
    row = read_one(PENALTY, **changed)
    assert row.record is None
    assert problems(row) == [(field, code)]


def test_read_row_several_faults_are_all_reported() -> None:
    row = read_one(PENALTY, CF_WSH="", CF_JDRQ="x", CF_NR_FK="y", CF_CFJGDM="z")
    assert problems(row) == [
        ("CF_WSH", "required"),
        ("CF_NR_FK", "amount-format"),
        ("CF_JDRQ", "date-format"),
        ("CF_CFJGDM", "uscc-length"),
    ]
    assert {error.row for error in row.errors} == {2}


def test_read_row_error_says_both_values_in_two_languages() -> None:
    error = only_error(read_one(PENALTY, CF_JDRQ="3/5/2026"))
    assert (error.expected, error.found) == ("YYYY-MM-DD", "3/5/2026")
    assert (error.message_zh, error.message_en) == ROW_PROBLEMS["date-format"]


@pytest.mark.parametrize(
    ("base", "changed", "field", "code"),
    [
        (PENALTY, {"CF_XDR_LB": "自然人"}, "CF_XDR_LB", "natural-person"),
        (PENALTY, {"CF_XDR_LB": " 自 然 人 "}, "CF_XDR_LB", "natural-person"),
        (LICENCE, {"XK_XDR_LB": "自然人", "XK_XDR_SHXYM": ""}, "XK_XDR_LB", "natural-person"),
        (PENALTY, {"CF_XDR_LB": "个体工商户"}, "CF_XDR_LB", "sole-proprietor"),
        (PENALTY, {"CF_XDR_LB": "", "CF_SY": "自然人"}, "CF_XDR_LB", "natural-person"),
        (PENALTY, {"CF_XDR_LB": "某某", "CF_SY": "个体工商户"}, "CF_XDR_LB", "sole-proprietor"),
        (
            PENALTY,
            {"CF_XDR_SHXYM": code("92310115MA1TEXT04")},
            "CF_XDR_SHXYM",
            "sole-proprietor",
        ),
        (PENALTY, {"CF_XDR_SHXYM": "９２-3101"}, "CF_XDR_SHXYM", "sole-proprietor"),
        (
            PENALTY,
            {"CF_XDR_SHXYM": "11010519491231002X"},
            "CF_XDR_SHXYM",
            "natural-person",
        ),
    ],
)
def test_read_row_about_a_person_says_only_that(
    base: Mapping[str, str], changed: dict[str, str], field: str, code: str
) -> None:
    broken = {"CF_JDRQ": "私密", "CF_NR_FK": "私密"} if base is PENALTY else {}
    error = only_error(read_one(base, **{**broken, **changed}))
    assert (error.field, error.code) == (field, code)
    assert error.code in PERSONAL
    assert error.expected is None
    assert error.found is None


def test_read_row_right_code_that_could_be_an_identity_number_is_a_code() -> None:
    both = code("11310120000101038")
    assert is_identity_number(both)
    row = read_one(PENALTY, CF_XDR_SHXYM=both)
    assert row.record is not None
    assert row.record.subject == both


@pytest.mark.parametrize(
    "cell", ["110105194912310021", "110105 19491231 002X", "３１０１０１１９９００３０７４２３"]
)
def test_read_row_found_never_holds_a_long_number(cell: str) -> None:
    for column in ("CF_JDRQ", "CF_NR_FK"):
        assert only_error(read_one(PENALTY, **{column: f"{cell}号"})).found is None


def test_read_row_found_is_short_and_printable() -> None:
    error = only_error(read_one(PENALTY, CF_JDRQ="甲\x1b[31m\u202e" + "乙" * 99))
    assert error.found == "甲\ufffd[31m\ufffd" + "乙" * 33 + "…"


def test_read_row_identity_columns_are_dropped() -> None:
    row = read_one(
        PENALTY,
        CF_FR_ZJLX="身份证",
        CF_FR_ZJHM="11010519491231002X",
        CF_FR_SFZH="11010519491231002X",
        CF_XDR_ZJLX="身份证",
        CF_XDR_ZJHM="11010519491231002X",
    )
    assert row.record == read_one(PENALTY).record
    assert "11010519491231002X" not in repr(row)


def test_read_row_legal_representative_is_read_from_either_column() -> None:
    for column in ("XK_FRDB", "XK_FDDB"):
        row = read_one(LICENCE, **{column: "云示例"})
        assert row.record is not None
        assert row.record.fields["legal_representative"] == "云示例"
