"""Nodes of a Merkle-Patricia trie whose keys all have 64 nibbles (Ethereum's secure tries).

Reads one node into its shape and refuses every shape that such a trie never contains. Paths are
lower-case hex text, one character a nibble. Following references is the business of
``state_proof``.

Source: Ethereum Yellow Paper, appendices C (hex-prefix) and D (trie).
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from ledger.core.chain import rlp
from ledger.core.types import Hash32
from ledger.errors import MalformedProofError

KEY_NIBBLES: Final = 64
"""Length of every key: 32 bytes of Keccak-256."""

MAX_NODE_BYTES: Final = 532
"""Longest node: a branch of sixteen hashes, 3 + 16 * 33 + 1 bytes."""

MIN_HASHED_BYTES: Final = 32
"""A node shorter than this stands inside its parent, a longer one is referred to by its hash."""

_MAX_DEPTH: Final = 8
_BRANCH_ITEMS: Final = 17
_PATH_ITEMS: Final = 2
_LEAF_FLAG: Final = 2
_ODD_FLAG: Final = 1


@dataclass(frozen=True, slots=True)
class Leaf:
    """The end of a path, with the value that stands there."""

    path: str
    """Remaining nibbles of the key, 0..64."""
    value: bytes
    """Never empty."""


@dataclass(frozen=True, slots=True)
class Extension:
    """A stretch of path that all keys below share."""

    path: str
    """Shared nibbles, 1..63."""
    child: "Hash32 | Branch"
    """The branch below, by hash or embedded."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A fork: one child for each next nibble, at least two of them present."""

    children: "tuple[Hash32 | TrieNode | None, ...]"
    """Sixteen references: a hash, an embedded node, or None for nothing below."""


TrieNode: TypeAlias = Leaf | Extension | Branch
"""Any node."""


def parse_node(data: bytes) -> TrieNode:
    """Read one node from its encoding.

    Args:
        data: RLP of the node, at most 532 bytes.

    Returns:
        The node; embedded children are read too.

    Raises:
        MalformedProofError: Not strict RLP, or no node of a trie with keys of 64 nibbles.

    Source: Ethereum Yellow Paper, appendix D.
    """
    return _shape(rlp.decode(data, max_bytes=MAX_NODE_BYTES, max_depth=_MAX_DEPTH))


def _shape(item: rlp.RlpItem) -> TrieNode:
    count = len(item) if isinstance(item, list) else 0
    if isinstance(item, list) and count == _BRANCH_ITEMS:
        return _branch(item)
    if isinstance(item, list) and count == _PATH_ITEMS:
        return _leaf_or_extension(*item)
    raise MalformedProofError(f"trie node: expected a list of 2 or 17 items, found {count}")


def _branch(items: list[rlp.RlpItem]) -> Branch:
    if items[-1] != b"":
        raise MalformedProofError("branch: a value stands where no key of 64 nibbles ends")
    children = tuple(_reference(item) for item in items[:-1])
    present = sum(child is not None for child in children)
    if present < 2:
        raise MalformedProofError(f"branch: expected at least 2 children, found {present}")
    return Branch(children)


def _leaf_or_extension(first: rlp.RlpItem, second: rlp.RlpItem) -> Leaf | Extension:
    path, is_leaf = _parse_path(first)
    if is_leaf:
        if not isinstance(second, bytes) or not second:
            raise MalformedProofError("leaf: expected a value, found nothing or a list")
        return Leaf(path, second)
    child = _reference(second)
    if not path:
        raise MalformedProofError("extension: the path is empty")
    if not isinstance(child, bytes | Branch):
        raise MalformedProofError("extension: expected a branch below")
    return Extension(path, child)


def _reference(item: rlp.RlpItem) -> Hash32 | TrieNode | None:
    """Read a reference to a child: nothing, a hash, or a node embedded because it is short."""
    if isinstance(item, list):
        size = len(rlp.encode(item))
        if size >= MIN_HASHED_BYTES:
            raise MalformedProofError(f"embedded node: expected below 32 bytes, found {size}")
        return _shape(item)
    if len(item) not in (0, MIN_HASHED_BYTES):
        raise MalformedProofError(f"reference: expected 0 or 32 bytes, found {len(item)}")
    return item or None


def _parse_path(item: rlp.RlpItem) -> tuple[str, bool]:
    """Undo the hex-prefix encoding; return the nibbles and whether they end in a leaf."""
    if not isinstance(item, bytes) or not item:
        raise MalformedProofError("path: expected bytes, found nothing or a list")
    flag = item[0] >> 4
    if flag > (_LEAF_FLAG | _ODD_FLAG):
        raise MalformedProofError(f"path: expected a flag of 0 to 3, found {flag}")
    nibbles = item.hex()
    is_odd = bool(flag & _ODD_FLAG)
    if not is_odd and nibbles[1] != "0":
        raise MalformedProofError(f"path: expected padding 0, found {nibbles[1]}")
    path = nibbles[1 if is_odd else 2 :]
    if len(path) > KEY_NIBBLES:
        raise MalformedProofError(f"path: expected at most 64 nibbles, found {len(path)}")
    return path, bool(flag & _LEAF_FLAG)
