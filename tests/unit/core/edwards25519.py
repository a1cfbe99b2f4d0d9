"""Curve arithmetic and ECVRF verification on integers: an oracle.

Shares nothing with libsodium. RFC 8032, section 5.1; RFC 9381, section 5.3, followed to the letter.
"""

import hashlib

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
IDENTITY = (0, 1)


def add(left, right):
    (x1, y1), (x2, y2) = left, right
    t = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + t, -1, P)
    y = (y1 * y2 + x1 * x2) * pow(1 - t, -1, P)
    return x % P, y % P


def negate(point):
    return -point[0] % P, point[1]


def multiply(scalar, point):
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def decode(text):
    """The point, or None for anything that section 5.1.3 does not decode."""
    number = int.from_bytes(text, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square or (x == 0 and sign):
        return None
    return (x if x & 1 == sign else P - x), y


def encode(point):
    return (point[1] | (point[0] & 1) << 255).to_bytes(32, "little")


BASE = decode(bytes([0x58]) + bytes([0x66]) * 31)
ORDER_8 = decode(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"))
SMALL_ORDER = [multiply(times, ORDER_8) for times in range(8)]


def secret_scalar(secret):
    number = int.from_bytes(hashlib.sha512(secret).digest()[:32], "little")
    return number & (1 << 255) - 8 & (1 << 255) - 1 | 1 << 254


def encode_to_curve(salt, alpha):
    for counter in range(256):
        text = b"\x03\x01" + salt + alpha + bytes([counter]) + b"\x00"
        point = decode(hashlib.sha512(text).digest()[:32])
        if point and multiply(8, point) != IDENTITY:
            return multiply(8, point)
    return None


def challenge(*points):
    text = b"\x03\x02" + b"".join(map(encode, points)) + b"\x00"
    return int.from_bytes(hashlib.sha512(text).digest()[:16], "little")


def beta(gamma):
    return hashlib.sha512(b"\x03\x03" + encode(multiply(8, gamma)) + b"\x00").digest()


def vrf_verify(public_key, alpha, proof):
    """Beta, or None for INVALID."""
    y, gamma = decode(public_key), decode(proof[:32])
    c, s = int.from_bytes(proof[32:48], "little"), int.from_bytes(proof[48:], "little")
    if y is None or gamma is None or s >= Q or multiply(8, y) == IDENTITY:
        return None
    h = encode_to_curve(public_key, alpha)
    u = add(multiply(s, BASE), negate(multiply(c, y)))
    v = add(multiply(s, h), negate(multiply(c, gamma)))
    return beta(gamma) if challenge(y, h, gamma, u, v) == c else None


def vrf_prove_outside(secret, alpha, *, key_torsion, gamma_torsion):
    """A proof under x*B + torsion with Gamma = x*H + torsion, which the standard accepts.

    The nonce is tried until the challenge clears the torsion, one time in eight or more often.
    """
    x = secret_scalar(secret)
    y = add(multiply(x, BASE), key_torsion)
    h = encode_to_curve(encode(y), alpha)
    gamma = add(multiply(x, h), gamma_torsion)
    for nonce in range(1, 500):
        c = challenge(y, h, gamma, multiply(nonce, BASE), multiply(nonce, h))
        if c % 8 == 0:
            s = (nonce + c * x) % Q
            return encode(y), encode(gamma) + c.to_bytes(16, "little") + s.to_bytes(32, "little")
    raise AssertionError("no nonce found")
