"""A node's secrets in one file that only its owner may read. For development and small operators.

A production node keeps its anchor key in a signer or HSM; this file is the embedded default.
"""

import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_account import Account
from nacl.signing import SigningKey

from ledger.core import vrf
from ledger.core.types import STREAMS
from ledger.errors import FatalStateError, InputError

FILE_NAME: Final = "keys.json"
SECRET_BYTES: Final = 32
SHORTEST_TOKEN: Final = 32
"""Characters; a shorter token could be guessed, and an empty one would let anyone in."""

_OWNER_ONLY: Final = 0o600


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """Everything a node keeps secret; each key serves one purpose.

    Attributes:
        anchor_key: secp256k1 key that anchors heads, 32 bytes.
        mirror_key: secp256k1 key that confirms other regions' maps and signs the requests for their
            entries, 32 bytes; another one, so that neither work waits for the other's nonces.
        vrf_seeds: Ed25519 seed by stream, 32 bytes each; used for the VRF and nothing else, because
            a signature by the same seed would give the VRF key away.
        checkpoint_seeds: Ed25519 seed by stream for checkpoints, 32 bytes each.
        natural_key_secret: HMAC key under which natural keys outlive their records, 32 bytes.
        operator_token: What the operator's tools send to publish.
    """

    anchor_key: bytes
    mirror_key: bytes
    vrf_seeds: Mapping[str, bytes]
    checkpoint_seeds: Mapping[str, bytes]
    natural_key_secret: bytes
    operator_token: str

    def __repr__(self) -> str:
        return "NodeKeys(...)"

    @property
    def anchor_address(self) -> str:
        """The anchor key's address, 0x and lower-case hex."""
        return str(Account.from_key(self.anchor_key).address).lower()

    @property
    def mirror_address(self) -> str:
        """The mirror key's address, 0x and lower-case hex."""
        return str(Account.from_key(self.mirror_key).address).lower()

    def registration(
        self, region: str, endpoint: str, operator: str, vrf_key: int = 1
    ) -> dict[str, object]:
        """What governance needs to admit the region: public keys and the endpoint, no secret.

        Args:
            region: GB/T 2260 code, six digits.
            endpoint: How other regions reach the node.
            operator: Address of the region's operator, 0x-hex.
            vrf_key: Generation of its streams.
        """
        return {
            "region": region,
            "endpoint": endpoint,
            "operator": operator,
            "mirror_key": self.mirror_address,
            "streams": [
                {
                    "stream": stream,
                    "anchor_key": self.anchor_address,
                    "vrf_key": vrf_key,
                    "vrf_public_key": vrf.public_key(self.vrf_seeds[stream]).hex(),
                    "checkpoint_public_key": bytes(
                        SigningKey(self.checkpoint_seeds[stream]).verify_key
                    ).hex(),
                }
                for stream in sorted(self.vrf_seeds)
            ],
        }


def generate_keys() -> NodeKeys:
    """Fresh keys from the system's randomness."""
    return NodeKeys(
        anchor_key=secrets.token_bytes(SECRET_BYTES),
        mirror_key=secrets.token_bytes(SECRET_BYTES),
        vrf_seeds={stream: secrets.token_bytes(SECRET_BYTES) for stream in STREAMS},
        checkpoint_seeds={stream: secrets.token_bytes(SECRET_BYTES) for stream in STREAMS},
        natural_key_secret=secrets.token_bytes(SECRET_BYTES),
        operator_token=secrets.token_urlsafe(32),
    )


def save_keys(folder: Path, keys: NodeKeys) -> None:
    """Write the key file, all of it or nothing; an existing one is never overwritten.

    Raises:
        InputError: The folder already holds keys.
    """
    content = {
        "anchor_key": keys.anchor_key.hex(),
        "mirror_key": keys.mirror_key.hex(),
        "vrf_seeds": {stream: seed.hex() for stream, seed in keys.vrf_seeds.items()},
        "checkpoint_seeds": {stream: seed.hex() for stream, seed in keys.checkpoint_seeds.items()},
        "natural_key_secret": keys.natural_key_secret.hex(),
        "operator_token": keys.operator_token,
    }
    unfinished = folder / f".{FILE_NAME}.{secrets.token_hex(8)}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        # At this point the file is complete and durable. A link, unlike a rename, refuses to
        # replace what is there.
        os.link(unfinished, folder / FILE_NAME)
    except FileExistsError:
        raise InputError(f"{FILE_NAME}: expected no keys yet, found some") from None
    finally:
        unfinished.unlink()
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_keys(folder: Path) -> NodeKeys:
    """Read the key file.

    Raises:
        InputError: There is none, or it is not of the format.
        FatalStateError: Others may read it.
    """
    try:
        with (folder / FILE_NAME).open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise FatalStateError(f"{FILE_NAME}: expected mode 600, others may read it")
            content = json.load(file)
        if "anchor_key" in content and "mirror_key" not in content:
            raise InputError(
                f"{FILE_NAME}: expected a mirror_key, found none: an earlier release made this"
                " node; add one of 64 hex digits (openssl rand -hex 32), run registration and have"
                " the node admitted again"
            )
        return NodeKeys(
            anchor_key=_secret(content["anchor_key"]),
            mirror_key=_secret(content["mirror_key"]),
            vrf_seeds=_seeds(content["vrf_seeds"]),
            checkpoint_seeds=_seeds(content["checkpoint_seeds"]),
            natural_key_secret=_secret(content["natural_key_secret"]),
            operator_token=_token(content["operator_token"]),
        )
    except FileNotFoundError:
        raise InputError(f"{FILE_NAME}: not found; run init first") from None
    except OSError as error:
        raise InputError(f"{FILE_NAME}: {error.strerror}") from None
    except (KeyError, ValueError, AttributeError, TypeError):
        # The cause is left out: it may repeat a part of the file.
        raise InputError(f"{FILE_NAME}: not of the expected format") from None


def _secret(text: str) -> bytes:
    secret = bytes.fromhex(text)
    if len(secret) != SECRET_BYTES:
        raise ValueError
    return secret


def _seeds(members: Mapping[str, str]) -> dict[str, bytes]:
    return {stream: _secret(members[stream]) for stream in STREAMS}


def _token(text: object) -> str:
    if not isinstance(text, str) or not text.isascii() or len(text) < SHORTEST_TOKEN:
        raise ValueError
    return text
