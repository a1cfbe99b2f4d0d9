"""Which cell of a row belongs to which field, decided once per file from its header."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ledger.core.intake.problems import FileError, Problem
from ledger.core.intake.values import is_blank
from ledger.core.records.catalogue import RECORD_TYPES, RecordType
from ledger.core.records.fields import NEVER_PUBLIC

if TYPE_CHECKING:
    from ledger.core.intake.table import Row

CHANGE_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "region": ("REGION",),
        "change": ("CHANGE",),
        "decided_on": ("DECIDED_ON",),
        "cf_number": ("CF_WSH",),
        "cf_party": ("CF_XDR_SHXYM",),
        "cf_issuer": ("CF_CFJGDM",),
        "xk_number": ("XK_WSH",),
        "xk_party": ("XK_XDR_SHXYM",),
        "xk_issuer": ("XK_XKJGDM",),
        "issuer": ("ISSUER",),
        "basis": ("BASIS", "BZ"),
    }
)
"""Columns of a change file by what they hold."""

_CHANGE_MANDATORY: Final = ("region", "change", "decided_on")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each named value stands in a row."""

    header: tuple[str, ...]
    """Column names."""
    positions: Mapping[str, int]
    """Index of the cell by name of the value; values without a column are missing."""

    def cell(self, row: "Row", name: str) -> str:
        """Return the cell of a value; empty if the file or the row has none.

        Spreadsheets leave out empty cells at the end of a row, so a short row is not an error.
        """
        position = self.positions.get(name, len(row.cells))
        return row.cells[position] if position < len(row.cells) else ""

    def column(self, name: str) -> str | None:
        """Return the name of the column that holds a value."""
        position = self.positions.get(name)
        return None if position is None else self.header[position]

    def check_width(self, row: "Row") -> Problem | None:
        """Find text where the header has no column: the row has slipped to the right."""
        names = self.header + ("",) * (len(row.cells) - len(self.header))
        for name, cell in zip(names, row.cells, strict=False):
            if not name and not is_blank(cell):
                return Problem(
                    "column-count", f"{len(self.header)} columns", f"{len(row.cells)} columns"
                )
        return None


def is_known_header(header: Sequence[str]) -> bool:
    """Tell whether a row is a header of any kind of file, complete or not.

    Two columns must be known: one word may stand in a title too.
    """
    return len(_KNOWN & set(header)) > 1


def is_change_header(header: Sequence[str]) -> bool:
    """Tell whether a header is that of a change file."""
    return "CHANGE" in header and not {"CF_NR", "XK_NR"} & set(header)


def change_layout(header: tuple[str, ...]) -> Layout:
    """Bind the columns of a change file.

    Raises:
        FileError: ``duplicate-columns`` or ``missing-columns``.
    """
    positions = _bind(header, CHANGE_COLUMNS)
    missing = [CHANGE_COLUMNS[name][0] for name in _CHANGE_MANDATORY if name not in positions]
    present = [code for code in RECORD_TYPES if f"{code}_number" in positions]
    missing += [] if present else ["CF_WSH"]
    missing += [
        CHANGE_COLUMNS[f"{code}_party"][0] for code in present if f"{code}_party" not in positions
    ]
    _require(missing)
    return Layout(header, positions)


def record_layout(header: tuple[str, ...]) -> tuple[RecordType, Layout]:
    """Find the record type of a header and bind its columns.

    Raises:
        FileError: ``unknown-columns``, ``mixed-types``, ``duplicate-columns`` or
        ``missing-columns``.
    """
    types = [kind for kind in RECORD_TYPES.values() if _own_columns(kind) & set(header)]
    if not types:
        raise FileError("unknown-columns", expected="columns CF_... or XK_...", found="others")
    if len(types) > 1:
        raise FileError("mixed-types", expected="columns of one type", found="of both")
    kind = types[0]
    positions = _bind(header, {field.name: field.columns for field in kind.fields})
    _require([f.columns[0] for f in kind.fields if f.mandatory and f.name not in positions])
    return kind, Layout(header, positions)


def unused_columns(layout: Layout) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the named columns that nothing is read from: (unknown, never public)."""
    used = set(layout.positions.values())
    names = [name for i, name in enumerate(layout.header) if name and i not in used]
    return (
        tuple(name for name in names if name not in NEVER_PUBLIC),
        tuple(name for name in names if name in NEVER_PUBLIC),
    )


def _own_columns(kind: RecordType) -> set[str]:
    """Return the columns no other type has; 备注 is everybody's."""
    return {column for field in kind.fields for column in field.columns} - {"BZ"}


def _bind(header: Sequence[str], columns: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the position of each value; two columns for one value are refused."""
    names = {column: name for name, spellings in columns.items() for column in spellings}
    positions: dict[str, int] = {}
    for position, column in enumerate(header):
        name = names.get(column)
        if name is None:
            continue
        if name in positions:
            raise FileError("duplicate-columns", expected=f"one column {column}", found="two")
        positions[name] = position
    return positions


def _require(missing: Sequence[str]) -> None:
    if missing:
        raise FileError("missing-columns", expected=", ".join(missing), found="no such column")


_KNOWN: Final = frozenset(
    {name for kind in RECORD_TYPES.values() for name in _own_columns(kind)}
    | {name for spellings in CHANGE_COLUMNS.values() for name in spellings}
)
"""Every column that something is read from."""
