"""Updates of the trust root: signed by those whom the root before names, one step at a time.

Signatures stand in a file beside the update, ``trust-root.signatures.json``:

    {"signatures":["0x<130 hex>",...],"trust_root":"<sha256 hex>","v":1}

each over the EIP-712 digest of TrustRoot(bytes32 digest,bytes32 previous,uint64 sequence) in the
domain (name "credit-ledger", version "1", the chain's id), so that wallets and signing services
show what they sign. ``digest`` and ``previous`` are the SHA-256 of the two files.

Source: DESIGN, section 5, "Trust root"; EIP-712.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from ledger.core import canonical
from ledger.core.chain.keccak import keccak256
from ledger.core.chain.secp256k1 import SIGNATURE_BYTES, recover
from ledger.core.trust.model import TrustRoot, ValidatorRange
from ledger.core.trust.parse import parse_trust_root
from ledger.core.types import Hash32
from ledger.errors import (
    MalformedTrustRootError,
    SignatureError,
    TrustRootUpdateError,
    UnsupportedFormatError,
)

MAX_SIGNATURES: Final = 64
MAX_BYTES: Final = 64 * 1024

_DOMAIN_TYPE: Final = b"EIP712Domain(string name,string version,uint256 chainId)"
_ROOT_TYPE: Final = b"TrustRoot(bytes32 digest,bytes32 previous,uint64 sequence)"
_V_OF_PARITY_0: Final = 27
"""Wallets write 27 and 28 for 0 and 1."""


def digest_of(content: bytes) -> Hash32:
    """What a trust root is pinned by: the SHA-256 of its bytes."""
    return hashlib.sha256(content).digest()


def signing_digest(content: bytes, root: TrustRoot) -> Hash32:
    """What signers sign, 32 bytes.

    Args:
        content: The update's bytes.
        root: The same, parsed.

    Source: EIP-712, "Definition of hashStruct" and "encode".
    """
    domain = keccak256(
        keccak256(_DOMAIN_TYPE)
        + keccak256(b"credit-ledger")
        + keccak256(b"1")
        + root.chain_id.to_bytes(32, "big")
    )
    struct = keccak256(
        keccak256(_ROOT_TYPE)
        + digest_of(content)
        + (root.previous or bytes(32))
        + root.sequence.to_bytes(32, "big")
    )
    return keccak256(b"\x19\x01" + domain + struct)


def encode_signatures(content: bytes, signatures: Sequence[bytes]) -> bytes:
    """Write the file that stands beside an update."""
    return canonical.encode(
        {
            "v": 1,
            "trust_root": digest_of(content).hex(),
            "signatures": [f"0x{one.hex()}" for one in signatures],
        }
    )


def parse_signatures(file: bytes, content: bytes) -> tuple[bytes, ...]:
    """Read the file that stands beside an update.

    Raises:
        CanonicalizationError: It is not its own canonical JSON.
        MalformedTrustRootError: It breaks the format, or belongs to another file.
        UnsupportedFormatError: It has another version.
    """
    value = canonical.decode(file, max_bytes=MAX_BYTES)
    if not isinstance(value, dict) or type(value.get("v")) is not int:
        raise MalformedTrustRootError("signatures: expected an object with a version")
    if value["v"] != 1:
        raise UnsupportedFormatError(f"signatures: expected version 1, found {value['v']}")
    if set(value) != {"v", "trust_root", "signatures"}:
        raise MalformedTrustRootError("signatures: expected v, trust_root and signatures")
    if value["trust_root"] != digest_of(content).hex():
        raise MalformedTrustRootError(
            f"signatures: expected those of {digest_of(content).hex()}, found those of another file"
        )
    listed = value["signatures"]
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_SIGNATURES:
        raise MalformedTrustRootError(f"signatures: expected 1 to {MAX_SIGNATURES}")
    return tuple(_signature(one) for one in listed)


def verify_update(previous: bytes, update: bytes, signatures: Sequence[bytes]) -> TrustRoot:
    """Check that an update follows a trusted root and that enough of its signers want it.

    Args:
        previous: The trusted root's bytes; it may have expired.
        update: The next root's bytes.
        signatures: 65 bytes each, as wallets write them (v 27 or 28).

    Returns:
        The update, parsed.

    Raises:
        TrustRootUpdateError: It is not the next one of this chain, changes what is for ever, or
            fewer than ``threshold`` distinct signers of the root before signed it.
        SignatureError: A signature is none, or of nobody whom the root before names.
        CanonicalizationError: One of the files is not canonical JSON.
        MalformedTrustRootError: One of the files breaks the format.
        UnsupportedFormatError: One of the files has another version.

    Source: DESIGN, section 5, "Trust root".
    """
    old, new = parse_trust_root(previous), parse_trust_root(update)
    if new.sequence != old.sequence + 1:
        raise TrustRootUpdateError(f"sequence: expected {old.sequence + 1}, found {new.sequence}")
    if new.previous != digest_of(previous):
        found = "none" if new.previous is None else new.previous.hex()
        raise TrustRootUpdateError(f"previous: expected {digest_of(previous).hex()}, found {found}")
    check_lasting(old, new)
    digest = signing_digest(update, new)
    signers: set[bytes] = set()
    for one in signatures:
        signer = recover(digest, _with_parity(one))
        if signer not in old.signers:
            raise SignatureError(f"signature: 0x{signer.hex()} is no signer of the root before")
        signers.add(signer)
    if len(signers) < old.threshold:
        raise TrustRootUpdateError(
            f"signatures: expected {old.threshold} distinct signers, found {len(signers)}"
        )
    return new


def check_lasting(old: TrustRoot, new: TrustRoot) -> None:
    """Check what no update may change, because evidence was made under it.

    Raises:
        TrustRootUpdateError: It is changed.
    """
    if (new.chain_id, new.genesis_hash) != (old.chain_id, old.genesis_hash):
        raise TrustRootUpdateError("chain: expected the same chain; another one has its own root")
    if new.consensus != old.consensus:
        raise TrustRootUpdateError(f"consensus: expected {old.consensus}, found {new.consensus}")
    if new.issued_at < old.issued_at:
        raise TrustRootUpdateError("issued_at: expected not before the root before")
    _check_ranges(old.validators, new.validators)
    for key in old.vrf_keys:
        found = new.vrf_key(key.region, key.stream, key.generation)
        # One that is left out could come back as another in the update after.
        if found != key.public_key:
            raise TrustRootUpdateError(
                f"vrf_keys: {key.region}/{key.stream} generation {key.generation} is not as before"
            )
    present = {one.number: one for one in new.mirrors}
    for one in old.mirrors:
        if present.get(one.number) != one:
            raise TrustRootUpdateError(f"mirrors: number {one.number} is not as before")
    if new.head_anchor != old.head_anchor or new.region_registry != old.region_registry:
        raise TrustRootUpdateError("contracts: expected those of the root before")
    for undertaken in old.coverage:
        if undertaken not in new.coverage:
            raise TrustRootUpdateError(
                f"coverage: {undertaken.region}/{undertaken.record_type} is not as before"
            )
    if old.authority_required and not new.authority_required:
        raise TrustRootUpdateError("authority_required: expected it to stay")


def _check_ranges(old: Sequence[ValidatorRange], new: Sequence[ValidatorRange]) -> None:
    for number, before in enumerate(old):
        after = new[number] if number < len(new) else None
        same = after is not None and (after.first_block, after.addresses) == (
            before.first_block,
            before.addresses,
        )
        # The open range may be closed now; a closed one is pinned for ever.
        if after is None or not same or (before.last_block is not None and after != before):
            raise TrustRootUpdateError(
                f"validators: the range from block {before.first_block} is not the one before"
            )


def _signature(text: object) -> bytes:
    if not isinstance(text, str) or not text.startswith("0x") or text != text.lower():
        raise MalformedTrustRootError("signatures: expected 0x and lower-case hexadecimal digits")
    try:
        signature = bytes.fromhex(text[2:])
    except ValueError:
        signature = b""
    if len(signature) != SIGNATURE_BYTES or text != f"0x{signature.hex()}":
        raise MalformedTrustRootError(f"signatures: expected {SIGNATURE_BYTES} bytes")
    return signature


def _with_parity(signature: bytes) -> bytes:
    if len(signature) != SIGNATURE_BYTES or signature[64] not in (27, 28):
        raise SignatureError("signature: expected 65 bytes that end in 27 or 28")
    return signature[:64] + bytes([signature[64] - _V_OF_PARITY_0])
