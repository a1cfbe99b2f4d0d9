"""Writing a log as tlog-tiles, so that stock tools can check it.

Order of durability: the vkey, so that a folder never changes logs; bundles and tiles, none of which
ever changes; and the checkpoint last, once the root of what was written is the one it was signed
for. A folder without a checkpoint is unfinished; one with an older checkpoint is still that log at
the older size. Doing it again goes on from the full bundles that are there.

What is there is not believed: its entries are hashed like all others. If the root is wrong then,
everything is taken anew, once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ledger.core.checkpoint.checkpoint import Checkpoint, open_checkpoint, require_root
from ledger.core.checkpoint.note import VerifierKey, encode_verifier_key
from ledger.core.merkle import hash_leaf
from ledger.core.stream.tile_builder import TileBuilder
from ledger.core.stream.tiles import (
    CHECKPOINT_PATH,
    MAX_BUNDLE_BYTES,
    TILE_WIDTH,
    Bundle,
    bundles_of,
    encode_bundle,
    parse_bundle,
    tile_width,
)
from ledger.core.types import Hash32, TreeSize
from ledger.errors import (
    ConflictError,
    MalformedRecordError,
    NotIntegratedError,
    RollbackError,
    RootMismatchError,
)

VKEY_PATH: Final = "vkey"
MAX_TEXT_BYTES: Final = 4_096
"""Of a checkpoint or vkey of ours."""

Progress = Callable[[TreeSize, TreeSize], None]
"""Told how many entries of how many were written."""


class LogSource(Protocol):
    """Where a log is read from; nothing it says is believed."""

    def checkpoint(self) -> bytes:
        """The log's signed checkpoint."""
        ...

    def entries(self, bundle: Bundle) -> tuple[bytes, ...]:
        """The entries of a bundle, as many as asked for."""
        ...


class TileSink(Protocol):
    """Where the files go."""

    def read(self, path: str, most: int) -> bytes | None:
        """A file's content; None where there is none, or a longer one."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Write a file, all of it or nothing."""
        ...

    def settle(self) -> None:
        """Make everything written durable."""
        ...


@dataclass(frozen=True, slots=True)
class AnchoredRoot:
    """What the chain says of a log."""

    size: TreeSize
    log_root: Hash32


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    checkpoint: Checkpoint
    bundles: int
    """Entry bundles of the log."""
    reused: int
    """Of these, how many were there before."""


def export_log(
    source: LogSource,
    sink: TileSink,
    key: VerifierKey,
    *,
    anchored: Callable[[], AnchoredRoot] | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write a log into a folder and check all of it.

    Args:
        source: The log.
        sink: The folder.
        key: The log's verifier key, from a source that is trusted.
        anchored: Asks the chain for the head to compare with; None leaves the chain out.
        progress: Told how far it is.

    Raises:
        ConflictError: The folder holds another log.
        RollbackError: The folder, or the log, is ahead of what it must not be ahead of.
        RootMismatchError: The entries do not have the root of the checkpoint, or of the chain.
        SignatureError: The checkpoint is not signed by the log's key.
        InputError: A checkpoint or bundle of another form, or a folder that cannot be written.
        UnavailableError: The source does not answer.
    """
    _claim(sink, key)
    signed = source.checkpoint()
    checkpoint = open_checkpoint(signed, key)
    before = _checkpoint_before(sink, key)
    if before is not None and checkpoint.size < before.size:
        raise RollbackError(
            f"checkpoint: expected at least the {before.size} entries in the folder,"
            f" found {checkpoint.size}"
        )
    # Asked after the checkpoint: the chain is level with it then, or further.
    head = None if anchored is None else anchored()
    if head is not None and checkpoint.size > head.size:
        raise RollbackError(
            f"checkpoint: expected at most the {head.size} entries on chain,"
            f" found {checkpoint.size}"
        )
    export = _Export(source, sink, [*([before] if before else []), checkpoint], progress)
    try:
        builder, reused = export.write_all(may_reuse=True)
    except RootMismatchError:
        # A bundle of an earlier attempt may be wrong: now nothing that is there is used.
        builder, reused = export.write_all(may_reuse=False)
    if head is not None:
        export.check_anchored(builder, head)
    sink.settle()
    # At this point every tile and bundle of the checkpoint's size is there and durable.
    sink.write(CHECKPOINT_PATH, signed)
    sink.settle()
    return Exported(checkpoint, -(-checkpoint.size // TILE_WIDTH), reused)


class _Export:
    """One run.

    Args:
        source: The log.
        sink: The folder.
        signed: Checkpoints that the log must fit, ascending; the last is the one that is written.
        progress: Told how far it is.
    """

    def __init__(
        self,
        source: LogSource,
        sink: TileSink,
        signed: Sequence[Checkpoint],
        progress: Progress | None,
    ) -> None:
        self._source = source
        self._sink = sink
        self._signed = signed
        self._progress = progress

    def write_all(self, *, may_reuse: bool) -> tuple[TileBuilder, int]:
        """Write bundles and tiles; gives what they amount to, and how many bundles were there.

        Raises:
            RootMismatchError: The entries do not have the root of a checkpoint.
        """
        size = self._signed[-1].size
        builder, reused = TileBuilder(), 0
        for bundle in bundles_of(size):
            entries = self._stored(bundle) if may_reuse else None
            if entries is None:
                entries = self._fetched(bundle)
                self._sink.write(bundle.path, encode_bundle(entries))
            else:
                reused += 1
            self._take(builder, [hash_leaf(entry) for entry in entries])
            if self._progress is not None:
                self._progress(builder.size, size)
        require_root(self._signed[-1], builder.root)
        for tile, content in builder.unfinished():
            self._put(tile.path, content)
        return builder, reused

    def _take(self, builder: TileBuilder, leaf_hashes: list[Hash32]) -> None:
        """Append leaf hashes, and compare the roots at the sizes that were signed."""
        for checkpoint in self._signed:
            first = checkpoint.size - builder.size
            if 0 < first <= len(leaf_hashes):
                self._append(builder, leaf_hashes[:first])
                leaf_hashes = leaf_hashes[first:]
                require_root(checkpoint, builder.root)
        self._append(builder, leaf_hashes)

    def _append(self, builder: TileBuilder, leaf_hashes: list[Hash32]) -> None:
        for tile, content in builder.take(leaf_hashes):
            self._put(tile.path, content)

    def check_anchored(self, builder: TileBuilder, anchored: AnchoredRoot) -> None:
        """Go on hashing to the size on chain: what was written must be the beginning of that log.

        Raises:
            RootMismatchError: It is not.
        """
        while builder.size < anchored.size:
            index, first = divmod(builder.size, TILE_WIDTH)
            bundle = Bundle(index, tile_width(0, index, anchored.size))
            leaf_hashes = [hash_leaf(entry) for entry in self._fetched(bundle)[first:]]
            for _tile in builder.take(leaf_hashes):
                pass  # Not of the checkpoint's size: hashed, and not written.
        if builder.root != anchored.log_root:
            raise RootMismatchError(expected=anchored.log_root, computed=builder.root)

    def _fetched(self, bundle: Bundle) -> tuple[bytes, ...]:
        entries = self._source.entries(bundle)
        if len(entries) != bundle.width:
            raise NotIntegratedError(
                f"{bundle.path}: expected {bundle.width} entries, found {len(entries)}"
            )
        return entries

    def _stored(self, bundle: Bundle) -> tuple[bytes, ...] | None:
        """The entries of a full bundle that is there already."""
        if bundle.width != TILE_WIDTH:
            return None
        content = self._sink.read(bundle.path, MAX_BUNDLE_BYTES)
        try:
            return None if content is None else parse_bundle(content, bundle.width)
        except MalformedRecordError:
            return None

    def _put(self, path: str, content: bytes) -> None:
        if self._sink.read(path, len(content)) != content:
            self._sink.write(path, content)


def _claim(sink: TileSink, key: VerifierKey) -> None:
    """Bind the folder to one log, before anything else is written."""
    text = encode_verifier_key(key).encode() + b"\n"
    stored = sink.read(VKEY_PATH, MAX_TEXT_BYTES)
    if stored is None:
        if sink.read(CHECKPOINT_PATH, MAX_TEXT_BYTES) is not None:
            raise ConflictError(f"folder: expected a {VKEY_PATH} beside its checkpoint")
        sink.write(VKEY_PATH, text)
    elif stored != text:
        raise ConflictError(f"folder: expected {key.name}, found another log's {VKEY_PATH}")


def _checkpoint_before(sink: TileSink, key: VerifierKey) -> Checkpoint | None:
    """The checkpoint of an earlier run; it was verified then, and is now."""
    stored = sink.read(CHECKPOINT_PATH, MAX_TEXT_BYTES)
    return None if stored is None else open_checkpoint(stored, key)
