"""New keys for a node beside those it has; which of them count is the chain's and trust root's say.

A key that is added is used once governance has entered it: until then the node goes on with the one
before. So the order does not matter, and nothing has to happen at the same moment.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from ledger.adapters.keystore import SECRET_BYTES, NodeKeys, load_keys, replace_keys
from ledger.core.types import STREAMS
from ledger.errors import InputError

NO_GENERATION: Final = 2**32
"""The first number that a registry does not take."""


def add_anchor_key(folder: Path) -> NodeKeys:
    """Give a node another key that may anchor.

    Raises:
        InputError: The folder holds no keys.
        FatalStateError: Others may read them.
    """
    keys = load_keys(folder)
    changed = replace(keys, anchor_keys=(*keys.anchor_keys, _fresh()))
    replace_keys(folder, changed)
    return changed


def add_mirror_key(folder: Path) -> NodeKeys:
    """Give a node another key that mirrors; it gets a number of its own.

    Raises:
        InputError: The folder holds no keys.
        FatalStateError: Others may read them.
    """
    keys = load_keys(folder)
    changed = replace(keys, mirror_keys=(*keys.mirror_keys, _fresh()))
    replace_keys(folder, changed)
    return changed


def add_generation(folder: Path, stream: str, number: int | None = None) -> NodeKeys:
    """Give a node the VRF and checkpoint keys of a stream's next generation.

    Args:
        folder: Of the node.
        stream: Which.
        number: The generation, where the keys of those before are lost; default: the next.

    Raises:
        InputError: The folder holds no keys, there is no such stream, or the generation does not
            come after those it has keys of.
        FatalStateError: Others may read the keys.
    """
    keys = load_keys(folder)
    _require_stream(stream)
    newest = keys.newest_generation(stream)
    following = newest + 1 if number is None else number
    if not newest < following < NO_GENERATION:
        raise InputError(f"generation: expected one after {newest}, found {following}")
    changed = replace(
        keys,
        vrf_seeds=_with(keys.vrf_seeds, stream, following),
        checkpoint_seeds=_with(keys.checkpoint_seeds, stream, following),
    )
    replace_keys(folder, changed)
    return changed


def renew_checkpoint_key(folder: Path, stream: str) -> NodeKeys:
    """Give the newest generation of a stream another checkpoint key in place of the one it has.

    No evidence depends on it, and the registry takes another one at any time.

    Raises:
        InputError: The folder holds no keys, or there is no such stream.
        FatalStateError: Others may read the keys.
    """
    keys = load_keys(folder)
    _require_stream(stream)
    generation = keys.newest_generation(stream)
    changed = replace(keys, checkpoint_seeds=_with(keys.checkpoint_seeds, stream, generation))
    replace_keys(folder, changed)
    return changed


def _with(
    seeds: Mapping[str, Mapping[int, bytes]], stream: str, generation: int
) -> dict[str, dict[int, bytes]]:
    known = {name: dict(generations) for name, generations in seeds.items()}
    known[stream][generation] = _fresh()
    return known


def _require_stream(stream: str) -> None:
    if stream not in STREAMS:
        raise InputError(f"stream: expected one of {', '.join(STREAMS)}")


def _fresh() -> bytes:
    return secrets.token_bytes(SECRET_BYTES)
