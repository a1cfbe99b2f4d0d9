import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_files import (
    AUTHORITY,
    CHANGE,
    LICENCE,
    PARTY,
    PENALTY,
    REGION,
    code,
    one_row,
    problems,
    read_one,
    write_csv,
)

from ledger.core.intake import FileError, ParsedFile, read_file
from ledger.core.intake.problems import FILE_PROBLEMS, ROW_PROBLEMS
from ledger.errors import InputError

HEADER = list(PENALTY)
GOOD = list(PENALTY.values())


def read(text: str) -> ParsedFile:
    return read_file(text.encode(), region=REGION)


def test_read_file_columns_in_any_order_with_unknown_ones_give_the_same_record() -> None:
    backwards = dict(reversed(PENALTY.items()))
    row = read_one(backwards, 序号="1", CF_FR_ZJHM="x")
    assert row.record == read_one(PENALTY).record


def test_read_file_names_ignored_and_dropped_columns() -> None:
    found = read_file(one_row(PENALTY, 序号="1", CF_FR_ZJHM="x"), region=REGION)
    assert (found.kind, found.record_type) == ("records", "cf")
    assert found.ignored_columns == ("序号",)
    assert found.dropped_columns == ("CF_FR_ZJHM",)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_read_file_encoding_and_line_end_do_not_matter(encoding: str, line_end: str) -> None:
    text = write_csv(HEADER, [GOOD], line_end=line_end)
    (row,) = read_file(text.encode(encoding), region=REGION).rows
    assert row.record == read_one(PENALTY).record


def test_read_file_header_with_spaces_and_case_is_understood() -> None:
    text = write_csv([f" {name.lower()}\u3000" for name in HEADER], [GOOD])
    (row,) = read_file(codecs.BOM_UTF8 + text.encode(), region=REGION).rows
    assert row.record is not None


def test_read_file_trailing_empty_columns_are_no_fault() -> None:
    for header, cells in (
        ([*HEADER, "", ""], [*GOOD, "", " "]),
        (HEADER, [*GOOD, "", "\u3000"]),
        ([*HEADER, ""], GOOD),
        (HEADER, GOOD[:-1]),
    ):
        (row,) = read(write_csv(header, [cells])).rows
        assert row.record == read_one(PENALTY).record


@pytest.mark.parametrize("header", [HEADER, [*HEADER, ""]])
def test_read_file_row_with_text_beyond_the_header_is_refused(header: list[str]) -> None:
    (row,) = read(write_csv(header, [[*GOOD, "", "多"]])).rows
    assert problems(row) == [(None, "column-count")]


def test_read_file_unquoted_comma_that_shifts_a_row_is_refused() -> None:
    slipped = [GOOD[0], "甲", *GOOD[1:-1], "乙"]
    (row,) = read(write_csv(HEADER, [slipped])).rows
    assert row.record is None
    assert (None, "column-count") in problems(row)
    assert ("CF_XDR_LB", "category-unknown") in problems(row)


def test_read_file_short_row_lacks_what_it_lacks() -> None:
    (row,) = read(write_csv(HEADER, [GOOD[:6]])).rows
    assert problems(row) == [
        ("CF_JDRQ", "required"),
        ("CF_CFJG", "required"),
        ("CF_CFJGDM", "uscc-missing"),
    ]


def test_read_file_rows_are_numbered_by_record() -> None:
    broken = [*GOOD]
    broken[HEADER.index("CF_SY")] = "一\r\n二\n\n三"
    bad = ["", *GOOD[1:]]
    text = write_csv(HEADER, [broken, bad, [""] * len(HEADER), bad])
    lines = text.replace("云栖示例", "\n云栖示例", 1)
    rows = read("\n" + lines + "\n\n").rows
    assert [(row.row, row.skipped, bool(row.errors)) for row in rows] == [
        (2, False, False),
        (3, False, True),
        (4, True, False),
        (5, False, True),
    ]


def test_read_file_header_alone_has_no_rows() -> None:
    assert read(",".join(HEADER)).rows == ()


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (["名称", "文号"], "unknown-columns"),
        (["BZ"], "unknown-columns"),
        ([*HEADER, "XK_WSH"], "mixed-types"),
        ([*HEADER, "CF_WSH"], "duplicate-columns"),
        ([*HEADER, "CF_FRDB", "CF_FDDB"], "duplicate-columns"),
        ([name for name in HEADER if name != "CF_CFJGDM"], "missing-columns"),
        ([name for name in CHANGE if name != "region"], "missing-columns"),
        ([name for name in CHANGE if name != "CF_WSH"], "missing-columns"),
        ([name for name in CHANGE if name != "CF_XDR_SHXYM"], "missing-columns"),
        ([*CHANGE, "XK_WSH"], "missing-columns"),
        ([*CHANGE, "change"], "duplicate-columns"),
    ],
)
def test_read_file_unusable_header_is_refused(header: list[str], problem: str) -> None:
    with pytest.raises(FileError) as caught:
        read(write_csv(header, []))
    assert caught.value.problem == problem
    assert (caught.value.message_zh, caught.value.message_en) == FILE_PROBLEMS[problem]
    assert isinstance(caught.value, InputError)


def test_read_file_missing_columns_are_named() -> None:
    with pytest.raises(FileError) as caught:
        read("CF_WSH,CF_NR\n1,2\n")
    assert caught.value.expected == (
        "CF_XDR_MC, CF_XDR_LB, CF_XDR_SHXYM, CF_JDRQ, CF_CFJG, CF_CFJGDM"
    )


@pytest.mark.parametrize("region", ["", "34000", "3400000", "34000a", "３４００００", "340000\n"])
def test_read_file_region_that_is_none_is_refused(region: str) -> None:
    with pytest.raises(InputError):
        read_file(one_row(PENALTY), region=region)


def test_read_file_change_becomes_a_change() -> None:
    row = read_one(CHANGE)
    change = row.change
    assert change is not None
    assert row.record is None
    assert (change.row, change.region, change.record_type) == (2, REGION, "cf")
    assert (change.document_number, change.subject) == (CHANGE["CF_WSH"], PARTY)
    assert (change.kind, change.decided_on.isoformat()) == ("repair", "2026-10-05")
    assert (change.issuer, change.basis) == (None, None)


def test_read_file_change_of_a_licence_is_one_of_a_licence() -> None:
    changed = {"region": REGION, "XK_WSH": "1", "XK_XDR_SHXYM": PARTY, "change": "撤销"}
    row = read_one({**changed, "decided_on": "2026.10.5"})
    assert row.change is not None
    assert (row.change.record_type, row.change.kind) == ("xk", "revoke")


@pytest.mark.parametrize("filled", ["cf", "xk"])
def test_read_file_change_file_of_both_types_takes_the_filled_number(filled: str) -> None:
    cells = {"CF_WSH": "", "CF_XDR_SHXYM": "", "XK_WSH": "", "XK_XDR_SHXYM": ""}
    prefix = filled.upper()
    cells |= {f"{prefix}_WSH": "1号", f"{prefix}_XDR_SHXYM": PARTY}
    row = read_one({**CHANGE, **cells})
    assert row.change is not None
    assert row.change.record_type == filled


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("repair", "repair"),
        (" Repair ", "repair"),
        ("修复", "repair"),
        ("信用修复", "repair"),
        ("revoke", "revoke"),
        ("ＲＥＶＯＫＥ", "revoke"),
        ("撤销", "revoke"),
    ],
)
def test_read_file_change_words_are_understood(word: str, kind: str) -> None:
    row = read_one(CHANGE, change=word)
    assert row.change is not None
    assert row.change.kind == kind


def test_read_file_change_with_authority_and_basis_keeps_them() -> None:
    for column in ("CF_CFJGDM", "issuer"):
        row = read_one(CHANGE, **{column: AUTHORITY.lower(), "basis": " 已履行 "})
        assert row.change is not None
        assert (row.change.issuer, row.change.basis) == (AUTHORITY, "已履行")


@pytest.mark.parametrize("region", ["310000", " 310000 ", "３１００００", "310000.0"])
def test_read_file_change_of_another_region_is_left_out_unread(region: str) -> None:
    row = read_one(CHANGE, region=region, CF_XDR_SHXYM="?", change="?", decided_on="?")
    assert row.skipped
    assert not row.errors


def test_read_file_empty_change_row_is_left_out() -> None:
    text = write_csv(list(CHANGE), [[""] * 5, list(CHANGE.values())])
    rows = read(text).rows
    assert [(row.row, row.skipped) for row in rows] == [(2, True), (3, False)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"region": ""}, [("REGION", "required")]),
        ({"region": "34"}, [("REGION", "region-format")]),
        ({"region": "安徽"}, [("REGION", "region-format")]),
        ({"CF_WSH": ""}, [("CF_WSH", "required")]),
        ({"CF_WSH": "甲" * 129}, [("CF_WSH", "too-long")]),
        ({"CF_XDR_SHXYM": ""}, [("CF_XDR_SHXYM", "uscc-missing")]),
        ({"CF_XDR_SHXYM": "8" + PARTY[1:]}, [("CF_XDR_SHXYM", "uscc-check")]),
        ({"CF_XDR_SHXYM": code("92310115MA1TEXT04")}, [("CF_XDR_SHXYM", "sole-proprietor")]),
        ({"change": ""}, [("CHANGE", "required")]),
        ({"change": "resolve"}, [("CHANGE", "change-unknown")]),
        ({"decided_on": ""}, [("DECIDED_ON", "required")]),
        ({"decided_on": "2026-02-30"}, [("DECIDED_ON", "date-impossible")]),
        ({"issuer": "x"}, [("ISSUER", "uscc-length")]),
        ({"basis": "甲" * 2001}, [("BASIS", "too-long")]),
        ({"": "多"}, [(None, "column-count")]),
        ({"XK_WSH": "1", "XK_XDR_SHXYM": PARTY}, [(None, "type-ambiguous")]),
        (
            {"change": "", "decided_on": "x"},
            [("CHANGE", "required"), ("DECIDED_ON", "date-format")],
        ),
    ],
)
def test_read_file_broken_change_gives_its_codes(
    changed: dict[str, str], expected: list[tuple[str | None, str]]
) -> None:
    row = read_one(CHANGE, **changed)
    assert row.change is None
    assert problems(row) == expected


PIECES = st.sampled_from(
    (
        *(",", ",", ",", "\n", "\r\n", '"', '""', " ", "\x00", "\u2028", "甲", "𠮷"),
        *("自然人", "法人及非法人组织", PARTY, AUTHORITY, "2026-03-05", "46086"),
        *("1,234.5", "12.5", REGION, "repair"),
    )
)
ENCODINGS = st.sampled_from(["utf-8", "gb18030"])
HEADERS = [",".join(base) + "\n" for base in (PENALTY, LICENCE, CHANGE)]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(HEADERS), st.lists(PIECES, max_size=60), st.sampled_from(["utf-8", "gb18030"])
)
def test_read_file_any_text_gives_rows_or_a_file_error(
    header: str, pieces: list[str], encoding: str
) -> None:
    check_total((header + "".join(pieces)).encode(encoding))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["", *HEADERS]), st.binary(max_size=200))
def test_read_file_any_bytes_give_rows_or_a_file_error(header: str, content: bytes) -> None:
    check_total(header.encode() + content)


@settings(max_examples=100, deadline=None)
@given(st.fixed_dictionaries({name: st.text(max_size=20) for name in PENALTY}))
def test_read_file_any_cells_give_a_record_or_errors(cells: dict[str, str]) -> None:
    check_total(one_row(cells))


@settings(max_examples=100, deadline=None)
@given(st.integers(0), st.integers(0, 255))
def test_read_file_any_changed_byte_gives_rows_or_a_file_error(at: int, byte: int) -> None:
    content = bytearray(one_row(PENALTY))
    content[at % len(content)] = byte
    check_total(bytes(content))


def check_total(content: bytes) -> None:
    """Read bytes; every row is exactly one thing, every code is listed."""
    try:
        found = read_file(content, region=REGION)
    except FileError as error:
        assert error.problem in FILE_PROBLEMS
        return
    numbers = [row.row for row in found.rows]
    assert numbers == list(range(2, 2 + len(numbers)))
    for row in found.rows:
        states = [row.record is not None, row.change is not None, bool(row.errors), row.skipped]
        assert states.count(True) == 1
        assert {error.code for error in row.errors} <= set(ROW_PROBLEMS)
