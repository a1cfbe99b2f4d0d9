"""Vectors of what a region publishes of its logs: checkpoints, tiles, entry bundles."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from worlds.vectors.trees import log_of
from worlds.vectors.vector import (
    INPUT,
    MALFORMED_NOTE,
    MALFORMED_RECORD,
    SIGNATURE,
    VALID,
    Vector,
    hexes,
)

from ledger.core.checkpoint.checkpoint import Checkpoint, encode_text, origin_of, sign_checkpoint
from ledger.core.checkpoint.note import (
    Note,
    encode_note,
    encode_verifier_key,
    sign_text,
    verifier_key,
)
from ledger.core.stream.tiles import (
    MAX_INDEX,
    Bundle,
    Tile,
    encode_bundle,
    encode_place,
    parse_path,
)

SEED = hashlib.sha256(b"checkpoint key of the vectors").digest()
OTHER_SEED = hashlib.sha256(b"another key").digest()
ORIGIN = origin_of(chain_id=1337, region="310000", stream="records", vrf_key=1)
VKEY = encode_verifier_key(verifier_key(ORIGIN, SEED))
LOG = log_of(600)


def _checkpoint(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, LOG.root(size))


def _signed(text: str, *lines: tuple[str, bytes]) -> str:
    signatures = tuple(sign_text(text, name, seed) for name, seed in lines or ((ORIGIN, SEED),))
    return encode_note(Note(text, signatures)).decode()


def checkpoints() -> Iterator[Vector]:
    """Signed checkpoints of the log whose entry i is ``entry <i>``."""

    def valid(name: str, what: str, content: str, size: int) -> Vector:
        members = {
            "vkey": VKEY,
            "checkpoint": content,
            "origin": ORIGIN,
            "size": str(size),
            "root_hash": LOG.root(size).hex(),
            "seed": SEED.hex(),
        }
        return Vector("checkpoint", name, what, VALID, members)

    for size in (0, 1, 256, 600):
        signed = sign_checkpoint(_checkpoint(size), SEED).decode()
        yield valid(f"valid-{size}", f"A log of {size} entries.", signed, size)
    text = encode_text(_checkpoint(600))
    witness = ("witness.example", OTHER_SEED)
    witnessed = _signed(text, witness, (ORIGIN, SEED))
    yield valid("valid-with-a-witness", "Lines of other keys are passed over.", witnessed, 600)
    yield from _faults(text, witness)


def _faults(text: str, witness: tuple[str, bytes]) -> Iterator[Vector]:
    whole = _signed(text)
    origin, size, root, _ = text.split("\n")
    texts = {
        "extension-line": f"{text}more\n",
        "no-root": f"{origin}\n{size}\n",
        "no-origin": f"\n{size}\n{root}\n",
        "size-leading-zero": f"{origin}\n0{size}\n{root}\n",
        "size-signed": f"{origin}\n+{size}\n{root}\n",
        "size-above": f"{origin}\n{2**53}\n{root}\n",
        "root-short": f"{origin}\n{size}\n{base64.b64encode(LOG.root()[:31]).decode()}\n",
        "root-in-hex": f"{origin}\n{size}\n{LOG.root().hex()}\n",
        "root-without-padding": f"{origin}\n{size}\n{root[:-1]}\n",
        "origin-of-another-log": f"{origin[:-1]}2\n{size}\n{root}\n",
    }
    notes = {
        "newline-at-the-end": (whole + "\n", MALFORMED_NOTE),
        "no-newline-at-the-end": (whole[:-1], MALFORMED_NOTE),
        "no-empty-line": (whole.replace("\n\n", "\n"), MALFORMED_NOTE),
        "not-signed": (text + "\n", MALFORMED_NOTE),
        "carriage-returns": (whole.replace("\n", "\r\n"), MALFORMED_NOTE),
        "hyphen-for-dash": (whole.replace("\u2014", "-"), MALFORMED_NOTE),
        "signature-without-padding": (whole.replace("=\n", "\n"), MALFORMED_NOTE),
        "wrong-key": (_signed(text, (ORIGIN, OTHER_SEED)), SIGNATURE),
        "only-a-witness": (_signed(text, witness), SIGNATURE),
        "wrong-size": (whole.replace("\n600\n", "\n599\n"), SIGNATURE),
        "wrong-origin": (whole.replace("310000", "320000"), SIGNATURE),
    }
    notes |= {name: (_signed(one), MALFORMED_NOTE) for name, one in texts.items()}
    for name, (content, expect) in notes.items():
        members = {"vkey": VKEY, "checkpoint": content}
        yield Vector("checkpoint", name, "No checkpoint of this log.", expect, members)
    name, key_id, key = VKEY.split("+", 2)
    vkeys = {
        "vkey-wrong-key-id": f"{name}+{int(key_id, 16) ^ 1:08x}+{key}",
        "vkey-of-another-name": f"{name}0+{key_id}+{key}",
        "vkey-of-another-algorithm": f"{name}+{key_id}+{_with_type(key, 2)}",
        "vkey-short": VKEY[:-4],
    }
    for fault, vkey in vkeys.items():
        members = {"vkey": vkey, "checkpoint": whole}
        yield Vector("checkpoint", fault, "No verifier key.", MALFORMED_NOTE, members)


def _with_type(key: str, kind: int) -> str:
    return base64.b64encode(bytes([kind]) + base64.b64decode(key)[1:]).decode()


def _content(found: Tile | Bundle) -> bytes:
    start = 256 * found.index
    if isinstance(found, Tile):
        return LOG.subtree_roots(8 * found.level, start, found.width)
    return encode_bundle([b"entry %d" % number for number in range(start, start + found.width)])


def tiles() -> Iterator[Vector]:
    """Paths, and the content at them in the log whose entry i is ``entry <i>``."""

    def valid(name: str, path: str, size: int | None) -> Vector:
        found = parse_path(path)
        members: dict[str, Any] = {
            "path": path,
            "size": size,
            "level": "entries" if isinstance(found, Bundle) else str(found.level),
            "index": found.index,
            "width": found.width,
            "content": None if size is None else _content(found).hex(),
        }
        return Vector("tile", name, "A path of the layout.", VALID, members)

    contents = {
        "valid-first-leaf": ("tile/0/000.p/1", 1),
        "valid-three-leaves": ("tile/0/000.p/3", 3),
        "valid-leaves-after-a-full-tile": ("tile/0/001.p/2", 258),
        "valid-one-above": ("tile/1/000.p/1", 256),
        "valid-two-above": ("tile/1/000.p/2", 600),
        "valid-full-tile": ("tile/0/000", 600),
        "valid-first-entry": ("tile/entries/000.p/1", 1),
        "valid-entries-after-a-full-bundle": ("tile/entries/001.p/2", 258),
    }
    for name, (path, size) in contents.items():
        yield valid(name, path, size)
    paths = {
        "valid-two-groups": "tile/0/x001/000",
        "valid-three-groups": "tile/0/x001/x234/067",
        "valid-zeros-within": "tile/entries/x001/x000/x000/000.p/255",
        "valid-last": f"tile/0/{encode_place(MAX_INDEX)}",
        "valid-level-63": "tile/63/000.p/1",
    }
    for name, path in paths.items():
        yield valid(name, path, None)
    faults = {
        "no-place": "tile/0/",
        "no-level": "tile/000",
        "slash-in-front": "/tile/0/000",
        "other-word": "tiles/0/000",
        "level-64": "tile/64/000",
        "level-leading-zero": "tile/00/000",
        "level-signed": "tile/+0/000",
        "level-upper-word": "tile/Entries/000",
        "group-of-one": "tile/0/0",
        "group-of-four": "tile/0/0000",
        "last-group-with-x": "tile/0/x000",
        "group-without-x": "tile/0/001/000",
        "group-of-zeros-in-front": "tile/0/x000/001",
        "upper-case-x": "tile/0/X001/000",
        "width-zero": "tile/0/000.p/0",
        "width-256": "tile/0/000.p/256",
        "width-leading-zero": "tile/0/000.p/01",
        "width-missing": "tile/0/000.p/",
        "width-twice": "tile/0/000.p/1.p/1",
        "index-above": f"tile/0/{encode_place(MAX_INDEX)[:-1]}2",
        "seven-groups": "tile/0/" + "x001/" * 6 + "000",
        "slash-at-the-end": "tile/0/000/",
    }
    for name, path in faults.items():
        yield Vector("tile", name, "No path of the layout.", INPUT, {"path": path})


def entry_bundles() -> Iterator[Vector]:
    """Entries with their lengths in two bytes in front."""
    lists = {
        "valid-one": [b"entry 0"],
        "valid-three": [b"entry 0", b"entry 1", b"entry 2"],
        "valid-empty-entry": [b"", b"entry 1"],
        "valid-long-entry": [b"e" * 256],
    }
    for name, entries in lists.items():
        members = {
            "bundle": encode_bundle(entries).hex(),
            "width": len(entries),
            "entries": hexes(entries),
        }
        yield Vector("entry-bundle", name, "Whole entries.", VALID, members)
    whole = encode_bundle([b"entry 0", b"entry 1"])
    faults = {
        "an-entry-less": (whole, 3),
        "an-entry-more": (whole, 1),
        "cut-in-an-entry": (whole[:-1], 2),
        "cut-in-a-length": (whole + b"\x00", 2),
        "byte-after-the-last": (whole + b"\x00\x00\x00", 2),
        "length-beyond-the-end": (b"\x00\x08entry 0", 1),
        "length-little-endian": (b"\x07\x00entry 0", 1),
        "empty": (b"", 1),
    }
    for name, (data, width) in faults.items():
        members = {"bundle": data.hex(), "width": width}
        yield Vector("entry-bundle", name, "Other bytes.", MALFORMED_RECORD, members)
