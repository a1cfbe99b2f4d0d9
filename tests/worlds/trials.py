"""Trials: one evidence put before the verifier, and the verdict that must come of it.

A trial is a function that builds the evidence; its name names the attack, its docstring says what
is wrong, and its expectation is ``OUTCOME`` or ``OUTCOME step code``. Tests run every trial; the
vectors of evidence are written from them.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from worlds.paper import NOW, PaperWorld
from worlds.people import CLEAN, COMPANIES, penalty

from ledger.core import canonical
from ledger.core.evidence import Evidence, encode_evidence
from ledger.core.records.disclosure import open_disclosure
from ledger.core.trust import TrustRoot, encode_trust_root
from ledger.core.verify import Outcome, Policy, StepState, Verdict, verify_evidence

ANHUI = "340000"
SHANGHAI = "310000"
COMPANY = COMPANIES[0]
OTHER = COMPANIES[1]


@dataclass(frozen=True)
class Given:
    """What the verifier gets."""

    evidence: Evidence | bytes
    root: TrustRoot | bytes
    now: datetime = NOW
    policy: Policy = field(default_factory=Policy)

    @property
    def evidence_bytes(self) -> bytes:
        return self.evidence if isinstance(self.evidence, bytes) else encode_evidence(self.evidence)

    @property
    def root_bytes(self) -> bytes:
        return self.root if isinstance(self.root, bytes) else encode_trust_root(self.root)

    def verdict(self) -> Verdict:
        return verify_evidence(
            self.evidence_bytes, self.root_bytes, now=self.now, policy=self.policy
        )


@dataclass(frozen=True)
class Trial:
    """A named attack, or a valid evidence, with the expected verdict."""

    group: str
    name: str
    description: str
    outcome: Outcome
    step: str | None
    code: str
    build: Callable[[], Given]

    def check(self, verdict: Verdict) -> None:
        """Compare the verdict with the expectation, and with the rules every verdict keeps."""
        assert (verdict.outcome, verdict.reason) == (self.outcome, self.code), _shown(verdict)
        assert bool(verdict) == (self.outcome is Outcome.VALID)
        deciding = deciding_step(verdict)
        assert deciding == self.step, _shown(verdict)
        assert [step.number for step in verdict.steps] == list(range(1, 15))


TRIALS: list[Trial] = []


def trial(
    expected: str, *, group: str = "evidence"
) -> Callable[[Callable[[], Given]], Callable[[], Given]]:
    """Register a function as a trial."""

    def register(build: Callable[[], Given]) -> Callable[[], Given]:
        add_trial(build.__name__.strip("_"), build.__doc__ or "", expected, build, group=group)
        return build

    return register


def add_trial(
    name: str,
    description: str,
    expected: str,
    build: Callable[[], Given],
    *,
    group: str = "evidence",
) -> None:
    outcome, step, code = (*expected.split(), "", "")[:3]
    named = name.replace("_", "-").replace(" ", "-")
    assert named not in {one.name for one in TRIALS}, named
    TRIALS.append(
        Trial(
            group=group,
            name=named,
            description=" ".join(description.split()),
            outcome=Outcome(outcome),
            step=step or None,
            code=code or "ok",
            build=cache(build),
        )
    )


def deciding_step(verdict: Verdict) -> str | None:
    """The id of the step whose code is the verdict's reason."""
    decisive = (StepState.FAIL, StepState.UNKNOWN)
    steps = [s for s in verdict.steps if s.state in decisive and s.code == verdict.reason]
    return steps[0].id if steps else None


def _shown(verdict: Verdict) -> str:
    steps = [f"{s.number} {s.id} {s.state} {s.code} {s.detail}" for s in verdict.steps]
    return "\n".join([verdict.outcome, *steps])


# --- Worlds the trials begin with


def anhui(records: int = 1) -> PaperWorld:
    """A new world in which Anhui has so many penalties of the company."""
    world = PaperWorld()
    stream = world.stream(ANHUI)
    stream.fill(3)
    for number in range(records):
        stream.publish(penalty(COMPANY, number))
        stream.fill(2)
    return world


@cache
def honest(records: int) -> tuple[PaperWorld, Evidence]:
    """A world and its valid evidence of all records, some fields shown; not to be changed."""
    world = anhui(records)
    return world, showing(world.complete(ANHUI, "cf", COMPANY), 6 if records == 1 else 4)


def showing(evidence: Evidence, most: int) -> Evidence:
    """The evidence with at most so many fields of each item, the fields with a value first."""
    opened = tuple(
        replace(item, disclosures=tuple(sorted(item.disclosures, key=_has_no_value)[:most]))
        for item in evidence.opened
    )
    return replace(evidence, opened=opened)


def _has_no_value(disclosure: str) -> bool:
    return open_disclosure(disclosure).value is None


@cache
def honest_current() -> tuple[PaperWorld, Evidence]:
    """The second of three records; not to be changed."""
    world = anhui(3)
    index = world.stream(ANHUI).pairs("cf", COMPANY)[1][0]
    return world, showing(world.current(ANHUI, "cf", COMPANY, index), 4)


@cache
def honest_absence() -> tuple[PaperWorld, Evidence]:
    """Absence of a clean company in a map that is not empty; not to be changed."""
    world = anhui(1)
    stream = world.stream(ANHUI)
    for shared in (4, 1):
        stream.put_near(stream.key("cf", CLEAN), shared)
    return world, world.complete(ANHUI, "cf", CLEAN)


# --- Edits of the file itself

Path = Sequence[str | int]


def edited(evidence: Evidence | bytes, path: Path, value: Any) -> bytes:
    """The file with the value at one place replaced, or added; still canonical."""
    content = evidence if isinstance(evidence, bytes) else encode_evidence(evidence)
    tree = json.loads(content)
    place(tree, path[:-1])[path[-1]] = value
    return canonical.encode(tree)


def without(evidence: Evidence | bytes, path: Path) -> bytes:
    """The file without the member or item at one place."""
    content = evidence if isinstance(evidence, bytes) else encode_evidence(evidence)
    tree = json.loads(content)
    del place(tree, path[:-1])[path[-1]]
    return canonical.encode(tree)


def place(tree: Any, path: Path) -> Any:
    """What stands at a path."""
    for part in path:
        tree = tree[part]
    return tree


def paths(tree: Any, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of every value in a tree, the root's first."""
    found = [above]
    if isinstance(tree, dict):
        for name, value in tree.items():
            found += paths(value, (*above, name))
    elif isinstance(tree, list):
        for position, value in enumerate(tree):
            found += paths(value, (*above, position))
    return found
