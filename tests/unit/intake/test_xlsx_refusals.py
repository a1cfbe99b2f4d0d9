"""Workbooks that are none, are broken, or would unpack to more than a node should read."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from intake_files import PENALTY, REGION
from worlds.workbooks import MAIN, PACKAGE, Value, packed, parts_of, sheet, sheet_of, workbook

from ledger.core.intake import Encoding, FileError, decode, read_file, table
from ledger.core.intake.problems import FILE_PROBLEMS, ROW_PROBLEMS
from ledger.core.intake.xlsx import container, markup

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ROWS: list[list[Value]] = [list(PENALTY), list(PENALTY.values())]
GOOD = parts_of(sheet(ROWS))
MEGABYTE = 1 << 20


def problem_of(content: bytes, **named: Encoding) -> str:
    """Read a file that must be refused; returns its code."""
    with pytest.raises(FileError) as caught:
        read_file(content, region=REGION, **named)
    assert caught.value.problem in FILE_PROBLEMS
    assert caught.value.__cause__ is None
    # Messages of the archive and XML readers may quote the file.
    for secret in (PENALTY["CF_XDR_MC"], PENALTY["CF_XDR_SHXYM"], "worksheets", "sharedStrings"):
        assert secret not in str(caught.value)
    return caught.value.problem


def damaged(name: str, content: str | bytes | None) -> bytes:
    """A good workbook with one part changed or left out."""
    parts = dict(GOOD)
    del parts[name]
    if content is not None:
        parts[name] = content
    return packed(parts)


def test_good_workbook_is_read() -> None:
    assert len(read_file(packed(GOOD), region=REGION).rows) == 1
    assert len(read_file(packed(GOOD, zipfile.ZIP_STORED), region=REGION).rows) == 1


def test_parts_with_a_byte_order_mark_are_read() -> None:
    marked = {name: b"\xef\xbb\xbf" + str(content).encode() for name, content in GOOD.items()}
    assert len(read_file(packed(marked), region=REGION).rows) == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (OLE, "xls"),
        (OLE + b"\x00" * 5_000, "xls"),
        (OLE + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le"), "encrypted"),
        (b"PK\x03\x04", "malformed-xlsx"),
        (b"PK\x05\x06", "malformed-xlsx"),
        (packed({}), "not-xlsx"),
        (packed({"a.csv": "CF_WSH,CF_NR\n"}), "not-xlsx"),
        (packed({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}), "not-xlsx"),
        (packed({"book.xlsx": packed(GOOD)}), "not-xlsx"),
        (damaged("_rels/.rels", None), "not-xlsx"),
        (damaged("_rels/.rels", f'<Relationships xmlns="{PACKAGE}"/>'), "not-xlsx"),
        (damaged("_rels/.rels", str(GOOD["_rels/.rels"]).replace(".xml", ".bin")), "not-xlsx"),
        (damaged("xl/workbook.xml", None), "malformed-xlsx"),
        (damaged("xl/_rels/workbook.xml.rels", None), "malformed-xlsx"),
        (damaged("xl/worksheets/sheet1.xml", None), "malformed-xlsx"),
        (damaged("xl/styles.xml", None), "malformed-xlsx"),
        (damaged("xl/sharedStrings.xml", None), "malformed-xlsx"),
        (damaged("xl/sharedStrings.xml", ""), "malformed-xlsx"),
        (damaged("xl/sharedStrings.xml", b"\xff\xfe<\x00"), "malformed-xlsx"),
        (damaged("xl/worksheets/sheet1.xml", "<worksheet>"), "malformed-xlsx"),
        (damaged("xl/worksheets/sheet1.xml", "<a/><b/>"), "malformed-xlsx"),
        (damaged("xl/worksheets/sheet1.xml", "<a>&undefined;</a>"), "malformed-xlsx"),
        (damaged("xl/worksheets/sheet1.xml", b"<a>\xff</a>"), "malformed-xlsx"),
        (damaged("xl/worksheets/sheet1.xml", "<a/>"), "empty"),
        (workbook(), "empty"),
        (workbook(sheet([])), "empty"),
        (workbook(sheet([["", " "], ["\u3000"]])), "empty"),
        (workbook(sheet([["名称", "文号"], ["甲", "1"]])), "unknown-columns"),
        (workbook(sheet([["CF_WSH", "CF_NR"], ["1", "2"]])), "missing-columns"),
        (workbook(sheet([[*PENALTY, "XK_WSH"]])), "mixed-types"),
        (workbook(sheet([[*PENALTY, "CF_WSH"]])), "duplicate-columns"),
    ],
)
def test_workbook_that_cannot_be_read_has_its_code(content: bytes, problem: str) -> None:
    assert problem_of(content) == problem


@pytest.mark.parametrize(
    "inside",
    [
        '<row r="0"><c r="A0"/></row>',
        '<row r="1048577"/>',
        '<row r="-1"/>',
        '<row r="x"/>',
        '<row r="１"/>',
        '<row r="2"/><row r="2"/>',
        '<row r="2"/><row r="1"/>',
        '<row r="1"><row r="2"/></row>',
        '<c r="A1"/>',
        '<row r="1"><c r="A1"><c r="B1"/></c></row>',
        '<row r="1"><c r="A1"><v>1</v><v>2</v></c></row>',
        '<row r="1"><c r="A1"><v>1<v>2</v></v></c></row>',
        '<row r="1"><c r="A2"/></row>',
        '<row r="1"><c r="1"/></row>',
        '<row r="1"><c r="A"/></row>',
        '<row r="1"><c r="a1"/></row>',
        '<row r="1"><c r="$A$1"/></row>',
        '<row r="1"><c r=""/></row>',
        '<row r="1"><c r="XFE1"/></row>',
        '<row r="1"><c r="ZZZZZZZ1"/></row>',
        '<row r="1"><c r="B1"/><c r="A1"/></row>',
        '<row r="1"><c r="A1"/><c r="A1"/></row>',
        '<row r="1"><c r="XFD1"/><c/></row>',
    ],
)
def test_cell_with_two_readings_of_its_place_refuses_the_file(inside: str) -> None:
    assert problem_of(workbook(sheet_of(inside))) == "malformed-xlsx"


def test_rows_and_cells_without_a_place_follow_each_other() -> None:
    xml = sheet(ROWS)
    for place in ("ABCDEFGHIJKL", "12"):
        for one in place:
            xml = xml.replace(f' r="{one}1"', "").replace(f' r="{one}2"', "")
            xml = xml.replace(f' r="{one}"', "")
    assert 'r="' not in xml
    (row,) = read_file(workbook(xml), region=REGION).rows
    assert row.row == 2 and row.record is not None


DOCTYPES = (
    "<!DOCTYPE a>",
    '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
    '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    "<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]>",
)


@pytest.mark.parametrize("doctype", DOCTYPES)
@pytest.mark.parametrize("name", [name for name in GOOD if name != "[Content_Types].xml"])
def test_part_with_a_document_type_refuses_the_file(doctype: str, name: str) -> None:
    assert problem_of(damaged(name, doctype + str(GOOD[name]))) == "malformed-xlsx"


def test_entity_bomb_is_refused_before_it_grows() -> None:
    entities = "".join(
        f"<!ENTITY a{i} '{f'&a{i - 1};' * 10}'>" if i else "<!ENTITY a0 '甲'>" for i in range(12)
    )
    bomb = f"<!DOCTYPE a [{entities}]><a>&a11;</a>"
    assert problem_of(damaged("xl/sharedStrings.xml", bomb)) == "malformed-xlsx"


def test_elements_inside_each_other_without_end_are_refused() -> None:
    for depth, is_refused in ((markup.MAX_DEPTH - 1, False), (markup.MAX_DEPTH, True)):
        deep = "<e>" * depth + "</e>" * depth
        content = workbook(sheet(ROWS).replace("<sheetData>", f"{deep}<sheetData>"))
        if is_refused:
            assert problem_of(content) == "malformed-xlsx"
        else:
            assert len(read_file(content, region=REGION).rows) == 1


@pytest.mark.parametrize("endless", ["<e a='{}'/>", "<!--{}-->", "<?p {}?>", "<e {}"])
def test_tag_without_end_is_refused_before_the_part_is_read(endless: str) -> None:
    """The parser would read an unfinished tag from its beginning with every piece."""
    long = endless.replace("{}", " " * 8 * MEGABYTE)
    content = workbook(sheet(ROWS).replace("<sheetData>", f"{long}<sheetData>"))
    assert problem_of(content) == "malformed-xlsx"


def test_archive_that_says_it_is_too_large_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_UNPACKED_BYTES", MEGABYTE)
    bomb = packed(GOOD | {"xl/media/picture.png": b"\x00" * 2 * MEGABYTE})
    assert len(bomb) < 20_000
    assert problem_of(bomb) == "unpacked-too-large"


def lying_about_its_size(name: str, content: bytes, said: int) -> bytes:
    """An archive whose directory says that a part is smaller than it is."""
    parts = packed(GOOD | {name: content})
    real, false = struct.pack("<L", len(content)), struct.pack("<L", said)
    assert parts.count(real) >= 2
    return parts.replace(real, false)


def test_archive_that_lies_about_its_size_is_refused() -> None:
    content = str(GOOD["xl/sharedStrings.xml"]).encode() + b" " * 4 * MEGABYTE
    bomb = lying_about_its_size("xl/sharedStrings.xml", content, 1_000)
    tracemalloc.start()
    assert problem_of(bomb) == "malformed-xlsx"
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 2 * MEGABYTE


def test_parts_are_counted_while_they_are_unpacked() -> None:
    budget = container.Budget(unpacked_bytes=10_000)
    content = packed(GOOD | {"xl/sharedStrings.xml": b" " * 20_000})
    archive = container.Container(content, budget)
    with pytest.raises(FileError) as caught:
        list(archive.read("xl/sharedStrings.xml"))
    assert caught.value.problem == "unpacked-too-large"


def test_elements_and_text_are_counted_over_the_whole_workbook() -> None:
    budget = container.Budget(elements=10, text_chars=10)
    for spend in (budget.spend_elements, budget.spend_text):
        spend(6)
        with pytest.raises(FileError) as caught:
            spend(6)
        assert caught.value.problem == "unpacked-too-large"


def test_shared_text_in_many_cells_is_counted_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One text of 32,000 characters in a million cells is 32 GB to look through."""
    from worlds.workbooks import shared

    budget = container.Budget
    monkeypatch.setattr(
        "ledger.core.intake.xlsx.workbook.Budget", lambda: budget(text_chars=100_000)
    )
    header = list(PENALTY)
    row: list[Value] = [*list(PENALTY.values())[:-1], shared(0)]
    content = workbook(sheet([header, *[row] * 5]), texts=["<t>" + "甲" * 30_000 + "</t>"])
    assert problem_of(content) == "unpacked-too-large"


def test_cells_without_content_are_counted_too(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = container.Budget
    monkeypatch.setattr("ledger.core.intake.xlsx.workbook.Budget", lambda: budget(elements=10_000))
    empty = "".join(f'<row r="{i}"><c/><c/></row>' for i in range(10, 9_000))
    content = workbook(sheet(ROWS).replace("</sheetData>", f"{empty}</sheetData>"))
    assert problem_of(content) == "unpacked-too-large"


def test_archive_with_too_many_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_PARTS", 20)
    assert problem_of(packed(GOOD | {f"p{i}": "" for i in range(20)})) == "unpacked-too-large"
    assert read_file(packed(GOOD | {f"p{i}": "" for i in range(10)}), region=REGION).rows


def test_workbook_with_too_many_sheets_is_refused() -> None:
    assert problem_of(workbook(*["<a/>"] * 257)) == "malformed-xlsx"


def test_workbook_with_too_many_styles_is_refused() -> None:
    styles = f'<styleSheet xmlns="{MAIN}"><cellXfs>{"<xf/>" * 65_537}</cellXfs></styleSheet>'
    assert problem_of(damaged("xl/styles.xml", styles)) == "malformed-xlsx"


def test_workbook_beyond_the_size_of_a_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(GOOD)
    monkeypatch.setattr("ledger.core.intake.file.MAX_FILE_BYTES", len(content))
    assert read_file(content, region=REGION).rows
    monkeypatch.setattr("ledger.core.intake.file.MAX_FILE_BYTES", len(content) - 1)
    assert problem_of(content) == "too-large"
    assert decode.MAX_FILE_BYTES > len(content)


def test_limits_of_rows_and_columns_are_those_of_csv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.core.intake.worksheet.MAX_ROWS", 20)
    row = ROWS[1]
    # Rows without content do not count: formatted sheets go down to the last row there is.
    blank = '<row r="1048576" s="1"><c r="A1048576" s="0"/><c r="XFD1048576"/></row>'
    filled = sheet([ROWS[0], *[row] * 20]).replace("</sheetData>", f"{blank}</sheetData>")
    assert len(read_file(workbook(filled), region=REGION).rows) == 20
    assert problem_of(workbook(sheet([ROWS[0], *[row] * 21]))) == "too-many-rows"
    wide: list[Value] = [*row, *[""] * (table.MAX_COLUMNS - len(row)), "x"]
    assert problem_of(workbook(sheet([ROWS[0], wide]))) == "too-many-columns"
    assert problem_of(workbook(sheet([[*ROWS[0], *[None] * 300, "x"]]))) == "too-many-columns"


def test_two_cells_at_the_ends_of_a_sheet_take_no_memory() -> None:
    """Readers that lay out the whole rectangle between them fall over."""
    end = '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
    content = workbook(sheet(ROWS).replace("</sheetData>", f"{end}</sheetData>"))
    tracemalloc.start()
    assert problem_of(content) == "too-many-columns"
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 4 * MEGABYTE


def test_archive_with_a_password_is_refused() -> None:
    content = bytearray(packed(GOOD))
    for place in range(len(content) - 4):
        if content[place : place + 4] == b"PK\x01\x02":
            content[place + 8] |= 1
    assert problem_of(bytes(content)) == "encrypted"


def test_part_in_another_compression_is_refused() -> None:
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        assert problem_of(packed(GOOD, method)) == "malformed-xlsx"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["xl/worksheets/sheet1.xml", "XL/Worksheets/SHEET1.xml"])
def test_part_that_stands_twice_is_refused(name: str) -> None:
    out = io.BytesIO(packed(GOOD))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr(name, sheet([ROWS[0], *[ROWS[1]] * 2]))
    assert problem_of(out.getvalue()) == "malformed-xlsx"


def test_part_with_a_wrong_checksum_is_refused() -> None:
    content = packed(GOOD)
    wrong = zlib.crc32(str(GOOD["xl/worksheets/sheet1.xml"]).encode()).to_bytes(4, "little")
    assert content.count(wrong) == 2
    assert problem_of(content.replace(wrong, bytes(4))) == "malformed-xlsx"


@pytest.mark.parametrize(
    "target", ["../../secret.xml", "/../x.xml", "../../../../etc/passwd", "file:///etc/passwd"]
)
def test_reference_out_of_the_workbook_is_refused(target: str) -> None:
    rels = str(GOOD["xl/_rels/workbook.xml.rels"])
    changed = rels.replace("worksheets/sheet1.xml", target)
    assert problem_of(damaged("xl/_rels/workbook.xml.rels", changed)) == "malformed-xlsx"


def test_reference_of_a_name_that_stands_twice_is_refused() -> None:
    rels = str(GOOD["xl/_rels/workbook.xml.rels"]).replace('Id="s"', 'Id="rId1"')
    assert problem_of(damaged("xl/_rels/workbook.xml.rels", rels)) == "malformed-xlsx"


def test_reference_to_a_part_elsewhere_is_not_followed() -> None:
    rels = str(GOOD["xl/_rels/workbook.xml.rels"]).replace(
        'Target="worksheets/sheet1.xml"', 'Target="http://example.org/a.xml" TargetMode="External"'
    )
    assert problem_of(damaged("xl/_rels/workbook.xml.rels", rels)) == "malformed-xlsx"


def test_workbook_said_to_be_a_text_is_read_as_one() -> None:
    for encoding in Encoding:
        assert problem_of(packed(GOOD), encoding=encoding) in ("encoding-mismatch", "malformed-csv")


@settings(max_examples=200, deadline=None)
@given(st.integers(0), st.integers(1, 255))
def test_any_changed_byte_gives_rows_or_a_file_error(at: int, flip: int) -> None:
    content = bytearray(packed(GOOD))
    content[at % len(content)] ^= flip
    check_total(bytes(content))


@settings(max_examples=100, deadline=None)
@given(st.integers(0))
def test_any_end_cut_off_gives_a_file_error(at: int) -> None:
    content = packed(GOOD)
    assert problem_of(content[: 4 + at % (len(content) - 4)]) in ("malformed-xlsx", "not-xlsx")


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(set(GOOD) - {"[Content_Types].xml"})), st.integers(0), st.data())
def test_any_changed_part_gives_rows_or_a_file_error(
    name: str, at: int, data: st.DataObject
) -> None:
    whole = str(GOOD[name])
    place = at % len(whole)
    piece = data.draw(
        st.sampled_from(["<", ">", "/", '"', "&", "</row>", '<row r="9">', "<c>", "<v>1</v>", ""])
        | st.text(max_size=8)
    )
    cut = data.draw(st.integers(0, 40))
    changed = whole[:place] + piece + whole[place + cut :]
    check_total(damaged(name, changed.encode("utf-8", "surrogatepass")))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"PK\x03\x04", b"PK\x05\x06", OLE]))
def test_any_bytes_after_the_mark_of_a_workbook_give_a_file_error(rest: bytes, mark: bytes) -> None:
    assert problem_of(mark + rest) in ("malformed-xlsx", "not-xlsx", "xls", "encrypted")


def check_total(content: bytes) -> None:
    """Read bytes; every row is exactly one thing, every code is listed."""
    try:
        found = read_file(content, region=REGION)
    except FileError as error:
        assert error.problem in FILE_PROBLEMS
        return
    for row in found.rows:
        states = [row.record is not None, row.change is not None, bool(row.errors), row.skipped]
        assert states.count(True) == 1
        assert {error.code for error in row.errors} <= set(ROW_PROBLEMS)
