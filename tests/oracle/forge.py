"""Evidence that an attacker with a development chain of his own can make.

Everything below the VRF is rebuilt: commitments, log, list, map, the words of the chain, its tries,
header and block hash. So a changed event reaches the steps that read events.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from oracle.canonical import encode, prefixed
from oracle.head import heads_slot, lane_slot
from oracle.trees import h, list_value, pair_leaf, tree_root
from oracle.trie import keccak, rlp

Node = list[Any]
Words = dict[int, int]


def rlp_encode(item: bytes | list[Any]) -> bytes:
    """Write RLP."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(0x80, len(item)) + item
    payload = b"".join(map(rlp_encode, item))
    return _prefix(0xC0, len(payload)) + payload


def _prefix(base: int, length: int) -> bytes:
    if length < 56:
        return bytes([base + length])
    digits = minimal(length)
    return bytes([base + 55 + len(digits)]) + digits


def minimal(value: int) -> bytes:
    """Write an integer without leading zero bytes."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def trie(
    values: dict[bytes, bytes],
    nodes: set[bytes],
    write: Callable[[Any], bytes] = rlp_encode,
) -> bytes:
    """Build a trie over hashed keys, add its nodes to the set, return its root.

    `write` encodes the node at the top, rightly or otherwise.
    """
    hashed = {keccak(key).hex(): value for key, value in values.items()}
    if not hashed:
        return keccak(b"\x80")
    top = write(_node(hashed, nodes))
    nodes.add(top)
    return keccak(top)


def _node(values: dict[str, bytes], nodes: set[bytes]) -> Node:
    if len(values) == 1:
        ((path, value),) = values.items()
        return [_hex_prefix(path, 2), value]
    paths = sorted(values)
    shared = 0
    while paths[0][shared] == paths[-1][shared]:
        shared += 1
    if shared:
        rest = {path[shared:]: value for path, value in values.items()}
        return [_hex_prefix(paths[0][:shared], 0), _reference(_node(rest, nodes), nodes)]
    branch: Node = [b""] * 17
    for place, digit in enumerate("0123456789abcdef"):
        below = {path[1:]: value for path, value in values.items() if path[0] == digit}
        if below:
            branch[place] = _reference(_node(below, nodes), nodes)
    return branch


def _reference(node: Node, nodes: set[bytes]) -> bytes | Node:
    data = rlp_encode(node)
    if len(data) < 32:
        return node
    nodes.add(data)
    return keccak(data)


def _hex_prefix(path: str, flag: int) -> bytes:
    odd = len(path) % 2
    return bytes.fromhex(f"{flag + odd}" + ("" if odd else "0") + path)


def inclusion_path(leaves: list[bytes], index: int) -> list[bytes]:
    """Return the inclusion path of a leaf, from the leaf up (RFC 9162, section 2.1.3.1)."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return [*inclusion_path(leaves[:split], index), tree_root(leaves[split:])]
    return [*inclusion_path(leaves[split:], index - split), tree_root(leaves[:split])]


def entry_of(event: dict[str, Any], salt: str, key: str) -> str:
    """Write the entry that puts an event under a key."""
    committed = h(b"credit-ledger/event/v1\0", bytes.fromhex(salt), encode(event)).hex()
    return f'{{"event":"{committed}","key":"{key}","op":"put","replaces":null,"v":1}}'


@dataclass
class Chain:
    """What the forged chain says of the stream, where it is not the usual."""

    size: int | None = None
    epoch: int = 7
    anchored_before: int = 30
    rest_of_word: int = 1 << 192 | 1 << 224
    status: int = 1 << 160
    lanes: dict[int, int] | None = None
    write: Callable[[Any], bytes] = rlp_encode
    """Encodes words, accounts, the tops of tries and headers, rightly or otherwise."""


def forge(
    sample: dict[str, Any],
    root: dict[str, Any],
    items: list[dict[str, Any]],
    *,
    key: bytes,
    opened: list[int] | None = None,
    current: int | None = None,
    chain: Chain | None = None,
) -> bytes:
    """Return evidence over a chain on which exactly these items are in force.

    An item has `event`, `salt`, `disclosures`, and `entry` where it is not the one that follows.
    `opened` are the places of the items that are opened, `current` is the place of the only one
    that is listed.
    """
    value = copy.deepcopy(sample)
    entries = ["opening\n"]
    entries += [i.get("entry") or entry_of(i["event"], i["salt"], key.hex()) for i in items]
    leaves = [h(b"\0", entry.encode()) for entry in entries]
    map_root = _forge_list(value, leaves, key)
    if current is not None:
        _forge_current(value, leaves, current, items[current]["event"].get("record_id"))
    if opened is None:
        opened = list(range(len(items))) if current is None else [current]
    value["opened"] = [
        {
            **{name: items[place][name] for name in ("event", "salt", "disclosures")},
            "index": place + 1,
            "entry": entries[place + 1],
            "path": [node.hex() for node in inclusion_path(leaves, place + 1)],
        }
        for place in opened
    ]
    chain = chain or Chain()
    words = _words(value, root, chain, [tree_root(leaves), map_root])
    if chain.size is None:
        words[_base(value, root)] |= len(leaves)
    _forge_blocks(value, root, words, chain.write)
    return encode(value)


def _forge_list(value: dict[str, Any], leaves: list[bytes], key: bytes) -> bytes:
    """Claim and show everything but the opening entry; return the root of the map."""
    pairs = list(enumerate(leaves))[1:]
    value["claim"]["count"] = len(pairs)
    value["list"] = {"pairs": [[index, leaf.hex()] for index, leaf in pairs]} if pairs else None
    value["map"] = {"siblings": [], "end": None}
    if not pairs:
        return bytes(32)
    shown = list_value(len(pairs), tree_root([pair_leaf(*pair) for pair in pairs]))
    value["map"]["end"] = {"key": key.hex(), "value": shown.hex()}
    return h(b"\x02", key, shown)


def _forge_current(
    value: dict[str, Any], leaves: list[bytes], place: int, record_id: object
) -> None:
    """Claim and show one of the items alone."""
    pairs = list(enumerate(leaves))[1:]
    path = inclusion_path([pair_leaf(*pair) for pair in pairs], place)
    del value["claim"]["count"]
    value["claim"].update(kind="current", record_id=record_id)
    value["list"] = {
        "count": len(pairs),
        "position": place,
        "pair": [place + 1, leaves[place + 1].hex()],
        "path": [node.hex() for node in path],
    }


def _base(value: dict[str, Any], root: dict[str, Any]) -> int:
    claim, slots = value["claim"], root["contracts"]["head_anchor"]["slots"]
    return heads_slot(claim["region"], claim["stream"], slots["heads"])


def _words(value: dict[str, Any], root: dict[str, Any], chain: Chain, roots: list[bytes]) -> Words:
    """Return the words of the contract by slot; those that hold lanes are claimed to be proved."""
    claim, slots = value["claim"], root["contracts"]["head_anchor"]["slots"]
    base, header = _base(value, root), rlp(bytes.fromhex(value["chain"]["header"]))
    anchored_at = max(0, int.from_bytes(header[11], "big") - chain.anchored_before)
    first = (chain.size or 0) | chain.epoch << 64 | anchored_at << 128 | chain.rest_of_word
    words = {slots["status"]: chain.status, base: first}
    for offset, tree in enumerate(roots, 1):
        words[base + offset] = int.from_bytes(tree, "big")
    if chain.lanes is not None:
        value["confirmations"] = {"words": sorted({mirror // 4 for mirror in chain.lanes})}
        for mirror, lane in chain.lanes.items():
            place = (claim["region"], claim["stream"], slots["confirmations"], mirror // 4)
            slot = lane_slot(*place)
            words[slot] = words.get(slot, 0) | lane << 64 * (mirror % 4)
    return words


def _forge_blocks(
    value: dict[str, Any],
    root: dict[str, Any],
    words: Words,
    write: Callable[[Any], bytes],
) -> None:
    """Build the tries over the words, and a header over the tries."""
    nodes: set[bytes] = set()
    stored = {
        slot.to_bytes(32, "big"): write(minimal(word)) for slot, word in words.items() if word
    }
    anchor = root["contracts"]["head_anchor"]
    storage, code_hash = trie(stored, nodes, write), prefixed(anchor["code_hash"], 32)
    account = write([b"\x01", b"", storage, code_hash])
    header = rlp(bytes.fromhex(value["chain"]["header"]))
    header[3] = trie({prefixed(anchor["address"], 20): account}, nodes, write)
    data = write(header)
    value["chain"]["header"] = data.hex()
    value["chain"]["block_hash"] = "0x" + keccak(data).hex()
    value["chain"]["nodes"] = sorted(node.hex() for node in nodes)
