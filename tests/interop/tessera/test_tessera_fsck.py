"""Exported logs under the eyes of a tool that knows nothing of this project.

Tessera's fsck derives the root and every hash tile from the entry bundles and compares them with
the signed checkpoint and the tiles of the folder.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from worlds.node import RECORDS, REGION, World, penalties, penalty
from worlds.streams import checkpoint_key, vkey

from ledger.adapters.tile_folder import TileFolder
from ledger.core.chain.head_slots import stream_id
from ledger.core.merkle import hash_leaf
from ledger.core.stream.entry import Entry, encode_entry
from ledger.core.stream.tiles import bundles_of, tiles_of
from ledger.services.stored import SequencedEntry
from ledger.services.stream.export import AnchoredRoot, Exported, export_log
from ledger.services.stream.log_sources import OwnLog

SIZES = (1, 2, 255, 256, 257, 600)
CHECK_WITHIN_S = 60


def is_right(fsck: Path, folder: Path) -> bool:
    """Whether fsck finds nothing; one that does not end has not found that all is right.

    The release that is pinned ends with status 0 either way: its word counts.
    """
    command = [str(fsck), "-ui=false", "-N=4", f"--storage_url=file://{folder}/"]
    try:
        done = subprocess.run(
            [*command, f"--public_key={folder / 'vkey'}"],
            capture_output=True,
            text=True,
            timeout=CHECK_WITHIN_S,
        )
    except subprocess.TimeoutExpired:
        return False
    said = done.stdout + done.stderr
    assert ("Successfully fsck'd" in said) != ("fsck failed" in said or done.returncode != 0), said
    return "Successfully fsck'd" in said


def export(world: World, folder: Path) -> Exported:
    """What ``credit-ledger mirror export`` does, over a chain in memory."""
    head = world.chain.fetch_head(stream_id(REGION, "records"))
    assert head is not None
    return export_log(
        OwnLog(store=world.store, name=RECORDS, key=checkpoint_key("records")),
        TileFolder(folder),
        vkey(),
        anchored=lambda: AnchoredRoot(head.size, head.log_root),
    )


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """One log that grows, exported anew at each size."""
    world = World(tmp_path_factory.mktemp("node"))
    folder = tmp_path_factory.mktemp("exports")
    size = 1
    found = {}
    for wanted in SIZES:
        if wanted > size:
            numbers = range(size, wanted)
            world.publish(penalties(*(penalty(number) for number in numbers)))
        world.settle()
        size = world.records.size
        assert size == wanted
        assert export(world, folder / str(wanted)).checkpoint.size == wanted
        found[wanted] = folder / str(wanted)
        export(world, folder / "growing")
    world.kill()
    return found | {0: folder / "growing"}


@pytest.mark.parametrize("size", SIZES)
def test_fsck_export_of_this_size_passes(fsck: Path, exports: dict[int, Path], size: int) -> None:
    assert is_right(fsck, exports[size])


def test_fsck_export_that_grew_over_all_sizes_passes(fsck: Path, exports: dict[int, Path]) -> None:
    assert is_right(fsck, exports[0])


def test_export_has_exactly_the_files_of_the_layout(exports: dict[int, Path]) -> None:
    for size in SIZES:
        folder = exports[size]
        files = {
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        }
        expected = {one.path for one in (*tiles_of(size), *bundles_of(size))}
        assert files == expected | {"checkpoint", "vkey"}


def flip(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8 % len(content)] ^= 1 << bit % 8
    path.write_bytes(content)


def _flip_near(path: Path, text: bytes, further: int = 0) -> None:
    """Change one bit of the first character of a text, or of one further on."""
    flip(path, 8 * (path.read_bytes().index(text) + further))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


TAMPERED: dict[str, tuple[str, Callable[[Path], None]]] = {
    "bit of a full tile": ("tile/0/000", lambda path: flip(path, 8 * 5_000 + 3)),
    "first bit of a full tile": ("tile/0/001", lambda path: flip(path, 0)),
    "last bit of a partial tile": ("tile/0/002.p/88", lambda path: flip(path, 88 * 256 - 1)),
    "bit of a tile of level 1": ("tile/1/000.p/2", lambda path: flip(path, 300)),
    "bit of a full bundle": ("tile/entries/000", lambda path: flip(path, 8 * 20_000 + 1)),
    "bit of a length": ("tile/entries/001", lambda path: flip(path, 8)),
    "bit of a partial bundle": ("tile/entries/002.p/88", lambda path: flip(path, 8 * 999)),
    "bit of the opening entry": ("tile/entries/000", lambda path: flip(path, 8 * 4)),
    "bit of the origin": ("checkpoint", lambda path: _flip_near(path, b"ledger")),
    "bit of the size": ("checkpoint", lambda path: _flip_near(path, b"600\n")),
    "bit of the root": ("checkpoint", lambda path: _flip_near(path, b"600\n", 9)),
    "bit of the signature": ("checkpoint", lambda path: flip(path, 8 * 150)),
    "bit of the key": ("vkey", lambda path: flip(path, 8 * 60)),
    "tile cut short": ("tile/0/000", _cut),
    "bundle cut short": ("tile/entries/002.p/88", _cut),
    "tile missing": ("tile/0/001", Path.unlink),
    "bundle missing": ("tile/entries/001", Path.unlink),
    "checkpoint missing": ("checkpoint", Path.unlink),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_fsck_export_with_one_change_fails(
    fsck: Path, exports: dict[int, Path], tmp_path: Path, what: str
) -> None:
    name, change = TAMPERED[what]
    folder = tmp_path / "copy"
    shutil.copytree(exports[600], folder)
    change(folder / name)
    assert not is_right(fsck, folder)


def test_fsck_checkpoint_of_another_size_of_the_same_log_fails(
    fsck: Path, exports: dict[int, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(exports[256], folder)
    shutil.copy(exports[600] / "checkpoint", folder / "checkpoint")
    assert not is_right(fsck, folder)


@pytest.mark.slow
def test_fsck_export_of_70_000_entries_passes_and_with_a_bit_flipped_fails(
    fsck: Path, tmp_path: Path
) -> None:
    world = World(tmp_path)
    world.settle()
    fence = world.store.acquire_fence("worker")
    entries = [
        encode_entry(
            Entry(event=hash_leaf(number), key=hash_leaf(b"k" + number), op="put", replaces=None)
        )
        for number in (index.to_bytes(4, "big") for index in range(1, 70_000))
    ]
    world.store.append_entries(
        fence,
        RECORDS,
        1,
        [
            SequencedEntry(index, entry, hash_leaf(entry), None, None)
            for index, entry in enumerate(entries, 1)
        ],
    )
    world.restart()
    world.settle()
    folder = tmp_path / "export"
    exported = export(world, folder)
    world.kill()
    assert exported.checkpoint.size == 70_000
    # The example of tlog-tiles.
    assert (folder / "tile/0/273.p/112").stat().st_size == 112 * 32
    assert (folder / "tile/1/001.p/17").stat().st_size == 17 * 32
    assert (folder / "tile/2/000.p/1").stat().st_size == 32
    assert is_right(fsck, folder)
    for path in ("tile/0/200", "tile/1/000", "tile/2/000.p/1", "tile/entries/199"):
        flip(folder / path, 8 * 9 + 2)
        assert not is_right(fsck, folder)
        flip(folder / path, 8 * 9 + 2)
    assert is_right(fsck, folder)
