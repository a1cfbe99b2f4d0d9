"""One region's stream as a mirror sees it: what the chain says, what came out, what is wrong.

Written by two threads, each its own members: the one that reads the chain, and the one that follows
this region. Values are exchanged whole, so that neither waits for the other.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Final

from ledger.core.chain.head_slots import CONTRADICTION, Head
from ledger.core.types import Hash32
from ledger.errors import FatalStateError, FencedError, LedgerError
from ledger.services.background.failures import StepError, error_of
from ledger.services.crash_points import reach
from ledger.services.mirror.alarms import MAP_ROOT_DIFFERS, Alarm, AlarmError
from ledger.services.mirror.confirming import Finding
from ledger.services.mirror.following import Following
from ledger.services.mirror.status import SourceStatus
from ledger.services.ports import Clock
from ledger.services.stored import Fence

FIRST_PAUSE_S: Final = 0.25
"""Pause after the first failure: a region learns of its own head's block a moment after us."""

LONGEST_PAUSE_S: Final = 5.0
"""Longest pause after many failures; a new head ends it, because then the region is alive."""

REPEAT_S: Final = 60
"""An alarm that stands is written to the log again this often."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """A stream on chain at one block."""

    head: Head
    lane: int
    """What this mirror has said: an epoch, an epoch + 2^63, or 0."""


@dataclass(frozen=True, slots=True)
class _Result:
    head: Head
    map_root: Hash32


class Followed:
    """One stream that is mirrored.

    Args:
        region: Whose, six digits.
        stream: Which of its streams.
        following: Does the work.
        clock: The node's clock.
    """

    def __init__(self, *, region: str, stream: str, following: Following, clock: Clock) -> None:
        self.region = region
        self.stream = stream
        self.is_due = Event()
        """Set when there is a head that may not have been followed yet."""
        self._following = following
        self._clock = clock
        self._seen: Seen | None = None
        self._result: _Result | None = None
        self._alarm: Alarm | None = None
        self._told_at: datetime | None = None
        self._error: StepError | None = None
        self._failed_at: Head | None = None

    def see(self, seen: Seen | None) -> None:
        """Take in what the chain says now."""
        self._seen = seen
        if seen is not None and (self._result is None or self._result.head != seen.head):
            self.is_due.set()

    def work(self, fence: Fence, seat: int) -> bool:
        """Follow the head that was seen last; returns whether there is a new result.

        Raises:
            FencedError: Another mirror of this node took over.
            FatalStateError: The store contradicts itself.
        """
        self.is_due.clear()
        seen, now = self._seen, self._clock.now()
        if seen is None or (self._result is not None and self._result.head == seen.head):
            return False
        if self._error is not None and self._failed_at == seen.head:
            if not self._error.is_over(now, FIRST_PAUSE_S, LONGEST_PAUSE_S):
                return False
        self._failed_at = seen.head
        name = f"mirror:{self.region}/{self.stream}"
        try:
            map_root = self._following.follow(seen.head, fence, seat)
        except (FencedError, FatalStateError):
            raise
        except AlarmError as error:
            self._fail(name, error)
            self._raise_alarm(error.alarm, str(error), seen.head.epoch)
        except LedgerError as error:
            self._fail(name, error)
            log.warning("%s: %s", name, error)
        except Exception as error:
            # A bug must not end the work on the other regions; its message may hold anything.
            self._fail(name, error)
            log.error("%s: bug: %s", name, type(error).__name__)
        else:
            reach("mirror.root-computed")
            self._error = None
            self._result = _Result(seen.head, map_root)
            self._judge(seen.head, map_root)
            return True
        return False

    def finding(self) -> Finding | None:
        """What this mirror has to say and has not said on chain."""
        seen, result = self._seen, self._result
        if seen is None or result is None or result.head != seen.head:
            return None
        agrees = result.map_root == seen.head.map_root
        wanted = seen.head.epoch + (0 if agrees else CONTRADICTION)
        if seen.lane == wanted:
            return None
        return Finding(self.region, self.stream, seen.head.epoch, result.map_root)

    def repeat_alarm(self) -> None:
        """Write an alarm that stands to the log again, every minute."""
        alarm, told_at = self._alarm, self._told_at
        if alarm is None or told_at is None:
            return
        now = self._clock.now()
        if abs(now - told_at) >= timedelta(seconds=REPEAT_S):
            self._told_at = now
            log.error("ALARM %s: %s/%s: %s", alarm.code, self.region, self.stream, alarm.message)

    def status(self) -> SourceStatus:
        """How far it is."""
        seen, copy = self._seen, self._following.copy
        return SourceStatus(
            region=self.region,
            stream=self.stream,
            vrf_key=None if copy is None else copy.name.vrf_key,
            size=0 if copy is None else copy.size,
            head_size=None if seen is None else seen.head.size,
            head_epoch=None if seen is None else seen.head.epoch,
            lane=0 if seen is None else seen.lane,
            alarm=self._alarm,
            error=self._error,
        )

    def _fail(self, name: str, error: Exception) -> None:
        self._error = error_of(name, error, self._error, self._clock.now())

    def _judge(self, head: Head, map_root: Hash32) -> None:
        if map_root == head.map_root:
            if self._alarm is not None:
                log.warning("alarm over: %s/%s epoch %d", self.region, self.stream, head.epoch)
            self._alarm = None
            return
        message = f"map at {head.size}: expected root {map_root.hex()}, found {head.map_root.hex()}"
        self._raise_alarm(MAP_ROOT_DIFFERS, message, head.epoch)

    def _raise_alarm(self, code: str, message: str, epoch: int) -> None:
        now = self._clock.now()
        known = self._alarm
        if known is not None and (known.code, known.epoch) == (code, epoch):
            return
        self._alarm = Alarm(code, message, epoch, now)
        self._told_at = now
        log.error("ALARM %s: %s/%s: %s", code, self.region, self.stream, message)
