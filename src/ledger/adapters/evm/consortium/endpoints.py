"""Several validators asked at once: who answered what, and what enough of them say alike."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Final, Generic, TypeVar

from ledger.adapters.evm.client import EvmClient
from ledger.errors import ChainUnavailableError, ContractRevertError, LedgerError

Answer = TypeVar("Answer")
Client = TypeVar("Client", bound=EvmClient)

AT_ONCE: Final = 4
"""Questions that one endpoint may have open."""

GRACE_S: Final = 0.5
"""How long the others are waited for once one has answered."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told(Generic[Answer]):
    """What one endpoint said."""

    number: int
    """Which endpoint, from 0; its address may hold a password and is not repeated."""
    value: Answer | None
    error: LedgerError | None


def believed_from(validators: int, endpoints: int) -> int:
    """How many must say the same to be believed where nothing can be proved.

    One more than may lie, so that one of them does not; and never fewer than two.

    Args:
        validators: How many seal the chain.
        endpoints: How many of them are asked.
    """
    return max(2, min((validators - 1) // 3 + 1, endpoints))


class Endpoints(Generic[Client]):
    """The validators' endpoints; each has a limit in time and size of its own.

    Args:
        chains: One client an endpoint.
        needed: How many must say the same to be believed where nothing can be proved.
    """

    def __init__(self, chains: Sequence[Client], *, needed: int) -> None:
        self.chains = tuple(chains)
        self._needed = needed
        self._pool = ThreadPoolExecutor(AT_ONCE * len(self.chains), thread_name_prefix="validators")
        self._free = [BoundedSemaphore(AT_ONCE) for _ in self.chains]
        self._turn = 0

    def close(self) -> None:
        """Close all connections."""
        self._pool.shutdown(cancel_futures=True)
        for chain in self.chains:
            chain.close()

    def ask_all(self, question: Callable[[Client], Answer]) -> list[Told[Answer]]:
        """Ask every endpoint at the same time.

        Once one has answered, the others have ``GRACE_S`` left: one that hangs delays nobody. An
        endpoint with too many questions open is not asked another.
        """
        asked: dict[Future[Answer], int] = {}
        told: list[Told[Answer]] = []
        for number in range(len(self.chains)):
            if self._free[number].acquire(blocking=False):
                asked[self._pool.submit(self._ask, number, question)] = number
            else:
                told.append(Told(number, None, ChainUnavailableError("it is too slow")))
        waiting: set[Future[Answer]] = set(asked)
        deadline: float | None = None
        while waiting:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            done, waiting = wait(waiting, left, FIRST_COMPLETED)
            told += [_told(asked[one], one) for one in done]
            if not done:
                break
            if deadline is None and any(one.error is None for one in told):
                deadline = time.monotonic() + GRACE_S
        slow = ChainUnavailableError("it did not answer in time")
        told += [Told(asked[one], None, slow) for one in waiting]
        return sorted(told, key=lambda one: one.number)

    def _ask(self, number: int, question: Callable[[Client], Answer]) -> Answer:
        try:
            return question(self.chains[number])
        finally:
            self._free[number].release()

    def ask_until(self, question: Callable[[Client], Answer]) -> Answer:
        """Ask one after the other, beginning elsewhere each time, until an answer stands its test.

        Args:
            question: Asks and tests; raises for an answer that does not stand.

        Raises:
            LedgerError: The last refusal, where none stands.
        """
        self._turn = (self._turn + 1) % len(self.chains)
        refusal: LedgerError | None = None
        for step in range(len(self.chains)):
            number = (self._turn + step) % len(self.chains)
            try:
                return question(self.chains[number])
            except LedgerError as error:
                log.info("endpoint %d: %s", number, error)
                refusal = error
        raise refusal or ChainUnavailableError("no endpoint was asked")

    def agreed(self, what: str, question: Callable[[Client], Answer]) -> Answer:
        """What enough endpoints say alike, for what no proof covers.

        Raises:
            ChainUnavailableError: Too few answer, or they do not say the same.
            ContractRevertError: Enough of them say that the contract refuses.
        """
        return self.judge(what, self.ask_all(question))

    def judge(self, what: str, told: Sequence[Told[Answer]]) -> Answer:
        """The same for answers that were asked for before.

        Raises:
            ChainUnavailableError: As ``agreed``.
            ContractRevertError: As ``agreed``.
        """
        for one in told:
            if one.error is None:
                same = [two for two in told if two.error is None and two.value == one.value]
            elif isinstance(one.error, ContractRevertError):
                same = [two for two in told if _is_same_revert(one.error, two.error)]
            else:
                continue
            if len(same) >= self._needed:
                if one.error is not None:
                    raise one.error
                return one.value  # type: ignore[return-value]
        words = "; ".join(f"{one.number}: {one.error or 'another answer'}" for one in told)
        raise ChainUnavailableError(
            f"{what}: expected {self._needed} validators to say the same ({words})"
        )


def _told(number: int, done: "Future[Answer]") -> Told[Answer]:
    try:
        return Told(number, done.result(), None)
    except LedgerError as error:
        return Told(number, None, error)


def _is_same_revert(one: ContractRevertError, two: LedgerError | None) -> bool:
    return isinstance(two, ContractRevertError) and str(one) == str(two)
