"""A table is read alike whether it comes as CSV or as a workbook that another program wrote."""

import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from intake_files import CHANGE, LICENCE, PENALTY, REGION, code, write_csv
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from ledger.core.intake import ParsedFile, ParsedRow, read_file

WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="=\r", exclude_categories=["Cs", "Co"]),
    max_size=12,
).filter(lambda word: not ILLEGAL_CHARACTERS_RE.search(word) and "_x" not in word)
CODES = st.builds(lambda n: code(f"91310115MA{n:07d}"), st.integers(0, 9_999_999))
DAYS = st.dates(date(1949, 1, 1), date(2100, 1, 1))
FEN = st.integers(0, 9_000_000_000)


def saved(rows: Sequence[Sequence[object]], *, is_1904: bool = False) -> bytes:
    book = Workbook()
    if is_1904:
        book.epoch = datetime(1904, 1, 1)
    (page,) = book.worksheets
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            if value != "":
                cell = page.cell(number, column, value)
                if isinstance(value, str):
                    cell.data_type = "s"
                    cell.value = value
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def both(
    header: Sequence[str], texts: Sequence[Sequence[str]], cells: Sequence[Sequence[object]]
) -> tuple[ParsedFile, ParsedFile]:
    as_csv = read_file(write_csv(header, texts).encode(), region=REGION)
    return as_csv, read_file(saved([header, *cells]), region=REGION)


def kept(found: ParsedFile) -> list[ParsedRow]:
    """Rows that hold something: empty ones are counted in a CSV file and left out of a sheet."""
    return [row for row in found.rows if not (row.skipped and found.kind == "records")]


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from([PENALTY, LICENCE, CHANGE]))
def test_table_of_any_texts_is_the_same_as_csv_and_as_workbook(
    data: st.DataObject, base: dict[str, str]
) -> None:
    header = list(base)
    cell = st.sampled_from([*base.values(), "自然人", "个体工商户", "2026.3.5", "", "2"]) | WORDS
    rows = []
    for _ in range(data.draw(st.integers(1, 4))):
        row = list(base.values())
        for place in data.draw(st.sets(st.integers(0, len(row) - 1), max_size=3)):
            row[place] = data.draw(cell)
        rows.append(row)
    as_csv, as_book = both(header, rows, rows)
    assert kept(as_book) == kept(as_csv)
    assert (as_book.kind, as_book.record_type) == (as_csv.kind, as_csv.record_type)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(CODES, DAYS, FEN, st.booleans()), min_size=1, max_size=4),
    st.sampled_from(["General", "0.00", "#,##0.000000"]),
)
def test_typed_cells_give_the_records_of_their_texts(
    rows: list[tuple[str, date, int, bool]], shown: str
) -> None:
    header = list(PENALTY)
    texts, cells = [], []
    for number, (party, day, fen, as_moment) in enumerate(rows, 1):
        text = PENALTY | {
            "CF_XDR_SHXYM": party,
            "CF_WSH": f"{number}号",
            "CF_JDRQ": day.isoformat(),
            "CF_NR_FK": f"{fen // 10**6}.{fen % 10**6:06d}",
        }
        typed: dict[str, object] = dict(text)
        moment = datetime(day.year, day.month, day.day, 23, 59, 59)
        typed["CF_JDRQ"] = moment if as_moment else day
        typed["CF_NR_FK"] = fen / 10**6
        texts.append(list(text.values()))
        cells.append(list(typed.values()))
    book = saved([header, *cells])
    as_csv = read_file(write_csv(header, texts).encode(), region=REGION)
    found = read_file(book, region=REGION)
    for left, right in zip(found.rows, as_csv.rows, strict=True):
        assert left.record == right.record
        assert [error.code for error in left.errors] == [error.code for error in right.errors]


@given(DAYS.filter(lambda day: day >= date(1949, 10, 1)))
@settings(max_examples=40, deadline=None)
def test_day_of_a_workbook_that_counts_from_1904_is_the_same_day(day: date) -> None:
    row: dict[str, object] = {**PENALTY, "CF_JDRQ": day, "CF_GSJZQ": day + timedelta(days=1)}
    content = saved([list(row), list(row.values())], is_1904=True)
    (found,) = read_file(content, region=REGION).rows
    assert found.record is not None
    assert found.record.decided_on == day
    if day + timedelta(days=1) != date(2099, 12, 31):
        assert found.record.in_force_until == day + timedelta(days=1)
