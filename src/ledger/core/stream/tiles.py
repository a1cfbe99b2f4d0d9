"""A log as C2SP tlog-tiles: paths of tiles and entry bundles, and the bytes of bundles.

A hash tile of level L holds up to 256 roots of complete subtrees of 256^L leaves; an entry bundle
holds the entries below one tile of level 0. Nothing here hashes: the roots come from a log.

Source: c2sp.org/tlog-tiles.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.core.types import MAX_SAFE_INTEGER, TreeSize
from ledger.errors import InputError, MalformedRecordError

TILE_WIDTH: Final = 256
"""Hashes in a full tile, entries in a full bundle."""

TILE_HEIGHT: Final = 8
"""Levels of the tree that one level of tiles spans; 2^8 = 256."""

MAX_LEVEL: Final = 63
"""Highest level that has a path."""

MAX_INDEX: Final = MAX_SAFE_INTEGER // TILE_WIDTH
"""The tile of level 0 with the last index a log can have."""

CHECKPOINT_PATH: Final = "checkpoint"

_LENGTH_BYTES: Final = 2
MAX_ENTRY_BYTES: Final = 2 ** (8 * _LENGTH_BYTES) - 1
MAX_BUNDLE_BYTES: Final = TILE_WIDTH * (_LENGTH_BYTES + MAX_ENTRY_BYTES)

_INDEX: Final = re.compile(r"((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)
_LEVEL: Final = re.compile(r"0|[1-9][0-9]?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tile:
    """A hash tile, or the part of one that a tree had at some size; valid by construction."""

    level: int
    """0 .. 63; a hash of level L is the root of 256^L leaves."""
    index: int
    """Position within the level, from 0."""
    width: int = TILE_WIDTH
    """Hashes in it, 1 .. 256; 256 is a full tile."""

    def __post_init__(self) -> None:
        if not 0 <= self.level <= MAX_LEVEL:
            raise InputError(f"tile: expected level 0 to {MAX_LEVEL}, found {self.level}")
        _require_place(self.index, self.width)

    @property
    def path(self) -> str:
        """Where it stands below the log's prefix."""
        return f"tile/{self.level}/{encode_place(self.index, self.width)}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """An entry bundle, or the part of one that a tree had at some size; valid by construction."""

    index: int
    """Position, from 0; its first entry has log index 256 * index."""
    width: int = TILE_WIDTH
    """Entries in it, 1 .. 256; 256 is a full bundle."""

    def __post_init__(self) -> None:
        _require_place(self.index, self.width)

    @property
    def path(self) -> str:
        """Where it stands below the log's prefix."""
        return f"tile/entries/{encode_place(self.index, self.width)}"


def encode_place(index: int, width: int = TILE_WIDTH) -> str:
    """The last part of a path, such as ``x001/x234/067`` or ``000.p/8``."""
    _require_place(index, width)
    groups = [f"{index % 1000:03d}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03d}")
    suffix = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join(groups) + suffix


def parse_place(text: str) -> tuple[int, int]:
    """Read the last part of a path: (index, width).

    Raises:
        InputError: Anything but the one spelling of an index and a width.
    """
    match = _INDEX.fullmatch(text)
    if match is None:
        raise InputError("tile: expected groups of three digits and at most one width")
    index = int(match[1].replace("x", "").replace("/", ""))
    width = TILE_WIDTH if match[2] is None else int(match[2])
    if index > MAX_INDEX or (match[2] is not None and width == TILE_WIDTH):
        raise InputError("tile: expected an index a log can have and a width of 1 to 255")
    if encode_place(index, width) != text:
        raise InputError("tile: expected no group of zeros in front")
    return index, width


def parse_level(text: str) -> int:
    """Read the level of a path.

    Raises:
        InputError: Anything but 0 .. 63 in its one spelling.
    """
    if _LEVEL.fullmatch(text) is None or int(text) > MAX_LEVEL:
        raise InputError(f"tile: expected level 0 to {MAX_LEVEL}")
    return int(text)


def parse_path(text: str) -> Tile | Bundle:
    """Read the path of a tile or entry bundle.

    Raises:
        InputError: Anything but ``tile/<L>/<N>[.p/<W>]`` and ``tile/entries/<N>[.p/<W>]``.
    """
    parts = text.split("/", 2)
    if len(parts) != 3 or parts[0] != "tile":
        raise InputError("tile: expected tile/<level>/<place> or tile/entries/<place>")
    index, width = parse_place(parts[2])
    if parts[1] == "entries":
        return Bundle(index, width)
    return Tile(parse_level(parts[1]), index, width)


def tile_width(level: int, index: int, size: TreeSize) -> int:
    """Hashes that a tile has in a tree of ``size`` leaves: 0 .. 256."""
    return max(0, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - TILE_WIDTH * index))


def tiles_of(size: TreeSize) -> Iterator[Tile]:
    """Every tile of a tree of ``size`` leaves, level by level from 0, none of them empty."""
    level = 0
    while hashes := size >> TILE_HEIGHT * level:
        for index in range(-(-hashes // TILE_WIDTH)):
            yield Tile(level, index, tile_width(level, index, size))
        level += 1


def bundles_of(size: TreeSize) -> Iterator[Bundle]:
    """Every entry bundle of a tree of ``size`` leaves."""
    for index in range(-(-size // TILE_WIDTH)):
        yield Bundle(index, tile_width(0, index, size))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of a bundle: each entry with its length as two bytes, big-endian, in front.

    Raises:
        MalformedRecordError: No entry, more than 256, or one longer than 65,535 bytes.
    """
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise MalformedRecordError(f"bundle: expected 1 to 256 entries, found {len(entries)}")
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise MalformedRecordError(
                f"bundle: expected entries of at most {MAX_ENTRY_BYTES} bytes, found {len(entry)}"
            )
        parts += [len(entry).to_bytes(_LENGTH_BYTES, "big"), entry]
    return b"".join(parts)


def parse_bundle(data: bytes, width: int) -> tuple[bytes, ...]:
    """The entries of a bundle.

    Args:
        data: The whole bundle.
        width: Entries it must hold, 1 .. 256.

    Raises:
        MalformedRecordError: Another number of entries, an entry cut short, or bytes left over.
    """
    entries: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + _LENGTH_BYTES
        end = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or end > len(data) or len(entries) == width:
            raise MalformedRecordError(f"bundle: expected {width} whole entries and no more")
        entries.append(data[start:end])
        position = end
    if len(entries) != width:
        raise MalformedRecordError(f"bundle: expected {width} entries, found {len(entries)}")
    return tuple(entries)


def _require_place(index: int, width: int) -> None:
    if not 0 <= index <= MAX_INDEX:
        raise InputError(f"tile: expected index 0 to {MAX_INDEX}, found {index}")
    if not 1 <= width <= TILE_WIDTH:
        raise InputError(f"tile: expected width 1 to {TILE_WIDTH}, found {width}")
