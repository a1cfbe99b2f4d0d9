"""Encodings: found out from the bytes, or as the sender says and then nothing else."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_files import PENALTY, REGION, read_one, write_csv

from ledger.core.intake import Encoding, FileError, read_file
from ledger.core.intake.decode import decode_text

HEADER = list(PENALTY)
GOOD = list(PENALTY.values())
TEXT = write_csv(HEADER, [GOOD])
FOUR_BYTES = write_csv(HEADER, [["𠮷羊示例有限公司", *GOOD[1:]]])
TABS = TEXT.replace(",", "\t")


def problem_of(content: bytes, encoding: Encoding | None = None) -> FileError:
    with pytest.raises(FileError) as caught:
        read_file(content, region=REGION, encoding=encoding)
    return caught.value


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode("utf-8"), Encoding.UTF_8),
        (codecs.BOM_UTF8 + TEXT.encode("utf-8"), Encoding.UTF_8),
        (TEXT.encode("gb18030"), Encoding.GB18030),
        (TEXT.encode("gbk"), Encoding.GBK),
        (TEXT.encode("gbk"), Encoding.GB18030),
        (TEXT.encode("utf-16"), Encoding.UTF_16),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), Encoding.UTF_16),
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), Encoding.UTF_16),
        (TABS.encode("utf-16"), Encoding.UTF_16),
        (TABS.encode("gbk"), Encoding.GBK),
        (TABS.encode("utf-8"), Encoding.UTF_8),
    ],
)
@pytest.mark.parametrize("is_told", [False, True])
def test_file_is_read_in_its_encoding_told_or_not(
    content: bytes, encoding: Encoding, is_told: bool
) -> None:
    (row,) = read_file(content, region=REGION, encoding=encoding if is_told else None).rows
    assert row.record == read_one(PENALTY).record


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (TEXT.encode("gb18030"), Encoding.UTF_8),
        (TEXT.encode("utf-16"), Encoding.UTF_8),
        (TEXT.encode("utf-16"), Encoding.GB18030),
        (TEXT.encode("utf-16-le"), Encoding.UTF_16),
        (TEXT.encode("utf-8"), Encoding.UTF_16),
        (FOUR_BYTES.encode("gb18030"), Encoding.GBK),
        (TEXT.encode("gbk") + b"\x80", Encoding.GBK),
        (TEXT.encode("gbk") + b"\xff", Encoding.GB18030),
        (TEXT.encode("big5", "replace") + b"\xff", Encoding.GB18030),
        (TEXT.encode("utf-16") + b"\x00", Encoding.UTF_16),
        (codecs.BOM_UTF16_LE + b"\x00\xd8,\x00", Encoding.UTF_16),
        (b"CF_WSH,CF_NR\n\xed\xa0\x80,\n", Encoding.UTF_8),
        (b"CF_WSH,CF_NR\n\xc0\xaf,\n", Encoding.UTF_8),
    ],
)
def test_file_that_is_not_in_the_encoding_told_is_refused(
    content: bytes, encoding: Encoding
) -> None:
    error = problem_of(content, encoding)
    assert error.problem == "encoding-mismatch"
    assert error.expected is not None and error.expected.startswith(encoding.value)


@pytest.mark.parametrize(
    ("rows", "row"),
    [([], 1), ([GOOD], 2), ([GOOD, GOOD], 3), ([["一\n二", *GOOD[1:]], GOOD], 3)],
)
@pytest.mark.parametrize("encoding", [Encoding.UTF_8, Encoding.GB18030, Encoding.GBK])
def test_first_row_that_does_not_fit_is_named(
    rows: list[list[str]], row: int, encoding: Encoding
) -> None:
    text = write_csv(HEADER, rows).removesuffix("\r\n")
    assert (
        problem_of(text.encode(encoding) + b"\xff", encoding).found == f"other bytes in row {row}"
    )
    later = text.encode(encoding) + b"\r\n\r\n\xff"
    assert problem_of(later, encoding).found == f"other bytes in row {row + 1}"


def test_line_separators_inside_cells_are_no_rows() -> None:
    text = write_csv(HEADER, [["一\u2028二\x0b三\x85四", *GOOD[1:]], GOOD])
    content = text.encode() + b"\xff"
    assert problem_of(content, Encoding.UTF_8).found == "other bytes in row 4"


def test_place_of_bytes_that_do_not_fit_is_named_in_broken_csv_too() -> None:
    error = problem_of(b'CF_WSH,CF_NR\n"1' + b"a" * 200_000 + b"\xff", Encoding.UTF_8)
    assert error.found == "other bytes in row 2"


def test_mark_of_utf_16_is_believed_and_nothing_else_is_tried() -> None:
    for mark in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        assert problem_of(mark + b"\xd8\xd8\xd8\xd8").problem == "encoding"


@pytest.mark.parametrize("encoding", Encoding)
def test_empty_file_is_empty_in_every_encoding(encoding: Encoding) -> None:
    assert problem_of(b"", encoding).problem == "empty"


def test_gbk_is_a_part_of_gb18030() -> None:
    """So that the two names never give two texts."""
    for first in range(0x81, 0xFF):
        for second in range(0x40, 0xFF):
            pair = bytes([first, second])
            try:
                text = pair.decode("gbk")
            except UnicodeDecodeError:
                continue
            assert pair.decode("gb18030") == text


def test_list_of_encodings_is_closed() -> None:
    assert {one.value for one in Encoding} == {"utf-8", "gb18030", "gbk", "utf-16"}
    for name in ("big5", "cp936", "latin-1", "utf-7", "utf_8_sig", "idna", "hex"):
        with pytest.raises(ValueError, match="is not a valid Encoding"):
            Encoding(name)


def test_tabs_separate_only_where_commas_give_no_header() -> None:
    remark = [*GOOD[:-1], "a\tb"]
    (row,) = read_file(write_csv(HEADER, [remark]).encode(), region=REGION).rows
    assert row.record is not None and row.record.fields["remark"] == "a\tb"
    titled = f"公示表\t\t\r\n{TABS}".encode("utf-16")
    (row,) = read_file(titled, region=REGION).rows
    assert (row.row, row.record) == (3, read_one(PENALTY).record)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(Encoding))
def test_any_bytes_are_decoded_exactly_or_refused(content: bytes, encoding: Encoding) -> None:
    try:
        text = decode_text(content, encoding)
    except FileError as error:
        assert error.problem in ("empty", "encoding-mismatch")
        return
    assert text == content.decode(encoding).removeprefix("\ufeff")
