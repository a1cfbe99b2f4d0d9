"""Writing a log into a folder: all of it checked, nothing half written, and going on."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from ledger.adapters.tile_folder import TileFolder
from ledger.core.checkpoint.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from ledger.core.checkpoint.note import encode_verifier_key, verifier_key
from ledger.core.merkle import hash_leaf, root_hash
from ledger.core.stream.tiles import Bundle, bundles_of, tiles_of
from ledger.errors import (
    ConflictError,
    InputError,
    LedgerError,
    MalformedNoteError,
    NotIntegratedError,
    RegionUnavailableError,
    RollbackError,
    RootMismatchError,
    SignatureError,
)
from ledger.services.stream.export import AnchoredRoot, Exported, export_log

ORIGIN = "credit-ledger/1337/310000/records/1"
SEED = b"\x05" * 32
KEY = verifier_key(ORIGIN, SEED)
ENTRIES = [b"entry %d" % number for number in range(1_000)]


def root_of(size: int) -> bytes:
    return root_hash([hash_leaf(entry) for entry in ENTRIES[:size]])


class Source:
    """A log of some size, whose checkpoint may lag behind its entries."""

    def __init__(self, size: int, *, seed: bytes = SEED, origin: str = ORIGIN) -> None:
        self.entries_of = list(ENTRIES)
        self.signed = sign_checkpoint(Checkpoint(origin, size, root_of(size)), seed)
        self.asked: list[int] = []
        self.fails_at: int | None = None

    def checkpoint(self) -> bytes:
        return self.signed

    def entries(self, bundle: Bundle) -> tuple[bytes, ...]:
        if bundle.index == self.fails_at:
            raise RegionUnavailableError("310000", "gone")
        self.asked.append(bundle.index)
        start = 256 * bundle.index
        return tuple(self.entries_of[start : start + bundle.width])


def export(source: Source, folder: Path, *, chain: int | None = None) -> Exported:
    anchored = None if chain is None else (lambda: AnchoredRoot(chain, root_of(chain)))
    return export_log(source, TileFolder(folder), KEY, anchored=anchored)


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("size", [0, 1, 256, 257, 600])
def test_export_writes_the_layout_and_nothing_else(tmp_path: Path, size: int) -> None:
    done = export(Source(size), tmp_path, chain=size)
    assert done.checkpoint == Checkpoint(ORIGIN, size, root_of(size))
    assert (done.bundles, done.reused) == (len(list(bundles_of(size))), 0)
    files = files_in(tmp_path)
    paths = {one.path for one in (*tiles_of(size), *bundles_of(size))}
    assert files.keys() == paths | {"checkpoint", "vkey"}
    assert files["vkey"].decode() == encode_verifier_key(KEY) + "\n"
    assert open_checkpoint(files["checkpoint"], KEY).size == size


def test_export_again_asks_only_for_what_is_not_there(tmp_path: Path) -> None:
    export(Source(600), tmp_path)
    before = files_in(tmp_path)
    source = Source(600)
    assert export(source, tmp_path).reused == 2
    assert source.asked == [2]
    assert files_in(tmp_path) == before


def test_export_of_a_log_that_grew_goes_on(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for size, reused in ((1, 0), (300, 0), (600, 1), (1_000, 2)):
        assert export(Source(size), tmp_path).reused == reused
    fresh = tmp_path_factory.mktemp("fresh")
    export(Source(1_000), fresh)
    # What older checkpoints needed is still there, and all of the newest is the same.
    assert files_in(fresh).items() <= files_in(tmp_path).items()


def test_export_that_broke_off_leaves_no_checkpoint_and_goes_on(tmp_path: Path) -> None:
    source = Source(1_000)
    source.fails_at = 2
    with pytest.raises(RegionUnavailableError):
        export(source, tmp_path)
    assert not (tmp_path / "checkpoint").exists()
    source.fails_at = None
    source.asked.clear()
    assert export(source, tmp_path).reused == 2
    assert source.asked == [2, 3]


def test_export_that_breaks_off_leaves_the_older_export_whole(tmp_path: Path) -> None:
    export(Source(300), tmp_path)
    older = files_in(tmp_path)
    source = Source(1_000)
    source.fails_at = 3
    with pytest.raises(RegionUnavailableError):
        export(source, tmp_path)
    assert older.items() <= files_in(tmp_path).items()


@pytest.mark.parametrize("index", [0, 255, 256, 511, 598, 599])
def test_export_of_other_entries_is_refused_without_a_checkpoint(
    tmp_path: Path, index: int
) -> None:
    source = Source(600)
    source.entries_of[index] = b"another"
    with pytest.raises(RootMismatchError):
        export(source, tmp_path)
    assert not (tmp_path / "checkpoint").exists()


def test_export_after_wrong_entries_takes_everything_anew(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = Source(600)
    source.entries_of[3] = b"another"
    with pytest.raises(RootMismatchError):
        export(source, tmp_path)
    assert export(Source(600), tmp_path).reused == 0
    fresh = tmp_path_factory.mktemp("fresh")
    export(Source(600), fresh)
    assert files_in(fresh) == files_in(tmp_path)


DAMAGED = (
    *("tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"),
    *("tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2"),
)


@pytest.mark.parametrize("path", DAMAGED)
@pytest.mark.parametrize("how", ["bit", "cut", "longer", "empty", "missing"])
def test_export_again_mends_what_was_damaged(tmp_path: Path, path: str, how: str) -> None:
    export(Source(600), tmp_path)
    whole = files_in(tmp_path)
    content = whole[path]
    flipped = bytes([content[20] ^ 4])
    (tmp_path / path).unlink()
    if how != "missing":
        (tmp_path / path).write_bytes(
            {
                "bit": content[:20] + flipped + content[21:],
                "cut": content[:-1],
                "longer": content + b"\x00",
                "empty": b"",
            }[how]
        )
    export(Source(600), tmp_path)
    assert files_in(tmp_path) == whole


def test_export_checkpoint_of_another_key_or_log_is_refused(tmp_path: Path) -> None:
    other = "credit-ledger/1337/320000/records/1"
    for source, error in (
        (Source(3, seed=b"\x06" * 32), SignatureError),
        (Source(3, origin=other), SignatureError),
    ):
        with pytest.raises(error):
            export(source, tmp_path)
    broken = Source(3)
    broken.signed = broken.signed[:-1]
    with pytest.raises(MalformedNoteError):
        export(broken, tmp_path)
    assert files_in(tmp_path).keys() == {"vkey"}


def test_export_into_the_folder_of_another_log_is_refused_and_changes_nothing(
    tmp_path: Path,
) -> None:
    export(Source(300), tmp_path)
    before = files_in(tmp_path)
    other = verifier_key("credit-ledger/1337/320000/records/1", SEED)
    with pytest.raises(ConflictError):
        export_log(Source(600), TileFolder(tmp_path), other)
    assert files_in(tmp_path) == before


def test_export_into_a_folder_without_its_vkey_is_refused(tmp_path: Path) -> None:
    export(Source(3), tmp_path)
    (tmp_path / "vkey").unlink()
    with pytest.raises(ConflictError):
        export(Source(3), tmp_path)


def test_export_of_a_shorter_log_than_in_the_folder_is_refused(tmp_path: Path) -> None:
    export(Source(300), tmp_path)
    before = files_in(tmp_path)
    with pytest.raises(RollbackError):
        export(Source(299), tmp_path)
    assert files_in(tmp_path) == before


def test_export_of_a_log_that_was_rewritten_below_the_old_checkpoint_is_refused(
    tmp_path: Path,
) -> None:
    export(Source(300), tmp_path)
    older = (tmp_path / "checkpoint").read_bytes()
    fork = Source(600)
    fork.entries_of[290] = b"another"
    leaf_hashes = [hash_leaf(entry) for entry in fork.entries_of[:600]]
    fork.signed = sign_checkpoint(Checkpoint(ORIGIN, 600, root_hash(leaf_hashes)), SEED)
    with pytest.raises(RootMismatchError) as caught:
        export(fork, tmp_path)
    # The two checkpoints, both signed by the log, are the proof of what it did.
    assert caught.value.expected == root_of(300)
    assert (tmp_path / "checkpoint").read_bytes() == older


def test_export_of_another_history_of_the_same_size_is_refused(tmp_path: Path) -> None:
    export(Source(3), tmp_path)
    fork = Source(3)
    fork.entries_of[1] = b"another"
    leaf_hashes = [hash_leaf(entry) for entry in fork.entries_of[:3]]
    fork.signed = sign_checkpoint(Checkpoint(ORIGIN, 3, root_hash(leaf_hashes)), SEED)
    with pytest.raises(RootMismatchError):
        export(fork, tmp_path)


def test_export_folder_with_a_forged_older_checkpoint_is_refused(tmp_path: Path) -> None:
    export(Source(3), tmp_path)
    forged = sign_checkpoint(Checkpoint(ORIGIN, 2, root_of(2)), b"\x07" * 32)
    (tmp_path / "checkpoint").write_bytes(forged)
    with pytest.raises(SignatureError):
        export(Source(3), tmp_path)


# --- Compared with the chain


@pytest.mark.parametrize("chain", [300, 301, 511, 512, 513, 1_000])
def test_export_below_the_head_on_chain_is_proved_to_be_its_beginning(
    tmp_path: Path, chain: int
) -> None:
    assert export(Source(300), tmp_path, chain=chain).checkpoint.size == 300
    assert not (tmp_path / "tile/entries/003.p/232").exists()


def test_export_ahead_of_the_chain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RollbackError, match="at most the 299 entries on chain"):
        export(Source(300), tmp_path, chain=299)
    assert not (tmp_path / "checkpoint").exists()


@pytest.mark.parametrize("chain", [300, 301, 700])
def test_export_of_another_log_than_on_chain_is_refused(tmp_path: Path, chain: int) -> None:
    other = hashlib.sha256(b"other").digest()
    with pytest.raises(RootMismatchError) as caught:
        export_log(
            Source(300), TileFolder(tmp_path), KEY, anchored=lambda: AnchoredRoot(chain, other)
        )
    assert (caught.value.expected, caught.value.computed) == (other, root_of(chain))
    assert not (tmp_path / "checkpoint").exists()


def test_export_source_with_fewer_entries_than_it_signed_is_refused(tmp_path: Path) -> None:
    source = Source(300)
    del source.entries_of[290:]
    with pytest.raises(NotIntegratedError, match="expected 44 entries, found 34"):
        export(source, tmp_path)


def test_export_says_how_far_it_is(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    export_log(
        Source(600),
        TileFolder(tmp_path),
        KEY,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(256, 600), (512, 600), (600, 600)]


# --- The folder


def test_tile_folder_replaces_a_file_as_a_whole(tmp_path: Path) -> None:
    folder = TileFolder(tmp_path / "new")
    folder.write("tile/0/000.p/3", b"first")
    folder.write("tile/0/000.p/3", b"second")
    folder.settle()
    assert folder.read("tile/0/000.p/3", 6) == b"second"
    assert folder.read("tile/0/000.p/3", 5) is None
    assert folder.read("tile/0/000.p/4", 5) is None
    assert files_in(tmp_path).keys() == {"new/tile/0/000.p/3"}


def test_tile_folder_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = TileFolder(tmp_path)
    folder.write("checkpoint", b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="No space left"):
        folder.write("checkpoint", b"new")
    assert files_in(tmp_path) == {"checkpoint": b"old"}


@pytest.mark.parametrize("read", [True, False])
def test_tile_folder_a_folder_in_place_of_a_file_is_an_input_error(
    tmp_path: Path, read: bool
) -> None:
    (tmp_path / "checkpoint").mkdir()
    folder = TileFolder(tmp_path)
    with pytest.raises(InputError, match="checkpoint"):
        if read:
            folder.read("checkpoint", 10)
        else:
            folder.write("checkpoint", b"new")


def test_tile_folder_a_file_in_place_of_a_folder_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "tile").write_bytes(b"")
    with pytest.raises(LedgerError):
        export(Source(3), tmp_path)


def test_tile_folder_files_can_be_served_by_a_web_server_of_another_user(tmp_path: Path) -> None:
    previous = os.umask(0o022)
    try:
        export(Source(3), tmp_path)
    finally:
        os.umask(previous)
    for path in tmp_path.rglob("*"):
        assert path.stat().st_mode & stat.S_IROTH
