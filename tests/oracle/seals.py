"""Section 11: the seals of QBFT headers, over plain integers."""

from __future__ import annotations

from functools import cache
from typing import Any

from oracle.canonical import Refused, Unlike, need, refuse_as
from oracle.forge import minimal, rlp_encode
from oracle.trie import integer, keccak, rlp

MARK = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
Point = tuple[int, int] | None


class OtherProtocol(Exception):
    """The header is of another protocol."""


def block_hash(header_bytes: bytes, trusted: set[bytes]) -> bytes:
    """Return the hash of a block that enough of the trusted validators sealed."""
    fields = rlp(header_bytes)
    extra = fields[12]
    if fields[13] != MARK or _is_istanbul(extra):
        raise OtherProtocol
    with refuse_as("malformed-proof"):
        vanity, validators, vote, turn, seals = _read(extra)
    if set(validators) != trusted or len(validators) != len(trusted):
        raise Refused("wrong-validators")

    def hashed(round_bytes: bytes) -> bytes:
        bare = rlp_encode([vanity, validators, vote, round_bytes, []])
        return keccak(rlp_encode([*fields[:12], bare, *fields[13:]]))

    digest, signers = hashed(turn), set()
    for seal in seals:
        signer = _signer(digest, seal)
        if signer not in trusted or signer in signers:
            raise Refused("seal")
        signers.add(signer)
    if 3 * len(signers) < 2 * len(trusted):
        raise Refused("too-few-seals")
    return hashed(minimal(0))


def _flat(data: bytes) -> Any:
    """Read RLP with lists at most two deep, or give nothing."""
    try:
        item = rlp(data)
    except Unlike:
        return None
    lists = [part for part in item if isinstance(part, list)] if isinstance(item, list) else []
    deeper = any(isinstance(inner, list) for part in lists for inner in part)
    return None if deeper or len(data) > 65536 else item


def _is_istanbul(extra: bytes) -> bool:
    items = _flat(extra)
    if isinstance(items, list) and len(items) == 5:
        turn = items[3]
        padded = isinstance(turn, bytes) and len(turn) == 4 and turn[0] == 0
        return items[2] == b"" or padded
    first = _flat(extra[32:])
    return isinstance(first, list) and len(first) == 3


def _read(extra: bytes) -> tuple[bytes, list[bytes], Any, bytes, list[bytes]]:
    items = _flat(extra)
    need(isinstance(items, list) and len(items) == 5)
    vanity, validators, vote, turn, seals = items
    need(isinstance(vanity, bytes) and len(vanity) == 32)
    for part, size in ((validators, 20), (seals, 65)):
        need(isinstance(part, list) and len(part) <= 200)
        need(all(isinstance(one, bytes) and len(one) == size for one in part))
    need(isinstance(vote, list) and len(vote) in (0, 2))
    if vote:
        need(all(isinstance(one, bytes) for one in vote))
        need(len(vote[0]) == 20 and vote[1] in (b"", b"\xff"))
    integer(turn, 4)
    return vanity, validators, vote, turn, seals


def _signer(digest: bytes, seal: bytes) -> bytes:
    r, s = (int.from_bytes(seal[at : at + 32], "big") for at in (0, 32))
    square = (pow(r, 3, P) + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if seal[64] > 1 or not 1 <= s <= N // 2 or not 1 <= r < N or y * y % P != square:
        raise Refused("seal")
    if y % 2 != seal[64]:
        y = P - y
    e, inverse = int.from_bytes(digest, "big"), pow(r, -1, N)
    key = _add(_times(-e * inverse % N, G), _times(s * inverse % N, (r, y)))
    if key is None:
        raise Refused("seal")
    return keccak(key[0].to_bytes(32, "big") + key[1].to_bytes(32, "big"))[12:]


def _add(a: Point, b: Point) -> Point:
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


@cache
def _times(scalar: int, point: Point) -> Point:
    result: Point = None
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point, scalar = _add(point, point), scalar >> 1
    return result
