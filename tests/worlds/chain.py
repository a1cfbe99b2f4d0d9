"""A chain in memory that implements the Chain port truthfully, with faults on demand.

Blocks have real headers, accounts and storage real tries (the ``trie`` package, not the project's
own code), so what a node proves from them verifies as it would elsewhere. HeadAnchor's rules are
repeated in plain Python.
"""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import rlp
from trie import HexaryTrie

from ledger.core.chain.head_slots import (
    CONTRADICTION,
    Head,
    Status,
    confirmation_slot,
    head_slots,
    pack_head_word0,
    status_slot,
    stream_id,
)
from ledger.core.chain.keccak import keccak256
from ledger.core.merkle import verify_consistency
from ledger.errors import ChainUnavailableError, ContractRevertError, LedgerError
from ledger.services.onchain import (
    Call,
    MirrorEntry,
    Receipt,
    RegionEntry,
    SendOutcome,
    SendState,
    SignedTransaction,
)

CHAIN_ID = 20_261
HEAD_ANCHOR = b"\xaa" * 20
CODE = b"the code of HeadAnchor"
SLOTS = {"status": 3, "heads": 5, "confirmations": 6}


def address_of(key: bytes) -> bytes:
    return keccak256(key)[12:]


@dataclass
class _State:
    """What a block leaves behind."""

    heads: dict[bytes, Head] = field(default_factory=dict)
    approvals: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    """Key and generation that may be opened, by stream."""
    anchor_keys: dict[bytes, bytes] = field(default_factory=dict)
    lanes: dict[tuple[bytes, int], int] = field(default_factory=dict)
    nonces: dict[bytes, int] = field(default_factory=dict)
    receipts: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    successor: bytes = b"\x00" * 20
    paused: bool = False


@dataclass
class _Block:
    number: int
    header: bytes
    block_hash: bytes
    state: _State
    accounts: HexaryTrie
    storage: HexaryTrie


class ChainTwin:
    """One chain with one HeadAnchor; a block is mined by ``mine`` and at no other time.

    Args:
        time: Gives the time of a block in Unix seconds.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._state = _State()
        self._pool: dict[tuple[bytes, int], bytes] = {}
        self._blocks: list[_Block] = []
        self._forks = 0
        self.sent: list[bytes] = []
        self.mirrors: dict[int, MirrorEntry] = {}
        """Seats by number."""
        self.checkpoint_keys: dict[tuple[str, bytes, int], bytes] = {}
        """Public keys by region, stream id and generation."""
        self.is_down = False
        self.lag_s = 0
        """How far the time of blocks lies behind the clock."""
        self.replies_lost = 0
        """So many next sends take effect and are not answered."""
        self.sends_lost = 0
        """So many next sends do not arrive."""
        self.mine()

    # --- Governance

    def approve(self, stream: bytes, address: bytes, vrf_key: int = 1) -> None:
        self._state.approvals[stream] = (address, vrf_key)
        if stream not in self._state.heads:
            self._state.anchor_keys[stream] = address

    def replace_anchor_key(self, stream: bytes, address: bytes) -> None:
        _, vrf_key = self._state.approvals[stream]
        self._state.approvals[stream] = (address, vrf_key)
        self._state.anchor_keys[stream] = address

    def pause(self) -> None:
        self._state.paused = True

    def replace_contract(self, successor: bytes) -> None:
        self._state.successor = successor

    def confirm(self, stream: bytes, mirror: int, lane: int) -> None:
        self._state.lanes[(stream, mirror)] = lane

    # --- Blocks

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            number = len(self._blocks)
            self._execute_pool(number)
            if self._blocks and self._state == self._blocks[-1].state:
                state, storage = self._blocks[-1].state, self._blocks[-1].storage
                accounts = self._blocks[-1].accounts
            else:
                state = copy.deepcopy(self._state)
                storage = self._storage(state)
                accounts = self._accounts(storage)
            header = self._header(number, accounts.root_hash)
            self._blocks.append(_Block(number, header, keccak256(header), state, accounts, storage))

    def roll_back(self, to_block: int) -> None:
        """Forget every block above one, and the pool, as a development chain does on kill -9."""
        del self._blocks[to_block + 1 :]
        self._state = copy.deepcopy(self._blocks[-1].state)
        self._pool.clear()
        self._forks += 1

    def set_head(self, stream: bytes, head: Head) -> None:
        """Write a head nobody signed here."""
        self._state.heads[stream] = head

    def _now(self) -> int:
        return int(self._time()) - self.lag_s

    def _header(self, number: int, state_root: bytes) -> bytes:
        parent = self._blocks[-1].block_hash if self._blocks else b"\x00" * 32
        fields = [
            parent,
            b"\x00" * 32,
            b"\x00" * 20,
            state_root,
            b"\x00" * 32,
            b"\x00" * 32,
            b"\x00" * 256,
            0,
            number,
            30_000_000,
            0,
            self._now(),
            self._forks.to_bytes(4, "big"),
            b"\x00" * 32,
            b"\x00" * 8,
        ]
        return rlp.encode(fields)

    def _accounts(self, storage: HexaryTrie) -> HexaryTrie:
        accounts = HexaryTrie({})
        account = [1, 0, storage.root_hash, keccak256(CODE)]
        accounts[keccak256(HEAD_ANCHOR)] = rlp.encode(account)
        accounts[keccak256(b"\x01" * 20)] = rlp.encode([1, 5, b"\x00" * 32, b"\x00" * 32])
        return accounts

    def _storage(self, state: _State) -> HexaryTrie:
        trie = HexaryTrie({})

        def put(slot: bytes, word: int) -> None:
            if word:
                trie[keccak256(slot)] = rlp.encode(word)

        status = Status(successor=state.successor, state=2 if state.paused else 1)
        word = int.from_bytes(status.successor, "big") | status.state << 160
        put(status_slot(SLOTS["status"]), word)
        for stream, head in state.heads.items():
            slots = head_slots(SLOTS["heads"], stream)
            put(slots[0], pack_head_word0(head))
            put(slots[1], int.from_bytes(head.log_root, "big"))
            put(slots[2], int.from_bytes(head.map_root, "big"))
        words: dict[bytes, int] = {}
        for (stream, mirror), lane in state.lanes.items():
            slot = confirmation_slot(SLOTS["confirmations"], stream, mirror // 4)
            words[slot] = words.get(slot, 0) | lane << 64 * (mirror % 4)
        for slot, value in words.items():
            put(slot, value)
        return trie

    # --- Transactions

    def _execute_pool(self, number: int) -> None:
        while ready := [key for key in self._pool if key[1] == self._state.nonces.get(key[0], 0)]:
            for sender, nonce in ready:
                raw = self._pool.pop((sender, nonce))
                transaction = json.loads(raw)
                try:
                    self._apply(sender, transaction["data"], self._now())
                    status = 1
                except ContractRevertError:
                    status = 0
                self._state.nonces[sender] = nonce + 1
                self._state.receipts[keccak256(raw)] = (status, number)

    def _apply(self, sender: bytes, data: str, now: int) -> None:
        call: dict[str, Any] = json.loads(bytes.fromhex(data))
        stream = bytes.fromhex(call["stream"])
        if call["function"] == "confirm":
            self._confirm(sender, stream, call["epoch"], bytes.fromhex(call["map_root"]))
            return
        roots = (bytes.fromhex(call["log_root"]), bytes.fromhex(call["map_root"]))
        state, head = self._state, self._state.heads.get(stream)
        if any(state.successor):
            raise ContractRevertError("HeadAnchorSuperseded", {})
        if call["function"] == "open":
            self._open(sender, stream, call, now, roots)
            return
        if state.paused:
            raise ContractRevertError("HeadAnchorPaused", {})
        if state.anchor_keys.get(stream) != sender:
            raise ContractRevertError("HeadAnchorNotAnchorKey", {"caller": sender.hex()})
        if head is None:
            raise ContractRevertError("HeadAnchorStreamNotOpen", {})
        new = (call["new_size"], *roots)
        if new == (head.size, head.log_root, head.map_root):
            return
        if call["old_size"] != head.size or call["new_size"] <= head.size:
            raise ContractRevertError("HeadAnchorSizeMismatch", {"anchoredSize": head.size})
        try:
            verify_consistency(
                old_size=head.size,
                new_size=call["new_size"],
                path=[bytes.fromhex(one) for one in call["proof"]],
                old_root=head.log_root,
                new_root=roots[0],
            )
        except LedgerError as error:
            raise ContractRevertError("HeadAnchorInconsistent", {"why": str(error)}) from None
        state.heads[stream] = Head(
            call["new_size"], head.epoch + 1, now, head.map_function, head.vrf_key, *roots
        )

    def _open(
        self, sender: bytes, stream: bytes, call: dict[str, Any], now: int, roots: Any
    ) -> None:
        state, head = self._state, self._state.heads.get(stream)
        key, vrf_key = state.approvals.get(stream, (b"", 0))
        if not vrf_key:
            raise ContractRevertError("HeadAnchorStreamNotApproved", {})
        if key != sender:
            raise ContractRevertError("HeadAnchorNotAnchorKey", {"caller": sender.hex()})
        if head is not None and head.vrf_key == vrf_key:
            raise ContractRevertError("HeadAnchorApprovalUsed", {"vrfKey": vrf_key})
        if call["vrf_key"] != vrf_key:
            raise ContractRevertError("HeadAnchorApprovalMismatch", {"vrfKey": call["vrf_key"]})
        epoch = 0 if head is None else head.epoch
        if call["expected_epoch"] != epoch:
            raise ContractRevertError("HeadAnchorEpochMismatch", {"epoch": epoch})
        state.anchor_keys[stream] = sender
        size, function = call["size"], call["map_function"]
        state.heads[stream] = Head(size, epoch + 1, now, function, vrf_key, *roots)

    def _confirm(self, sender: bytes, stream: bytes, epoch: int, map_root: bytes) -> None:
        seats = [number for number, one in self.mirrors.items() if one.address == sender]
        if not seats:
            raise ContractRevertError("HeadAnchorNotMirror", {"caller": sender.hex()})
        if stream in {
            stream_id(self.mirrors[seats[0]].region, name)
            for name in ("records", "restricted", "queries")
        }:
            raise ContractRevertError("HeadAnchorOwnRegion", {"streamId": stream.hex()})
        head = self._state.heads.get(stream)
        if head is None:
            raise ContractRevertError("HeadAnchorStreamNotOpen", {"streamId": stream.hex()})
        if epoch > head.epoch:
            raise ContractRevertError("HeadAnchorEpochAhead", {"epoch": head.epoch})
        if epoch == head.epoch:
            agrees = map_root == head.map_root
            self._state.lanes[(stream, seats[0])] = epoch + (0 if agrees else CONTRADICTION)

    def use_nonce(self, sender: bytes) -> None:
        """Another program sends a transaction with the same key."""
        self._state.nonces[sender] = self._state.nonces.get(sender, 0) + 1

    def drop_pool(self) -> None:
        self._pool.clear()

    # --- The port

    def _require_up(self) -> None:
        if self.is_down:
            raise ChainUnavailableError("the chain is down")

    def chain_id(self) -> int:
        self._require_up()
        return CHAIN_ID

    def genesis_hash(self) -> bytes:
        self._require_up()
        return self._blocks[0].block_hash

    def latest_block(self) -> int:
        self._require_up()
        return self._blocks[-1].number

    def fetch_header(self, number: int) -> tuple[bytes, bytes]:
        self._require_up()
        block = self._at(number)
        return block.block_hash, block.header

    def fetch_proof(self, address: bytes, slots: Sequence[bytes], number: int) -> tuple[bytes, ...]:
        self._require_up()
        block = self._at(number)
        nodes = set(_proof(block.accounts, keccak256(address)))
        for slot in slots:
            nodes.update(_proof(block.storage, keccak256(slot)))
        return tuple(sorted(nodes))

    def code_hash(self, address: bytes) -> bytes:
        self._require_up()
        return keccak256(CODE if address == HEAD_ANCHOR else b"")

    def transaction_count(self, address: bytes) -> int:
        self._require_up()
        return self._blocks[-1].state.nonces.get(address, 0)

    def sign_call(self, key: bytes, nonce: int, to: bytes, data: bytes) -> SignedTransaction:
        members = {
            "from": address_of(key).hex(),
            "nonce": nonce,
            "to": to.hex(),
            "data": data.hex(),
        }
        raw = json.dumps(members).encode()
        return SignedTransaction(raw=raw, tx_hash=keccak256(raw))

    def send_raw(self, raw: bytes) -> SendOutcome:
        self.sent.append(raw)
        if self.is_down:
            return SendOutcome(SendState.UNKNOWN, "no answer")
        if self.sends_lost:
            self.sends_lost -= 1
            return SendOutcome(SendState.UNKNOWN, "no answer")
        transaction = json.loads(raw)
        sender, nonce = bytes.fromhex(transaction["from"]), transaction["nonce"]
        if nonce < self._state.nonces.get(sender, 0):
            return SendOutcome(SendState.UNKNOWN, "nonce too low")
        known = self._pool.setdefault((sender, nonce), raw)
        if known != raw:
            return SendOutcome(SendState.REFUSED, "replacement transaction underpriced")
        if self.replies_lost:
            self.replies_lost -= 1
            return SendOutcome(SendState.UNKNOWN, "no answer")
        return SendOutcome(SendState.ACCEPTED, "")

    def receipt(self, tx_hash: bytes) -> Receipt | None:
        self._require_up()
        found = self._blocks[-1].state.receipts.get(tx_hash)
        if found is None:
            return None
        status, number = found
        return Receipt(status, number, self._blocks[number].block_hash, 50_000)

    def simulate(self, call: Call) -> None:
        self._require_up()
        before = copy.deepcopy(self._state)
        try:
            self._apply(call.sender, call.data.hex(), self._now())
        finally:
            self._state = before

    def open_call(self, sender: bytes, *, stream: bytes, **arguments: Any) -> Call:
        return _call(sender, "open", stream, arguments)

    def anchor_call(self, sender: bytes, *, stream: bytes, **arguments: Any) -> Call:
        return _call(sender, "anchor", stream, arguments)

    def confirm_call(self, sender: bytes, *, stream: bytes, epoch: int, map_root: bytes) -> Call:
        return _call(sender, "confirm", stream, {"epoch": epoch, "map_root": map_root})

    def fetch_head(self, stream: bytes, number: int | None = None) -> Head | None:
        self._require_up()
        block = self._blocks[-1] if number is None else self._at(number)
        return block.state.heads.get(stream)

    def fetch_lane(self, stream: bytes, mirror: int, number: int | None = None) -> int:
        self._require_up()
        block = self._blocks[-1] if number is None else self._at(number)
        return block.state.lanes.get((stream, mirror), 0)

    def fetch_mirror(self, number: int) -> MirrorEntry | None:
        self._require_up()
        return self.mirrors.get(number)

    def fetch_checkpoint_key(self, region: str, stream: bytes, vrf_key: int) -> bytes | None:
        self._require_up()
        return self.checkpoint_keys.get((region, stream, vrf_key))

    def fetch_regions(self) -> tuple[RegionEntry, ...]:
        self._require_up()
        return ()

    def _at(self, number: int) -> _Block:
        if not 0 <= number < len(self._blocks):
            raise ChainUnavailableError(f"no block {number}")
        return self._blocks[number]


def _proof(trie: HexaryTrie, key: bytes) -> list[bytes]:
    return [rlp.encode(node) for node in trie.get_proof(key)]


def _call(sender: bytes, function: str, stream: bytes, arguments: dict[str, Any]) -> Call:
    members: dict[str, Any] = {"function": function, "stream": stream.hex()}
    for name, value in arguments.items():
        if isinstance(value, bytes):
            members[name] = value.hex()
        elif isinstance(value, list | tuple):
            members[name] = [one.hex() for one in value]
        else:
            members[name] = value
    return Call(sender=sender, to=HEAD_ANCHOR, data=json.dumps(members).encode())
