"""A workbook: which sheets it has, and what its shared texts and styles are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ledger.core.intake.problems import FileError
from ledger.core.intake.xlsx.container import Budget, Container, malformed
from ledger.core.intake.xlsx.formats import Look, built_in, look_of
from ledger.core.intake.xlsx.markup import SEPARATOR, read_markup
from ledger.core.intake.xlsx.sheet import MAX_CELL_CHARS, Meanings, SheetRow, read_sheet, unescape

MAX_SHEETS: Final = 256
"""Sheets of one workbook; a limit of this system."""

MAX_STYLES: Final = 65_536
"""Spreadsheet programs allow about as many."""

_ID_SPACES: Final = (
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
    "http://purl.oclc.org/ooxml/officeDocument/relationships",
)
_TRUE: Final = ("1", "true", "on")


@dataclass(frozen=True, slots=True)
class _Relation:
    """Where a part refers to."""

    kind: str
    """Last word of its type."""
    part: str
    """Name of the other part, empty if that lies outside."""


class Workbook:
    """The visible worksheets of a workbook.

    Args:
        container: The archive.
        budget: What may be read.

    Raises:
        FileError: ``not-xlsx``, ``malformed-xlsx`` or ``unpacked-too-large``.
    """

    def __init__(self, container: Container, budget: Budget) -> None:
        self._container = container
        self._budget = budget
        main = self._main_part()
        relations = self._relations(main)
        self._is_1904 = False
        sheets = self._read_main(main)
        self.parts = tuple(
            relation.part
            for identity in sheets
            if (relation := relations.get(identity)) and relation.kind == "worksheet"
        )
        """Names of the parts of the visible worksheets, in the order of their tabs."""
        by_kind = {relation.kind: relation.part for relation in relations.values()}
        self._texts_part = by_kind.get("sharedStrings")
        self._styles_part = by_kind.get("styles")
        self._meanings: Meanings | None = None

    def rows(self, part: str) -> Iterator[SheetRow]:
        """Yield the rows of a worksheet that hold something.

        Raises:
            FileError: ``malformed-xlsx`` or ``unpacked-too-large``.
        """
        if self._meanings is None:
            self._meanings = Meanings(self._read_texts(), self._read_styles(), self._is_1904)
        return read_sheet(self._container.read(part), self._meanings, self._budget)

    def _main_part(self) -> str:
        if "_rels/.rels" in self._container:
            for relation in self._relations("").values():
                if relation.kind == "officeDocument" and relation.part.lower().endswith(".xml"):
                    return relation.part
        raise FileError("not-xlsx", expected="an XLSX workbook", found="another archive")

    def _relations(self, part: str) -> dict[str, _Relation]:
        folder, _, name = part.rpartition("/")
        prefix = f"{folder}/" if folder else ""
        found: dict[str, _Relation] = {}

        def start(element: str, attributes: Mapping[str, str]) -> None:
            if element == "Relationship":
                if attributes.get("Id", "") in found:
                    raise malformed("references of distinct names", "one name twice")
                outside = attributes.get("TargetMode") == "External"
                target = "" if outside else _resolve(folder, attributes.get("Target", ""))
                kind = attributes.get("Type", "").rpartition("/")[2]
                found[attributes.get("Id", "")] = _Relation(kind, target)

        self._read(f"{prefix}_rels/{name}.rels", start)
        return found

    def _read_main(self, part: str) -> list[str]:
        sheets: list[str] = []

        def start(element: str, attributes: Mapping[str, str]) -> None:
            if element == "workbookPr":
                self._is_1904 = attributes.get("date1904", "0") in _TRUE
            elif element == "sheet" and attributes.get("state", "visible") == "visible":
                ids = [attributes.get(f"{space}{SEPARATOR}id") for space in _ID_SPACES]
                sheets.append(next((one for one in ids if one is not None), ""))
                if len(sheets) > MAX_SHEETS:
                    raise malformed(f"at most {MAX_SHEETS} sheets", "more")

        self._read(part, start)
        return sheets

    def _read_texts(self) -> list[str]:
        texts: list[str] = []
        pieces: list[str] = []
        current: list[str] = []
        phonetic = 0

        def start(element: str, _: Mapping[str, str]) -> None:
            nonlocal phonetic
            if element == "t":
                pieces.clear()
            elif element == "si":
                current.clear()
            elif element == "rPh":
                phonetic += 1

        def end(element: str) -> None:
            nonlocal phonetic
            if element == "t" and not phonetic:
                current.append("".join(pieces))
            elif element == "rPh":
                phonetic -= 1
            elif element == "si":
                text = "".join(current)
                if len(text) > MAX_CELL_CHARS:
                    raise malformed(f"cells of at most {MAX_CELL_CHARS} characters", "a longer one")
                texts.append(unescape(text))
            pieces.clear()

        if self._texts_part is not None:
            chunks = self._container.read(self._texts_part)
            for _ in read_markup(chunks, self._budget, start=start, end=end, text=pieces.append):
                pass
        return texts

    def _read_styles(self) -> list[Look]:
        codes: dict[str, str] = {}
        numbers: list[str] = []
        inside = False

        def start(element: str, attributes: Mapping[str, str]) -> None:
            nonlocal inside
            if element == "numFmt":
                codes[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
            elif element == "cellXfs":
                inside = True
            elif element == "xf" and inside:
                numbers.append(attributes.get("numFmtId", "0"))
            if max(len(codes), len(numbers)) > MAX_STYLES:
                raise malformed(f"at most {MAX_STYLES} styles", "more")

        def end(element: str) -> None:
            nonlocal inside
            inside = inside and element != "cellXfs"

        if self._styles_part is None:
            return [Look.WHOLE]
        chunks = self._container.read(self._styles_part)
        for _ in read_markup(chunks, self._budget, start=start, end=end):
            pass
        return [look_of(codes[one]) if one in codes else _built_in(one) for one in numbers]

    def _read(self, part: str, start: Callable[[str, Mapping[str, str]], None]) -> None:
        chunks = self._container.read(part)
        for _ in read_markup(chunks, self._budget, start=start, end=lambda _: None):
            pass


def open_workbook(content: bytes) -> Workbook:
    """Open a workbook.

    Args:
        content: The whole file.

    Raises:
        FileError: ``xls``, ``encrypted``, ``not-xlsx``, ``malformed-xlsx`` or
        ``unpacked-too-large``.
    """
    budget = Budget()
    return Workbook(Container(content, budget), budget)


def _built_in(number: str) -> Look:
    return built_in(int(number)) if len(number) < 6 and number.isdecimal() else Look.OTHER


def _resolve(folder: str, target: str) -> str:
    """Name of a part from a reference to it. ECMA-376, part 2, section 6.5."""
    base = [] if target.startswith("/") or not folder else folder.split("/")
    for step in target.split("/"):
        if step == "..":
            if not base:
                raise malformed("references inside the workbook", "one outside")
            base.pop()
        elif step not in ("", "."):
            base.append(step)
    return "/".join(base)
