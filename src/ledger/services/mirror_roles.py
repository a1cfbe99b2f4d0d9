"""Who a mirror's number stands for, as HeadAnchor says, remembered for a short time.

Requests come faster than the chain answers, and anyone may ask under any number. So an answer is
good for ``FRESH_S``; when the chain does not answer, the role of a known mirror is good for
``USABLE_S``; one question to the chain is under way at a time, and nobody waits behind it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from ledger.errors import ChainUnavailableError
from ledger.services.onchain import MirrorEntry
from ledger.services.ports import Chain, Clock

FRESH_S: Final = 30
"""How long an answer is used without asking again. Seats are never taken away on chain."""

USABLE_S: Final = 600
"""How long a mirror's seat is used while the chain does not answer."""

MAX_REMEMBERED: Final = 1_024
"""Most numbers that are remembered; those without a mirror go first, then the oldest."""


@dataclass(frozen=True, slots=True)
class _Answer:
    entry: MirrorEntry | None
    at: datetime


class MirrorRoles:
    """Looks mirrors up; safe for use by many threads.

    Args:
        chain: Where the seats are.
        clock: The node's clock.
    """

    def __init__(self, *, chain: Chain, clock: Clock) -> None:
        self._chain = chain
        self._clock = clock
        self._answers: dict[int, _Answer] = {}
        self._lock = Lock()
        self._asking = Lock()

    def find(self, number: int) -> MirrorEntry | None:
        """The mirror of a number, or None where there is none.

        Raises:
            ChainUnavailableError: The chain does not answer, or is being asked about another
                number, and what is remembered is too old.
        """
        known = self._remembered(number, FRESH_S)
        if known is not None:
            return known.entry
        if not self._asking.acquire(blocking=False):
            return self._of_old(number, "the chain is being asked; try again")
        try:
            return self._ask(number)
        except ChainUnavailableError as error:
            return self._of_old(number, str(error))
        finally:
            self._asking.release()

    def _ask(self, number: int) -> MirrorEntry | None:
        entry = self._chain.fetch_mirror(number)
        with self._lock:
            self._answers.pop(number, None)
            if len(self._answers) >= MAX_REMEMBERED:
                del self._answers[self._first_to_go()]
            self._answers[number] = _Answer(entry, self._clock.now())
        return entry

    def _of_old(self, number: int, problem: str) -> MirrorEntry:
        known = self._remembered(number, USABLE_S)
        if known is None or known.entry is None:
            # "No mirror" is not kept alive: a seat may have been added since.
            raise ChainUnavailableError(problem)
        return known.entry

    def _remembered(self, number: int, age_s: int) -> _Answer | None:
        with self._lock:
            known = self._answers.get(number)
        # The distance: after the clock was set back, an answer is not good for longer.
        if known is None or abs(self._clock.now() - known.at) > timedelta(seconds=age_s):
            return None
        return known

    def _first_to_go(self) -> int:
        nobodies = (number for number, answer in self._answers.items() if answer.entry is None)
        return next(nobodies, next(iter(self._answers)))
