"""One step of anchoring a log: follow the chain, then send, or sign what comes next.

Order of durability:

1. The chain's head is read at one block and compared with the outbox. Rows are corrected before
   anything is signed, so that what is signed builds on what is there.
2. The next head is signed and its row stored *before* it is sent. A crash before the row is stored
   loses a signature that nobody saw. A crash after it finds the row and sends the same bytes: the
   chain takes them at most once, and the contract answers a repeat quietly.
3. The bytes are sent, then the row is marked as sent. A crash between sends them twice, see 2. A
   lost reply is no news: the receipt, the nonce and the chain's head decide, never the reply.
4. A receipt, or the chain's head itself, makes the row mined.
5. A verified snapshot of its epoch makes it anchored (``snapshots``). Only then is the next head
   signed, so that every epoch has a snapshot that proves it.

A row is given up only when the chain shows that its bytes cannot take effect any more, and has
shown it for ``PATIENCE_S``: its nonce was used by another transaction, a nonce below it is missing,
or the head it builds on is gone. Giving up wrongly does no harm: if the old bytes are mined after
all, the chain's head matches the withdrawn row, which is taken back (``comparison``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from ledger.core.chain.head_slots import Head, stream_id
from ledger.core.merkle import verify_consistency
from ledger.errors import (
    ChainUnavailableError,
    ContractRevertError,
    FatalStateError,
    LedgerError,
)
from ledger.services.anchoring.comparison import compare
from ledger.services.anchoring.doubts import Doubts
from ledger.services.anchoring.tip import Tip
from ledger.services.crash_points import reach
from ledger.services.onchain import Call, SendState
from ledger.services.ports import Chain, Clock, OutboxStore
from ledger.services.stored import (
    ANCHORED,
    IN_FLIGHT,
    MINED,
    SENT,
    SIGNED,
    WITHDRAWN,
    Fence,
    NewOutboxRow,
    OutboxRow,
    StreamLog,
)
from ledger.services.stream.state import LogHead, StreamState

MAP_FUNCTION: Final = 1
"""Map function 1 over SHA-256."""

NOT_THE_KEY: Final = "HeadAnchorNotAnchorKey"
"""The contract's error for a caller who may not write to the stream."""

RESEND_AFTER_S: Final = 5
"""How long sent bytes are given before they are sent again."""

PATIENCE_S: Final = 3
"""How long the chain must show that a row is lost before it is given up."""

_Mark = tuple[int, int, tuple[int, str] | None]
"""Block, size of the log, number and state of the newest row."""


@dataclass(frozen=True, slots=True)
class AnchorKey:
    """The key that may anchor the region's streams."""

    address: bytes
    """20 bytes."""
    secret: bytes = field(repr=False)
    """secp256k1 key, 32 bytes."""


class Anchoring:
    """Anchors the logs of one node.

    Args:
        region: GB/T 2260 code, six digits.
        chain: Where heads go.
        tip: The newest block.
        store: The outbox.
        fence: The worker's right to write.
        clock: The node's clock.
        keys: The anchor keys, the newest last; that one signs which the contract takes.
    """

    def __init__(
        self,
        *,
        region: str,
        chain: Chain,
        tip: Tip,
        store: OutboxStore,
        fence: Fence,
        clock: Clock,
        keys: Sequence[AnchorKey],
    ) -> None:
        self._region = region
        self._chain = chain
        self._tip = tip
        self._store = store
        self._fence = fence
        self._clock = clock
        self._keys = tuple(keys)
        self._missing = Doubts(clock, PATIENCE_S)
        """Whether the chain lacks what a log's rows say it has, by log."""
        self._hopeless = Doubts(clock, PATIENCE_S)
        """Whether a row's bytes look as if they could not be mined, by row."""
        self._settled: dict[StreamLog, _Mark] = {}
        """What a log's last step was about, where only a new block can change its result."""

    def step(self, state: StreamState) -> None:
        """Bring one log one step further.

        Raises:
            ContractRevertError: The contract would refuse the next head; nothing was signed.
            ChainUnavailableError: The chain does not answer, or refuses the bytes.
            FatalStateError: The chain has a head that this node did not sign.
            FencedError: Another worker took over.
            StoreUnavailableError: The store does not answer.
        """
        log = state.name
        number = self._tip.number()
        mark = self._mark(state, number)
        if self._settled.get(log) == mark and not self._is_to_be_sent(log):
            return
        head = self._chain.fetch_head(stream_id(self._region, log.stream), number)
        own = head if head is not None and head.vrf_key == log.generation else None
        state.note_anchored(0 if own is None else own.size)
        if not self._follow(log, head, number):
            return
        newest = self._store.newest_outbox(log)
        if newest is not None and newest.state in IN_FLIGHT:
            self._push(newest)
        elif newest is None or newest.state == ANCHORED:
            signed = self._sign(state, head)
            if signed is not None:
                self._push(signed)
        # A mined row waits for its snapshot.
        if not self._missing and not self._hopeless:
            self._settled[log] = mark

    def settle(self, state: StreamState) -> None:
        """Bring what is under way of a log to its end; nothing more is signed for it.

        A log that another follows gets no more heads, but a transaction that is in flight holds a
        number that those of the next log come after.

        Raises:
            ChainUnavailableError: The chain does not answer, or refuses the bytes.
            FencedError: Another worker took over.
            StoreUnavailableError: The store does not answer.
        """
        newest = self._store.newest_outbox(state.name)
        if newest is not None and newest.state in IN_FLIGHT:
            self._push(newest)

    def _mark(self, state: StreamState, number: int) -> _Mark:
        newest = self._store.newest_outbox(state.name)
        return number, state.size, None if newest is None else (newest.id, newest.state)

    def _is_to_be_sent(self, log: StreamLog) -> bool:
        newest = self._store.newest_outbox(log)
        if newest is None or newest.state not in IN_FLIGHT:
            return False
        return newest.sent_at is None or self._is_overdue(newest.sent_at)

    def _follow(self, log: StreamLog, head: Head | None, number: int) -> bool:
        """1. Correct the rows by the chain's head; False while in doubt whether it is behind."""
        epoch = 0 if head is None else head.epoch
        found = compare(
            head,
            log=log,
            of_epoch=self._store.find_outbox(log, epoch),
            after=self._store.outbox_after(log, epoch),
        )
        for row in found.replaced:
            self._set(row, WITHDRAWN)
        if found.adopted is not None:
            # 4. The chain has this head, whatever was heard of its transaction.
            reach("anchoring.head-seen")
            self._set(found.adopted, MINED, number)
            reach("anchoring.mined")
        if not found.is_behind:
            self._missing.dispel(str(log))
            return True
        if not self._missing.is_certain(str(log)):
            return False
        for row in (*found.lost, *found.stranded):
            self._set(row, WITHDRAWN)
        self._missing.dispel(str(log))
        return True

    def _push(self, row: OutboxRow) -> None:
        """3. Send, or learn what became of what was sent."""
        # The count before the receipt: a transaction mined in between has a receipt by now.
        count = self._chain.transaction_count(self._sender_of(row))
        receipt = self._chain.receipt(row.tx_hash)
        if receipt is not None:
            reach("anchoring.head-seen")
            self._hopeless.dispel(row.id)
            # 4. A reverted one left the head as it was; the next step simulates before it signs.
            took_effect = receipt.status == 1
            self._set(row, MINED if took_effect else WITHDRAWN, receipt.block_number)
            reach("anchoring.mined")
            return
        if self._can_never_be_mined(row, count):
            if self._hopeless.is_certain(row.id):
                self._set(row, WITHDRAWN)
                self._hopeless.dispel(row.id)
            return
        self._hopeless.dispel(row.id)
        if row.state == SIGNED or row.sent_at is None or self._is_overdue(row.sent_at):
            self._send(row)

    def _send(self, row: OutboxRow) -> None:
        reach("anchoring.sending")
        outcome = self._chain.send_raw(row.raw_tx)
        reach("anchoring.sent")
        self._set(row, SENT)
        reach("anchoring.marked-sent")
        if outcome.state is SendState.REFUSED:
            raise ChainUnavailableError(f"send: the chain refuses the head: {outcome.reason}")

    def _can_never_be_mined(self, row: OutboxRow, count: int) -> bool:
        if count > row.nonce:
            return True  # Another transaction has its nonce.
        in_flight = self._store.nonces_in_flight(self._sender_of(row))
        return not set(range(count, row.nonce)) <= in_flight

    def _sign(self, state: StreamState, head: Head | None) -> OutboxRow | None:
        """2. Sign and store the next head, if there is anything new."""
        ours = state.head()
        own = head if head is not None and head.vrf_key == state.name.generation else None
        old_size = 0 if own is None else own.size
        if ours.size <= old_size:
            return None
        epoch = 0 if head is None else head.epoch
        call = self._call(state, own, ours, epoch)
        reach("anchoring.head-computed")
        # Asked first: one that reverts costs a nonce, and on some chains it blocks the sender.
        key = self.taken_by(call)
        reach("anchoring.simulated")
        nonce = self._free_nonce(key.address)
        signed = self._chain.sign_call(key.secret, nonce, call.to, call.data)
        reach("anchoring.signed")
        row = self._store.add_outbox(
            self._fence,
            NewOutboxRow(
                log=state.name,
                kind="open" if own is None else "anchor",
                epoch=epoch + 1,
                old_size=old_size,
                new_size=ours.size,
                log_root=ours.log_root,
                map_root=ours.map_root,
                sender=key.address,
                nonce=nonce,
                raw_tx=signed.raw,
                tx_hash=signed.tx_hash,
                created_at=self._clock.now(),
            ),
        )
        reach("anchoring.stored")
        return row

    def opening(self, log: StreamLog, ours: LogHead, epoch: int) -> Call:
        """The call that opens a log.

        Args:
            log: Which.
            ours: Its first head.
            epoch: That of the stream's head on chain; 0 where there is none.
        """
        return self._chain.open_call(
            self._keys[-1].address,
            stream=stream_id(self._region, log.stream),
            expected_epoch=epoch,
            vrf_key=log.generation,
            map_function=MAP_FUNCTION,
            size=ours.size,
            log_root=ours.log_root,
            map_root=ours.map_root,
        )

    def taken_by(self, call: Call) -> AnchorKey:
        """The key from which the contract takes a call; the newest first.

        Raises:
            ContractRevertError: It takes it from none of them.
        """
        refusals = []
        for key in reversed(self._keys):
            try:
                self._chain.simulate(replace(call, sender=key.address))
            except ContractRevertError as error:
                refusals.append(error)
            else:
                return key
        # That a key may not is no news where another one may and is refused for a better reason.
        raise next((one for one in refusals if one.name != NOT_THE_KEY), refusals[0])

    def _call(self, state: StreamState, head: Head | None, ours: LogHead, epoch: int) -> Call:
        stream = stream_id(self._region, state.stream)
        if head is None:
            return self.opening(state.name, ours, epoch)
        path = state.consistency_path(head.size, ours.size)
        try:
            # Pair assertion: what is signed continues what is on chain, by the rule of verifiers.
            verify_consistency(
                old_size=head.size,
                new_size=ours.size,
                path=path,
                old_root=head.log_root,
                new_root=ours.log_root,
            )
        except LedgerError as error:
            raise FatalStateError(f"{state.name}: not a continuation: {error}") from error
        return self._chain.anchor_call(
            self._keys[-1].address,
            stream=stream,
            old_size=head.size,
            new_size=ours.size,
            log_root=ours.log_root,
            map_root=ours.map_root,
            proof=path,
        )

    def _sender_of(self, row: OutboxRow) -> bytes:
        # Rows of a release that knew one key do not name it.
        return row.sender or self._keys[0].address

    def _free_nonce(self, sender: bytes) -> int:
        """The lowest nonce that is neither mined nor in flight: gaps are filled first."""
        nonce = self._chain.transaction_count(sender)
        in_flight = self._store.nonces_in_flight(sender)
        while nonce in in_flight:
            nonce += 1
        return nonce

    def _is_overdue(self, sent_at: datetime) -> bool:
        # The distance, not the difference: after the clock was set back, bytes are sent again too.
        return abs(self._clock.now() - sent_at) >= timedelta(seconds=RESEND_AFTER_S)

    def _set(self, row: OutboxRow, state: str, block_number: int | None = None) -> None:
        self._store.set_outbox_state(
            self._fence, row.id, state, at=self._clock.now(), block_number=block_number
        )
