"""Section 7: ECVRF-EDWARDS25519-SHA512-TAI of RFC 9381 over plain integers."""

from __future__ import annotations

import hashlib
from functools import lru_cache

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
SUITE = b"\x03"

Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z
IDENTITY: Point = (0, 1, 1, 0)


def add(a: Point, b: Point) -> Point:
    """Add two points (the complete formula of RFC 8032, section 5.1.4)."""
    m = (a[1] - a[0]) * (b[1] - b[0]) % P
    n = (a[1] + a[0]) * (b[1] + b[0]) % P
    c = 2 * a[3] * b[3] * D % P
    d = 2 * a[2] * b[2] % P
    e, f, g, h = n - m, d - c, d + c, n + m
    return e * f % P, g * h % P, f * g % P, e * h % P


def negative(a: Point) -> Point:
    """Return the opposite point."""
    return -a[0] % P, a[1], a[2], -a[3] % P


def times(*terms: tuple[int, Point]) -> Point:
    """Return the sum of multiples of points, doubling once for all of them."""
    total = IDENTITY
    for bit in range(max(scalar.bit_length() for scalar, _ in terms) - 1, -1, -1):
        total = add(total, total)
        for scalar, point in terms:
            if scalar >> bit & 1:
                total = add(total, point)
    return total


def is_identity(a: Point) -> bool:
    """Tell whether a point is the neutral one."""
    return a[0] % P == 0 and (a[1] - a[2]) % P == 0


def compress(a: Point) -> bytes:
    """Encode a point in 32 bytes."""
    inverse = pow(a[2], -1, P)
    x, y = a[0] * inverse % P, a[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decompress(data: bytes) -> Point | None:
    """Decode a point by RFC 8032, section 5.1.3."""
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if len(data) != 32 or y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if v * x * x % P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


_base = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
assert _base is not None
BASE: Point = _base


def encode_to_curve(salt: bytes, alpha: bytes) -> Point:
    """Hash to a point by trying and incrementing."""
    for counter in range(256):
        seed = SUITE + b"\x01" + salt + alpha + bytes([counter]) + b"\x00"
        point = decompress(hashlib.sha512(seed).digest()[:32])
        if point is not None:
            point = times((8, point))
            if not is_identity(point):
                return point
    raise ValueError("no point for this input")


@lru_cache(maxsize=256)
def verify(public_key: bytes, alpha: bytes, proof: bytes) -> bytes | None:
    """Return beta of a valid proof, else nothing."""
    y, gamma = decompress(public_key), decompress(proof[:32])
    c, s = int.from_bytes(proof[32:48], "little"), int.from_bytes(proof[48:], "little")
    if y is None or gamma is None or len(proof) != 80 or s >= Q:
        return None
    if is_identity(times((8, y))) or is_identity(times((8, gamma))):
        return None
    h = encode_to_curve(public_key, alpha)
    u = times((s, BASE), (c, negative(y)))
    v = times((s, h), (c, negative(gamma)))
    points = b"".join(map(compress, (y, h, gamma, u, v)))
    challenge = hashlib.sha512(SUITE + b"\x02" + points + b"\x00").digest()[:16]
    if int.from_bytes(challenge, "little") != c:
        return None
    return hashlib.sha512(SUITE + b"\x03" + compress(times((8, gamma))) + b"\x00").digest()
