"""Merkle tree hashing and its two proofs, as RFC 9162 section 2.1 has them; SHA-256.

Proofs are checked here and made in ``ledger.core.stream.log``.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from ledger.core.types import Hash32, LeafIndex, TreeSize
from ledger.errors import MalformedProofError, RootMismatchError

LEAF_PREFIX: Final = b"\x00"
"""Domain separation of leaves, RFC 9162, section 2.1.1."""

NODE_PREFIX: Final = b"\x01"
"""Domain separation of inner nodes, RFC 9162, section 2.1.1."""

HASH_BYTES: Final = 32

EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Root of the tree without leaves, RFC 9162, section 2.1.1."""


def hash_leaf(entry: bytes) -> Hash32:
    """Hash an entry as a leaf: SHA-256(0x00 || entry), 32 bytes."""
    return hashlib.sha256(LEAF_PREFIX + entry).digest()


def hash_children(left: Hash32, right: Hash32) -> Hash32:
    """Hash two subtrees: SHA-256(0x01 || left || right), 32 bytes."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def root_hash(leaf_hashes: Sequence[Hash32]) -> Hash32:
    """The root over leaf hashes in order.

    Args:
        leaf_hashes: 32 bytes each; may be empty.

    Returns:
        The Merkle tree hash, 32 bytes; SHA-256 of nothing for no leaves.

    Raises:
        MalformedProofError: A leaf hash of another length.

    Source: RFC 9162, section 2.1.1.
    """
    _require_hashes(leaf_hashes)
    # Roots of complete subtrees from the left, largest first, as in section 2.1.2.
    complete: list[tuple[int, Hash32]] = []
    for leaf_hash in leaf_hashes:
        level, node = 0, leaf_hash
        while complete and complete[-1][0] == level:
            node = hash_children(complete.pop()[1], node)
            level += 1
        complete.append((level, node))
    if not complete:
        return EMPTY_ROOT
    root = complete.pop()[1]
    while complete:
        root = hash_children(complete.pop()[1], root)
    return root


def root_from_path(
    *, leaf_hash: Hash32, index: LeafIndex, tree_size: TreeSize, path: Sequence[Hash32]
) -> Hash32:
    """The root that an inclusion path leads to.

    Args:
        leaf_hash: The leaf's hash, 32 bytes.
        index: Zero-based position of the leaf; 0 <= index < tree_size.
        tree_size: Number of leaves under the root.
        path: Sibling hashes from the leaf's level upwards, 32 bytes each.

    Raises:
        MalformedProofError: ``index`` or the length of ``path`` does not fit ``tree_size``.

    Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < tree_size:
        raise MalformedProofError(f"index: expected 0 <= {index} < {tree_size}")
    _require_hashes([leaf_hash, *path])
    position, last, root = index, tree_size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            raise MalformedProofError("path: longer than the tree is high")
        if position & 1 or position == last:
            root = hash_children(sibling, root)
            # A right edge without sibling goes up until it is a right child.
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            root = hash_children(root, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise MalformedProofError("path: shorter than the tree is high")
    return root


def verify_inclusion(
    *,
    leaf_hash: Hash32,
    index: LeafIndex,
    tree_size: TreeSize,
    path: Sequence[Hash32],
    root_hash: Hash32,
) -> None:
    """Check that a leaf is in the tree that has this root.

    Args:
        leaf_hash: SHA-256(0x00 || entry), 32 bytes.
        index: Zero-based position of the leaf; 0 <= index < tree_size.
        tree_size: Number of leaves under ``root_hash``.
        path: Sibling hashes from the leaf's level upwards, 32 bytes each.
        root_hash: Merkle tree hash of the first ``tree_size`` leaves, 32 bytes.

    Raises:
        MalformedProofError: ``index`` or the length of ``path`` does not fit ``tree_size``.
        RootMismatchError: The path leads to another root.

    Source: RFC 9162, section 2.1.3.2.
    """
    computed = root_from_path(leaf_hash=leaf_hash, index=index, tree_size=tree_size, path=path)
    if computed != root_hash:
        raise RootMismatchError(expected=root_hash, computed=computed)


def verify_consistency(
    *,
    old_size: TreeSize,
    new_size: TreeSize,
    path: Sequence[Hash32],
    old_root: Hash32,
    new_root: Hash32,
) -> None:
    """Check that the tree with ``new_root`` begins with all leaves of the tree with ``old_root``.

    Args:
        old_size: Leaves of the old tree; at least 1.
        new_size: Leaves of the new tree; at least ``old_size``.
        path: Node hashes, 32 bytes each; empty exactly when the sizes are equal.
        old_root: Root of the old tree, 32 bytes.
        new_root: Root of the new tree, 32 bytes.

    Raises:
        MalformedProofError: The sizes are out of order, or the path does not have their length.
        RootMismatchError: The path leads to another old or new root.

    Source: RFC 9162, section 2.1.4.2.
    """
    if not 1 <= old_size <= new_size:
        raise MalformedProofError(f"sizes: expected 1 <= old <= new, found {old_size}, {new_size}")
    _require_hashes([old_root, new_root, *path])
    if old_size == new_size:
        if path:
            raise MalformedProofError("path: expected none for equal sizes")
        if old_root != new_root:
            raise RootMismatchError(expected=old_root, computed=new_root)
        return
    if not path:
        raise MalformedProofError("path: expected at least one node")
    # A complete old tree is a node of the new one and stands for itself (step 2).
    nodes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            raise MalformedProofError("path: longer than the trees are high")
        if position & 1 or position == last:
            old, new = hash_children(node, old), hash_children(node, new)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            new = hash_children(new, node)
        position >>= 1
        last >>= 1
    if last:
        raise MalformedProofError("path: shorter than the trees are high")
    if old != old_root:
        raise RootMismatchError(expected=old_root, computed=old)
    if new != new_root:
        raise RootMismatchError(expected=new_root, computed=new)


def _require_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise MalformedProofError(f"hashes: expected {HASH_BYTES} bytes each")
