"""Runs the campaign: python -m attacking [--count N] [--seed N] [--processes N]."""

import argparse
import os
import random
import secrets
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache

from rich.console import Console
from rich.table import Table
from worlds.attacks import is_fooled, trust_root
from worlds.paper import NOW

from attacking.kinds import KINDS, Kind
from ledger.core.trust import TrustRoot
from ledger.core.trust.model import ValidatorRange
from ledger.core.verify import Policy, verify_against

SLICE = 500
"""Forgeries of one kind made from one seed."""


@dataclass
class Tally:
    """What became of the forgeries of one kind."""

    tried: int = 0
    unchanged: int = 0
    """Good evidence again, or with fewer fields shown: what the holder may do."""
    accepted: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Tally") -> None:
        """Take in another slice."""
        self.tried += other.tried
        self.unchanged += other.unchanged
        self.accepted += other.accepted
        self.outcomes += other.outcomes
        self.reasons += other.reasons


@cache
def pinned_root() -> TrustRoot:
    """The trust root with validators of its own: a development chain's blocks have no seals."""
    addresses = frozenset(bytes([number]) * 20 for number in range(1, 6))
    sets = (ValidatorRange(0, None, None, None, addresses),)
    return replace(trust_root(), consensus="qbft", validators=sets)


def attack(kind: Kind, seed: str, count: int) -> Tally:
    """Put forgeries of one kind before the verifier."""
    rng, tally = random.Random(seed), Tally()  # noqa: S311 - repeatable, keeps no secret
    root = pinned_root() if kind.is_pinned else trust_root()
    while tally.tried < count:
        content = kind.make(rng)
        if content is None:
            continue
        verdict = verify_against(content, root, now=NOW, policy=Policy())
        if is_fooled(content, verdict) or (verdict and kind.is_pinned):
            tally.accepted.append(f"{kind.name}, seed {seed}, forgery {tally.tried}")
        elif verdict:
            tally.unchanged += 1
            continue
        tally.tried += 1
        tally.outcomes[str(verdict.outcome)] += 1
        tally.reasons[verdict.reason] += 1
    return tally


def run_slice(job: tuple[int, str, int]) -> tuple[int, Tally]:
    """One job of a process."""
    number, seed, count = job
    return number, attack(KINDS[number], seed, count)


def jobs_of(count: int, seed: str) -> list[tuple[int, str, int]]:
    """Slices of every kind, in the shares of the kinds."""
    jobs = []
    total = sum(kind.share for kind in KINDS)
    for number, kind in enumerate(KINDS):
        left = -(-count * kind.share // total)
        while left > 0:
            jobs.append((number, f"{seed}/{number}/{left}", min(left, SLICE)))
            left -= SLICE
    return jobs


def main() -> int:
    """Run the campaign and print what became of it."""
    parser = argparse.ArgumentParser(prog="attack-verifier")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    console = Console()
    console.print(f"attack-verifier: {given.count} forgeries, seed {given.seed}")
    started = time.monotonic()
    tallies = [Tally() for _ in KINDS]
    with ProcessPoolExecutor(given.processes) as pool:
        for number, tally in pool.map(run_slice, jobs_of(given.count, given.seed)):
            tallies[number].add(tally)
    table = Table("attack", "tried", "accepted", "good again", "outcomes", "refused most often as")
    for kind, tally in zip(KINDS, tallies, strict=True):
        outcomes = ", ".join(f"{name} {count}" for name, count in tally.outcomes.most_common())
        reasons = ", ".join(f"{name} {count}" for name, count in tally.reasons.most_common(4))
        numbers = (str(tally.tried), str(len(tally.accepted)), str(tally.unchanged))
        table.add_row(kind.name, *numbers, outcomes, reasons)
    console.print(table)
    accepted = [one for tally in tallies for one in tally.accepted]
    for one in accepted[:20]:
        console.print(f"ACCEPTED: {one}")
    tried = sum(tally.tried for tally in tallies)
    took = time.monotonic() - started
    console.print(f"attack-verifier: {tried} forgeries, {len(accepted)} accepted, {took:.0f} s")
    return 1 if accepted else 0


if __name__ == "__main__":
    sys.exit(main())
