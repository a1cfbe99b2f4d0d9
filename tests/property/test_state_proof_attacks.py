"""Attacks on state proofs: nothing but a proof of the same meaning is accepted.

Two attackers. The first has an honest root against him and may give any nodes; he must never be
believed. The second chose the root too: he changes a node and repairs every hash above it, so that
only the strictness of the reader stands in his way. Whatever is accepted from him must mean the
same to an independent trie, and must be its one encoding.
"""

from collections.abc import Callable
from typing import Any

import rlp as other_rlp
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from ledger.core.chain import rlp
from ledger.core.chain.keccak import keccak256
from ledger.core.chain.state_proof import NodeSet, verify_account, verify_storage
from ledger.errors import LedgerError, MalformedProofError

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

SLOTS = [number.to_bytes(32, "big") for number in range(24)]
WORDS = st.sampled_from([1, 5, 0x7F, 0x80, 2**64, 2**255, 2**256 - 1])


def read(root: bytes, slot: bytes, nodes: list[bytes]) -> int | None:
    node_set = NodeSet(nodes)
    word = verify_storage(root, slot, node_set)
    node_set.require_all_used()
    return word


def nodes_for(trie: HexaryTrie, slot: bytes) -> list[bytes]:
    """Nodes on the way to a slot, from the root; embedded ones stand in their parent."""
    path = [other_rlp.encode(node) for node in trie.get_proof(keccak256(slot))]
    return path[:1] + [node for node in path[1:] if len(node) >= 32]


@st.composite
def tries(draw: st.DrawFn) -> tuple[HexaryTrie, bytes, int | None]:
    """A trie, a slot, and the word there; keys close to the slot's make deep and embedded nodes."""
    slot = draw(st.sampled_from(SLOTS))
    trie = HexaryTrie({})
    for other in draw(st.lists(st.sampled_from(SLOTS), max_size=16, unique=True)):
        trie[keccak256(other)] = other_rlp.encode(draw(WORDS))
    key = keccak256(slot).hex()
    for shared in draw(st.lists(st.integers(0, 63), max_size=3)):
        nibble = f"{int(key[shared], 16) ^ draw(st.integers(1, 15)):x}"
        neighbour = key[:shared] + nibble + key[shared + 1 :]
        trie[bytes.fromhex(neighbour)] = other_rlp.encode(draw(WORDS))
    stored = trie[keccak256(slot)]
    assume(trie.root_hash != HexaryTrie({}).root_hash)
    return trie, slot, other_rlp.decode(stored, other_rlp.sedes.big_endian_int) if stored else None


def longer_forms(node: bytes) -> list[bytes]:
    """The same items, encoded as only a lenient reader would take them."""
    items = [other_rlp.encode(item) for item in other_rlp.decode(node)]
    payload = b"".join(items)
    forms = [
        b"\xfa" + len(payload).to_bytes(3, "big") + payload,
        node + b"\x00",
        b"\x00" + node,
        other_rlp.encode(node),
    ]
    if len(payload) <= 55:
        forms.append(b"\xf8" + bytes((len(payload),)) + payload)
    for position, item in enumerate(items):
        longer = longer_item(item)
        forms.append(list_of(b"".join([*items[:position], longer, *items[position + 1 :]])))
    return forms


def longer_item(item: bytes) -> bytes:
    """An item of at most 55 bytes with a prefix or length it does not need."""
    if item[0] < 0x80:
        return b"\x81" + item
    return (b"\xf8" if item[0] >= 0xC0 else b"\xb8") + bytes((len(item) - 1,)) + item[1:]


def list_of(payload: bytes) -> bytes:
    """The encoding of a list whose items are given encoded."""
    if len(payload) <= 55:
        return bytes((0xC0 + len(payload),)) + payload
    length = rlp.encode_integer(len(payload))
    return bytes((0xF7 + len(length),)) + length + payload


def relinked(path: list[bytes], index: int, changed: bytes) -> tuple[bytes, list[bytes]]:
    """Replace one node and repair the hashes above it; return the new root and nodes."""
    nodes = list(path)
    before, nodes[index] = nodes[index], changed
    for parent in range(index - 1, -1, -1):
        old, new = keccak256(before), keccak256(nodes[parent + 1])
        before = nodes[parent]
        assert old in before
        nodes[parent] = before.replace(old, new)
    return keccak256(nodes[0]), nodes


@settings(UNHURRIED)
@given(tries())
def test_state_proof_honest_is_accepted_in_any_order(
    case: tuple[HexaryTrie, bytes, int | None],
) -> None:
    trie, slot, word = case
    nodes = nodes_for(trie, slot)
    assert read(trie.root_hash, slot, nodes) == word
    assert read(trie.root_hash, slot, nodes[::-1]) == word
    assert read(trie.root_hash, slot, sorted(nodes)) == word


MUTATIONS: dict[str, Callable[[list[bytes], int, int], list[bytes]]] = {
    "duplicated": lambda nodes, at, _: [*nodes, nodes[at]],
    "removed": lambda nodes, at, _: nodes[:at] + nodes[at + 1 :],
    "replaced by another": lambda nodes, at, to: [
        nodes[to % len(nodes)] if index == at else node for index, node in enumerate(nodes)
    ],
    "emptied": lambda nodes, at, _: [b"" if i == at else n for i, n in enumerate(nodes)],
    "empty node added": lambda nodes, at, to: [*nodes, b"\x80"],
    "cut": lambda nodes, at, to: [n[: to % len(n)] if i == at else n for i, n in enumerate(nodes)],
    "flipped": lambda nodes, at, to: [
        bytes(b ^ (1 << to % 8 if p == to // 8 % len(n) else 0) for p, b in enumerate(n))
        if i == at
        else n
        for i, n in enumerate(nodes)
    ],
    "joined": lambda nodes, at, _: [*nodes[:at], b"".join(nodes[at:])],
    "wrapped": lambda nodes, at, _: [rlp.encode(n) if i == at else n for i, n in enumerate(nodes)],
    "hashed": lambda nodes, at, _: [keccak256(n) if i == at else n for i, n in enumerate(nodes)],
    "longer form": lambda nodes, at, to: [
        longer_forms(n)[to % len(longer_forms(n))] if i == at else n for i, n in enumerate(nodes)
    ],
}


@settings(UNHURRIED, max_examples=400)
@given(tries(), st.sampled_from(sorted(MUTATIONS)), st.integers(0, 63), st.integers(0, 2**16))
def test_state_proof_changed_nodes_under_an_honest_root_are_refused(
    case: tuple[HexaryTrie, bytes, int | None], name: str, at: int, to: int
) -> None:
    trie, slot, _ = case
    nodes = nodes_for(trie, slot)
    changed = MUTATIONS[name](nodes, at % len(nodes), to)
    assume(sorted(changed) != sorted(nodes))
    try:
        word = read(trie.root_hash, slot, changed)
    except LedgerError:
        return
    raise AssertionError(f"{name} was read as {word}")


@settings(UNHURRIED, max_examples=200)
@given(tries(), st.sampled_from(SLOTS))
def test_state_proof_of_another_slot_proves_nothing_false(
    case: tuple[HexaryTrie, bytes, int | None], other: bytes
) -> None:
    trie, slot, word = case
    try:
        found = read(trie.root_hash, slot, nodes_for(trie, other))
    except MalformedProofError:
        return
    assert found == word


@settings(UNHURRIED, max_examples=200)
@given(tries(), st.integers(0, 63), st.integers(0, 2**16))
def test_state_proof_node_in_a_longer_form_is_refused_under_a_repaired_root(
    case: tuple[HexaryTrie, bytes, int | None], at: int, which: int
) -> None:
    trie, slot, _ = case
    path = nodes_for(trie, slot)
    forms = longer_forms(path[at % len(path)])
    root, nodes = relinked(path, at % len(path), forms[which % len(forms)])
    try:
        word = read(root, slot, nodes)
    except MalformedProofError:
        return
    raise AssertionError(f"a longer form was read as {word}")


def read_elsewhere(root: bytes, slot: bytes, nodes: list[bytes]) -> Any:
    """What the independent trie reads from the same nodes."""
    proof = [other_rlp.decode(node, strict=True) for node in nodes]
    stored = HexaryTrie.get_from_proof(root, keccak256(slot), proof)
    return other_rlp.decode(stored, other_rlp.sedes.big_endian_int) if stored else None


@settings(UNHURRIED, max_examples=600)
@given(tries(), st.integers(0, 63), st.integers(0, 4255), st.integers(0, 3))
def test_state_proof_flipped_bit_under_a_repaired_root_means_the_same_elsewhere(
    case: tuple[HexaryTrie, bytes, int | None], at: int, bit: int, header: int
) -> None:
    trie, slot, _ = case
    path = nodes_for(trie, slot)
    changed = bytearray(path[at % len(path)])
    # Most bits of a node are hashes; look at its beginning, where lengths and flags are, as often.
    position = bit // 8 % (len(changed) if header else min(len(changed), 4))
    changed[position] ^= 1 << bit % 8
    root, nodes = relinked(path, at % len(path), bytes(changed))
    try:
        word = read(root, slot, nodes)
    except MalformedProofError:
        return
    assert (read_elsewhere(root, slot, nodes) or None) == word
    assert all(rlp.encode(rlp.decode(node)) == node for node in nodes)


ITEMS = st.recursive(
    st.one_of(
        st.sampled_from([b"", b"\x20", b"\x00", b"\x05", b"\x11" * 32, b"\x80", b"\x1f"]),
        st.binary(max_size=34),
    ),
    lambda child: st.one_of(
        st.lists(child, min_size=2, max_size=2), st.lists(child, min_size=17, max_size=17)
    ),
    max_leaves=20,
)


@settings(UNHURRIED, max_examples=300)
@given(tries(), st.integers(0, 63), st.integers(0, 16), ITEMS)
def test_state_proof_crafted_item_under_a_repaired_root_means_the_same_elsewhere(
    case: tuple[HexaryTrie, bytes, int | None], at: int, child: int, item: rlp.RlpItem
) -> None:
    """Puts anything, embedded nodes above all, in the place of any item of any node."""
    trie, slot, _ = case
    path = nodes_for(trie, slot)
    items = other_rlp.decode(path[at % len(path)])
    items[child % len(items)] = item
    root, nodes = relinked(path, at % len(path), rlp.encode(items))
    for given_nodes in (nodes, nodes[: at % len(path) + 1]):
        try:
            word = read(root, slot, given_nodes)
        except MalformedProofError:
            continue
        assert (read_elsewhere(root, slot, given_nodes) or None) == word


@settings(UNHURRIED, max_examples=200)
@given(st.lists(st.one_of(st.binary(max_size=60), ITEMS.map(rlp.encode)), max_size=5))
def test_state_proof_any_nodes_raise_nothing_but_expected_errors(nodes: list[bytes]) -> None:
    root = keccak256(nodes[0]) if nodes else bytes(32)
    for call in (
        lambda: read(root, SLOTS[0], nodes),
        lambda: verify_account(root, bytes(20), NodeSet(nodes)),
    ):
        try:
            assert call() is None
        except LedgerError:
            pass
