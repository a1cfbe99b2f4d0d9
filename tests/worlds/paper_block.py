"""A block on paper: HeadAnchor's storage, the accounts around it, a header, and proofs of them.

The tries are those of the ``trie`` package, not the project's own code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import rlp
from trie import HexaryTrie

from ledger.core.chain.head_slots import (
    Head,
    confirmation_slot,
    head_slots,
    pack_head_word0,
    status_slot,
    stream_id,
)
from ledger.core.chain.keccak import keccak256

CHAIN_ID = 20_261_031
HEAD_ANCHOR = bytes.fromhex("5fbdb2315678afecb367f032d93f642f64180aa3")
CODE_HASH = keccak256(b"HeadAnchor on paper")
SLOTS = {"status": 2, "heads": 4, "confirmations": 5}
RUNNING = 1 << 160
PAUSED = 2 << 160
CANCUN_FIELDS = (b"\x07", b"\x56" * 32, b"", b"", b"\x11" * 32)
"""Base fee, withdrawals root, blob gas used, excess blob gas, parent beacon root."""

StreamName = tuple[str, str]
"""Region and stream."""


def head_words(name: StreamName, head: Head) -> dict[bytes, int]:
    """The three words of a head by their slots."""
    words = (
        pack_head_word0(head),
        *(int.from_bytes(r, "big") for r in (head.log_root, head.map_root)),
    )
    return dict(zip(head_slots(SLOTS["heads"], stream_id(*name)), words, strict=True))


def lane_words(lanes: Mapping[tuple[StreamName, int], int]) -> dict[bytes, int]:
    """Confirmation words by their slots, from the lane of each (stream, mirror)."""
    words: dict[bytes, int] = {}
    for (name, mirror), lane in lanes.items():
        slot = confirmation_slot(SLOTS["confirmations"], stream_id(*name), mirror // 4)
        words[slot] = words.get(slot, 0) | lane << 64 * (mirror % 4)
    return words


@dataclass(frozen=True)
class PaperBlock:
    """One block; every part may be another than an honest chain would have."""

    words: Mapping[bytes, int]
    """HeadAnchor's storage: slot to word; 0 is not stored."""
    number: int = 1_000
    timestamp: int = 0
    address: bytes = HEAD_ANCHOR
    code_hash: bytes = CODE_HASH
    later_fields: tuple[bytes, ...] = ()
    extra_data: bytes = b"paper"
    zero_leaves: tuple[bytes, ...] = ()
    """Slots that hold a leaf with 0, as anvil keeps them."""
    storage: HexaryTrie = field(init=False, compare=False)
    accounts: HexaryTrie = field(init=False, compare=False)

    def __post_init__(self) -> None:
        storage = HexaryTrie({})
        # Words of other variables, so that the streams' words do not stand alone.
        for slot in range(100, 103):
            storage[keccak256(slot.to_bytes(32, "big"))] = rlp.encode(slot)
        for slot, word in self.words.items():
            if word:
                storage[keccak256(slot)] = rlp.encode(word)
        for slot in self.zero_leaves:
            storage[keccak256(slot)] = rlp.encode(0)
        accounts = HexaryTrie({})
        for number in range(1, 5):
            plain = [number, 10**18, HexaryTrie({}).root_hash, keccak256(b"")]
            accounts[keccak256(number.to_bytes(20, "big"))] = rlp.encode(plain)
        accounts[keccak256(self.address)] = rlp.encode([1, 0, storage.root_hash, self.code_hash])
        object.__setattr__(self, "storage", storage)
        object.__setattr__(self, "accounts", accounts)

    @property
    def header(self) -> bytes:
        """RLP of the header: fifteen fields and the later ones."""
        return rlp.encode([*header_fields(self), *self.later_fields])

    @property
    def block_hash(self) -> bytes:
        return keccak256(self.header)

    def account_nodes(self, address: bytes | None = None) -> set[bytes]:
        return trie_nodes(self.accounts, self.address if address is None else address)

    def storage_nodes(self, slots: Iterable[bytes]) -> set[bytes]:
        return {node for slot in slots for node in trie_nodes(self.storage, slot)}

    def nodes(self, name: StreamName, confirmation_words: Iterable[int] = ()) -> tuple[bytes, ...]:
        """Everything that proves a stream's words, each node once, ascending."""
        identifier = stream_id(*name)
        slots = [
            status_slot(SLOTS["status"]),
            *head_slots(SLOTS["heads"], identifier),
            *(confirmation_slot(SLOTS["confirmations"], identifier, n) for n in confirmation_words),
        ]
        return tuple(sorted(self.account_nodes() | self.storage_nodes(slots)))


def header_fields(block: PaperBlock) -> list[bytes | int]:
    """The fifteen fields every header has."""
    return [
        keccak256(b"parent"),
        keccak256(rlp.encode([])),
        b"\x0c" * 20,
        block.accounts.root_hash,
        HexaryTrie({}).root_hash,
        HexaryTrie({}).root_hash,
        bytes(256),
        0,
        block.number,
        30_000_000,
        21_000,
        block.timestamp,
        block.extra_data,
        keccak256(b"mix"),
        bytes(8),
    ]


def trie_nodes(trie: HexaryTrie, key: bytes) -> set[bytes]:
    """The nodes on the way to a key: the root, and below it those that have a hash."""
    path = [rlp.encode(node) for node in trie.get_proof(keccak256(key))]
    return {*path[:1], *(node for node in path[1:] if len(node) >= 32)}
