"""Nothing is anchored before the chain has proved to be the one of the trust root."""

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from ledger.core.types import Hash32
from ledger.errors import ChainUnavailableError, FatalStateError, WrongChainError
from ledger.services.ports import Chain

RETRY_S: Final = 2.0
"""Pause between two tries while the chain does not answer."""

log = logging.getLogger(__name__)


class GenesisCheck:
    """Starts the node's work once the chain's first block is the expected one.

    A development chain that was made anew has the same chain id, the same contracts and another
    genesis; to anchor there would spoil the region's log.

    Args:
        chain: The node's way to the chain.
        expected: Hash of the first block, from the trust root.
        then: Called once, when the chain has been checked.
        retry_s: Pause between two tries while the chain does not answer.
    """

    def __init__(
        self,
        *,
        chain: Chain,
        expected: Hash32,
        then: Callable[[], None],
        retry_s: float = RETRY_S,
    ) -> None:
        self._chain = chain
        self._expected = expected
        self._then = then
        self._retry_s = retry_s
        self._stop = Event()
        self._thread: Thread | None = None

    def check(self) -> bool:
        """Compare the first block; returns False while the chain does not answer.

        Raises:
            FatalStateError: The chain has another first block.
            WrongChainError: The endpoint serves another chain.
        """
        try:
            found = self._chain.genesis_hash()
        except WrongChainError:
            raise
        except ChainUnavailableError as error:
            # Lookups wait for a verified snapshot anyway; a chain that is down may come back.
            log.warning("genesis not compared yet: %s", error)
            return False
        if found != self._expected:
            raise FatalStateError(
                f"genesis: expected {self._expected.hex()}, found {found.hex()}; the chain is not"
                " that of the trust root"
            )
        return True

    def start(self) -> None:
        """Check in a thread of its own until the chain answers."""
        self._thread = Thread(target=self._run, name="genesis", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self.check():
                    self._then()
                    return
            except WrongChainError as error:
                log.error("genesis not compared yet: %s", error)
            except FatalStateError as error:
                log.critical("the node does not work: %s", error)
                return
            except Exception as error:
                # A bug must not leave the node waiting for ever without a word.
                log.error("genesis not compared yet: bug: %s", type(error).__name__)
            self._stop.wait(self._retry_s)
