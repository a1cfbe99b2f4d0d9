"""Accounts and storage words proved against a state root (EIP-1186), or proved to be unset.

All proofs of one block share one set of nodes. A node is found by its hash, so order carries no
meaning; every node that no walk needed is surplus, and ``NodeSet.require_all_used`` refuses it.
"Absent" is only ever the result of a walk that ended at nothing or at another key; a node that is
needed and not there is an error.

Source: Ethereum Yellow Paper, section 4.1 and appendix D; EIP-1186.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ledger.core.chain import rlp
from ledger.core.chain.keccak import keccak256
from ledger.core.chain.trie_node import (
    MAX_NODE_BYTES,
    MIN_HASHED_BYTES,
    Branch,
    Leaf,
    TrieNode,
    parse_node,
)
from ledger.core.types import Hash32
from ledger.errors import MalformedProofError, RootMismatchError

EMPTY_ROOT: Final = keccak256(rlp.encode(b""))
"""Root of a trie without keys: 56e81f17...b421."""

_ADDRESS_BYTES: Final = 20
_WORD_BYTES: Final = 32
_NONCE_BYTES: Final = 8
_ACCOUNT_FIELDS: Final = 4
_HASH_PREFIX: Final = 0xA0


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the state trie holds it."""

    nonce: int
    """Transactions sent, or contracts created; 0 .. 2^64 - 1."""
    balance: int
    """In wei; 0 .. 2^256 - 1."""
    storage_root: Hash32
    """Root of the account's storage trie, 32 bytes."""
    code_hash: Hash32
    """Keccak-256 of the account's code, 32 bytes."""


class NodeSet:
    """Trie nodes by hash, remembering which of them a walk needed."""

    def __init__(self, nodes: Iterable[bytes]) -> None:
        """Hash the nodes.

        Args:
            nodes: RLP of each node, each once, in any order.

        Raises:
            MalformedProofError: A node is given twice or is longer than any node.
        """
        self._nodes: dict[Hash32, bytes] = {}
        self._parsed: dict[Hash32, TrieNode] = {}
        for node in nodes:
            if len(node) > MAX_NODE_BYTES:
                raise MalformedProofError(f"node: expected at most 532 bytes, found {len(node)}")
            node_hash = keccak256(node)
            if node_hash in self._nodes:
                raise MalformedProofError(f"node {node_hash.hex()} is given twice")
            self._nodes[node_hash] = node

    def __len__(self) -> int:
        return len(self._nodes)

    def used(self) -> tuple[bytes, ...]:
        """Return the nodes needed so far, ascending: the smallest set for the same walks."""
        return tuple(sorted(self._nodes[node_hash] for node_hash in self._parsed))

    def unused(self) -> tuple[bytes, ...]:
        """Return the nodes no walk has needed so far, ascending."""
        return tuple(sorted(n for h, n in self._nodes.items() if h not in self._parsed))

    def require_all_used(self) -> None:
        """Refuse surplus nodes; to be called after the last walk.

        Raises:
            MalformedProofError: A node was not needed.
        """
        surplus = len(self._nodes) - len(self._parsed)
        if surplus:
            raise MalformedProofError(f"expected no surplus nodes, found {surplus}")

    def root_node(self, root: Hash32) -> TrieNode:
        """Return the node at the top of a trie; a short one is hashed there too.

        Raises:
            RootMismatchError: The nodes form a trie with another root.
            MalformedProofError: The node is missing or malformed.
        """
        if root not in self._nodes:
            tops = self._tops()
            if len(tops) == 1:
                raise RootMismatchError(expected=root, computed=tops[0])
            raise MalformedProofError(f"root node {root.hex()} is missing")
        return self._node(root)

    def inner_node(self, node_hash: Hash32) -> TrieNode:
        """Return a node to which another node refers by hash.

        Raises:
            MalformedProofError: The node is missing, malformed, or so short that it would stand
                inside its parent.
        """
        data = self._nodes.get(node_hash)
        if data is None:
            raise MalformedProofError(f"node {node_hash.hex()} is missing")
        if len(data) < MIN_HASHED_BYTES:
            raise MalformedProofError(f"hashed node: expected 32 bytes or more, found {len(data)}")
        return self._node(node_hash)

    def _node(self, node_hash: Hash32) -> TrieNode:
        node = self._parsed.get(node_hash)
        if node is None:
            node = self._parsed[node_hash] = parse_node(self._nodes[node_hash])
        return node

    def _tops(self) -> list[Hash32]:
        """Return hashes that occur in no node, in time linear in the bytes; for a message only."""
        inside = {
            node_hash
            for node in self._nodes.values()
            for position, byte in enumerate(node)
            if byte == _HASH_PREFIX
            and (node_hash := node[position + 1 : position + 1 + _WORD_BYTES]) in self._nodes
        }
        return [node_hash for node_hash in self._nodes if node_hash not in inside]


def verify_account(root: Hash32, address: bytes, nodes: NodeSet) -> Account | None:
    """Prove an account under a state root, or prove that there is none.

    Args:
        root: State root of the block, 32 bytes.
        address: The account's address, 20 bytes.
        nodes: The proof; the nodes needed are marked as used.

    Returns:
        The account, or None where the trie provably holds none at this address.

    Raises:
        MalformedProofError: A node is missing or malformed, or an argument has a wrong length.
        RootMismatchError: The nodes form a trie with another root.

    Source: EIP-1186; Ethereum Yellow Paper, section 4.1.
    """
    _require_length(address, _ADDRESS_BYTES, "address")
    value = _find(root, keccak256(address), nodes)
    return None if value is None else _parse_account(value)


def verify_storage(storage_root: Hash32, slot: bytes, nodes: NodeSet) -> int | None:
    """Prove a storage word under an account's storage root, or prove that it is unset.

    Args:
        storage_root: Storage root of a proved account, 32 bytes.
        slot: The storage slot, 32 bytes, not hashed.
        nodes: The proof; the nodes needed are marked as used.

    Returns:
        The word, 1 .. 2^256 - 1, or None where the EVM provably reads 0: the trie holds nothing at
        this slot, or (on anvil only) a leaf with 0. Never 0.

    Raises:
        MalformedProofError: A node is missing or malformed, or an argument has a wrong length.
        RootMismatchError: The nodes form a trie with another root.

    Source: EIP-1186; Ethereum Yellow Paper, section 4.1.
    """
    _require_length(slot, _WORD_BYTES, "slot")
    value = _find(storage_root, keccak256(slot), nodes)
    return None if value is None else _parse_word(value)


def _find(root: Hash32, key: Hash32, nodes: NodeSet) -> bytes | None:
    """Walk from the root along the nibbles of ``key``; return the leaf's value or None."""
    _require_length(root, _WORD_BYTES, "root")
    if root == EMPTY_ROOT:
        return None
    rest = key.hex()
    node = nodes.root_node(root)
    while not isinstance(node, Leaf):
        # Each turn takes at least one nibble off ``rest``, so that a walk ends after 64 at most.
        if isinstance(node, Branch):
            if not rest:
                raise MalformedProofError("branch: stands below the last nibble of the key")
            child = node.children[int(rest[0], 16)]
            rest = rest[1:]
        else:
            if len(node.path) >= len(rest):
                raise MalformedProofError("extension: leaves no nibble for the branch below")
            if not rest.startswith(node.path):
                return None
            child = node.child
            rest = rest[len(node.path) :]
            if isinstance(child, bytes) and not isinstance(nodes.inner_node(child), Branch):
                raise MalformedProofError("extension: expected a branch below")
        if child is None:
            return None
        node = nodes.inner_node(child) if isinstance(child, bytes) else child
    if len(node.path) != len(rest):
        raise MalformedProofError(f"leaf: expected {len(rest)} nibbles, found {len(node.path)}")
    return node.value if node.path == rest else None


def _parse_account(value: bytes) -> Account:
    fields = rlp.decode_strings(value)
    if len(fields) != _ACCOUNT_FIELDS:
        raise MalformedProofError(f"account: expected 4 fields, found {len(fields)}")
    nonce, balance, storage_root, code_hash = fields
    _require_length(storage_root, _WORD_BYTES, "storage root")
    _require_length(code_hash, _WORD_BYTES, "code hash")
    return Account(
        nonce=rlp.parse_integer(nonce, max_bytes=_NONCE_BYTES, what="nonce"),
        balance=rlp.parse_integer(balance, max_bytes=_WORD_BYTES, what="balance"),
        storage_root=storage_root,
        code_hash=code_hash,
    )


def _parse_word(value: bytes) -> int | None:
    string = rlp.decode_string(value)
    # The EVM deletes a word that becomes 0, so tries of consensus nodes have no leaf with 0. anvil
    # keeps one for every word it ever read or wrote as 0. Such a leaf proves 0 as exclusion does,
    # and gives the same result, so that a caller who demands a word is never handed a 0.
    return rlp.parse_integer(string, max_bytes=_WORD_BYTES, what="storage word") or None


def _require_length(value: bytes, expected: int, what: str) -> None:
    if len(value) != expected:
        raise MalformedProofError(f"{what}: expected {expected} bytes, found {len(value)}")
