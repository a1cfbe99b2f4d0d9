"""Looks at what the node stands on, once a second, so that probes and metrics cost nothing.

Anyone may ask a probe as often as they like: it reads what was seen last and asks neither the
database nor the chain.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Thread
from typing import Final, Protocol

from ledger.core.headers import parse_header
from ledger.core.types import UnixSeconds
from ledger.errors import (
    ChainForkedError,
    ChainUnavailableError,
    LedgerError,
    WrongChainError,
)
from ledger.services.background.status import READY, WorkerStatus
from ledger.services.ports import Chain, Clock

INTERVAL_S: Final = 1.0
"""Pause between two looks."""

STALE_S: Final = 30
"""Age of the last look beyond which nothing is known."""

STALLED_AFTER_S: Final = 60
"""Age of the newest block from which the chain stands, by default."""

STALLED: Final = "chain-stalled"
"""The chain answers and seals nothing: too few validators are up, or they do not agree."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the store holds that is on its way.

    Attributes:
        schema: Revision of the database's schema.
        heads: Heads that are signed and have no snapshot yet.
        oldest_head: When the oldest of them was signed.
    """

    schema: str
    heads: int
    oldest_head: datetime | None


class BacklogSource(Protocol):
    """The store, as far as the watch looks at it."""

    def backlog(self) -> Backlog:
        """What is on its way.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        ...


class Worker(Protocol):
    """The background worker, as far as the watch looks at it."""

    def status(self) -> WorkerStatus:
        """How far it is and what went wrong last."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a ready node needs; ``code`` is ``ok`` or a stable word that says what is wrong.

    A check that does not ``count`` is shown and does not make the node unready: with the chain away
    for a minute, everything served is still proved.
    """

    name: str
    code: str
    counts: bool = True
    since: UnixSeconds | None = None
    """Since when it is so, where that is known."""
    lasted_s: int | None = None
    """For how long, by the last look."""

    @property
    def is_ok(self) -> bool:
        """Whether there is nothing to say."""
        return self.code == "ok"


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found.

    Attributes:
        at: When it was, by the node's clock.
        worker: The worker's own words.
        backlog: What the store holds, or None while it does not answer.
        block: Height of the newest block, or None while the chain does not answer.
        block_time: Its time.
        chain_code: ``ok``, or why the chain was not seen, or that it stands.
        store_code: ``ok``, or why the store was not.
    """

    at: datetime
    worker: WorkerStatus
    backlog: Backlog | None
    block: int | None
    block_time: UnixSeconds | None
    chain_code: str
    store_code: str


class Watch:
    """The node's eye on itself.

    Args:
        worker: The background worker.
        store: The node's store.
        chain: The node's way to the chain.
        clock: The node's clock.
        stalled_after_s: Age of the newest block from which the chain stands.
    """

    def __init__(
        self,
        *,
        worker: Worker,
        store: BacklogSource,
        chain: Chain,
        clock: Clock,
        stalled_after_s: int = STALLED_AFTER_S,
    ) -> None:
        self._worker = worker
        self._store = store
        self._chain = chain
        self._clock = clock
        self._stalled_after_s = stalled_after_s
        self._then: list[Callable[[Seen], None]] = []
        self._seen: Seen | None = None
        self._schema: str | None = None
        self._stop = Event()
        self._thread: Thread | None = None

    @property
    def seen(self) -> Seen | None:
        """What the last look found; None before the first."""
        return self._seen

    def checks(self) -> tuple[Check, ...]:
        """Everything a ready node needs, by the last look."""
        seen = self._seen
        if seen is None:
            return (Check("watch", "starting"),)
        if abs((self._clock.now() - seen.at).total_seconds()) > STALE_S:
            # The thread is stuck in a call, or gone.
            return (Check("watch", "watch-stale"),)
        return (
            Check("store", seen.store_code),
            Check("schema", self._schema_code(seen)),
            _chain_check(seen),
            *_worker_checks(seen.worker),
        )

    def tell(self, told: Callable[[Seen], None]) -> None:
        """Call something after each look, in the watch's thread."""
        self._then.append(told)

    def start(self) -> None:
        """Look in a thread of its own until ``stop``."""
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the present look end and wait for the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> Seen:
        """Look once; what does not answer is noted, not raised."""
        backlog, store_code = self._backlog()
        block, block_time, chain_code = self._block()
        seen = Seen(
            at=self._clock.now(),
            worker=self._worker.status(),
            backlog=backlog,
            block=block,
            block_time=block_time,
            chain_code=chain_code,
            store_code=store_code,
        )
        if backlog is not None and self._schema is None:
            self._schema = backlog.schema
        self._seen = seen
        for told in self._then:
            told(seen)
        return seen

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except Exception as error:
                # A bug must not blind the node for ever; its message may hold anything.
                log.error("watch: bug: %s", type(error).__name__)
            self._stop.wait(INTERVAL_S)

    def _backlog(self) -> tuple[Backlog | None, str]:
        try:
            return self._store.backlog(), "ok"
        except LedgerError as error:
            return None, error.code

    def _block(self) -> tuple[int | None, UnixSeconds | None, str]:
        try:
            number = self._chain.latest_block()
            _hash, header = self._chain.fetch_header(number)
            block_time = parse_header(header).timestamp
        except (ChainForkedError, ChainUnavailableError, WrongChainError) as error:
            return None, None, error.code
        except LedgerError:
            return None, None, "chain-unusable"
        # Whole seconds: what is shown is then above the limit too.
        age = int(self._clock.now().timestamp() - block_time)
        return number, block_time, STALLED if age > self._stalled_after_s else "ok"

    def _schema_code(self, seen: Seen) -> str:
        if seen.backlog is None or seen.backlog.schema == self._schema:
            return "ok"
        # Another release migrated the database while this one runs on it.
        return "schema-changed"


def _chain_check(seen: Seen) -> Check:
    if seen.chain_code != STALLED or seen.block_time is None:
        return Check("chain", seen.chain_code, counts=False)
    lasted_s = int(seen.at.timestamp() - seen.block_time)
    return Check("chain", STALLED, counts=False, since=seen.block_time, lasted_s=lasted_s)


def _worker_checks(worker: WorkerStatus) -> Iterator[Check]:
    yield Check("worker", "ok" if worker.reason == READY else worker.reason)
    for error in worker.errors:
        yield Check(f"step:{error.step}", error.code, counts=False)
    for stream in worker.streams:
        if stream.confirmations is not None and stream.confirmations.contradicted_by:
            yield Check(f"mirrors:{stream.stream}", "map-contradicted", counts=False)
    for source in worker.mirrors:
        name = f"mirror:{source.region}/{source.stream}"
        if source.is_alarmed:
            yield Check(name, "mirror-alarm", counts=False)
        elif source.error is not None:
            yield Check(name, source.error.code, counts=False)
