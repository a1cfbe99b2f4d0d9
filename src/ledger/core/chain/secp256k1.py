"""Who made a recoverable signature over a digest, in the one form that counts.

Source: SEC 1, section 4.1.6; the low s of EIP-2.
"""

from typing import Final

from coincurve import PublicKey

from ledger.core.chain.keccak import keccak256
from ledger.core.types import Hash32
from ledger.errors import SignatureError

SIGNATURE_BYTES: Final = 65

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of the curve's group."""


def recover(digest: Hash32, signature: bytes) -> bytes:
    """The address whose key made a signature, 20 bytes.

    Args:
        digest: What was signed, with no further hashing, 32 bytes.
        signature: r, s and the parity of the point, 0 or 1: 65 bytes.

    Raises:
        SignatureError: The bytes are no signature in canonical form (s at most half the order).
    """
    if len(signature) != SIGNATURE_BYTES or signature[64] > 1:
        raise SignatureError("signature: expected 65 bytes that end in 0 or 1")
    # Each signature has a twin with the other s; only the low one counts.
    if not 0 < int.from_bytes(signature[32:64], "big") <= ORDER // 2:
        raise SignatureError("signature: expected s from 1 to half the order of the curve")
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except (ValueError, TypeError) as error:
        raise SignatureError(f"signature: no key made it: {type(error).__name__}") from None
    return keccak256(key.format(compressed=False)[1:])[12:]
