"""Requests signed by a mirror: which parts are signed, how, and by what a key is named.

A profile of HTTP Message Signatures. The signature covers ``@method`` and ``@target-uri``, and
``content-digest`` where there is a body; its parameters are exactly ``created``, ``expires``,
``nonce``, ``keyid`` and ``tag``. The key is the mirror's secp256k1 chain key, named by the number
of the mirror on chain: ``mirror:3``. There is no ``alg``: the kind of key id says which algorithm
is meant, so nobody can ask for a weaker one.

The target is signed as the address under which the region is registered, so a signature serves one
node, whatever stands in front of it.

Source: RFC 9421.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from coincurve import PrivateKey, PublicKey
from http_message_signatures import HTTPSignatureAlgorithm, HTTPSignatureKeyResolver

from ledger.core.chain.keccak import keccak256
from ledger.errors import InputError, SignatureError

TAG: Final = "credit-ledger-mirror"
"""What the signature is for; another use of the same key needs another tag."""

LABEL: Final = "mirror"
COMPONENTS: Final = ("@method", "@target-uri")
PARAMETERS: Final = frozenset({"created", "expires", "nonce", "keyid", "tag"})

LONGEST_WINDOW: Final = timedelta(seconds=60)
"""Longest time from ``created`` to ``expires``."""

NONCE_BYTES: Final = 16

MAX_MIRROR: Final = 2**32 - 1
"""Largest mirror number, a uint32 on chain."""

_SIGNATURE_BYTES: Final = 65
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_KEY_ID: Final = re.compile(r"mirror:(0|[1-9][0-9]{0,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class MirrorKey:
    """What a mirror signs its requests with."""

    number: int
    """The mirror's number on chain, 0 .. 2^32-1."""
    secret: bytes = field(repr=False)
    """Its chain key, secp256k1, 32 bytes."""

    def __post_init__(self) -> None:
        if not 0 <= self.number <= MAX_MIRROR:
            raise InputError(f"mirror: expected number 0 to {MAX_MIRROR}, found {self.number}")


@dataclass(slots=True)
class SignedMessage:
    """A request, as far as its signature goes."""

    method: str
    """In upper case."""
    url: str
    """The registered endpoint with path and query."""
    headers: dict[str, str]
    """What is sent, or was received."""


def key_id(number: int) -> str:
    """How a mirror's key is named in a request."""
    return f"mirror:{number}"


def parse_key_id(text: str) -> int:
    """The number of the mirror whose key is named.

    Raises:
        InputError: Another kind of key, or another spelling.
    """
    match = _KEY_ID.fullmatch(text)
    if match is None or int(match[1]) > MAX_MIRROR:
        raise InputError("key id: expected mirror:<number>")
    return int(match[1])


class ChainKeySignature(HTTPSignatureAlgorithm):
    """Recoverable secp256k1 signatures over Keccak-256 of the signature base.

    65 bytes r || s || v, v 0 .. 3, s in the lower half: one spelling of a signature. A public key
    is an address of 20 bytes, a private key 32 bytes. A signature base begins with ``"@``, which no
    transaction of a chain does, so neither can stand for the other.
    """

    algorithm_id = "secp256k1-keccak256"

    def __init__(self, public_key: bytes | None = None, private_key: bytes | None = None) -> None:
        self._address = public_key
        self._secret = private_key

    def sign(self, message: bytes) -> bytes:
        """Sign a signature base."""
        if self._secret is None:
            raise SignatureError("expected a private key to sign with")
        return PrivateKey(self._secret).sign_recoverable(message, hasher=keccak256)

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check who signed a signature base.

        Raises:
            SignatureError: It is no signature, or somebody else's.
        """
        if len(signature) != _SIGNATURE_BYTES or signature[64] > 3:
            raise SignatureError("expected a signature of 65 bytes")
        if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
            raise SignatureError("expected s in the lower half")
        try:
            key = PublicKey.from_signature_and_message(signature, message, hasher=keccak256)
        except ValueError:
            raise SignatureError("expected a signature, found other bytes") from None
        if keccak256(key.format(compressed=False)[1:])[-20:] != self._address:
            raise SignatureError("expected the mirror's signature, found another key's")


class KnownKeys(HTTPSignatureKeyResolver):
    """Key resolver over keys that were looked up before.

    Args:
        addresses: The signer's address by key id.
        secrets: The signer's secret by key id.
    """

    def __init__(
        self,
        *,
        addresses: Mapping[str, bytes] | None = None,
        secrets: Mapping[str, bytes] | None = None,
    ) -> None:
        self._addresses = dict(addresses or {})
        self._secrets = dict(secrets or {})

    def resolve_public_key(self, key_id: str) -> Any:
        """The address; None for any other key id."""
        return self._addresses.get(key_id)

    def resolve_private_key(self, key_id: str) -> Any:
        """The secret.

        Raises:
            KeyError: Another key id.
        """
        return self._secrets[key_id]
