"""Vectors of trees and keys: log proofs, prefix tree, lists, map function, VRF."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from worlds.people import COMPANIES
from worlds.vectors.vector import MALFORMED_PROOF, ROOT_MISMATCH, VALID, Vector, hexes

from ledger.core import prefix_tree, vrf
from ledger.core.merkle import hash_leaf
from ledger.core.prefix_tree import MapProof
from ledger.core.stream.entry import Entry, encode_entry, opening_entry
from ledger.core.stream.item_list import list_leaf, list_path, list_root, list_value
from ledger.core.stream.log import MerkleLog
from ledger.core.stream.map_function import replay
from ledger.core.stream.map_key import alpha, map_key


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def log_of(size: int) -> MerkleLog:
    log = MerkleLog()
    log.extend(hash_leaf(f"entry {number}".encode()) for number in range(size))
    return log


LOG = log_of(40)


def inclusion() -> Iterator[Vector]:
    """A leaf, its index and path in a tree; leaf i is the entry ``entry <i>``."""

    def one(name: str, what: str, expect: str, index: int, size: int, /, **changed: Any) -> Vector:
        real = index < size
        members = {
            "leaf_hash": LOG.leaf_hash(index).hex(),
            "index": index,
            "tree_size": size,
            "path": hexes(LOG.inclusion_path(index, size)) if real else [],
            "root_hash": LOG.root(size).hex(),
            **changed,
        }
        return Vector("inclusion", name, what, expect, members)

    for size in range(1, 10):
        for index in range(size):
            yield one(f"valid-{index}-of-{size}", "In the tree.", VALID, index, size)
    for index, size in ((0, 40), (31, 40), (32, 40), (39, 40), (17, 33), (32, 33)):
        yield one(f"valid-{index}-of-{size}", "In the tree.", VALID, index, size)
    path = hexes(LOG.inclusion_path(5, 13))
    other = _hash("another").hex()
    yield one("wrong-leaf", "Another leaf.", ROOT_MISMATCH, 5, 13, leaf_hash=other)
    yield one("wrong-root", "Another root.", ROOT_MISMATCH, 5, 13, root_hash=other)
    yield one("wrong-index", "Another index.", ROOT_MISMATCH, 5, 13, index=4)
    yield one("wrong-size", "The size of a higher tree.", MALFORMED_PROOF, 12, 13, tree_size=16)
    swapped = [path[1], path[0], *path[2:]]
    yield one("siblings-swapped", "Two siblings swapped.", ROOT_MISMATCH, 5, 13, path=swapped)
    yield one("path-too-long", "A hash more.", MALFORMED_PROOF, 5, 13, path=[*path, other])
    yield one("path-too-short", "A hash less.", MALFORMED_PROOF, 5, 13, path=path[:-1])
    yield one("path-empty", "No path.", MALFORMED_PROOF, 5, 13, path=[])
    yield one(
        "path-of-single-leaf", "A path in a tree of one.", MALFORMED_PROOF, 0, 1, path=[other]
    )
    yield one("index-is-size", "Index 13 of 13.", MALFORMED_PROOF, 13, 13)
    yield one("tree-empty", "A tree of none.", MALFORMED_PROOF, 0, 0)
    short = [path[0][:-2], *path[1:]]
    yield one("sibling-short", "A sibling of 31 bytes.", MALFORMED_PROOF, 5, 13, path=short)


def consistency() -> Iterator[Vector]:
    """Two sizes of one log and the proof between them."""

    def one(name: str, what: str, expect: str, old: int, new: int, /, **changed: Any) -> Vector:
        members = {
            "old_size": old,
            "new_size": new,
            "path": hexes(LOG.consistency_path(old, new)) if 1 <= old <= new else [],
            "old_root": LOG.root(old).hex(),
            "new_root": LOG.root(new).hex(),
            **changed,
        }
        return Vector("consistency", name, what, expect, members)

    for new in range(1, 9):
        for old in range(1, new + 1):
            yield one(f"valid-{old}-to-{new}", "The log grew.", VALID, old, new)
    for old, new in ((1, 40), (16, 40), (31, 40), (33, 40), (39, 40)):
        yield one(f"valid-{old}-to-{new}", "The log grew.", VALID, old, new)
    path, other = hexes(LOG.consistency_path(6, 13)), _hash("another").hex()
    yield one("wrong-old-root", "Another old root.", ROOT_MISMATCH, 6, 13, old_root=other)
    yield one("wrong-new-root", "Another new root.", ROOT_MISMATCH, 6, 13, new_root=other)
    yield one("fork-of-equal-size", "Two roots of one size.", ROOT_MISMATCH, 6, 6, new_root=other)
    yield one("rollback", "The log shrank.", MALFORMED_PROOF, 13, 6)
    yield one("old-size-zero", "From the empty log.", MALFORMED_PROOF, 0, 6)
    yield one("path-too-long", "A hash more.", MALFORMED_PROOF, 6, 13, path=[*path, other])
    yield one("path-too-short", "A hash less.", MALFORMED_PROOF, 6, 13, path=path[:-1])
    yield one("path-empty", "No path.", MALFORMED_PROOF, 6, 13, path=[])
    yield one("path-for-equal-sizes", "A path for nothing.", MALFORMED_PROOF, 6, 6, path=[other])
    swapped = [path[1], path[0], *path[2:]]
    yield one("nodes-swapped", "Two nodes swapped.", ROOT_MISMATCH, 6, 13, path=swapped)


KEYS = [_hash(f"key {number}") for number in range(12)]
ITEMS = {key: _hash(f"value {number}") for number, key in enumerate(KEYS)}
ABSENT = _hash("absent key")


def _near(key: bytes, shared: int) -> bytes:
    return (int.from_bytes(key, "big") ^ 1 << (255 - shared)).to_bytes(32, "big")


def prefix_trees() -> Iterator[Vector]:
    """A map, a claim about a key, and its proof; value null claims absence."""

    def one(
        name: str,
        what: str,
        expect: str,
        items: dict[bytes, bytes],
        key: bytes,
        value: bytes | None,
        proof: MapProof | None = None,
    ) -> Vector:
        shown = proof or prefix_tree.prove(items, key)
        members = {
            "items": {k.hex(): v.hex() for k, v in items.items()},
            "root": prefix_tree.root(items).hex(),
            "key": key.hex(),
            "value": None if value is None else value.hex(),
            "siblings": hexes(shown.siblings),
            "end": None
            if shown.end is None
            else dict(zip(("key", "value"), hexes(shown.end), strict=True)),
        }
        return Vector("prefix-tree", name, what, expect, members)

    first = KEYS[0]
    single = {first: ITEMS[first]}
    deep = {**single, _near(first, 255): _hash("deep")}
    yield one("valid-absence-empty-map", "The map has no keys.", VALID, {}, ABSENT, None)
    yield one("valid-presence-single", "The only key.", VALID, single, first, ITEMS[first])
    yield one(
        "valid-absence-single", "Another key stands at the root.", VALID, single, ABSENT, None
    )
    yield one("valid-presence-deep", "255 levels are shared.", VALID, deep, first, ITEMS[first])
    yield one(
        "valid-absence-nothing-deep", "Nothing at depth 251.", VALID, deep, _near(first, 250), None
    )
    yield one("valid-absence-many", "Not among twelve.", VALID, ITEMS, ABSENT, None)
    for number in range(4):
        key = KEYS[number]
        yield one(f"valid-presence-{number}", "One of twelve.", VALID, ITEMS, key, ITEMS[key])
    nothing = next(
        k for k in map(_hash, map(str, range(999))) if prefix_tree.prove(ITEMS, k).end is None
    )
    yield one("valid-absence-nothing", "Nothing stands there.", VALID, ITEMS, nothing, None)

    proof, value = prefix_tree.prove(ITEMS, first), ITEMS[first]
    own, siblings = proof.end, proof.siblings
    cut = siblings[:-1]
    cases: Sequence[tuple[str, str, str, bytes, bytes | None, MapProof]] = (
        ("absence-by-own-leaf", "The key itself.", MALFORMED_PROOF, first, None, proof),
        (
            "absence-by-own-key-other-value",
            "The key itself.",
            MALFORMED_PROOF,
            first,
            None,
            MapProof(siblings, (first, bytes(32))),
        ),
        (
            "absence-cut-to-nothing",
            "One level less.",
            ROOT_MISMATCH,
            first,
            None,
            MapProof(cut, None),
        ),
        ("absence-by-nothing", "No end.", ROOT_MISMATCH, first, None, MapProof(siblings, None)),
        ("absence-without-proof", "Nothing.", ROOT_MISMATCH, first, None, MapProof((), None)),
        (
            "absence-by-leaf-elsewhere",
            "A real leaf of another path.",
            MALFORMED_PROOF,
            first,
            None,
            MapProof(siblings, (_near(first, 0), value)),
        ),
        (
            "absence-by-made-up-leaf",
            "A leaf on the path that is not in the map.",
            ROOT_MISMATCH,
            first,
            None,
            MapProof(siblings, (_near(first, 255), value)),
        ),
        (
            "presence-with-other-value",
            "The end has another value.",
            MALFORMED_PROOF,
            first,
            value,
            MapProof(siblings, (first, bytes(32))),
        ),
        ("presence-by-nothing", "No end.", MALFORMED_PROOF, first, value, MapProof(siblings, None)),
        (
            "presence-of-wrong-value",
            "Claim and end agree, the root does not.",
            ROOT_MISMATCH,
            first,
            bytes(32),
            MapProof(siblings, (first, bytes(32))),
        ),
        (
            "siblings-swapped",
            "Two siblings swapped.",
            ROOT_MISMATCH,
            first,
            value,
            MapProof((siblings[1], siblings[0], *siblings[2:]), own),
        ),
        (
            "sibling-missing",
            "A sibling is missing at the top.",
            ROOT_MISMATCH,
            first,
            value,
            MapProof(siblings[1:], own),
        ),
        (
            "siblings-257",
            "Deeper than a key is long.",
            MALFORMED_PROOF,
            first,
            value,
            MapProof((bytes(32),) * 257, own),
        ),
        (
            "sibling-short",
            "A sibling of 31 bytes.",
            MALFORMED_PROOF,
            first,
            value,
            MapProof((siblings[0][:31], *siblings[1:]), own),
        ),
    )
    for name, what, expect, key, claimed, shown in cases:
        yield one(name, what, expect, ITEMS, key, claimed, shown)


def lists() -> Iterator[Vector]:
    """Pairs under a key, their root and the key's value; or one pair with its path."""

    def pairs_of(count: int) -> list[tuple[int, bytes]]:
        return [(3 * number + 1, _hash(f"leaf {number}")) for number in range(count)]

    for count in (1, 2, 3, 5, 8):
        pairs = pairs_of(count)
        root = list_root(pairs)
        members = {
            "pairs": [[index, leaf.hex()] for index, leaf in pairs],
            "leaves": [list_leaf(index, leaf).hex() for index, leaf in pairs],
            "list_root": root.hex(),
            "value": list_value(count, root).hex(),
            "paths": [hexes(list_path(pairs, position)) for position in range(count)],
        }
        yield Vector("list", f"valid-{count}", f"A list of {count}.", VALID, members)
    pairs = pairs_of(3)
    value = list_value(3, list_root(pairs))
    faults = {
        "item-missing": pairs[:2],
        "item-doubled": [pairs[0], pairs[1], pairs[1]],
        "reordered": [pairs[1], pairs[0], pairs[2]],
        "index-moved": [*pairs[:2], (8, pairs[2][1])],
        "leaf-of-another": [*pairs[:2], (7, _hash("another"))],
        "item-more": [*pairs, (99, _hash("another"))],
    }
    for name, shown in faults.items():
        members = {
            "pairs": [[index, leaf.hex()] for index, leaf in shown],
            "value": value.hex(),
        }
        yield Vector("list", name, "Not the list of this value.", ROOT_MISMATCH, members)


def map_functions() -> Iterator[Vector]:
    """Entries from index 0, and the lists, map and roots that follow from them."""
    one, two = KEYS[0], KEYS[1]
    opening = opening_entry("340000", "records", 1)

    def put(key: bytes, replaces: int | None = None, event: str = "e") -> bytes:
        return encode_entry(Entry(_hash(event), key, "put", replaces))

    def drop(key: bytes, replaces: int | None) -> bytes:
        return encode_entry(Entry(_hash("d"), key, "drop", replaces))

    cases = {
        "opening-alone": [opening],
        "one-put": [opening, put(one)],
        "two-keys": [opening, put(one), put(two), put(one)],
        "amendment-moves-to-the-end": [opening, put(one), put(one), put(one, 1)],
        "drop-empties-the-key": [opening, put(one), put(two), drop(one, 1)],
        "drop-one-of-two": [opening, put(one), put(one), drop(one, 1)],
        "drop-twice": [opening, put(one), drop(one, 1), drop(one, 1)],
        "drop-of-another-key": [opening, put(one), drop(two, 1)],
        "drop-of-nothing": [opening, put(one), drop(one, None)],
        "drop-of-the-future": [opening, drop(one, 2), put(one)],
        "drop-of-itself": [opening, put(one), drop(one, 2)],
        "put-replacing-another-key": [opening, put(one), put(two, 1)],
        "put-replacing-the-opening": [opening, put(one, 0)],
        "put-at-index-zero": [put(one), put(one)],
        "same-entry-twice": [opening, put(one), put(one)],
        "other-bytes": [opening, b"", b"{}", b"\xff\x00", put(one) + b" ", put(one)],
        "put-after-drop": [opening, put(one), drop(one, 1), put(one, 1), put(one)],
    }
    for name, entries in cases.items():
        state, log = replay(entries), MerkleLog()
        log.extend(hash_leaf(one_entry) for one_entry in entries)
        values = {key: state.value(key) for key in state.lists}
        items = {key: value for key, value in values.items() if value is not None}
        members = {
            "entries": hexes(entries),
            "log_root": log.root().hex(),
            "lists": {
                key.hex(): [[index, leaf.hex()] for index, leaf in pairs]
                for key, pairs in sorted(state.lists.items())
            },
            "map": {key.hex(): value.hex() for key, value in sorted(items.items())},
            "map_root": prefix_tree.root(items).hex(),
        }
        yield Vector("map-function", f"valid-{name}", "Replayed by index.", VALID, members)


def vrfs() -> Iterator[Vector]:
    """A subject's key: VRF input, proof, output and map key."""
    secret = _hash("vrf seed of the vectors")
    public = vrf.public_key(secret)

    def one(
        name: str, what: str, expect: str, text: bytes, proof: bytes, key: bytes = public
    ) -> Vector:
        members: dict[str, Any] = {
            "public_key": key.hex(),
            "alpha": text.hex(),
            "proof": proof.hex(),
        }
        if expect == VALID:
            beta = vrf.output(proof)
            members |= {"secret": secret.hex(), "beta": beta.hex(), "map_key": map_key(beta).hex()}
        return Vector("vrf", name, what, expect, members)

    wrong = "vrf-proof"
    subject = COMPANIES[0]
    questions = (
        ("340000", "records", "cf"),
        ("310000", "records", "xk"),
        ("340000", "restricted", "tax"),
        ("340000", "queries", "2026-10"),
    )
    for question in questions:
        text = alpha(*question, subject)
        vector = one("valid-" + "-".join(question), "A key.", VALID, text, vrf.prove(secret, text))
        parts = dict(zip(("region", "stream", "record_type"), question, strict=True))
        vector.members.update(parts, subject=subject)
        yield vector
    text = alpha("340000", "records", "cf", subject)
    proof = vrf.prove(secret, text)
    gamma, challenge, response = proof[:32], proof[32:48], proof[48:]
    order = vrf.ORDER.to_bytes(32, "little")
    above = (int.from_bytes(response, "little") + vrf.ORDER).to_bytes(32, "little")
    identity = b"\x01" + bytes(31)
    small = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
    stranger = vrf.public_key(_hash("stranger"))
    yield one("another-input", "Proof of another input.", wrong, text + b"x", proof)
    yield one("another-public-key", "Under another key.", wrong, text, proof, stranger)
    yield one(
        "proof-of-another-key", "Made by another key.", wrong, text, vrf.prove(_hash("s"), text)
    )
    yield one("s-plus-order", "s is not below q.", wrong, text, gamma + challenge + above)
    yield one("s-is-order", "s is q.", wrong, text, gamma + challenge + order)
    yield one("gamma-identity", "Gamma of order 1.", wrong, text, identity + challenge + response)
    yield one("gamma-small-order", "Gamma of order 8.", wrong, text, small + challenge + response)
    yield one("gamma-zero", "Gamma of order 4.", wrong, text, bytes(32) + challenge + response)
    high = (2**255 - 18).to_bytes(32, "little")
    yield one("gamma-not-canonical", "y is p + 1.", wrong, text, high + challenge + response)
    yield one("gamma-no-point", "Off the curve.", wrong, text, b"\x02" + bytes(31) + proof[32:])
    yield one("gamma-negated", "The other x.", wrong, text, _flip(gamma, 255) + proof[32:])
    yield one("challenge-flipped", "One bit of c.", wrong, text, _flip(proof, 32 * 8))
    yield one("response-flipped", "One bit of s.", wrong, text, _flip(proof, 48 * 8))
    yield one("public-key-small-order", "A key of order 8.", wrong, text, proof, small)
    yield one("public-key-identity", "A key of order 1.", wrong, text, proof, identity)
    yield one("public-key-not-canonical", "y is p + 1.", wrong, text, proof, high)
    yield one("proof-short", "79 bytes.", wrong, text, proof[:-1])
    yield one("proof-long", "81 bytes.", wrong, text, proof + b"\x00")


def _flip(data: bytes, bit: int) -> bytes:
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]
