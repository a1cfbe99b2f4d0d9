"""Section 10: what the chain stores about a stream, proved below a header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oracle.canonical import Refused, Unlike, need, prefixed
from oracle.evidence import Evidence
from oracle.trie import Proof, keccak

U32 = 2**32 - 1
U64 = 2**64 - 1


@dataclass
class Head:
    """The status of the contract, the head of one stream, and the confirmations."""

    successor: int
    paused: bool
    size: int
    epoch: int
    anchored_at: int
    map_function: int
    generation: int
    log_root: bytes
    map_root: bytes
    lanes: dict[int, int]


def _pad32(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _slot(first: bytes, second: bytes) -> int:
    return int.from_bytes(keccak(first + second), "big")


def _stream_id(region: str, stream: str) -> bytes:
    return keccak(f"credit-ledger/stream/v1\0{region}\0{stream}".encode())


def heads_slot(region: str, stream: str, base: int) -> int:
    """Return the slot of head word 0."""
    return _slot(_stream_id(region, stream), _pad32(base))


def lane_slot(region: str, stream: str, base: int, word: int) -> int:
    """Return the slot of a confirmation word."""
    return _slot(_pad32(word), keccak(_stream_id(region, stream) + _pad32(base)))


def read_head(ev: Evidence, anchor: dict[str, Any]) -> Head:
    """Read the head that the state proofs of an evidence prove."""
    proof, slots = Proof(ev.nodes), anchor["slots"]
    account = proof.account(ev.header.state_root, prefixed(anchor["address"], 20))
    if account is None:
        raise Unlike
    storage, code_hash = account
    if code_hash != prefixed(anchor["code_hash"], 32):
        raise Refused("root-mismatch")
    stream = (ev.claim["region"], ev.claim["stream"])
    status = proof.word(storage, slots["status"])
    base = heads_slot(*stream, slots["heads"])
    words = [proof.word(storage, base + offset) for offset in range(3)]
    lanes = {}
    for number in ev.words or []:
        content = proof.word(storage, lane_slot(*stream, slots["confirmations"], number))
        for lane in range(4):
            lanes[4 * number + lane] = content >> 64 * lane & U64
    need(proof.is_used_up())
    need(0 not in (status, words[0], words[1]) and status >> 160 in (1, 2))
    return Head(
        **split_head(words),
        successor=status & 2**160 - 1,
        paused=status >> 160 == 2,
        lanes=lanes,
    )


def split_head(words: list[int]) -> dict[str, Any]:
    """Take the three head words apart."""
    size, epoch, anchored_at = (words[0] >> shift & U64 for shift in (0, 64, 128))
    if 0 in (size, epoch, anchored_at, words[1]):
        raise Refused("unset-head")
    need(epoch < 2**63)
    return {
        "size": size,
        "epoch": epoch,
        "anchored_at": anchored_at,
        "map_function": words[0] >> 192 & U32,
        "generation": words[0] >> 224,
        "log_root": _pad32(words[1]),
        "map_root": _pad32(words[2]),
    }
