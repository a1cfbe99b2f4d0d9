"""Which sheet and row of a workbook the table is, and how its rows are numbered."""

import pytest
from intake_files import CHANGE, LICENCE, PENALTY, REGION, problems, read_one, write_csv
from worlds.workbooks import IDS, MAIN, Value, packed, parts_of, row_xml, sheet, sheet_of, workbook

from ledger.core.intake import FileError, ParsedFile, read_file
from ledger.core.intake.table import HEADER_WITHIN

HEADER: list[Value] = list(PENALTY)
GOOD: list[Value] = list(PENALTY.values())
BAD: list[Value] = ["", *GOOD[1:]]
TABLE = sheet([HEADER, GOOD])
NOTES = sheet([["填报说明"], ["一、本表按月报送"], ["二、不得合并单元格"]])
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"


def read(content: bytes) -> ParsedFile:
    return read_file(content, region=REGION)


def problem_of(content: bytes) -> str:
    with pytest.raises(FileError) as caught:
        read(content)
    return caught.value.problem


def numbers(found: ParsedFile) -> list[tuple[int, bool]]:
    return [(row.row, row.record is not None) for row in found.rows]


def test_title_above_the_header_is_left_out_and_rows_keep_their_numbers() -> None:
    title: list[Value] = ["某市行政处罚信息公示表", *[None] * 11]
    for above in range(HEADER_WITHIN):
        content = workbook(sheet([*[title] * above, HEADER, GOOD, BAD]))
        assert numbers(read(content)) == [(above + 2, True), (above + 3, False)]
    assert (
        problem_of(workbook(sheet([*[title] * HEADER_WITHIN, HEADER, GOOD]))) == "unknown-columns"
    )


def test_names_of_columns_in_chinese_above_the_header_are_left_out() -> None:
    names: list[Value] = ["行政相对人名称", "行政相对人类别", "统一社会信用代码"]
    assert numbers(read(workbook(sheet([["公示表"], names, HEADER, GOOD])))) == [(4, True)]


def test_title_above_the_header_of_a_csv_is_left_out_too() -> None:
    text = "某市行政处罚信息公示表,,\n制表日期,2026-03-01\n" + write_csv(
        list(PENALTY), [list(PENALTY.values()), ["", *list(PENALTY.values())[1:]]]
    )
    found = read(text.encode())
    assert numbers(found) == [(4, True), (5, False)]
    assert found.rows[0].record == read_one(PENALTY).record


def test_one_known_word_in_a_title_is_no_header() -> None:
    assert numbers(read(workbook(sheet([["CF_NR"], HEADER, GOOD])))) == [(3, True)]


def test_first_known_header_is_the_header() -> None:
    found = read(workbook(sheet([HEADER, HEADER, GOOD])))
    assert numbers(found) == [(2, False), (3, True)]


def test_empty_rows_are_left_out_and_counted_in_the_numbers() -> None:
    rows = row_xml(3, HEADER) + row_xml(7, GOOD) + '<row r="9"/>' + row_xml(1000, BAD)
    rows += row_xml(1001, ["", " ", "\u3000"]) + row_xml(1_048_576, [""])
    assert numbers(read(workbook(sheet_of(rows)))) == [(7, True), (1000, False)]


def test_table_that_does_not_begin_in_the_first_column_is_read() -> None:
    content = workbook(sheet([[None, None, *HEADER], [None, None, *GOOD]]))
    assert numbers(read(content)) == [(2, True)]


def test_hidden_rows_and_columns_are_taken() -> None:
    rows = row_xml(1, HEADER) + row_xml(2, GOOD, ' hidden="1"') + row_xml(3, BAD, ' hidden="1"')
    content = workbook(
        sheet_of(rows).replace("<sheetData>", '<cols><col hidden="1"/></cols><sheetData>')
    )
    assert numbers(read(content)) == [(2, True), (3, False)]


def test_merged_cells_hold_their_value_in_the_first() -> None:
    merged = '<mergeCells><mergeCell ref="A2:A3"/></mergeCells>'
    found = read(workbook(sheet([HEADER, GOOD, [None, *GOOD[1:]]], after=merged)))
    assert problems(found.rows[1]) == [("CF_XDR_MC", "required")]


def test_sheet_with_a_known_header_is_taken_wherever_it_stands() -> None:
    for sheets in ((TABLE, NOTES), (NOTES, TABLE), (NOTES, TABLE, NOTES), ("<a/>", TABLE)):
        assert numbers(read(workbook(*sheets))) == [(2, True)]


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_hidden_sheets_are_left_out(state: str) -> None:
    licences = sheet([list(LICENCE), list(LICENCE.values())])
    found = read(workbook(licences, TABLE, states=[state]))
    assert (found.record_type, numbers(found)) == ("cf", [(2, True)])
    assert problem_of(workbook(TABLE, states=[state])) == "empty"


@pytest.mark.parametrize("other", [PENALTY, LICENCE, CHANGE])
def test_two_sheets_with_rows_are_refused_and_none_is_left_out_in_silence(
    other: dict[str, str],
) -> None:
    second = sheet([["标题"], list(other), list(other.values())])
    assert problem_of(workbook(TABLE, second)) == "several-sheets"
    assert problem_of(workbook(NOTES, second, TABLE)) == "several-sheets"


def test_sheet_with_a_header_alone_counts_only_if_no_other_has_rows() -> None:
    template = sheet([list(LICENCE)])
    assert numbers(read(workbook(template, TABLE))) == [(2, True)]
    assert numbers(read(workbook(TABLE, template))) == [(2, True)]
    found = read(workbook(NOTES, template))
    assert (found.record_type, found.rows) == ("xk", ())


def test_sheets_without_a_known_header_are_refused() -> None:
    assert problem_of(workbook(NOTES)) == "unknown-columns"
    assert problem_of(workbook(NOTES, NOTES)) == "unknown-columns"


def test_charts_and_other_sheets_are_no_worksheets() -> None:
    parts = parts_of(TABLE, NOTES)
    rels = str(parts["xl/_rels/workbook.xml.rels"])
    parts["xl/_rels/workbook.xml.rels"] = rels.replace(
        f'Id="rId2" Type="{IDS}/worksheet"', f'Id="rId2" Type="{IDS}/chartsheet"'
    )
    parts["xl/worksheets/sheet2.xml"] = "no XML at all"
    assert numbers(read(packed(parts))) == [(2, True)]


def test_names_of_parts_and_case_are_the_writers_choice() -> None:
    parts = {
        name.replace("xl/", "Book/").upper(): content for name, content in parts_of(TABLE).items()
    }
    parts["_RELS/.RELS"] = str(parts["_RELS/.RELS"]).replace("xl/", "/book/")
    rels = "BOOK/_RELS/WORKBOOK.XML.RELS"
    parts[rels] = str(parts[rels]).replace("/xl/", "/Book/").replace('"work', '"./../book/work')
    assert numbers(read(packed(parts))) == [(2, True)]


def test_strict_and_prefixed_xml_is_the_same() -> None:
    strict = {
        name: str(content)
        .replace(MAIN, STRICT)
        .replace(IDS, "http://purl.oclc.org/ooxml/officeDocument/relationships")
        for name, content in parts_of(TABLE).items()
    }
    assert numbers(read(packed(strict))) == [(2, True)]
    prefixed = dict(parts_of(TABLE))
    for name in ("xl/worksheets/sheet1.xml", "xl/workbook.xml"):
        marked = str(prefixed[name]).replace("<", "<x:").replace("<x:/", "</x:")
        prefixed[name] = marked.replace('xmlns="', 'xmlns:x="')
    assert numbers(read(packed(prefixed))) == [(2, True)]


def test_elements_of_another_namespace_mean_nothing() -> None:
    other = f'<x:row xmlns:x="urn:x"><x:c t="e"/></x:row>{row_xml(1, HEADER)}'
    content = workbook(sheet_of(other + row_xml(2, GOOD)))
    assert numbers(read(content)) == [(2, True)]


def test_workbook_without_texts_and_styles_is_read() -> None:
    parts = parts_of(TABLE)
    rels = str(parts["xl/_rels/workbook.xml.rels"])
    start = rels.index('<Relationship Id="s"')
    parts["xl/_rels/workbook.xml.rels"] = rels[:start] + "</Relationships>"
    del parts["xl/styles.xml"], parts["xl/sharedStrings.xml"]
    assert numbers(read(packed(parts))) == [(2, True)]


def test_ignored_and_dropped_columns_of_a_sheet_are_named() -> None:
    found = read(workbook(sheet([[*HEADER, "序号", "CF_FR_ZJHM"], [*GOOD, "1", "x"]])))
    assert (found.ignored_columns, found.dropped_columns) == (("序号",), ("CF_FR_ZJHM",))
