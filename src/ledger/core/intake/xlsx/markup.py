"""XML parts read as a stream: no document type, no entity, nothing deep, no endless tag."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final
from xml.parsers import expat

from ledger.core.intake.xlsx.container import Budget, malformed

MAX_DEPTH: Final = 64
"""Elements inside each other; worksheets have about eight."""

MAX_TAG_BYTES: Final = 1024 * 1024
"""Bytes of one tag or comment: the parser reads an unfinished one again with every chunk."""

SEPARATOR: Final = " "
_MAIN: Final = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
"""SpreadsheetML, transitional and strict."""
_RELATIONSHIPS: Final = "http://schemas.openxmlformats.org/package/2006/relationships"

Start = Callable[[str, Mapping[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


def _names() -> dict[str, str]:
    local = (
        *("workbookPr", "sheet", "si", "t", "r", "rPh", "is", "row", "c", "v", "f"),
        *("numFmt", "cellXfs", "xf"),
    )
    names = {f"{space}{SEPARATOR}{name}": name for space in _MAIN for name in local}
    return names | {f"{_RELATIONSHIPS}{SEPARATOR}Relationship": "Relationship"}


NAMES: Final[Mapping[str, str]] = _names()
"""Elements that mean something here, by their full name."""


def read_markup(
    chunks: Iterable[bytes], budget: Budget, *, start: Start, end: End, text: Text | None = None
) -> Iterator[None]:
    """Parse one part, one step a chunk; what the handlers found is there after each step.

    Args:
        chunks: The bytes of the part, UTF-8.
        budget: What may be read.
        start: Called with the short name and attributes of each element of ``NAMES``.
        end: Called with the short name.
        text: Called with pieces of text.

    Raises:
        FileError: ``malformed-xlsx`` or ``unpacked-too-large``.
    """
    depth = elements = 0

    def open_element(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > MAX_DEPTH:
            raise malformed(f"at most {MAX_DEPTH} levels", "more")
        short = NAMES.get(name)
        if short is not None:
            start(short, attributes)

    def close_element(name: str) -> None:
        nonlocal depth
        depth -= 1
        short = NAMES.get(name)
        if short is not None:
            end(short)

    parser = expat.ParserCreate("utf-8", SEPARATOR)
    parser.buffer_text = True
    parser.StartElementHandler = open_element
    parser.EndElementHandler = close_element
    parser.StartDoctypeDeclHandler = _refuse_doctype
    if text is not None:
        parser.CharacterDataHandler = text
    fed = 0
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            fed += len(chunk)
            if fed - parser.CurrentByteIndex > MAX_TAG_BYTES:
                raise malformed(f"tags of at most {MAX_TAG_BYTES} bytes", "a longer one")
            budget.spend_elements(elements)
            elements = 0
            yield
        parser.Parse(b"", True)
    except expat.ExpatError:
        # Its message names a place only, but a place in XML helps nobody with a spreadsheet.
        raise malformed("well-formed XML", "a broken part") from None
    yield


def _refuse_doctype(*_: object) -> None:
    # A document type is where entities are declared, and no spreadsheet program writes one.
    raise malformed("no document type", "one")
