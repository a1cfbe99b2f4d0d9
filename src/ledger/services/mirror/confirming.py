"""Says on chain which map root came out of the logs that were followed.

The contract keeps one lane for this mirror and stream, and a repeated call changes nothing; so
there is no outbox. What a lane says is read from the chain before each step, and what it should say
is known from the copies: the difference is sent. What was sent is remembered in memory only:

- A lost reply is no news. The count of mined transactions and the lane decide.
- After a restart the pool may hold transactions nobody remembers. The same call under the same
  nonce gives the same bytes; another call under it is refused by the pool until the forgotten one
  is mined, and then the lane says whether anything is still to be said.
- Nonces are filled from the lowest that is not mined: what the chain lost is sent again, so that
  what waits behind it is not stuck.
- A call about an epoch that is past takes its nonce and does nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from ledger.core.chain.head_slots import stream_id
from ledger.core.types import Hash32
from ledger.errors import ChainUnavailableError
from ledger.services.crash_points import reach
from ledger.services.onchain import SendState, SignedTransaction
from ledger.services.ports import Chain, Clock

RESEND_AFTER_S: Final = 3
"""How long sent bytes are given before they are sent again."""

MAX_WAITING: Final = 256
"""Most transactions that wait for a block; a chain that takes none gets no more."""


@dataclass(frozen=True, slots=True)
class ChainKey:
    """The mirror's own key."""

    address: bytes
    """20 bytes."""
    secret: bytes = field(repr=False)
    """secp256k1 key, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The map root that follows from the log under a head."""

    region: str
    stream: str
    epoch: int
    map_root: Hash32


@dataclass(frozen=True, slots=True)
class _Sent:
    finding: Finding
    transaction: SignedTransaction
    at: datetime


class Confirming:
    """Sends a mirror's findings; used by one thread.

    Args:
        chain: Where they go.
        clock: The node's clock.
        key: The mirror's key.
    """

    def __init__(self, *, chain: Chain, clock: Clock, key: ChainKey) -> None:
        self._chain = chain
        self._clock = clock
        self.key = key
        self._waiting: dict[int, _Sent] = {}
        """What was sent and is not mined, by nonce."""
        self._settled: set[Finding] = set()
        """Mined after the block at which the lanes were read."""
        self._number: int | None = None

    def has_work(self, missing: Sequence[Finding], number: int | None) -> bool:
        """Whether a step would do anything; asks nobody.

        Args:
            missing: As for ``step``.
            number: As for ``step``.
        """
        if not missing and not self._waiting:
            return False
        under_way = self._under_way()
        if number != self._number or any(one not in under_way for one in missing):
            return True
        return any(self._is_overdue(sent) for sent in self._waiting.values())

    def step(self, missing: Sequence[Finding], number: int | None) -> None:
        """Send what the chain does not say yet.

        Args:
            missing: Findings that differ from this mirror's lanes.
            number: The block at which the lanes were read.

        Raises:
            ContractRevertError: The contract would refuse one; it was not sent.
            ChainUnavailableError: The chain does not answer, or refuses the bytes.
        """
        if number != self._number:
            # Lanes are read anew: they say what became of what was mined before.
            self._settled.clear()
            self._number = number
        mined = self._chain.transaction_count(self.key.address)
        for nonce in [nonce for nonce in self._waiting if nonce < mined]:
            self._settled.add(self._waiting.pop(nonce).finding)
        for nonce, sent in sorted(self._waiting.items()):
            if self._is_overdue(sent):
                self._hand_over(nonce, sent.finding, sent.transaction)
        for finding in missing:
            if finding not in self._under_way() and len(self._waiting) < MAX_WAITING:
                self._send(finding, mined)

    def _under_way(self) -> set[Finding]:
        return self._settled | {sent.finding for sent in self._waiting.values()}

    def _is_overdue(self, sent: _Sent) -> bool:
        # The distance, not the difference: a clock that was set back must not hold it up.
        return abs(self._clock.now() - sent.at) >= timedelta(seconds=RESEND_AFTER_S)

    def _send(self, finding: Finding, mined: int) -> None:
        call = self._chain.confirm_call(
            self.key.address,
            stream=stream_id(finding.region, finding.stream),
            epoch=finding.epoch,
            map_root=finding.map_root,
        )
        # Asked first: one that reverts costs a nonce, and would be sent again for ever.
        self._chain.simulate(call)
        nonce = mined
        while nonce in self._waiting:
            nonce += 1
        signed = self._chain.sign_call(self.key.secret, nonce, call.to, call.data)
        self._hand_over(nonce, finding, signed)
        reach("mirror.confirm-sent")

    def _hand_over(self, nonce: int, finding: Finding, transaction: SignedTransaction) -> None:
        outcome = self._chain.send_raw(transaction.raw)
        if outcome.state is SendState.REFUSED:
            # Something else has the nonce: it is mined first, then the lane is looked at again.
            self._waiting.pop(nonce, None)
            raise ChainUnavailableError(f"send: the chain refuses the finding: {outcome.reason}")
        self._waiting[nonce] = _Sent(finding, transaction, self._clock.now())
