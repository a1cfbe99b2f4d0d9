"""Tiles of a log: paths, which tiles a size has, what stands in them, and the builder."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.merkle import EMPTY_ROOT, hash_leaf, root_hash
from ledger.core.stream.log import MerkleLog
from ledger.core.stream.tile_builder import TileBuilder
from ledger.core.stream.tiles import (
    MAX_ENTRY_BYTES,
    MAX_INDEX,
    Bundle,
    Tile,
    bundles_of,
    encode_bundle,
    encode_place,
    parse_bundle,
    parse_level,
    parse_path,
    parse_place,
    tile_width,
    tiles_of,
)
from ledger.errors import InputError, MalformedProofError, MalformedRecordError

LEAVES = [hashlib.sha256(b"%d" % number).digest() for number in range(66_000)]


def log_of(size: int) -> MerkleLog:
    log = MerkleLog()
    log.extend(LEAVES[:size])
    return log


# --- Paths


@pytest.mark.parametrize(
    ("index", "width", "text"),
    [
        (0, 256, "000"),
        (0, 1, "000.p/1"),
        (7, 255, "007.p/255"),
        (999, 256, "999"),
        (1_000, 256, "x001/000"),
        (1_000, 112, "x001/000.p/112"),
        (1_234_067, 256, "x001/x234/067"),
        (1_000_000_000, 256, "x001/x000/x000/000"),
        (MAX_INDEX, 256, "x035/x184/x372/x088/831"),
    ],
)
def test_encode_place_of_known_indices_and_back(index: int, width: int, text: str) -> None:
    assert encode_place(index, width) == text
    assert parse_place(text) == (index, width)


@settings(deadline=None)
@given(st.integers(0, MAX_INDEX), st.integers(1, 256))
def test_parse_place_any_place_round_trip(index: int, width: int) -> None:
    assert parse_place(encode_place(index, width)) == (index, width)


@settings(deadline=None)
@given(st.text("0123456789xp./", max_size=24))
def test_parse_place_any_text_is_its_own_spelling_or_refused(text: str) -> None:
    try:
        index, width = parse_place(text)
    except InputError:
        return
    assert encode_place(index, width) == text


PLACES_REFUSED = [
    *("", "0", "00", "0000", "x000", "x000/000", "x000/x001/000", "000/000", "x001", "x001/"),
    *("x001/x000", "X001/000", "x001/0", "x01/000", "x0001/000", "/000", "000/", " 000", "000 "),
    *("-01", "+01", "1e2", "00a", "٠٠١", "0x1", "000\n", "000.p", "000.p/", "000.p/0"),
    *("000.p/00", "000.p/01", "000.p/256", "000.p/257", "000.p/1000", "000.p/-1", "000.P/1"),
    *("000p/1", "000.p/1/", "000.p/1.p/1", "000/p/1", "x035/x184/x372/x088/832"),
    *("x001/" * 6 + "000", "x999/x999/x999/x999/x999/999"),
]


@pytest.mark.parametrize("text", PLACES_REFUSED)
def test_parse_place_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_place(text)


@pytest.mark.parametrize("text", ["", "00", "01", "64", "99", "100", "-1", "+1", "a", "1 ", "٣"])
def test_parse_level_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_level(text)


def test_parse_level_all_levels_are_read() -> None:
    assert [parse_level(str(level)) for level in range(64)] == list(range(64))


@pytest.mark.parametrize(
    ("level", "index", "width"),
    [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, MAX_INDEX + 1, 1), (0, 0, 0), (0, 0, 257)],
)
def test_tile_and_bundle_that_no_log_has_are_refused(level: int, index: int, width: int) -> None:
    with pytest.raises(InputError):
        Tile(level, index, width)
    if 0 <= level < 64:
        with pytest.raises(InputError):
            Bundle(index, width)


def test_paths_of_tiles_and_bundles() -> None:
    assert Tile(0, 1_234_067).path == "tile/0/x001/x234/067"
    assert Tile(1, 1, 17).path == "tile/1/001.p/17"
    assert Bundle(273, 112).path == "tile/entries/273.p/112"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tile/0/x001/x234/067", Tile(0, 1_234_067)),
        ("tile/63/000.p/1", Tile(63, 0, 1)),
        ("tile/entries/273.p/112", Bundle(273, 112)),
    ],
)
def test_parse_path_reads_tiles_and_bundles(text: str, found: Tile | Bundle) -> None:
    assert parse_path(text) == found
    assert found.path == text


@pytest.mark.parametrize(
    "text",
    ["", "tile", "tile/0", "tile/0/", "tiles/0/000", "tile/64/000", "/tile/0/000", "tile//000"],
)
def test_parse_path_of_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_path(text)


# --- Which tiles a size has


def test_tiles_of_70_000_are_those_of_the_standards_example() -> None:
    tiles = list(tiles_of(70_000))
    assert tiles[:273] == [Tile(0, index) for index in range(273)]
    assert tiles[273:] == [Tile(0, 273, 112), Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]


def test_tiles_of_256_are_a_full_tile_and_one_hash_above() -> None:
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]


@pytest.mark.parametrize(("size", "widths"), [(0, []), (1, [1]), (255, [255]), (257, [256, 1])])
def test_bundles_of_small_sizes(size: int, widths: list[int]) -> None:
    assert [bundle.width for bundle in bundles_of(size)] == widths


@settings(deadline=None)
@given(st.integers(0, 2**40), st.integers(0, 4))
def test_tile_width_partial_tile_has_the_standards_number_of_hashes(size: int, level: int) -> None:
    hashes = size // 256**level
    assert tile_width(level, hashes // 256, size) == hashes % 256
    assert tile_width(level, hashes // 256 + 1, size) == 0
    if hashes >= 256:
        assert tile_width(level, hashes // 256 - 1, size) == 256


# --- What stands in them


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 65_537])
def test_builder_and_log_have_the_standards_hashes_in_every_tile(size: int) -> None:
    log, builder = log_of(size), TileBuilder()
    built = {}
    for start in range(0, size, 300):
        built |= dict(builder.take(LEAVES[start : min(start + 300, size)]))
    built |= dict(builder.unfinished())
    assert list(tiles_of(size)) == sorted(built, key=lambda tile: (tile.level, tile.index))
    assert (builder.size, builder.root) == (size, log.root())
    for tile, content in built.items():
        assert log.subtree_roots(8 * tile.level, 256 * tile.index, tile.width) == content
    for level in (0, 1, 2):
        span = 256**level
        expected = [
            root_hash(LEAVES[at * span : (at + 1) * span]) for at in range(min(3, size // span))
        ]
        if expected:
            assert built[Tile(level, 0, tile_width(level, 0, size))].startswith(b"".join(expected))


@settings(deadline=None)
@given(st.lists(st.integers(0, 700), max_size=6))
def test_builder_takes_leaves_in_any_parts(parts: list[int]) -> None:
    whole, pieces = TileBuilder(), TileBuilder()
    size = sum(parts)
    expected = dict(whole.take(LEAVES[:size])) | dict(whole.unfinished())
    found: dict[Tile, bytes] = {}
    at = 0
    for part in parts:
        found |= dict(pieces.take(LEAVES[at : at + part]))
        at += part
    assert found | dict(pieces.unfinished()) == expected
    assert pieces.root == whole.root == root_hash(LEAVES[:size])


def test_builder_without_leaves_has_no_tile() -> None:
    builder = TileBuilder()
    assert list(builder.unfinished()) == []
    assert (builder.size, builder.root) == (0, EMPTY_ROOT)


@pytest.mark.parametrize("size", [*range(1, 1_100, 37), 65_535, 65_536, 65_537, 66_000])
def test_root_of_the_leaves_follows_from_the_tiles_alone(size: int) -> None:
    """As a client computes it: level by level, from full tiles and the partial ones at the edge."""
    builder = TileBuilder()
    tiles = dict(builder.take(LEAVES[:size])) | dict(builder.unfinished())
    # The right edge, largest subtree first: what is in partial tiles, from the highest level down.
    node = b""
    for level in range(4):
        hashes = size >> 8 * level
        width = hashes % 256
        if not width:
            continue
        content = tiles[Tile(level, hashes // 256, width)]
        edge = [content[32 * at : 32 * at + 32] for at in range(width)]
        node = _fold(edge, node)
    assert node == root_hash(LEAVES[:size])


def _fold(edge: list[bytes], below: bytes) -> bytes:
    """The root over complete subtrees of one size with a smaller tree to their right."""
    peaks = []
    at = len(edge)
    while at:
        part = at & -at
        peaks.append(root_hash(edge[at - part : at]))
        at -= part
    for peak in peaks:
        below = hashlib.sha256(b"\x01" + peak + below).digest() if below else peak
    return below


@pytest.mark.parametrize(
    ("height", "start", "count"),
    [
        (-1, 0, 1),
        (0, -1, 1),
        (0, 0, -1),
        (0, 599, 2),
        (0, 600, 1),
        (8, 1, 2),
        (9, 1, 1),
        (70, 0, 1),
    ],
)
def test_subtree_roots_that_the_log_does_not_have_are_refused(
    height: int, start: int, count: int
) -> None:
    with pytest.raises(MalformedProofError):
        log_of(600).subtree_roots(height, start, count)


def test_subtree_roots_of_none_is_nothing() -> None:
    assert log_of(3).subtree_roots(0, 3, 0) == b""


# --- Bundles


def test_encode_bundle_writes_lengths_in_two_bytes() -> None:
    assert encode_bundle([b"a", b"", b"b" * 258]) == b"\x00\x01a\x00\x00\x01\x02" + b"b" * 258
    assert len(encode_bundle([b"c" * MAX_ENTRY_BYTES])) == 2 + MAX_ENTRY_BYTES


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=256))
def test_parse_bundle_any_entries_round_trip(entries: list[bytes]) -> None:
    assert parse_bundle(encode_bundle(entries), len(entries)) == tuple(entries)


@settings(deadline=None)
@given(st.binary(max_size=60), st.integers(1, 5))
def test_parse_bundle_any_bytes_are_their_own_encoding_or_refused(data: bytes, width: int) -> None:
    try:
        entries = parse_bundle(data, width)
    except MalformedRecordError:
        return
    assert len(entries) == width
    assert encode_bundle(entries) == data


WHOLE = encode_bundle([b"first", b"second", b"third"])


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_parse_bundle_cut_short_is_refused(length: int) -> None:
    with pytest.raises(MalformedRecordError):
        parse_bundle(WHOLE[:length], 3)


@pytest.mark.parametrize(("data", "width"), [(WHOLE, 2), (WHOLE, 4), (WHOLE + b"\x00", 3)])
def test_parse_bundle_of_another_width_is_refused(data: bytes, width: int) -> None:
    with pytest.raises(MalformedRecordError):
        parse_bundle(data, width)


@pytest.mark.parametrize("entries", [[], [b""] * 257, [b"x" * (MAX_ENTRY_BYTES + 1)]])
def test_encode_bundle_that_cannot_be_is_refused(entries: list[bytes]) -> None:
    with pytest.raises(MalformedRecordError):
        encode_bundle(entries)


def test_bundle_entries_hash_to_the_tile_beside_it() -> None:
    entries = [b"entry %d" % number for number in range(256)]
    ((tile, content),) = TileBuilder().take([hash_leaf(entry) for entry in entries])
    read = parse_bundle(encode_bundle(entries), tile.width)
    assert b"".join(hash_leaf(entry) for entry in read) == content
