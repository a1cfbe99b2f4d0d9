"""The streams of a node: of each the log that is served, and for a while the one that follows it.

A new generation is another log under another VRF key. While its items are put again and until its
first head is proved, lookups are answered from the former one; from then on from it alone.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ledger.core.types import LeafIndex
from ledger.services.stored import StreamLog
from ledger.services.stream.state import StreamState

ALL: Final = 2**63 - 1
"""More than any log has: everything in it counts."""


class Sizes(NamedTuple):
    """How far one log is."""

    integrated: int
    anchored: int
    served: int


class NodeStream:
    """One stream of the node; safe for use by many threads.

    Args:
        states: Its logs in memory, ascending by generation: the newest, and the one before where
            that may still be served.
    """

    def __init__(self, states: Sequence[StreamState]) -> None:
        self._states = tuple(states)

    @property
    def stream(self) -> str:
        """Its name."""
        return self.current.stream

    @property
    def logs(self) -> tuple[StreamState, ...]:
        """Its logs in memory, ascending by generation."""
        return self._states

    @property
    def current(self) -> StreamState:
        """The newest generation, which takes events or will take them."""
        return self._states[-1]

    @property
    def former(self) -> StreamState | None:
        """The generation before, as long as it may be served."""
        return self._states[0] if len(self._states) > 1 else None

    @property
    def served(self) -> StreamState:
        """The log that lookups are answered from; it has no snapshot while there is none."""
        former = self.former
        if former is None or self.current.snapshot is not None or former.snapshot is None:
            return self.current
        return former

    def retire_former(self) -> None:
        """Let go of the generation before, once the newest is served."""
        if self.current.snapshot is not None:
            self._states = self._states[-1:]

    def sizes(self) -> dict[StreamLog, Sizes]:
        """How far its logs are; the lowest stands for all before it too.

        What stands in a log that another has followed is over or was put again, and so is served.
        """
        sizes, served = {}, self.served
        for state in self._states:
            if state.name < served.name:
                sizes[state.name] = Sizes(ALL, ALL, ALL)
            else:
                sizes[state.name] = Sizes(state.size, state.anchored_size, state.served_size)
        lowest = min(sizes)
        if lowest.generation > 1:
            sizes[StreamLog(lowest.stream, lowest.generation - 1)] = Sizes(ALL, ALL, ALL)
        return dict(sorted(sizes.items()))

    def sizes_of(self, log: StreamLog) -> Sizes:
        """How far one of its logs is, whichever it is."""
        found = self.sizes()
        return found.get(log) or found[min(found)]


NodeStreams = Mapping[str, NodeStream]
"""The streams of a node by name."""


def is_below(index: LeafIndex | None, size: int) -> bool:
    """Whether an event has an index, and one below a size."""
    return index is not None and index < size
