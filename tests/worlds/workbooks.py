"""Workbooks written part by part, so that any of them can be wrong."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
IDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"

GENERAL = 0
"""Number of the style that every workbook here has."""


def letters(column: int) -> str:
    """Letters of a column, 0 is A."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


class Cell:
    """A cell with its attributes and what is inside."""

    def __init__(self, inside: str = "", **attributes: object) -> None:
        self.inside = inside
        self.attributes = attributes

    def xml(self, place: str) -> str:
        members = {"r": place} | self.attributes
        written = " ".join(f"{name}={quoteattr(str(one))}" for name, one in members.items())
        return f"<c {written}>{self.inside}</c>"


def text(value: str) -> Cell:
    return Cell(f'<is><t xml:space="preserve">{escape(value)}</t></is>', t="inlineStr")


def shared(index: object) -> Cell:
    return Cell(f"<v>{index}</v>", t="s")


def number(value: object, style: int = GENERAL) -> Cell:
    return Cell(f"<v>{value}</v>", s=style)


def boolean(value: object) -> Cell:
    return Cell(f"<v>{value}</v>", t="b")


def error(value: str = "#N/A") -> Cell:
    return Cell(f"<v>{value}</v>", t="e")


def formula(result: str | None, kind: str = "str") -> Cell:
    value = "" if result is None else f"<v>{escape(result)}</v>"
    attributes = {} if kind == "n" else {"t": kind}
    return Cell(f"<f>A1&amp;B1</f>{value}", **attributes)


Value = str | Cell | None


def row_xml(number: int, cells: Sequence[Value], attributes: str = "") -> str:
    written = []
    for column, cell in enumerate(cells):
        if cell is None:
            continue
        one = text(cell) if isinstance(cell, str) else cell
        written.append(one.xml(f"{letters(column)}{number}"))
    return f'<row r="{number}"{attributes}>{"".join(written)}</row>'


def sheet(rows: Sequence[Sequence[Value]], start: int = 1, after: str = "") -> str:
    """A worksheet of rows one below the other."""
    return sheet_of("".join(row_xml(i, row) for i, row in enumerate(rows, start)), after)


def sheet_of(inside: str, after: str = "") -> str:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{inside}</sheetData>{after}</worksheet>'


def parts_of(
    *sheets: str,
    texts: Sequence[str] = (),
    formats: Sequence[str] = (),
    is_1904: bool = False,
    states: Sequence[str] = (),
) -> dict[str, str | bytes]:
    """The parts of a workbook.

    Args:
        sheets: XML of each worksheet.
        texts: XML inside each shared text.
        formats: Format codes of the styles from 1 on; a number names a built-in format.
        is_1904: Whether days count from 1904.
        states: State of each sheet that is not visible.
    """
    states = [*states, *["visible"] * len(sheets)]
    listed = "".join(
        f'<sheet name="表{i}" sheetId="{i}" state="{states[i - 1]}" r:id="rId{i}"/>'
        for i in range(1, len(sheets) + 1)
    )
    ids = "".join(
        f'<Relationship Id="rId{i}" Type="{IDS}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i in range(1, len(sheets) + 1)
    )
    custom = {f"{164 + i}": code for i, code in enumerate(formats) if not code.isdecimal()}
    used = [code if code.isdecimal() else f"{164 + i}" for i, code in enumerate(formats)]
    numbers = "".join(
        f'<numFmt numFmtId="{i}" formatCode={quoteattr(c)}/>' for i, c in custom.items()
    )
    xfs = "".join(f'<xf numFmtId="{one}"/>' for one in ["0", *used])
    items = "".join(f"<si>{one}</si>" for one in texts)
    return {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="a"'
        f' Type="{IDS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{IDS}">'
        f'<workbookPr date1904="{int(is_1904)}"/><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}">{ids}'
        f'<Relationship Id="s" Type="{IDS}/styles" Target="styles.xml"/>'
        f'<Relationship Id="t" Type="{IDS}/sharedStrings" Target="/xl/sharedStrings.xml"/>'
        "</Relationships>",
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><numFmts>{numbers}</numFmts>'
        f'<cellStyleXfs><xf numFmtId="9"/></cellStyleXfs><cellXfs>{xfs}</cellXfs></styleSheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{items}</sst>',
        **{f"xl/worksheets/sheet{i}.xml": one for i, one in enumerate(sheets, 1)},
    }


def packed(parts: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of these parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


def workbook(*sheets: str, **named: object) -> bytes:
    """A workbook of these worksheets; see ``parts_of``."""
    return packed(parts_of(*sheets, **named))  # type: ignore[arg-type]
