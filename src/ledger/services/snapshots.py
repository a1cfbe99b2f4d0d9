"""Takes snapshots: the newest block, and the proofs of every stream's words at it.

A snapshot is verified exactly as evidence is, before it is stored and served. It proves that a head
is still the newest at block M, so a lookup needs no chain and freshness costs no transaction.

Order of durability: the snapshot is stored, and its outbox row marked anchored, in one transaction;
then the served state moves. A crash between is made up for at the start, which serves the newest
stored snapshot.
"""

from dataclasses import dataclass

from ledger.core.chain.head_slots import CONTRADICTION
from ledger.core.headers import Header, parse_header, verify_qbft
from ledger.core.trust import TrustRoot
from ledger.core.types import Hash32
from ledger.core.verify.chain_state import (
    StreamState as ProvedState,
)
from ledger.core.verify.chain_state import (
    confirmation_words,
    read_stream_state,
    slots_to_prove,
)
from ledger.errors import ChainUnavailableError, FatalStateError
from ledger.services.anchoring.comparison import is_head_of
from ledger.services.ports import Chain, Clock, Store
from ledger.services.stored import ANCHORED, IN_FLIGHT, WITHDRAWN, Fence, OutboxRow, Snapshot
from ledger.services.stream_state import StreamState


@dataclass(frozen=True, slots=True)
class _Block:
    number: int
    block_hash: Hash32
    rlp: bytes
    header: Header


class Snapshots:
    """Takes the snapshots of one node's own streams.

    Args:
        region: GB/T 2260 code, six digits.
        trust_root: Says where HeadAnchor is and which confirmations count.
        chain: Where blocks and proofs come from; nothing it says is believed.
        store: Outbox and snapshots.
        fence: The worker's right to write.
        clock: The node's clock.
    """

    def __init__(
        self,
        *,
        region: str,
        trust_root: TrustRoot,
        chain: Chain,
        store: Store,
        fence: Fence,
        clock: Clock,
    ) -> None:
        self._region = region
        self._trust_root = trust_root
        self._chain = chain
        self._store = store
        self._fence = fence
        self._clock = clock

    def step(self, state: StreamState) -> bool:
        """Take a snapshot of one stream if there is a new block; returns whether it is served.

        Raises:
            ChainUnavailableError: The chain does not answer, or its header has another hash.
            InputError: A proof is malformed, or proves that a word is not there.
            VerificationError: The contract has another code, or the head is unset.
            FatalStateError: The contract was replaced, or its roots are not ours.
            FencedError: Another worker took over.
            StoreUnavailableError: The store does not answer.
        """
        newest = self._store.newest_outbox(state.stream)
        if newest is None or (newest.epoch == 1 and newest.state in IN_FLIGHT):
            return False  # No head of ours can be on chain.
        block = self._newest_block()
        served = state.snapshot
        if served is not None and served.block_hash == block.block_hash:
            return False
        words = confirmation_words(self._trust_root, self._region, state.stream)
        nodes = self._prove(state.stream, words, block)
        proved = self._read(state.stream, words, block, nodes)
        row = self._row_of(state.stream, proved)
        # A head that is not ours or not confirmed is not served; anchoring compares the heads.
        if row is None or not self._is_confirmed(state.stream, proved):
            return False
        if proved.head.size < state.served_size:
            # A chain that was rolled back: the served state does not shrink. The next head, which
            # anchoring signs once this one counts as anchored, brings the chain up to it.
            self._store.set_outbox_state(self._fence, row.id, ANCHORED, at=self._clock.now())
            return False
        snapshot = Snapshot(
            stream=state.stream,
            block_number=block.number,
            block_hash=block.block_hash,
            block_time=block.header.timestamp,
            header=block.rlp,
            nodes=nodes,
            words=words or None,
            head=proved.head,
        )
        self._store.add_snapshot(self._fence, snapshot, row.id)
        # At this point a restart serves it too.
        state.serve(snapshot)
        return True

    def _newest_block(self) -> _Block:
        number = self._chain.latest_block()
        block_hash, rlp = self._chain.fetch_header(number)
        header = parse_header(rlp)
        computed = header.block_hash
        if not self._trust_root.is_development:
            computed = self._sealed_hash(rlp, number)
        if (computed, header.number) != (block_hash, number):
            raise ChainUnavailableError(
                f"block {number}: expected hash {block_hash.hex()}, computed {computed.hex()}"
            )
        return _Block(number, block_hash, rlp, header)

    def _sealed_hash(self, rlp: bytes, number: int) -> Hash32:
        for one in self._trust_root.validators:
            if one.first_block <= number and (one.last_block is None or number <= one.last_block):
                return verify_qbft(rlp, one.addresses).block_hash
        raise FatalStateError(f"block {number}: the trust root knows no validators for it")

    def _prove(self, stream: str, words: tuple[int, ...], block: _Block) -> tuple[bytes, ...]:
        contract = self._trust_root.head_anchor
        slots = slots_to_prove(contract, self._region, stream, words)
        return self._chain.fetch_proof(contract.address, slots, block.number)

    def _read(
        self, stream: str, words: tuple[int, ...], block: _Block, nodes: tuple[bytes, ...]
    ) -> ProvedState:
        proved = read_stream_state(
            contract=self._trust_root.head_anchor,
            region=self._region,
            stream=stream,
            state_root=block.header.state_root,
            nodes=nodes,
            words=words,
        )
        if proved.status.has_successor:
            raise FatalStateError(f"HeadAnchor was replaced by 0x{proved.status.successor.hex()}")
        return proved

    def _row_of(self, stream: str, proved: ProvedState) -> OutboxRow | None:
        for row in self._store.find_outbox(stream, proved.head.epoch):
            if row.state != WITHDRAWN and is_head_of(row, proved.head):
                return row
        return None

    def _is_confirmed(self, stream: str, proved: ProvedState) -> bool:
        rule = self._trust_root.confirmation(self._region, stream)
        if rule is None or rule.required == 0:
            return True
        mirrors = {mirror.number: mirror for mirror in self._trust_root.mirrors}
        epoch = proved.head.epoch
        if any(
            mirrors[number].role == "regulator" and proved.lane(number) == epoch + CONTRADICTION
            for number in rule.mirrors
        ):
            return False
        operators = {
            mirrors[number].operator for number in rule.mirrors if proved.lane(number) == epoch
        }
        return len(operators) >= rule.required
