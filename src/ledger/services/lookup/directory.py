"""Where the regions' nodes are: a copy of the on-chain registry, refreshed in the background."""

import logging
from threading import Event, Thread
from typing import Final

from ledger.errors import LedgerError
from ledger.services.ports import Chain

REFRESH_S: Final = 5.0
"""Pause between two reads of the registry."""

log = logging.getLogger(__name__)


class RegionDirectory:
    """Endpoints by region; empty until the first read, then never older than the last success.

    Args:
        chain: Read only by ``refresh``, never by a lookup.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._endpoints: dict[str, str] = {}
        self._stop = Event()
        self._thread: Thread | None = None

    def endpoint(self, region: str) -> str | None:
        """The endpoint of a region, or None while it is not known."""
        return self._endpoints.get(region)

    def refresh(self) -> None:
        """Read the registry again.

        Raises:
            ChainUnavailableError: The chain does not answer; the copy stays as it was.
        """
        self._endpoints = {one.code: one.endpoint for one in self._chain.fetch_regions()}

    def start(self) -> None:
        """Refresh in a thread of its own until ``stop``."""
        self._thread = Thread(target=self._run, name="directory", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the present read end and wait for the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        failed = ""
        while not self._stop.is_set():
            problem = self._try()
            if problem != failed:
                # Once, not every few seconds.
                log.warning("region registry: %s", problem or "answers again")
                failed = problem
            self._stop.wait(REFRESH_S)

    def _try(self) -> str:
        try:
            self.refresh()
        except LedgerError as error:
            return f"{error.code}: {error}"
        except Exception as error:
            # A bug must not end the thread: the directory would never change again.
            return f"bug: {type(error).__name__}"
        return ""
