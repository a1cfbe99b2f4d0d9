"""One thread that moves accepted events into the log, heads to the chain and snapshots back.

Every step can be interrupted anywhere and run again: what it writes, it writes in one transaction
under the worker's fence, and what it keeps in memory is read from the store. A second worker on the
same database takes a newer fence; the first one's next write is refused and it stops.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Event, Lock, Thread
from typing import Final

from ledger.core.trust import TrustRoot
from ledger.errors import FatalStateError, FencedError, LedgerError
from ledger.services.anchoring import Anchoring, AnchorKey
from ledger.services.anchoring.snapshots import Snapshots
from ledger.services.anchoring.tip import Tip
from ledger.services.background.expiry import Expiry
from ledger.services.background.failures import StepError, error_of
from ledger.services.background.status import StreamStatus, WorkerStatus
from ledger.services.background.stream_work import Step, StreamWork
from ledger.services.crash_points import reach
from ledger.services.generations.carrying import Carrying
from ledger.services.lookup.material import MAX_AGE_S
from ledger.services.mirror.status import MirroringStatus
from ledger.services.ports import Chain, Clock, Entropy, Store
from ledger.services.stored import Fence
from ledger.services.stream.sequencing import Sequencer
from ledger.services.stream.streams import NodeStreams
from ledger.services.stream.subject_keys import SubjectKeys

__all__ = ["StepError", "StreamStatus", "Worker", "WorkerStatus"]

FENCE_NAME: Final = "worker"

INTERVAL_S: Final = 0.25
"""Pause between two rounds; most ask the chain for its newest block and no more."""

FENCE_EVERY_S: Final = 1
"""How often the fence is looked at when there is nothing to write."""

log = logging.getLogger(__name__)


class Worker:
    """The background work of one node.

    Args:
        region: GB/T 2260 code, six digits.
        trust_root: What the node verifies snapshots against.
        store: The node's store.
        chain: The node's way to the chain.
        clock: The node's clock.
        entropy: Source of salts.
        keys: Derives map keys.
        anchor_keys: The keys that may anchor the region's streams, the newest last.
        streams: The node's streams, shared with publication and lookups.
        interval_s: Pause between two rounds.
        max_age_s: Age of a snapshot beyond which the node is not ready.
        mirroring: Tells how far the node has followed other regions, for its status.
    """

    def __init__(
        self,
        *,
        region: str,
        trust_root: TrustRoot,
        store: Store,
        chain: Chain,
        clock: Clock,
        entropy: Entropy,
        keys: SubjectKeys,
        anchor_keys: Sequence[AnchorKey],
        streams: NodeStreams,
        interval_s: float = INTERVAL_S,
        max_age_s: int = MAX_AGE_S,
        mirroring: Callable[[], MirroringStatus] | None = None,
    ) -> None:
        self._region = region
        self._trust_root = trust_root
        self._store = store
        self._chain = chain
        self._clock = clock
        self._entropy = entropy
        self._keys = keys
        self._anchor_keys = tuple(anchor_keys)
        self._streams = streams
        self._interval_s = interval_s
        self._max_age_s = max_age_s
        self._mirroring = mirroring
        self._works: tuple[StreamWork, ...] = ()
        self._tip = Tip(chain)
        self._fence_at: datetime | None = None
        self._steps: dict[str, Step] | None = None
        self._errors: dict[str, StepError] = {}
        self._stopped_by: StepError | None = None
        self._lock = Lock()
        self._stop = Event()
        self._woken = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread; it takes the fence and loads the streams first."""
        self._thread = Thread(target=self._run, name=f"worker-{self._region}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the present step end and wait for the thread."""
        self._stop.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        """Begin the next round at once, because something was accepted."""
        self._woken.set()

    def run_once(self) -> bool:
        """Run every step that is due, in order; returns False once the worker has to stop."""
        self._tip.forget()
        if self._steps is None:
            self._attempt("start", self._load)
        for name, step in (self._steps or {}).items():
            if self._stop.is_set() or self._stopped_by is not None:
                break
            self._attempt(name, step)
        return self._stopped_by is None

    def status(self) -> WorkerStatus:
        """How far it is and what went wrong last."""
        with self._lock:
            errors, stopped_by = tuple(self._errors.values()), self._stopped_by
        is_running = self._thread is not None and self._thread.is_alive()
        now = self._clock.now()
        return WorkerStatus(
            is_running=is_running,
            stopped_by=stopped_by,
            streams=tuple(work.status(now) for work in self._works),
            errors=errors,
            max_age_s=self._max_age_s,
            mirroring=None if self._mirroring is None else self._mirroring(),
        )

    def _run(self) -> None:
        while not self._stop.is_set() and self.run_once():
            self._woken.wait(self._interval_s)
            self._woken.clear()

    def _load(self) -> None:
        fence = self._store.acquire_fence(FENCE_NAME)
        reach("startup.fence-taken")
        expiry = Expiry(
            region=self._region,
            store=self._store,
            fence=fence,
            keys=self._keys,
            clock=self._clock,
            entropy=self._entropy,
            streams=self._streams,
        )
        works = self._make_works(fence)
        for work in works:
            work.load()
        reach("startup.loaded")
        # Every write checks the fence; this stops a superseded worker that has nothing to write
        # before it sends anything.
        steps: dict[str, Step] = {
            "fence": lambda: self._check_fence(fence),
            "expiry": expiry.step,
        }
        for work in works:
            steps |= work.steps()
        self._works = works
        self._steps = steps

    def _make_works(self, fence: Fence) -> tuple[StreamWork, ...]:
        sequencer = Sequencer(region=self._region, store=self._store, fence=fence)
        anchoring, snapshots = self._make_anchoring(fence), self._make_snapshots(fence)
        carrying = self._make_carrying(fence, anchoring)
        return tuple(
            StreamWork(
                stream,
                store=self._store,
                keys=self._keys,
                sequencer=sequencer,
                anchoring=anchoring,
                snapshots=snapshots,
                carrying=carrying,
            )
            for stream in self._streams.values()
        )

    def _make_anchoring(self, fence: Fence) -> Anchoring:
        return Anchoring(
            region=self._region,
            chain=self._chain,
            tip=self._tip,
            store=self._store,
            fence=fence,
            clock=self._clock,
            keys=self._anchor_keys,
        )

    def _make_carrying(self, fence: Fence, anchoring: Anchoring) -> Carrying:
        return Carrying(
            region=self._region,
            store=self._store,
            fence=fence,
            chain=self._chain,
            anchoring=anchoring,
            keys=self._keys,
            clock=self._clock,
            entropy=self._entropy,
        )

    def _make_snapshots(self, fence: Fence) -> Snapshots:
        return Snapshots(
            region=self._region,
            trust_root=self._trust_root,
            chain=self._chain,
            tip=self._tip,
            store=self._store,
            fence=fence,
            clock=self._clock,
        )

    def _check_fence(self, fence: Fence) -> None:
        now = self._clock.now()
        # Every check is a transaction that reaches the disk.
        if self._fence_at is None or abs(now - self._fence_at) >= timedelta(seconds=FENCE_EVERY_S):
            self._store.check_fence(fence)
            self._fence_at = now

    def _attempt(self, name: str, step: Step) -> None:
        now = self._clock.now()
        failed = self._errors.get(name)
        if failed is not None and not failed.is_over(now):
            return
        try:
            step()
        except (FatalStateError, FencedError) as error:
            with self._lock:
                self._stopped_by = error_of(name, error, failed, now)
            log.critical("worker %s stops at %s: %s", self._region, name, error)
        except LedgerError as error:
            with self._lock:
                self._errors[name] = error_of(name, error, failed, now)
            log.warning("worker %s: %s: %s", self._region, name, error)
        except Exception as error:
            # A bug must not end the work of the other steps; its message may hold anything.
            with self._lock:
                self._errors[name] = error_of(name, error, failed, now)
            log.error("worker %s: %s: bug: %s", self._region, name, type(error).__name__)
        else:
            with self._lock:
                self._errors.pop(name, None)
