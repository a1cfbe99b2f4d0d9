"""The list of items in force under one key, and the value it has in the map.

Format: docs/formats.md, "List".
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from ledger.core.merkle import root_hash
from ledger.core.stream.log import MerkleLog
from ledger.core.types import Hash32, LeafIndex
from ledger.errors import MalformedProofError

MAX_COUNT: Final = 2**32 - 1

_VALUE_PREFIX: Final = b"credit-ledger/list/v1\x00"


def list_leaf(index: LeafIndex, leaf_hash: Hash32) -> Hash32:
    """The leaf of one item: SHA-256(0x00 || u64 log index || leaf hash of the entry)."""
    if not 0 <= index < 2**64 or len(leaf_hash) != 32:
        raise MalformedProofError("list leaf: expected a 64-bit index and 32 bytes")
    return hashlib.sha256(b"\x00" + index.to_bytes(8, "big") + leaf_hash).digest()


def list_root(pairs: Sequence[tuple[LeafIndex, Hash32]]) -> Hash32:
    """The RFC 9162 root over (log index, leaf hash) in the order given; at least one pair."""
    if not pairs:
        raise MalformedProofError("list: expected at least one item")
    return root_hash([list_leaf(index, leaf_hash) for index, leaf_hash in pairs])


def list_value(count: int, root: Hash32) -> Hash32:
    """The key's value in the map: SHA-256("credit-ledger/list/v1" || 0x00 || u32 count || root)."""
    if not 1 <= count <= MAX_COUNT or len(root) != 32:
        raise MalformedProofError("list value: expected a count of 1 .. 2^32-1 and 32 bytes")
    return hashlib.sha256(_VALUE_PREFIX + count.to_bytes(4, "big") + root).digest()


def list_path(pairs: Sequence[tuple[LeafIndex, Hash32]], position: int) -> tuple[Hash32, ...]:
    """The RFC 9162 inclusion path of the pair at ``position``."""
    log = MerkleLog()
    log.extend([list_leaf(index, leaf_hash) for index, leaf_hash in pairs])
    return log.inclusion_path(position, len(pairs))
