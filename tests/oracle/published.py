"""Sections 16 and 17 of docs/formats.md: checkpoints, tiles and entry bundles."""

import base64
import binascii
import hashlib
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from oracle.canonical import Refused, need
from oracle.trees import tree_root


def from_base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("base64") from None
    need(base64.b64encode(data).decode() == text)
    return data


def read_checkpoint(data: bytes, vkey: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint that the key of ``vkey`` signed."""
    parts = vkey.split("+", 2)
    need(len(parts) == 3)
    name, key_id, key = parts[0], parts[1], from_base64(parts[2])
    need(len(key) == 33 and key[0] == 1)
    need(hashlib.sha256(name.encode() + b"\n" + key).digest()[:4].hex() == key_id)
    lines = data.decode().split("\n")
    need(len(lines) >= 6 and lines[3] == "" and lines[-1] == "")
    origin, size, root = lines[:3]
    need(origin == name)
    need(re.fullmatch("0|[1-9][0-9]*", size) is not None and int(size) < 2**53)
    need(len(from_base64(root)) == 32)
    text = f"{origin}\n{size}\n{root}\n".encode()
    verified = 0
    for line in lines[4:-1]:
        match = re.fullmatch("\u2014 ([^ +\r]+) ([^ \r]+)", line)
        need(match is not None)
        assert match is not None
        signature = from_base64(match[2])
        if (match[1], signature[:4].hex()) == (name, key_id):
            try:
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], text)
            except InvalidSignature:
                raise Refused("signature") from None
            verified += 1
    need(verified > 0)
    return origin, int(size), from_base64(root)


def read_tile_path(path: str) -> tuple[str, int, int]:
    """Level or ``entries``, index and width."""
    match = re.fullmatch(
        r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?", path
    )
    need(match is not None)
    assert match is not None
    level, groups, width = match.groups()
    if level != "entries":
        need(int(level) <= 63 and str(int(level)) == level)
    digits = groups.replace("/", "").replace("x", "")
    need(len(digits) == 3 or not digits.startswith("000"))
    need(int(digits) <= (2**53 - 1) // 256)
    if width is not None:
        need(1 <= int(width) <= 255 and str(int(width)) == width)
    return level, int(digits), 256 if width is None else int(width)


def tile_content(level: str, index: int, width: int, entries: list[bytes]) -> bytes:
    """What stands at a path in the log of these entries."""
    start = 256 * index
    if level == "entries":
        wanted = entries[start : start + width]
        return b"".join(len(one).to_bytes(2, "big") + one for one in wanted)
    span = 256 ** int(level)
    leaves = [hashlib.sha256(b"\0" + one).digest() for one in entries]
    return b"".join(
        tree_root(leaves[at * span : (at + 1) * span]) for at in range(start, start + width)
    )


def read_bundle(data: bytes, width: int) -> list[bytes]:
    """Exactly ``width`` entries and nothing else."""
    found = []
    for _ in range(width):
        need(len(data) >= 2)
        end = 2 + int.from_bytes(data[:2], "big")
        need(len(data) >= end)
        found.append(data[2:end])
        data = data[end:]
    need(not data)
    return found
