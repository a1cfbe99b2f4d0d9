"""The embedded chain, hurried: a run has thousands of transactions and a block a second."""

from threading import Event, Thread
from types import TracebackType
from typing import Self

from faulting.network import Network

HURRY_S = 0.1
"""How often the chain is looked at for waiting transactions."""


class Hurry:
    """Seals a block of the embedded chain as soon as a transaction waits, in a thread of its own.

    Args:
        net: Its chain.
    """

    def __init__(self, net: Network) -> None:
        self._net = net
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.wait(HURRY_S):
            self._net.hurry()
