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
from typing import Any, Final

from eth_account import Account
from nacl.signing import SigningKey

from ledger.adapters.files import write_whole
from ledger.core import vrf
from ledger.core.types import STREAMS
from ledger.errors import FatalStateError, InputError
from ledger.services.stored import StreamLog

FILE_NAME: Final = "keys.json"
SECRET_BYTES: Final = 32
SHORTEST_TOKEN: Final = 32
"""Characters; a shorter token could be guessed, and an empty one would let anyone in."""

_OWNER_ONLY: Final = 0o600


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """Everything a node keeps secret; each key serves one purpose.

    Attributes:
        anchor_keys: secp256k1 keys that anchor heads, 32 bytes each, the newest last; the chain
            says which one may.
        mirror_keys: secp256k1 keys that confirm other regions' maps and sign the requests for their
            entries, the newest last; others, so that neither work waits for the other's nonces.
        vrf_seeds: Ed25519 seed by stream and generation, 32 bytes each; used for the VRF and
            nothing else, because a signature by the same seed would give the VRF key away.
        checkpoint_seeds: Ed25519 seed by stream and generation for checkpoints, 32 bytes each.
        natural_key_secret: HMAC key under which natural keys outlive their records, 32 bytes.
        operator_token: What the operator's tools send to publish.
    """

    anchor_keys: tuple[bytes, ...]
    mirror_keys: tuple[bytes, ...]
    vrf_seeds: Mapping[str, Mapping[int, bytes]]
    checkpoint_seeds: Mapping[str, Mapping[int, bytes]]
    natural_key_secret: bytes
    operator_token: str

    def __repr__(self) -> str:
        return "NodeKeys(...)"

    @property
    def anchor_address(self) -> str:
        """The newest anchor key's address, 0x and lower-case hex."""
        return self.anchor_addresses[-1]

    @property
    def mirror_address(self) -> str:
        """The newest mirror key's address, 0x and lower-case hex."""
        return self.mirror_addresses[-1]

    @property
    def anchor_addresses(self) -> tuple[str, ...]:
        """Of every anchor key, the newest last."""
        return tuple(map(_address_of, self.anchor_keys))

    @property
    def mirror_addresses(self) -> tuple[str, ...]:
        """Of every mirror key, the newest last."""
        return tuple(map(_address_of, self.mirror_keys))

    def vrf_public_keys(self) -> dict[StreamLog, bytes]:
        """The public VRF key of each log, 32 bytes."""
        return {
            StreamLog(stream, generation): vrf.public_key(seed)
            for stream, known in sorted(self.vrf_seeds.items())
            for generation, seed in sorted(known.items())
        }

    def newest_generation(self, stream: str) -> int:
        """The newest generation of a stream for which there is a VRF seed."""
        return max(self.vrf_seeds[stream])

    def vrf_seed(self, log: StreamLog) -> bytes | None:
        """The VRF seed of one of the node's logs, or None where it is not here."""
        return self.vrf_seeds[log.stream].get(log.generation)

    def registration(self, region: str, endpoint: str, operator: str) -> dict[str, object]:
        """What governance needs to admit the region: public keys and the endpoint, no secret.

        Args:
            region: GB/T 2260 code, six digits.
            endpoint: How other regions reach the node.
            operator: Address of the region's operator, 0x-hex.
        """
        return {
            "region": region,
            "endpoint": endpoint,
            "operator": operator,
            "mirror_key": self.mirror_address,
            "streams": [self._stream(stream) for stream in sorted(self.vrf_seeds)],
        }

    def _stream(self, stream: str) -> dict[str, object]:
        generation = self.newest_generation(stream)
        checkpoint_seed = self.checkpoint_seeds[stream][generation]
        return {
            "stream": stream,
            "anchor_key": self.anchor_address,
            "vrf_key": generation,
            "vrf_public_key": vrf.public_key(self.vrf_seeds[stream][generation]).hex(),
            "checkpoint_public_key": bytes(SigningKey(checkpoint_seed).verify_key).hex(),
        }


def _address_of(key: bytes) -> str:
    return str(Account.from_key(key).address).lower()


def generate_keys() -> NodeKeys:
    """Fresh keys from the system's randomness."""
    return NodeKeys(
        anchor_keys=(secrets.token_bytes(SECRET_BYTES),),
        mirror_keys=(secrets.token_bytes(SECRET_BYTES),),
        vrf_seeds={stream: {1: secrets.token_bytes(SECRET_BYTES)} for stream in STREAMS},
        checkpoint_seeds={stream: {1: secrets.token_bytes(SECRET_BYTES)} for stream in STREAMS},
        natural_key_secret=secrets.token_bytes(SECRET_BYTES),
        operator_token=secrets.token_urlsafe(32),
    )


def save_keys(folder: Path, keys: NodeKeys) -> None:
    """Write the key file, all of it or nothing; an existing one is never overwritten.

    Raises:
        InputError: The folder already holds keys.
    """
    unfinished = folder / f".{FILE_NAME}.{secrets.token_hex(8)}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_encode(keys))
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


def replace_keys(folder: Path, keys: NodeKeys) -> None:
    """Put changed keys in the place of those of a folder: all of them or none, and for good."""
    write_whole(folder / FILE_NAME, _encode(keys).encode())
    _sync_folder(folder)


def _encode(keys: NodeKeys) -> str:
    content = {
        "anchor_keys": [key.hex() for key in keys.anchor_keys],
        "mirror_keys": [key.hex() for key in keys.mirror_keys],
        "vrf_seeds": _encode_seeds(keys.vrf_seeds),
        "checkpoint_seeds": _encode_seeds(keys.checkpoint_seeds),
        "natural_key_secret": keys.natural_key_secret.hex(),
        "operator_token": keys.operator_token,
    }
    return json.dumps(content)


def _encode_seeds(seeds: Mapping[str, Mapping[int, bytes]]) -> dict[str, dict[str, str]]:
    return {
        stream: {str(generation): seed.hex() for generation, seed in known.items()}
        for stream, known in seeds.items()
    }


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
        if "mirror_keys" not in content and "mirror_key" not in content and "vrf_seeds" in content:
            raise InputError(
                f"{FILE_NAME}: expected mirror_keys, found none: an earlier release made this"
                ' node; add "mirror_keys": [one of 64 hex digits (openssl rand -hex 32)], run'
                " registration and have the node admitted again"
            )
        vrf_seeds = _seeds(content["vrf_seeds"])
        checkpoint_seeds = _seeds(content["checkpoint_seeds"])
        if any(vrf_seeds[stream].keys() - checkpoint_seeds[stream].keys() for stream in STREAMS):
            raise ValueError
        return NodeKeys(
            anchor_keys=_secrets(content, "anchor_key"),
            mirror_keys=_secrets(content, "mirror_key"),
            vrf_seeds=vrf_seeds,
            checkpoint_seeds=checkpoint_seeds,
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


def _secrets(content: Mapping[str, Any], name: str) -> tuple[bytes, ...]:
    """All keys of a kind; a release that knew one of each wrote it under the bare name."""
    listed = content[f"{name}s"] if f"{name}s" in content else [content[name]]
    found = tuple(map(_secret, listed))
    if not found:
        raise ValueError
    return found


def _seeds(members: Mapping[str, Any]) -> dict[str, dict[int, bytes]]:
    """Seeds by stream and generation; a release that knew no generations wrote the first alone."""
    found = {}
    for stream in STREAMS:
        known = members[stream]
        if isinstance(known, str):
            known = {"1": known}
        found[stream] = {_generation(number): _secret(text) for number, text in known.items()}
        if not found[stream]:
            raise ValueError
    return found


def _generation(text: str) -> int:
    number = int(text)
    if str(number) != text or not 0 < number < 2**32:
        raise ValueError
    return number


def _token(text: object) -> str:
    if not isinstance(text, str) or not text.isascii() or len(text) < SHORTEST_TOKEN:
        raise ValueError
    return text
