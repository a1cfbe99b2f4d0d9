"""The second verifier agrees with the test vectors of every section that it needs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oracle import seals, vrf
from oracle.canonical import Refused, Unlike, b64url, decode, encode, need, prefixed, subject
from oracle.evidence import check_event, read_disclosure, read_entry
from oracle.head import heads_slot, lane_slot, split_head
from oracle.published import read_bundle, read_checkpoint, read_tile_path, tile_content
from oracle.trees import (
    bit,
    h,
    list_value,
    map_root,
    map_root_of,
    pair_leaf,
    path_root,
    tree_root,
)
from oracle.trie import Proof, header, keccak

VECTORS = Path(__file__).parents[1] / "vectors"
Vector = dict[str, Any]


def hexes(values: list[str]) -> list[bytes]:
    need(all(len(value) == 64 for value in values))
    return [bytes.fromhex(value) for value in values]


def check_canonical(vector: Vector) -> None:
    value = decode(bytes.fromhex(vector["bytes"]))
    assert value == vector["value"]
    assert encode(value).hex() == vector["bytes"]


def check_uscc(vector: Vector) -> None:
    if vector["normalized"] is not None:
        subject(vector["normalized"])
    subject(vector["text"])


def check_disclosure(vector: Vector) -> None:
    name, digest = read_disclosure(vector["disclosure"])
    assert (name, digest) == (vector["name"], vector["digest"])
    written = [b64url(bytes.fromhex(vector["salt"])), name, vector["value"]]
    assert b64url(encode(written)) == vector["disclosure"]


def check_commitment(vector: Vector) -> None:
    salt, event = bytes.fromhex(vector["salt"]), vector["event"].encode()
    need(h(b"credit-ledger/event/v1\0", salt, event).hex() == vector["commitment"])


def check_entry(vector: Vector) -> None:
    entry = vector["entry"].encode()
    if "opening" in vector:
        opening = vector["opening"]
        lines = (opening["region"], opening["stream"], opening["vrf_key"])
        assert vector["entry"] == "credit-ledger/open/v1\n{}\n{}\n{}\n".format(*lines)
    else:
        event, key, *rest = read_entry(entry)
        read = [event.hex(), key.hex(), *rest]
        assert read == [vector[name] for name in ("event", "key", "op", "replaces")]
    assert h(b"\0", entry).hex() == vector["leaf_hash"]


def check_inclusion(vector: Vector) -> None:
    (leaf,) = hexes([vector["leaf_hash"]])
    root = path_root(leaf, vector["index"], vector["tree_size"], hexes(vector["path"]))
    need(root.hex() == vector["root_hash"])


def check_vrf(vector: Vector) -> None:
    given = (vector["public_key"], vector["alpha"], vector["proof"])
    beta = vrf.verify(*map(bytes.fromhex, given))
    need(beta is not None)
    assert beta is not None
    assert (beta.hex(), beta[:32].hex()) == (vector["beta"], vector["map_key"])
    names = (vector[name] for name in ("region", "stream", "record_type", "subject"))
    assert "\0".join(("credit-ledger/key/v1", *names)).encode().hex() == vector["alpha"]


def check_list(vector: Vector) -> None:
    leaves = [pair_leaf(index, bytes.fromhex(leaf)) for index, leaf in vector["pairs"]]
    need(list_value(len(leaves), tree_root(leaves)).hex() == vector["value"])
    assert [leaf.hex() for leaf in leaves] == vector["leaves"]
    assert tree_root(leaves).hex() == vector["list_root"]
    for place, path in enumerate(vector["paths"]):
        root = path_root(leaves[place], place, len(leaves), hexes(path))
        assert root.hex() == vector["list_root"]


def check_map_function(vector: Vector) -> None:
    entries = [bytes.fromhex(entry) for entry in vector["entries"]]
    lists: dict[bytes, dict[int, bytes]] = {}
    for index, entry in enumerate(entries):
        try:
            _, key, operation, replaces = read_entry(entry)
        except Unlike:
            continue
        items = lists.get(key, {})
        if index == 0 or (replaces is None and operation == "drop"):
            continue
        if replaces is not None and items.pop(replaces, None) is None:
            continue
        if operation == "put":
            items[index] = h(b"\0", entry)
        lists[key] = items
    shown = {
        key.hex(): [[index, leaf.hex()] for index, leaf in items.items()]
        for key, items in lists.items()
        if items
    }
    assert shown == vector["lists"]
    values = {
        key: list_value(len(items), tree_root([pair_leaf(*pair) for pair in items.items()]))
        for key, items in lists.items()
        if items
    }
    assert {key.hex(): value.hex() for key, value in values.items()} == vector["map"]
    assert map_root_of(values).hex() == vector["map_root"]
    assert tree_root([h(b"\0", entry) for entry in entries]).hex() == vector["log_root"]


def check_prefix_tree(vector: Vector) -> None:
    (key,) = hexes([vector["key"]])
    end = vector["end"]
    leaf = None if end is None else tuple(hexes(list(end.values() if type(end) is dict else end)))
    siblings = hexes(vector["siblings"])
    need(len(siblings) <= 256)
    if vector["value"] is not None:
        need(leaf == (key, bytes.fromhex(vector["value"])))
    elif leaf is not None:
        need(leaf[0] != key)
        need(all(bit(leaf[0], n) == bit(key, n) for n in range(len(siblings))))
    need(map_root(key, leaf, siblings).hex() == vector["root"])
    items = {bytes.fromhex(k): bytes.fromhex(v) for k, v in vector["items"].items()}
    assert map_root_of(items).hex() == vector["root"]


def check_stream_id(vector: Vector) -> None:
    region, stream = vector["region"], vector["stream"]
    need(len(region) == 6 and region.isdecimal() and stream in ("records", "restricted", "queries"))
    prefix = f"credit-ledger/stream/v1\0{region}\0{stream}"
    assert keccak(prefix.encode()).hex() == vector["stream_id"]
    slots = vector["base_slots"]
    first = heads_slot(region, stream, slots["heads"])
    assert [f"{(first + n) % 2**256:064x}" for n in range(3)] == vector["head_slots"]
    for word, slot in vector["confirmation_slots"].items():
        assert f"{lane_slot(region, stream, slots['confirmations'], int(word)):064x}" == slot
    assert f"{slots['status']:064x}" == vector["status_slot"]


def check_head(vector: Vector) -> None:
    head = split_head([int(word, 16) for word in vector["words"]])
    for name in ("size", "epoch", "anchored_at"):
        assert str(head[name]) == vector[name]
    assert (head["map_function"], head["generation"]) == (vector["map_function"], vector["vrf_key"])
    assert head["log_root"].hex() == vector["log_root"]
    assert head["map_root"].hex() == vector["map_root"]


def check_header(vector: Vector) -> None:
    data = bytes.fromhex(vector["header"])
    block = header(data)
    assert (block.number, block.timestamp) == (vector["number"], vector["timestamp"])
    assert block.state_root.hex() == vector["state_root"]
    assert "0x" + keccak(data).hex() == vector["block_hash"]


def check_qbft_header(vector: Vector) -> None:
    trusted = {prefixed(address, 20) for address in vector["validators"]}
    try:
        computed = seals.block_hash(bytes.fromhex(vector["header"]), trusted)
    except seals.OtherProtocol:
        raise Refused("unsupported") from None
    assert "0x" + computed.hex() == vector["block_hash"]


def check_state_proof(vector: Vector) -> None:
    nodes = [bytes.fromhex(node) for node in vector["nodes"]]
    need(len(set(nodes)) == len(nodes))
    proof = Proof(nodes)
    account = proof.account(bytes.fromhex(vector["state_root"]), prefixed(vector["address"], 20))
    words = []
    for slot in vector["slots"]:
        need(account is not None)
        assert account is not None
        words.append(proof.word(account[0], int(slot, 16)))
    need(proof.is_used_up())
    assert vector["code_hash"] == (None if account is None else _like(vector, account[1]))
    listed = vector["words"].values() if type(vector["words"]) is dict else vector["words"]
    assert words == [0 if word is None else int(word, 16) for word in listed]


def _like(vector: Vector, code_hash: bytes) -> str:
    return ("0x" if vector["code_hash"].startswith("0x") else "") + code_hash.hex()


def check_checkpoint(vector: Vector) -> None:
    origin, size, root = read_checkpoint(vector["checkpoint"].encode(), vector["vkey"])
    assert (origin, str(size), root.hex()) == (
        vector["origin"],
        vector["size"],
        vector["root_hash"],
    )


def check_tile(vector: Vector) -> None:
    level, index, width = read_tile_path(vector["path"])
    assert (level, index, width) == (vector["level"], vector["index"], vector["width"])
    if vector["size"] is None:
        return
    entries = [f"entry {number}".encode() for number in range(vector["size"])]
    assert tile_content(level, index, width, entries).hex() == vector["content"]


def check_entry_bundle(vector: Vector) -> None:
    found = read_bundle(bytes.fromhex(vector["bundle"]), vector["width"])
    assert [entry.hex() for entry in found] == vector["entries"]


CHECKS: dict[str, Callable[[Vector], None]] = {
    "canonical": check_canonical,
    "uscc": check_uscc,
    "disclosure": check_disclosure,
    "event": lambda vector: check_event(vector["event"]),
    "commitment": check_commitment,
    "entry": check_entry,
    "inclusion": check_inclusion,
    "vrf": check_vrf,
    "list": check_list,
    "map-function": check_map_function,
    "prefix-tree": check_prefix_tree,
    "stream-id": check_stream_id,
    "head": check_head,
    "header": check_header,
    "qbft-header": check_qbft_header,
    "state-proof": check_state_proof,
    "checkpoint": check_checkpoint,
    "tile": check_tile,
    "entry-bundle": check_entry_bundle,
}


@pytest.mark.parametrize("folder", CHECKS)
def test_oracle_accepts_and_refuses_as_the_vectors_say(folder: str) -> None:
    files = sorted((VECTORS / folder).glob("*.json"))
    wrong = []
    for file in files:
        vector = json.loads(file.read_bytes())
        if isinstance(vector, list):  # the examples of RFC 9381
            assert all(
                vrf.verify(*(bytes.fromhex(one[name]) for name in ("pk", "alpha", "pi")))
                == bytes.fromhex(one["beta"])
                for one in vector
            )
            continue
        try:
            CHECKS[folder](vector)
            found = "valid"
        except (Unlike, Refused):
            found = "refused"
        if (found == "valid") != (vector["expect"] == "valid"):
            wrong.append(f"{file.name}: expected {vector['expect']}, found {found}")
    assert not wrong, "\n".join(wrong)
    assert len(files) > 1
