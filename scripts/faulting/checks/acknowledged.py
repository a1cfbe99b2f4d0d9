"""What a node calls anchored or confirmed, judged by the chain itself at that very moment.

The chain is asked directly, past everything that stands before it in a test: a head that only a
lying endpoint has shown covers nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from faulting.checks.tables import Placed, placed_events
from faulting.network import Place
from ledger.adapters.evm.chain import EvmChain
from ledger.core.chain.head_slots import stream_id
from ledger.core.trust import TrustRoot, parse_trust_root
from ledger.errors import ChainUnavailableError
from ledger.settings import load_settings

Answer = TypeVar("Answer")

CONTRADICTS = 2**63
"""From here on a lane says that its mirror contradicts."""


@dataclass(frozen=True)
class Lane:
    """What one mirror has said."""

    operator: str
    epoch: int


class Acknowledged:
    """Judges one node's acknowledgements.

    Args:
        place: Where the node lives.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._root: TrustRoot = parse_trust_root((place.folder / "trust-root.json").read_bytes())
        self._silent = False
        self._chains = [
            EvmChain(url, chain_id=self._root.chain_id, head_anchor=self._root.head_anchor.address)
            for url in load_settings(place.folder).rpc_urls
        ]

    def close(self) -> None:
        """Close all connections."""
        for chain in self._chains:
            chain.close()

    def is_true(self, batch_id: int, state: str) -> bool | None:
        """Whether a batch is what it is called.

        Args:
            batch_id: Its number.
            state: ``anchored`` or ``confirmed``.

        Returns:
            None where it is not and an endpoint is silent, which may be the one that showed it.
        """
        self._silent = False
        events = placed_events(self._place.database, batch_id)
        if all(self._is_under_head(one, state == "confirmed") for one in events):
            return True
        return None if self._silent else False

    def _is_under_head(self, one: Placed, is_confirmed: bool) -> bool:
        if one.log_index is None or one.epoch is None:
            return False
        if one.log_index >= max(self._sizes(one.stream), default=0):
            return False
        rule = self._root.confirmation(self._place.region, one.stream)
        if rule is None or not is_confirmed:
            return True
        return enough(self._lanes(one.stream, rule.mirrors), one.epoch, rule.required)

    def _sizes(self, stream: str) -> Iterator[int]:
        """Entries under the newest head, as each endpoint says."""
        for head in self._ask(lambda chain: chain.fetch_head(self._id(stream))):
            yield 0 if head is None else head.size

    def _lanes(self, stream: str, numbers: tuple[int, ...]) -> Iterator[Lane]:
        operators = {one.number: one.operator for one in self._root.mirrors}
        for number in numbers:
            for lane in self._ask(partial(_lane, self._id(stream), number)):
                yield Lane(operators[number], lane)

    def _ask(self, question: Callable[[EvmChain], Answer]) -> Iterator[Answer]:
        for chain in self._chains:
            try:
                yield question(chain)
            except ChainUnavailableError:
                self._silent = True

    def _id(self, stream: str) -> bytes:
        return stream_id(self._place.region, stream)


def _lane(stream: bytes, number: int, chain: EvmChain) -> int:
    return chain.fetch_lane(stream, number)


def enough(lanes: Iterable[Lane], epoch: int, required: int) -> bool:
    """Whether so many operators have confirmed an epoch, or one after it."""
    return len({one.operator for one in lanes if epoch <= one.epoch < CONTRADICTS}) >= required
