"""Takes snapshots: the newest block, and the proofs of every stream's words at it.

A snapshot is verified exactly as evidence is, before it is stored and served. It proves that a head
is still the newest at block M, so a lookup needs no chain and freshness costs no transaction.

Order of durability: the snapshot is stored, and its outbox row marked anchored, in one transaction;
then the served state moves. A crash between is made up for at the start, which serves the newest
stored snapshot. Only a newer block of the head that is served already is served without being
stored, where the store cannot: evidence must stay fresh on a full disk.
"""

import logging
from dataclasses import dataclass

from ledger.core.chain.head_slots import Head
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
from ledger.core.verify.confirmations import count_confirmations
from ledger.errors import (
    ChainUnavailableError,
    FatalStateError,
    HeaderError,
    LedgerError,
    StoreUnavailableError,
)
from ledger.services.anchoring.comparison import is_head_of
from ledger.services.anchoring.tally import Tally
from ledger.services.anchoring.tip import Tip
from ledger.services.crash_points import reach
from ledger.services.ports import Chain, Clock, Store
from ledger.services.stored import (
    ANCHORED,
    IN_FLIGHT,
    WITHDRAWN,
    Fence,
    OutboxRow,
    Snapshot,
    StreamLog,
)
from ledger.services.stream.state import StreamState

log = logging.getLogger(__name__)


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
        chain: Where proofs come from; nothing it says is believed.
        tip: The newest block.
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
        tip: Tip,
        store: Store,
        fence: Fence,
        clock: Clock,
    ) -> None:
        self._region = region
        self._trust_root = trust_root
        self._chain = chain
        self._tip = tip
        self._store = store
        self._fence = fence
        self._clock = clock
        self._tallies: dict[StreamLog, Tally] = {}
        self._looked: dict[StreamLog, int] = {}
        """The block of each log's last look that only a new block can change."""

    def tally(self, log: StreamLog) -> Tally | None:
        """What mirrors say of a log's newest head; None before it was read."""
        return self._tallies.get(log)

    def step(self, state: StreamState) -> bool:
        """Take a snapshot of one log if there is a new block; returns whether it is served.

        Raises:
            ChainUnavailableError: The chain does not answer, or its header has another hash.
            InputError: A proof is malformed, or proves that a word is not there.
            VerificationError: The contract has another code, or the head is unset.
            FatalStateError: The contract was replaced, or its roots are not ours.
            FencedError: Another worker took over.
            StoreUnavailableError: The store does not answer.
        """
        newest = self._store.newest_outbox(state.name)
        if newest is None or (newest.kind == "open" and newest.state in IN_FLIGHT):
            return False  # No head of this log can be on chain.
        number = self._tip.number()
        if number == self._looked.get(state.name):
            return False
        block = self._block(number, *self._tip.header())
        reach("snapshot.block-taken")
        served = state.snapshot
        if served is not None and served.block_hash == block.block_hash:
            self._looked[state.name] = number
            return False
        words = confirmation_words(self._trust_root, self._region, state.stream)
        nodes = self._prove(state.stream, words, block)
        reach("snapshot.proved")
        proved = self._read(state.stream, words, block, nodes)
        reach("snapshot.verified")
        if proved.head.vrf_key != state.name.generation:
            return False  # Another generation has its head on chain.
        row = self._row_of(state.name, proved)
        tally = self._count(state.name, proved)
        # A head that is not ours or not confirmed is not served; anchoring compares the heads.
        if row is None:
            return False
        is_served = tally.is_enough and self._take(state, block, words, nodes, proved.head, row)
        # At this point: only a new block can change the result.
        self._looked[state.name] = number
        return is_served

    def _take(
        self,
        state: StreamState,
        block: _Block,
        words: tuple[int, ...],
        nodes: tuple[bytes, ...],
        head: Head,
        row: OutboxRow,
    ) -> bool:
        """Store and serve what was verified; False where more is served already."""
        if head.size < state.served_size:
            # A chain that was rolled back: the served state does not shrink. The next head, which
            # anchoring signs once this one counts as anchored, brings the chain up to it.
            self._store.set_outbox_state(self._fence, row.id, ANCHORED, at=self._clock.now())
            return False
        reach("snapshot.confirmed")
        snapshot = Snapshot(
            stream=state.stream,
            block_number=block.number,
            block_hash=block.block_hash,
            block_time=block.header.timestamp,
            header=block.rlp,
            nodes=nodes,
            words=words or None,
            head=head,
        )
        self._keep(state, snapshot, row.id)
        reach("snapshot.stored")
        # At this point a restart serves it too.
        state.serve(snapshot)
        reach("snapshot.served")
        return True

    def _keep(self, state: StreamState, snapshot: Snapshot, row_id: int) -> None:
        try:
            self._store.add_snapshot(self._fence, snapshot, row_id)
        except StoreUnavailableError:
            served = state.snapshot
            if served is not None and served.head == snapshot.head:
                # The same head at a newer block: nothing depends on its being stored, and lookups
                # stay fresh for as long as the disk is full.
                state.serve(snapshot)
            raise

    def holds(self, snapshot: Snapshot) -> bool:
        """Whether a stored snapshot still proves its head by the trust root of today.

        Rules, validators or the contract may have changed since it was stored, or its bytes on
        disk: evidence under it would be refused.
        """
        words = confirmation_words(self._trust_root, self._region, snapshot.stream)
        try:
            block = self._block(snapshot.block_number, snapshot.block_hash, snapshot.header)
            proved = self._read(snapshot.stream, words, block, snapshot.nodes)
            is_confirmed = self._is_confirmed(snapshot.stream, proved)
        except LedgerError as error:
            log.warning("stored snapshot of block %d: %s", snapshot.block_number, error)
            return False
        return is_confirmed and proved.head == snapshot.head and (words or None) == snapshot.words

    def _block(self, number: int, block_hash: Hash32, rlp: bytes) -> _Block:
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
        trusted = self._trust_root.validators_at(number)
        if trusted is None:
            raise FatalStateError(f"block {number}: the trust root knows no validators for it")
        return verify_qbft(rlp, trusted.addresses).block_hash

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
        if proved.head.anchored_at > block.header.timestamp:
            raise HeaderError(
                f"block {block.number}: expected a time of at least {proved.head.anchored_at},"
                f" when the head was anchored, found {block.header.timestamp}"
            )
        return proved

    def _row_of(self, log: StreamLog, proved: ProvedState) -> OutboxRow | None:
        for row in self._store.find_outbox(log, proved.head.epoch):
            if row.state != WITHDRAWN and is_head_of(row, proved.head):
                return row
        return None

    def _is_confirmed(self, stream: str, proved: ProvedState) -> bool:
        return count_confirmations(self._trust_root, self._region, stream, proved).is_enough

    def _count(self, name: StreamLog, proved: ProvedState) -> Tally:
        """What mirrors say of the newest head, kept for the status."""
        stream = name.stream
        found = count_confirmations(self._trust_root, self._region, stream, proved)
        rule = self._trust_root.confirmation(self._region, stream)
        counting = () if rule is None else rule.mirrors
        tally = Tally(
            epoch=proved.head.epoch,
            required=found.required,
            confirmed=found.confirmed,
            confirmed_by=tuple(n for n in counting if proved.lane(n) == proved.head.epoch),
            contradicted_by=found.contradicting,
            is_enough=found.is_enough,
        )
        known = self._tallies.get(name)
        if tally.contradicted_by and (known is None or known != tally):
            log.error("ALARM contradicted: %s: by mirrors %s", name, tally.contradicted_by)
        self._tallies[name] = tally
        return tally
