"""ECVRF-EDWARDS25519-SHA512-TAI over libsodium's point arithmetic.

Accepts exactly what the standard accepts: points are decoded as RFC 8032 has it, so a second
spelling of a point is refused, and points outside the prime-order subgroup are not, although
libsodium's multiplication refuses them; for those there is a slow way.

Source: RFC 9381, sections 5.1 to 5.5, suite 0x03, ``validate_key`` on; RFC 8032, section 5.1.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from nacl import bindings as sodium
from nacl.exceptions import CryptoError

from ledger.errors import InputError, SignatureError

SUITE: Final = b"\x03"
"""suite_string of ECVRF-EDWARDS25519-SHA512-TAI, RFC 9381, section 5.5."""

SECRET_BYTES: Final = 32
PUBLIC_KEY_BYTES: Final = 32
PROOF_BYTES: Final = 80
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""q, the order of the prime subgroup."""

COFACTOR: Final = 8
"""Of edwards25519, RFC 9381, section 5.5."""

_FIELD: Final = 2**255 - 19
_Y_BITS: Final = 2**255 - 1
_POINT_BYTES: Final = 32
_CHALLENGE_BYTES: Final = 16
_IDENTITY: Final = b"\x01" + bytes(31)
_ENCODE_FRONT, _CHALLENGE_FRONT, _HASH_FRONT = b"\x01", b"\x02", b"\x03"
_BACK: Final = b"\x00"


def public_key(secret: bytes) -> bytes:
    """The public key of a secret seed.

    Args:
        secret: 32 random bytes, used for this VRF and nothing else.

    Raises:
        InputError: The seed has another length.
    """
    return _expand(secret)[2]


def prove(secret: bytes, alpha: bytes) -> bytes:
    """Prove the output for an input.

    Args:
        secret: Seed, 32 bytes.
        alpha: The input, any bytes.

    Returns:
        pi = Gamma (32) || c (16, little-endian) || s (32, little-endian).

    Source: RFC 9381, section 5.1.
    """
    return Prover(secret).prove(alpha)


class Prover:
    """Proves many outputs under one secret.

    Args:
        secret: Seed, 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._scalar, self._prefix, self.public_key = _expand(secret)

    def prove(self, alpha: bytes) -> bytes:
        """The proof for an input; see the function of this name."""
        point = _encode_to_curve(self.public_key, alpha)
        nonce_hash = hashlib.sha512(self._prefix + point).digest()
        nonce = int.from_bytes(nonce_hash, "little") % ORDER
        gamma = _multiply(point, self._scalar)
        challenge = _challenge(
            self.public_key, point, gamma, _multiply_base(nonce), _multiply(point, nonce)
        )
        response = (nonce + int.from_bytes(challenge, "little") * self._scalar) % ORDER
        return gamma + challenge + response.to_bytes(32, "little")

    def evaluate(self, alpha: bytes) -> bytes:
        """The output for an input without its proof; see the function of this name."""
        # cofactor * Gamma = cofactor * (x * H) = (cofactor * x) * H: one multiplication.
        point = _encode_to_curve(self.public_key, alpha)
        return _beta(_multiply(point, COFACTOR * self._scalar))

    def prove_and_evaluate(self, alpha: bytes) -> tuple[bytes, bytes]:
        """The proof and the output, which it holds."""
        proof = self.prove(alpha)
        # Gamma is our own: it needs no decoding.
        return proof, _beta(_clear_cofactor(proof[:_POINT_BYTES]))


def evaluate(secret: bytes, alpha: bytes) -> bytes:
    """The output for an input without its proof, in a third of the time: beta, 64 bytes.

    Equal to ``output(prove(secret, alpha))``.

    Args:
        secret: Seed, 32 bytes.
        alpha: The input, any bytes.

    Source: RFC 9381, sections 5.1 (steps 1 to 4) and 5.2.
    """
    return Prover(secret).evaluate(alpha)


def verify(public_key: bytes, alpha: bytes, proof: bytes) -> bytes:
    """Check a proof and return the output.

    Args:
        public_key: 32 bytes.
        alpha: The input, any bytes.
        proof: 80 bytes.

    Returns:
        beta, 64 bytes.

    Raises:
        SignatureError: The key or proof is malformed, or does not verify.

    Source: RFC 9381, section 5.3.
    """
    if len(public_key) != PUBLIC_KEY_BYTES or len(proof) != PROOF_BYTES:
        raise SignatureError("VRF: expected a key of 32 and a proof of 80 bytes")
    gamma = proof[:_POINT_BYTES]
    challenge = proof[_POINT_BYTES : _POINT_BYTES + _CHALLENGE_BYTES]
    response = int.from_bytes(proof[_POINT_BYTES + _CHALLENGE_BYTES :], "little")
    if response >= ORDER:
        raise SignatureError("VRF: expected s below the group order")
    c = int.from_bytes(challenge, "little")
    # Steps 2 to 6 of section 5.3 for both points: decoding and, for the key, validate_key happen
    # inside the multiplication. A small-order Gamma could not verify; it is refused all the same.
    c_public, c_gamma = _multiply_foreign(public_key, c), _multiply_foreign(gamma, c)
    point = _encode_to_curve(public_key, alpha)
    u = _subtract(_multiply_base(response), c_public)
    v = _subtract(_multiply(point, response), c_gamma)
    if _challenge(public_key, point, gamma, u, v) != challenge:
        raise SignatureError("VRF: the proof does not verify under this key and input")
    return _output(gamma)


def output(proof: bytes) -> bytes:
    """Beta of a proof of our own, 64 bytes, without checking it (RFC 9381, section 5.2).

    Raises:
        SignatureError: The proof has another length, or Gamma is not a point.
    """
    if len(proof) != PROOF_BYTES:
        raise SignatureError(f"VRF: expected a proof of 80 bytes, found {len(proof)}")
    return _output(_decode_point(proof[:_POINT_BYTES]))


def _output(gamma: bytes) -> bytes:
    return _beta(_clear_cofactor(gamma))


def _beta(cleared_gamma: bytes) -> bytes:
    return hashlib.sha512(SUITE + _HASH_FRONT + cleared_gamma + _BACK).digest()


@lru_cache(maxsize=16)
def _expand(secret: bytes) -> tuple[int, bytes, bytes]:
    """Scalar, nonce prefix and public key of a seed (RFC 8032, section 5.1.5)."""
    if len(secret) != SECRET_BYTES:
        raise InputError(f"VRF secret: expected 32 bytes, found {len(secret)}")
    digest = bytearray(hashlib.sha512(secret).digest())
    digest[0] &= 0xF8
    digest[31] = digest[31] & 0x7F | 0x40
    scalar = int.from_bytes(digest[:32], "little")
    return scalar, bytes(digest[32:]), _multiply_base(scalar)


def _encode_to_curve(salt: bytes, alpha: bytes) -> bytes:
    """Try and increment (RFC 9381, section 5.4.1.1); the salt is the public key."""
    start = SUITE + _ENCODE_FRONT + salt + alpha
    return _first_point(
        hashlib.sha512(start + bytes([counter]) + _BACK).digest()[:_POINT_BYTES]
        for counter in range(256)
    )


def _first_point(candidates: Iterable[bytes]) -> bytes:
    """The first string that is a point, times the cofactor, unless that is the identity."""
    for candidate in candidates:
        # No second spelling: libsodium would reduce y. The other ones, with the sign of x = 0, are
        # of small order and become the identity.
        if int.from_bytes(candidate, "little") & _Y_BITS >= _FIELD:
            continue
        try:
            point = _clear_cofactor(candidate)  # its first step decodes
        except CryptoError:
            continue
        if point != _IDENTITY:
            return point
    raise SignatureError("VRF: no point within 256 tries")


def _challenge(*points: bytes) -> bytes:
    """c, 16 bytes (RFC 9381, section 5.4.3)."""
    text = SUITE + _CHALLENGE_FRONT + b"".join(points) + _BACK
    return hashlib.sha512(text).digest()[:_CHALLENGE_BYTES]


def _clear_cofactor(point: bytes) -> bytes:
    for _ in range(3):
        point = _add(point, point)
    return point


def _multiply_foreign(point: bytes, scalar: int) -> bytes:
    """Decode a point of somebody else, refuse a small order, multiply by 0 <= scalar < q."""
    if scalar:
        try:
            # libsodium answers only for canonical points of exactly prime order.
            return sodium.crypto_scalarmult_ed25519_noclamp(scalar.to_bytes(32, "little"), point)
        except CryptoError:
            pass
    if _clear_cofactor(_decode_point(point)) == _IDENTITY:
        raise SignatureError("VRF: expected no point of small order")
    product = _IDENTITY
    for bit in f"{scalar:b}":
        product = _add(product, product)
        if bit == "1":
            product = _add(product, point)
    return product


def _multiply(point: bytes, scalar: int) -> bytes:
    """Multiply a point of prime order; libsodium refuses a zero result, so that case is ours."""
    scalar %= ORDER
    if scalar == 0:
        return _IDENTITY
    return sodium.crypto_scalarmult_ed25519_noclamp(scalar.to_bytes(32, "little"), point)


def _multiply_base(scalar: int) -> bytes:
    scalar %= ORDER
    if scalar == 0:
        return _IDENTITY
    return sodium.crypto_scalarmult_ed25519_base_noclamp(scalar.to_bytes(32, "little"))


def _decode_point(text: bytes) -> bytes:
    """Decode and encode again (RFC 8032, section 5.1.3).

    libsodium's addition reduces y >= p and forgives the sign of x = 0; the comparison does not.
    """
    try:
        point = sodium.crypto_core_ed25519_add(text, _IDENTITY)
    except CryptoError:
        raise SignatureError("VRF: not a point of the curve") from None
    if point != text:
        raise SignatureError("VRF: expected the canonical encoding of a point")
    return point


def _add(left: bytes, right: bytes) -> bytes:
    """Add two points that were decoded before."""
    return sodium.crypto_core_ed25519_add(left, right)


def _subtract(left: bytes, right: bytes) -> bytes:
    """Subtract two points that were decoded before."""
    return sodium.crypto_core_ed25519_sub(left, right)
