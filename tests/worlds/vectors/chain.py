"""Vectors of the chain: stream ids and slots, heads, headers, state proofs."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import rlp
from worlds.consortium import BROKEN, KEYS, VALIDATORS, SealedBlock
from worlds.paper import BLOCK_TIME, PaperWorld
from worlds.paper_block import (
    CANCUN_FIELDS,
    CODE_HASH,
    HEAD_ANCHOR,
    SLOTS,
    PaperBlock,
    header_fields,
)
from worlds.vectors.vector import MALFORMED_PROOF, ROOT_MISMATCH, VALID, Vector, hexes

from ledger.core.chain.head_slots import (
    Head,
    confirmation_slot,
    head_slots,
    pack_head_word0,
    status_slot,
    stream_id,
)
from ledger.core.chain.keccak import keccak256
from ledger.core.headers import header_from_rpc

NETWORK = Path(__file__).parents[2] / "unit" / "chain" / "qbft_network.json"


def _word(value: int) -> str:
    return f"{value:064x}"


def stream_ids() -> Iterator[Vector]:
    """A stream's id and the slots of its words for given base slots."""
    for region in ("310000", "320000", "330000", "340000"):
        for stream in ("records", "restricted", "queries"):
            identifier = stream_id(region, stream)
            words = (0, 1, 255)
            members: dict[str, Any] = {
                "region": region,
                "stream": stream,
                "stream_id": identifier.hex(),
                "base_slots": dict(SLOTS),
                "status_slot": status_slot(SLOTS["status"]).hex(),
                "head_slots": hexes(head_slots(SLOTS["heads"], identifier)),
                "confirmation_slots": {
                    str(word): confirmation_slot(SLOTS["confirmations"], identifier, word).hex()
                    for word in words
                },
            }
            what = "Id and slots of a stream."
            yield Vector("stream-id", f"valid-{region}-{stream}", what, VALID, members)
    faults = {
        "region-short": ("31000", "records"),
        "region-letters": ("31000a", "records"),
        "stream-unknown": ("310000", "record"),
        "stream-upper-case": ("310000", "Records"),
    }
    for name, (region, stream) in faults.items():
        members = {"region": region, "stream": stream}
        yield Vector("stream-id", name, "No such stream.", "malformed-record", members)


def heads() -> Iterator[Vector]:
    """Three words and the head in them."""
    head = Head(1_234, 56, BLOCK_TIME, 1, 2, b"\x11" * 32, b"\x22" * 32)
    edge = Head(2**64 - 1, 2**63 - 1, 2**64 - 1, 2**32 - 1, 2**32 - 1, b"\xff" * 32, b"\xff" * 32)

    def words(one: Head) -> list[int]:
        roots = (int.from_bytes(root, "big") for root in (one.log_root, one.map_root))
        return [pack_head_word0(one), *roots]

    for name, one in {
        "head": head,
        "empty-map": replace(head, map_root=bytes(32)),
        "largest": edge,
    }.items():
        members = {
            "words": [_word(word) for word in words(one)],
            "size": str(one.size),
            "epoch": str(one.epoch),
            "anchored_at": str(one.anchored_at),
            "map_function": one.map_function,
            "vrf_key": one.vrf_key,
            "log_root": one.log_root.hex(),
            "map_root": one.map_root.hex(),
        }
        yield Vector("head", f"valid-{name}", "A head.", VALID, members)
    word0, word1, word2 = words(head)
    faults = {
        "all-zero": ((0, 0, 0), "unset-head"),
        "size-zero": ((word0 - head.size, word1, word2), "unset-head"),
        "epoch-zero": ((word0 - (head.epoch << 64), word1, word2), "unset-head"),
        "anchored-at-zero": ((word0 - (head.anchored_at << 128), word1, word2), "unset-head"),
        "log-root-zero": ((word0, 0, word2), "unset-head"),
        "epoch-of-a-contradiction": ((word0 | 1 << 127, word1, word2), MALFORMED_PROOF),
    }
    for name, (shown, expect) in faults.items():
        members = {"words": [_word(word) for word in shown]}
        yield Vector("head", name, "No contract could have written it.", expect, members)


def headers() -> Iterator[Vector]:
    """A header's bytes, its hash and the values taken from it."""
    block = PaperBlock({}, timestamp=BLOCK_TIME)
    for name, one in {
        "fifteen-fields": block,
        "twenty-fields": replace(block, later_fields=CANCUN_FIELDS),
        "long-extra-data": replace(block, extra_data=bytes(range(256)) * 4),
        "block-zero": replace(block, number=0, timestamp=0),
        "thirty-two-fields": replace(block, later_fields=(b"\x01" * 32,) * 17),
    }.items():
        members: dict[str, Any] = {
            "header": one.header.hex(),
            "block_hash": "0x" + one.block_hash.hex(),
            "number": one.number,
            "timestamp": one.timestamp,
            "state_root": one.accounts.root_hash.hex(),
        }
        yield Vector("header", f"valid-{name}", "A header.", VALID, members)
    fields = header_fields(block)

    def field(position: int, value: bytes) -> bytes:
        return rlp.encode([*fields[:position], value, *fields[position + 1 :]])

    good = block.header
    length = len(good) - 3
    faults = {
        "fourteen-fields": rlp.encode(fields[:14]),
        "thirty-three-fields": rlp.encode([*fields, *[b""] * 18]),
        "state-root-short": field(3, bytes(31)),
        "miner-long": field(2, bytes(21)),
        "logs-bloom-short": field(6, bytes(255)),
        "nonce-short": field(14, bytes(7)),
        "number-with-leading-zero": field(8, b"\x00\x01"),
        "time-of-2-to-63": field(11, b"\x80" + bytes(7)),
        "gas-of-33-bytes": field(9, b"\x01" * 33),
        "later-field-of-33-bytes": rlp.encode([*fields, b"\x01" * 33]),
        "a-list-among-the-fields": rlp.encode([*fields, [b""]]),
        "byte-after-the-end": good + b"\x00",
        "byte-missing": good[:-1],
        "longer-length-form": b"\xfa\x00" + length.to_bytes(2, "big") + good[3:],
        "a-string": rlp.encode(good),
        "empty": b"",
    }
    for name, header in faults.items():
        what = "No header in strict RLP."
        yield Vector("header", name, what, MALFORMED_PROOF, {"header": header.hex()})


def state_proofs() -> Iterator[Vector]:
    """An account or a word under a state root, or that it is unset, with exactly the nodes."""
    world = PaperWorld()
    block = world.block()
    status = status_slot(SLOTS["status"])
    identifier = stream_id("340000", "records")
    word0, word1, word2 = head_slots(SLOTS["heads"], identifier)
    unset = confirmation_slot(SLOTS["confirmations"], identifier, 0)

    def one(
        name: str,
        what: str,
        expect: str,
        *slots: bytes,
        shown: PaperBlock | None = None,
        nodes: tuple[bytes, ...] | None = None,
        address: bytes = HEAD_ANCHOR,
        words: list[int | None] | None = None,
    ) -> Vector:
        base = shown or block
        every = base.account_nodes(address) | base.storage_nodes(slots)
        members: dict[str, Any] = {
            "state_root": block.accounts.root_hash.hex(),
            "address": "0x" + address.hex(),
            "slots": hexes(slots),
            "nodes": hexes(sorted(every) if nodes is None else nodes),
        }
        if expect == VALID:
            present = address == HEAD_ANCHOR
            members["code_hash"] = CODE_HASH.hex() if present else None
            members["words"] = [None if word is None else _word(word) for word in words or []]
        return Vector("state-proof", name, what, expect, members)

    stored = dict(block.words)
    yield one("valid-account", "The account alone.", VALID)
    yield one("valid-status", "One word.", VALID, status, words=[stored[status]])
    yield one(
        "valid-head",
        "A head over an empty map: word 2 is unset.",
        VALID,
        *(status, word0, word1, word2),
        words=[stored[status], stored[word0], stored[word1], None],
    )
    yield one("valid-unset-word", "A word never written.", VALID, unset, words=[None])
    yield one("valid-no-account", "No account at the address.", VALID, address=b"\x77" * 20)
    every = sorted(block.account_nodes() | block.storage_nodes([status, word0]))
    surplus = sorted(
        {*every, *block.storage_nodes([word1])} | {rlp.encode([b"\x20" + b"\x01" * 32, b"x"])}
    )
    top = next(node for node in every if keccak256(node) == block.accounts.root_hash)
    storage_top = next(node for node in every if keccak256(node) == block.storage.root_hash)
    other = world.block(words={**stored, status: 5})

    def broken(node: bytes, changed: bytes) -> tuple[bytes, ...]:
        return tuple(sorted([changed, *(one_node for one_node in every if one_node != node)]))

    slots = (status, word0)
    for name, what, expect, nodes in (
        ("surplus-node", "A node nobody needs.", MALFORMED_PROOF, tuple(surplus)),
        ("node-twice", "A node is given twice.", MALFORMED_PROOF, (every[0], *every)),
        (
            "storage-root-node-missing",
            "The way to the words is cut.",
            MALFORMED_PROOF,
            tuple(node for node in every if node != storage_top),
        ),
        ("no-nodes", "There is no proof.", MALFORMED_PROOF, ()),
        (
            "root-node-altered",
            "One bit of the top node.",
            ROOT_MISMATCH,
            broken(top, top[:-2] + bytes([top[-2] ^ 1]) + top[-1:]),
        ),
        (
            "storage-root-node-altered",
            "One bit of the node at the storage root.",
            MALFORMED_PROOF,
            broken(storage_top, storage_top[:-2] + bytes([storage_top[-2] ^ 1]) + storage_top[-1:]),
        ),
    ):
        yield one(name, what, expect, *slots, nodes=nodes)
    yield one("nodes-of-another-block", "Another state root.", ROOT_MISMATCH, *slots, shown=other)
    yield one(
        "words-of-another-slot",
        "The nodes prove another stream's word.",
        MALFORMED_PROOF,
        word0,
        nodes=tuple(
            sorted(
                block.account_nodes()
                | block.storage_nodes(
                    head_slots(SLOTS["heads"], stream_id("310000", "queries"))[:1]
                )
            )
        ),
    )


def qbft_headers() -> Iterator[Vector]:
    """Headers with seals: of a real network, and of validators on paper with every fault."""
    network = json.loads(NETWORK.read_bytes())
    for number, block in enumerate(network["blocks"]):
        members = {
            "header": header_from_rpc(block).hex(),
            "validators": network["validators"],
            "block_hash": block["hash"],
        }
        what = "A block of five GoQuorum validators, as one node gives it."
        yield Vector("qbft-header", f"valid-network-{number}", what, VALID, members)
    genesis = {"header": header_from_rpc(network["genesis"]).hex()}
    members = {**genesis, "validators": network["validators"]}
    what = "Block 0 has no seals."
    yield Vector("qbft-header", "genesis", what, "too-few-seals", members)
    trusted = [f"0x{address.hex()}" for address in VALIDATORS]
    good: dict[str, dict[str, Any]] = {
        "four-seals": {},
        "five-seals": {"sealers": KEYS},
        "round-9": {"round": 9},
        "vote-to-add": {"vote": [bytes(20), b"\xff"]},
        "vote-to-drop": {"vote": [VALIDATORS[0], b""]},
    }
    for name, changes in good.items():
        block = SealedBlock({}, **{"timestamp": BLOCK_TIME, **changes})
        members = {
            "header": block.header.hex(),
            "validators": trusted,
            "block_hash": f"0x{block.block_hash.hex()}",
        }
        yield Vector("qbft-header", f"valid-{name}", "Sealed on paper.", VALID, members)
    for fault, (changes, code) in BROKEN.items():
        header = SealedBlock({}, **{"timestamp": BLOCK_TIME, **changes}).header
        members = {"header": header.hex(), "validators": trusted}
        name = fault.replace(",", "").replace(".", "").replace(" ", "-")
        yield Vector("qbft-header", name, f"The header has {fault}.", code, members)
