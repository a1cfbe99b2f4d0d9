import codecs
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from intake_files import write_csv

from ledger.core.intake import decode, table
from ledger.core.intake.decode import decode_text
from ledger.core.intake.problems import FileError
from ledger.core.intake.table import Row, _Lines, read_table

TEXT = "名称,文号\r\n𠮷野家示例,〔2026〕1号🈲\r\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("utf-8"),
        codecs.BOM_UTF8 + TEXT.encode("utf-8"),
        TEXT.encode("gb18030"),
        ("\ufeff" + TEXT).encode("gb18030"),
    ],
)
def test_decode_text_every_encoding_gives_the_same_text(content: bytes) -> None:
    assert decode_text(content) == TEXT


def test_decode_text_gb18030_holds_four_byte_characters() -> None:
    assert "𠮷".encode("gb18030") in TEXT.encode("gb18030")
    assert len("𠮷".encode("gb18030")) == 4


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (codecs.BOM_UTF8, "empty"),
        (b"\r\n \t\n", "empty"),
        (b"\xff\xfe\x00", "encoding"),
        (TEXT.encode("utf-16") + b"\x00", "encoding"),
        # Says that it is UTF-8 and is not, though all of it could be read as GB18030.
        (codecs.BOM_UTF8 + b"\xb0" + TEXT.encode("gb18030"), "encoding"),
        (TEXT.encode("utf-8") + b"\x80", "encoding"),
        (b"CF_WSH\n\xed\xa0\x80\n", "encoding"),
    ],
)
def test_decode_text_unusable_bytes_are_refused(content: bytes, problem: str) -> None:
    with pytest.raises(FileError) as caught:
        decode_text(content)
    assert caught.value.problem == problem


def test_decode_text_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_FILE_BYTES", 4)
    assert decode_text(b"abcd") == "abcd"
    with pytest.raises(FileError) as caught:
        decode_text(b"abcde")
    assert caught.value.problem == "too-large"


def numbered(text: str) -> list[tuple[int, tuple[str, ...]]]:
    return [(row.number, row.cells) for row in read_table(text).rows]


def test_read_table_line_break_inside_quotes_is_one_record() -> None:
    text = 'A,B\r\n"一\r\n二\n三",1\r\n四,2\r\n'
    assert numbered(text) == [(2, ("一\r\n二\n三", "1")), (3, ("四", "2"))]


def test_read_table_blank_lines_are_no_records() -> None:
    text = "\r\n  \nA,B\n\n1,2\n\u3000\n\r\n3,4\n\n"
    assert numbered(text) == [(2, ("1", "2")), (3, ("3", "4"))]


def test_read_table_line_of_separators_is_a_record_of_empty_cells() -> None:
    rows = read_table("A,B\n,\n1,2\n").rows
    assert [(row.number, row.blank) for row in rows] == [(2, True), (3, False)]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_read_table_every_line_end_gives_the_same_rows(line_end: str) -> None:
    text = write_csv(["A", "B"], [["甲,乙", '丙"丁'], ["1", "2"]], line_end=line_end)
    assert numbered(text) == [(2, ("甲,乙", '丙"丁')), (3, ("1", "2"))]


def test_read_table_mixed_line_ends_and_no_last_one_give_all_rows() -> None:
    assert numbered("A,B\r\n1,2\n3,4\r5,6") == [
        (2, ("1", "2")),
        (3, ("3", "4")),
        (4, ("5", "6")),
    ]


def test_read_table_other_line_separators_stay_in_the_cell() -> None:
    assert numbered("A,B\n甲\u2028乙\x0b丙\x85丁,2\n") == [(2, ("甲\u2028乙\x0b丙\x85丁", "2"))]


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('"处以""警告""",1', ('处以"警告"', "1")),
        ('处以"警告",1', ('处以"警告"', "1")),
        (' "甲,乙",1', ("甲,乙", "1")),
        ('"甲"乙,1', ("甲乙", "1")),
        ('"","1"', ("", "1")),
        ("1,2,,,", ("1", "2", "", "", "")),
        ("1", ("1",)),
    ],
)
def test_read_table_quotation_marks_are_read_as_spreadsheets_do(
    line: str, cells: tuple[str, ...]
) -> None:
    assert numbered(f"A,B\n{line}\n") == [(2, cells)]


@pytest.mark.parametrize("text", ['A,B\n1,"2\n3,4\n', 'A,B\n1,"', '"A,B\n1,2\n', 'A,B\n"'])
def test_read_table_quote_that_never_closes_is_refused(text: str) -> None:
    with pytest.raises(FileError) as caught:
        read_table(text)
    assert caught.value.problem == "malformed-csv"


def test_read_table_cell_without_end_is_refused() -> None:
    with pytest.raises(FileError) as caught:
        read_table("A\n" + "甲" * 200_000)
    assert caught.value.problem == "malformed-csv"


def test_read_table_nothing_but_blank_lines_is_refused() -> None:
    with pytest.raises(FileError) as caught:
        read_table("\n \n")
    assert caught.value.problem == "empty"


def test_read_table_limits_of_rows_and_columns_are_inclusive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(table, "MAX_ROWS", 2)
    monkeypatch.setattr(table, "MAX_COLUMNS", 3)
    assert len(read_table("A,B,C\n1,2,3\n4,5,6\n").rows) == 2
    for text, problem in (
        ("A,B\n1,2\n3,4\n5,6\n", "too-many-rows"),
        ("A,B\n1,2,3,4\n", "too-many-columns"),
    ):
        with pytest.raises(FileError) as caught:
            read_table(text)
        assert caught.value.problem == problem


def test_read_table_name_of_a_column_without_end_is_cut() -> None:
    """One character can become eighteen, so a file of 64 MB would become a gigabyte of names."""
    header = read_table("CF_WSH,CF_NR," + "\ufdfa" * 100_000 + "\n").header
    assert header[:2] == ("CF_WSH", "CF_NR")
    assert len(header[2]) < 20 * table.MAX_NAME_CHARS


def test_read_table_header_is_read_without_spaces_widths_and_case() -> None:
    header = read_table('\u3000cf_wsh , "ＣＦ＿ＮＲ",\u200bBz\ufeff,CF_ NR_FK,,\n').header
    assert header == ("CF_WSH", "CF_NR", "BZ", "CF_NR_FK", "", "")


cells = st.text(
    st.characters(codec="utf-8", exclude_characters="\ufeff\r\n", categories=("L", "N", "P", "S")),
    min_size=1,
    max_size=8,
)


@given(
    st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=6),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_read_table_any_written_table_is_read_back(
    rows: list[tuple[str, str, str]], encoding: str, line_end: str
) -> None:
    text = write_csv(["CF_WSH", "CF_NR", "BZ"], rows, line_end=line_end)
    if encoding == "gb18030":
        # Whether bytes without Chinese context are UTF-8 is undecidable; real headers decide it.
        text = text.encode("gb18030").decode("gb18030")
        assert read_table(text).rows == tuple(Row(i, r) for i, r in enumerate(rows, 2))
    else:
        found = read_table(decode_text(text.encode(encoding)))
        assert found.rows == tuple(Row(i, r) for i, r in enumerate(rows, 2))


@given(st.text('ab,\r\n\x0b\x1c\x85\u2028"罚'))
def test_lines_of_any_text_are_those_of_a_text_file(text: str) -> None:
    assert list(_Lines(text)) == list(io.StringIO(text, newline=""))
