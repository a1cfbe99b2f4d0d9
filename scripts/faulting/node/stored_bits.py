"""The bits that a database file stores: where they are, flipping one, whether it mattered."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pysqlite3  # type: ignore[import-untyped]

WORD_BITS: Final = 64
"""Bits of a stored integer, whatever it takes in the file."""

Dump = dict[str, list[tuple[Any, ...]]]
"""Rows by table, and their types."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One stored value."""

    table: str
    column: str
    row: int
    kind: str
    bits: int


def cells(path: Path) -> Sequence[Cell]:
    """Every stored value of a database; NULLs and empty ones have no bits."""
    found = []
    connection = pysqlite3.connect(path)
    for table in _tables(connection):
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        for column in columns:
            rows = connection.execute(
                f'SELECT rowid, typeof("{column}"), length(CAST("{column}" AS BLOB))'  # noqa: S608
                f' FROM "{table}" ORDER BY rowid'
            )
            for row, kind, size in rows:
                bits = WORD_BITS if kind == "integer" else 8 * (size or 0)
                if kind != "null" and bits:
                    found.append(Cell(table, column, row, kind, bits))
    connection.close()
    return found


def set_bit(path: Path, cell: Cell, bit: int) -> bool:
    """Flip a bit of a stored value by a statement; False where a key forbids it."""
    connection = pysqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    where = f'FROM "{cell.table}" WHERE rowid = ?'
    try:
        if cell.kind == "integer":
            (value,) = connection.execute(f'SELECT "{cell.column}" {where}', [cell.row]).fetchone()
            flipped, given = _signed((value % (1 << WORD_BITS)) ^ 1 << bit), "?"
        else:
            (raw,) = connection.execute(
                f'SELECT CAST("{cell.column}" AS BLOB) {where}',
                [cell.row],
            ).fetchone()
            changed = bytearray(raw)
            changed[bit // 8] ^= 1 << bit % 8
            flipped = bytes(changed)
            given = "CAST(? AS TEXT)" if cell.kind == "text" else "?"
        connection.execute(
            f'UPDATE "{cell.table}" SET "{cell.column}" = {given} WHERE rowid = ?',  # noqa: S608
            [flipped, cell.row],
        )
    except pysqlite3.IntegrityError:
        return False
    finally:
        connection.close()
    return True


def is_harmless(path: Path, before: Dump) -> bool:
    """Whether every table reads as before and SQLite's own check is clean."""
    connection = pysqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            return False
    except pysqlite3.Error:
        return False
    finally:
        connection.close()
    return dump(path) == before


def dump(path: Path) -> Dump:
    """Every value of every table with its type, and the schema; {} where it cannot be read."""
    connection = pysqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.text_factory = bytes
    try:
        tables = {
            table: connection.execute(f'SELECT rowid, * FROM "{table}" ORDER BY rowid').fetchall()  # noqa: S608
            for table in _tables(connection)
        }
        tables[""] = connection.execute("SELECT * FROM sqlite_schema ORDER BY rowid").fetchall()
        types = {name: [tuple(map(type, row)) for row in rows] for name, rows in tables.items()}
        return tables | {f"{name} types": found for name, found in types.items()}
    except pysqlite3.Error:
        return {}
    finally:
        connection.close()


def _tables(connection: Any) -> list[str]:
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
    return [name.decode() if isinstance(name, bytes) else name for (name,) in rows]


def _signed(value: int) -> int:
    return value - (1 << WORD_BITS) if value >> WORD_BITS - 1 else value
