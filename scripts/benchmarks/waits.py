"""How long a batch waits until each of its states, as whoever sent it sees it over HTTP."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.figure import Figure, make_cost
from ledger.cli.client import call

STATES: Final = ("sequenced", "integrated", "anchored", "confirmed")
SHOWN: Final = STATES[1:]
CONFIRMED_WITHIN_S: Final = 120.0
POLL_S: Final = 0.02

Waits = dict[str, list[float]]
"""Seconds from the acknowledgement to each state, batch by batch."""

Peers = Mapping[tuple[str, int], tuple[float, str]]
"""Blocks that a batch has to wait for and why, by state and percentile."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A batch that was followed until it was confirmed."""

    accepted_at: float
    """When it was acknowledged, seconds of ``time.monotonic``."""
    waited_s: dict[str, float]
    """From then to each of ``STATES``."""

    def reached_at(self, state: str) -> float:
        """When it was first seen in a state, seconds of ``time.monotonic``."""
        return self.accepted_at + self.waited_s[state]


def percentile(values: Sequence[float], share: int) -> float:
    """The least value that ``share`` of a hundred values do not exceed, by nearest rank.

    Args:
        values: At least one, in any order.
        share: 1 to 100.
    """
    rank = -(-len(values) * share // 100)
    return sorted(values)[rank - 1]


def send(node: str, headers: Mapping[str, str], content: bytes) -> dict[str, Any]:
    """Send a batch; gives it as acknowledged."""
    typed = {**headers, "Content-Type": "text/csv"}
    batch: dict[str, Any] = call("POST", node, "/v1/batches", content=content, headers=typed)
    return batch


def wait_for(node: str, headers: dict[str, str], content: bytes) -> Followed:
    """Send a batch and ask for it until it is confirmed."""
    batch = send(node, headers, content)
    accepted, reached = time.monotonic(), dict[str, float]()
    while "confirmed" not in reached:
        waited = time.monotonic() - accepted
        if waited > CONFIRMED_WITHIN_S:
            raise RuntimeError(f"expected confirmed, found {batch['state']}")
        if batch["state"] in STATES:
            for state in STATES[: STATES.index(batch["state"]) + 1]:
                reached.setdefault(state, waited)
        time.sleep(POLL_S)
        batch = call("GET", node, f"/v1/batches/{batch['id']}", headers=headers)
    return Followed(accepted, reached)


def make_wait_figures(waits: Waits, peers: Peers, *, block_s: float, note: str) -> list[Figure]:
    """p50 and p99 of each state beside the blocks they have to wait for."""
    figures = []
    for state in SHOWN:
        for share in (50, 99):
            blocks, peer = peers.get((state, share), (0.0, None))
            figures.append(
                make_cost(
                    f"accepted -> {state}, p{share}",
                    percentile(waits[state], share),
                    "s",
                    floor_name=peer,
                    floor=blocks * block_s if peer else None,
                    note=note,
                )
            )
    return figures
