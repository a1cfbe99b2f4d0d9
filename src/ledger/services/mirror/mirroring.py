"""All mirroring of one node: reads the chain, follows each region, says what came out.

One thread asks for the newest block a few times a second, and for the heads only when there is a
new one. It alone sends, so that nonces are given out in one place. Each region is followed by a
thread of its own: one that is slow, dead or lying delays no other.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from typing import Final

from ledger.core.chain.head_slots import stream_id
from ledger.core.trust import TrustRoot
from ledger.errors import FatalStateError, FencedError, LedgerError, UnavailableError
from ledger.services.background.failures import StepError, error_of
from ledger.services.mirror.confirming import ChainKey, Confirming
from ledger.services.mirror.followed import Followed, Seen
from ledger.services.mirror.following import Following
from ledger.services.mirror.status import MirroringStatus
from ledger.services.ports import Chain, Clock
from ledger.services.ports.mirroring import EntrySource, MirrorStore
from ledger.services.stored import Fence

FENCE_NAME: Final = "mirror"
CHAIN: Final = "mirror:chain"
CONFIRM: Final = "mirror:confirm"

INTERVAL_S: Final = 0.25
"""Pause between two looks at the chain."""

PATIENCE_S: Final = 3
"""How long the chain must be shorter than it was before that is believed."""

STOP_WITHIN_S: Final = 5
"""How long a thread is waited for at the end."""

IDLE_S: Final = 0.5
"""Longest pause of a region's thread: how soon it sees that its back-off is over."""

log = logging.getLogger(__name__)


class Mirroring:
    """Mirrors the streams of other regions that the trust root says this region mirrors.

    Args:
        region: GB/T 2260 code of this node's region.
        trust_root: Says whose streams this region's mirrors count for.
        store: Keeps the copies.
        source: Where entries come from.
        chain: Where heads come from and findings go; the node's own way to it.
        clock: The node's clock.
        keys: The mirror's keys, the newest last: that one is used which the trust root lists last.
        interval_s: Pause between two looks at the chain.
    """

    def __init__(
        self,
        *,
        region: str,
        trust_root: TrustRoot,
        store: MirrorStore,
        source: EntrySource,
        chain: Chain,
        clock: Clock,
        keys: Sequence[ChainKey],
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._region = region
        self._store = store
        self._chain = chain
        self._clock = clock
        self._keys = tuple(keys)
        self._interval_s = interval_s
        self._confirming: Confirming | None = None
        own = {one.number for one in trust_root.mirrors if one.operator == region}
        counting = {number for rule in trust_root.confirmations for number in rule.mirrors}
        # A number whose key was lost stays listed for ever, and no rule counts it any more.
        self._numbers = sorted(own & counting, reverse=True)
        self._stop = Event()
        self._followed = [
            self._follow(rule.region, rule.stream, source)
            for rule in trust_root.confirmations
            if rule.region != region and set(rule.mirrors) & set(self._numbers)
        ]
        self._fence: Fence | None = None
        self._seat: int | None = None
        self._block: int | None = None
        self._shorter_since: datetime | None = None
        self._errors: dict[str, StepError] = {}
        self._stopped_by: StepError | None = None
        self._lock = Lock()
        self._woken = Event()
        self._threads: list[Thread] = []

    def start(self) -> None:
        """Start the threads, if this region mirrors anybody."""
        if not self._followed:
            return
        self._threads = [Thread(target=self._run, name=f"mirror-{self._region}", daemon=True)]
        for one in self._followed:
            name = f"mirror-{self._region}-{one.region}"
            self._threads.append(Thread(target=self._run_one, args=(one,), name=name, daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let the present steps end and wait for the threads."""
        self._stop.set()
        self._woken.set()
        for one in self._followed:
            one.is_due.set()
        for thread in self._threads:
            # A region may hold its thread with a trickle; it writes nothing any more.
            thread.join(STOP_WITHIN_S)

    def run_once(self) -> bool:
        """Look, follow everybody and confirm, in this thread; False once mirroring has to stop."""
        self._look()
        for one in self._followed:
            self._work(one)
        self._confirm()
        return self._stopped_by is None

    def status(self) -> MirroringStatus:
        """How far it is and what it found."""
        return MirroringStatus(
            is_running=any(thread.is_alive() for thread in self._threads),
            number=self._seat,
            stopped_by=self._stopped_by,
            sources=tuple(one.status() for one in self._followed),
            errors=tuple(self._errors.copy().values()),
        )

    def _follow(self, region: str, stream: str, source: EntrySource) -> Followed:
        following = Following(
            region=region,
            stream=stream,
            store=self._store,
            source=source,
            is_stopping=self._stop.is_set,
        )
        return Followed(region=region, stream=stream, following=following, clock=self._clock)

    def _run(self) -> None:
        while not self._is_over():
            self._look()
            self._confirm()
            for one in self._followed:
                one.repeat_alarm()
            self._woken.wait(self._interval_s)
            self._woken.clear()

    def _run_one(self, one: Followed) -> None:
        while not self._is_over():
            one.is_due.wait(IDLE_S)
            if not self._is_over() and self._work(one):
                self._woken.set()

    def _is_over(self) -> bool:
        return self._stop.is_set() or self._stopped_by is not None

    def _look(self) -> None:
        """Read heads and lanes, if there is a new block."""
        if not self._may_try(CHAIN):
            return
        try:
            if self._fence is None:
                self._fence = self._store.acquire_fence(FENCE_NAME)
            number = self._chain.latest_block()
            if number != self._block and not self._is_doubtful(number):
                self._take_seat()
                for one in self._followed:
                    one.see(self._seen(one, number))
                # At this point every region was seen at this block.
                self._block = number
        except Exception as error:
            self._fail(CHAIN, error)
        else:
            self._errors.pop(CHAIN, None)

    def _is_doubtful(self, number: int) -> bool:
        """Whether the chain has become shorter just now: another endpoint may only be behind."""
        now = self._clock.now()
        if self._block is None or number > self._block:
            self._shorter_since = None
            return False
        if self._shorter_since is None:
            self._shorter_since = now
        return abs(now - self._shorter_since) < timedelta(seconds=PATIENCE_S)

    def _seen(self, one: Followed, number: int) -> Seen | None:
        stream = stream_id(one.region, one.stream)
        head = self._chain.fetch_head(stream, number)
        if head is None or self._seat is None:
            return None
        return Seen(head, self._chain.fetch_lane(stream, self._seat, number))

    def secret_of(self, seat: int) -> bytes:
        """The key under which the chain knows this mirror's number, 32 bytes.

        Raises:
            UnavailableError: The chain was not asked yet, or knows another number.
        """
        if self._confirming is None or seat != self._seat:
            raise UnavailableError(f"mirror: expected this node's number, found {seat}")
        return self._confirming.key.secret

    def _take_seat(self) -> None:
        """Find the number that the chain gives one of this mirror's keys."""
        if self._seat is not None:
            return
        keys = {key.address: key for key in self._keys}
        for number in self._numbers:
            entry = self._chain.fetch_mirror(number)
            key = None if entry is None else keys.get(entry.address)
            if key is not None:
                self._confirming = Confirming(chain=self._chain, clock=self._clock, key=key)
                self._seat = number
                return
        raise UnavailableError(
            f"mirror: expected the chain to have this node's mirror key under one of the numbers"
            f" {self._numbers}; have the node admitted"
        )

    def _work(self, one: Followed) -> bool:
        fence, seat = self._fence, self._seat
        if fence is None or seat is None:
            return False
        try:
            return one.work(fence, seat)
        except (FencedError, FatalStateError) as error:
            self._end(f"mirror:{one.region}/{one.stream}", error)
            return False

    def _confirm(self) -> None:
        if self._fence is None or self._block is None or not self._may_try(CONFIRM):
            return
        if self._confirming is None:
            return
        found = [finding for one in self._followed if (finding := one.finding()) is not None]
        if not self._confirming.has_work(found, self._block):
            return
        try:
            # Of two mirrors over one database, only the newer speaks.
            self._store.check_fence(self._fence)
            self._confirming.step(found, self._block)
        except Exception as error:
            self._fail(CONFIRM, error)
        else:
            self._errors.pop(CONFIRM, None)

    def _may_try(self, name: str) -> bool:
        failed = self._errors.get(name)
        return self._stopped_by is None and (failed is None or failed.is_over(self._clock.now()))

    def _fail(self, name: str, error: Exception) -> None:
        if isinstance(error, FencedError | FatalStateError):
            self._end(name, error)
            return
        self._errors[name] = error_of(name, error, self._errors.get(name), self._clock.now())
        if isinstance(error, LedgerError):
            log.warning("%s: %s", name, error)
        else:
            # A bug; its message may hold anything.
            log.error("%s: bug: %s", name, type(error).__name__)

    def _end(self, name: str, error: LedgerError) -> None:
        with self._lock:
            if self._stopped_by is None:
                self._stopped_by = error_of(name, error, None, self._clock.now())
                log.critical("mirroring stops at %s: %s", name, error)
