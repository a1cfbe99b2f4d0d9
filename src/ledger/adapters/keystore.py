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
_OWNER_ONLY: Final = 0o600


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """Everything a node keeps secret; each key serves one purpose.

    Attributes:
        anchor_key: secp256k1 key that anchors heads, 32 bytes.
        vrf_seeds: Ed25519 seed by stream, 32 bytes each; used for the VRF and nothing else, because
            a signature by the same seed would give the VRF key away.
        checkpoint_seeds: Ed25519 seed by stream for checkpoints, 32 bytes each.
        natural_key_secret: HMAC key under which natural keys outlive their records, 32 bytes.
        operator_token: What the operator's tools send to publish.
    """

    anchor_key: bytes
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

    def registration(self, region: str, endpoint: str, vrf_key: int = 1) -> dict[str, object]:
        """What governance needs to admit the region: public keys and the endpoint, no secret."""
        return {
            "region": region,
            "endpoint": endpoint,
            "operator": self.anchor_address,
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


def generate_keys(streams: tuple[str, ...] = STREAMS) -> NodeKeys:
    """Fresh keys from the system's randomness."""
    return NodeKeys(
        anchor_key=secrets.token_bytes(32),
        vrf_seeds={stream: secrets.token_bytes(32) for stream in streams},
        checkpoint_seeds={stream: secrets.token_bytes(32) for stream in streams},
        natural_key_secret=secrets.token_bytes(32),
        operator_token=secrets.token_urlsafe(32),
    )


def save_keys(folder: Path, keys: NodeKeys) -> None:
    """Write the key file; an existing one is never overwritten.

    Raises:
        InputError: The folder already holds keys.
    """
    content = {
        "anchor_key": keys.anchor_key.hex(),
        "vrf_seeds": {stream: seed.hex() for stream, seed in keys.vrf_seeds.items()},
        "checkpoint_seeds": {stream: seed.hex() for stream, seed in keys.checkpoint_seeds.items()},
        "natural_key_secret": keys.natural_key_secret.hex(),
        "operator_token": keys.operator_token,
    }
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(folder / FILE_NAME, flags, _OWNER_ONLY)
    except FileExistsError:
        raise InputError(f"{FILE_NAME}: expected no keys yet, found some") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())


def load_keys(folder: Path) -> NodeKeys:
    """Read the key file.

    Raises:
        InputError: There is none, or it is not of the format.
        FatalStateError: Others may read it.
    """
    path = folder / FILE_NAME
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise FatalStateError(f"{FILE_NAME}: expected mode 600, others may read it")
        content = json.loads(path.read_text(encoding="utf-8"))
        return NodeKeys(
            anchor_key=bytes.fromhex(content["anchor_key"]),
            vrf_seeds={name: bytes.fromhex(seed) for name, seed in content["vrf_seeds"].items()},
            checkpoint_seeds={
                name: bytes.fromhex(seed) for name, seed in content["checkpoint_seeds"].items()
            },
            natural_key_secret=bytes.fromhex(content["natural_key_secret"]),
            operator_token=str(content["operator_token"]),
        )
    except FileNotFoundError:
        raise InputError(f"{FILE_NAME}: not found; run init first") from None
    except (KeyError, ValueError, AttributeError, TypeError):
        raise InputError(f"{FILE_NAME}: not of the expected format") from None
