"""Attacks on whole evidence files: whatever an attacker makes of good evidence is not VALID.

The attacker has good evidence of one chain and one trust root, and changes bytes, digits, values
and whole parts of it. The one freedom he has is the holder's: to show fewer fields of a record, or
to show them in another order. ``LEDGER_ATTACKS`` multiplies the number of attempts;
above 1 every byte and digit is flipped and every mixture tried, below that one in so many.
"""

import json
import os
import random
from collections import Counter
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.attacks import (
    changed_digits,
    files,
    flipped_bytes,
    is_fooled,
    mutate,
    nudged,
    verify,
)
from worlds.paper import NOW
from worlds.trials import paths, place
from worlds.trials_map import absence_of_a_present_key

from ledger.core import canonical
from ledger.core.evidence import encode_evidence
from ledger.core.verify import Outcome, Policy, verify_against
from ledger.errors import LedgerError

TIMES = int(os.environ.get("LEDGER_ATTACKS", "1"))


def assert_not_fooled(content: bytes) -> Outcome:
    verdict = verify(content)
    assert not is_fooled(content, verdict)
    return verdict.outcome


def test_samples_are_valid() -> None:
    for name, content in files().items():
        assert verify(content), name


# --- Bytes and digits


STEPS = {"absence": 4, "one record": 12, "current": 16, "three records and a dispute": 40}
"""Of each file one byte or digit in so many."""


@pytest.mark.parametrize("name", list(STEPS))
@pytest.mark.parametrize("change", [flipped_bytes, changed_digits])
def test_flipped_evidence_is_never_valid(name: str, change: Any) -> None:
    step = 1 if TIMES > 1 else STEPS[name]
    outcomes: Counter[str] = Counter()
    for flipped in change(files()[name], random.Random(name), step):
        verdict = verify(flipped)
        outcomes[f"{verdict.outcome} {verdict.reason}"] += 1
        assert not verdict
    print(f"{name}: {sum(outcomes.values())} flips, 0 accepted, {dict(outcomes)}")
    assert sum(outcomes.values()) * step > len(files()[name]) // 3


@pytest.mark.parametrize("name", list(STEPS))
def test_evidence_with_any_value_nudged_is_never_valid(name: str) -> None:
    """One bit or character of every value, at every place of the file."""
    rng, tree = random.Random(name), json.loads(files()[name])
    for where in paths(tree)[1:]:
        value = place(tree, where)
        if isinstance(value, dict | list):
            continue
        other = nudged(value, rng)
        if other != value:
            place(tree, where[:-1])[where[-1]] = other
            assert not verify(canonical.encode(tree)), where
            place(tree, where[:-1])[where[-1]] = value
    assert verify(canonical.encode(tree))


def test_truncated_evidence_is_never_valid() -> None:
    for content in files().values():
        for end in range(0, len(content), max(1, len(content) // (40 * TIMES))):
            assert verify(content[:end]).outcome is Outcome.INVALID
            assert verify(content[end + 1 :]).outcome is Outcome.INVALID


# --- Parts of one evidence in another


def test_members_swapped_between_good_evidences_are_never_valid() -> None:
    """Every pair of good evidences, many sets of members taken from the second."""
    names = ("claim", "vrf_proof", "map", "list", "opened", "chain", "confirmations")
    known, outcomes = set(files().values()), Counter[str]()
    trees = [json.loads(content) for content in files().values()]
    rng = random.Random(7)
    for first, second in permutations(trees, 2):
        every = range(1, 2 ** len(names) - 1)
        for chosen in every if TIMES > 1 else rng.sample(every, 24):
            swapped = {name: second[name] for at, name in enumerate(names) if chosen >> at & 1}
            content = canonical.encode({**first, **swapped})
            if content not in known:
                verdict = verify(content)
                assert not verdict, (first["claim"], second["claim"], sorted(swapped))
                outcomes[verdict.reason] += 1
    print(f"{sum(outcomes.values())} mixtures, 0 accepted, {dict(outcomes)}")


def test_items_swapped_between_lists_are_never_valid() -> None:
    """Every opened item and every pair put in the place of every other."""
    tried = 0
    for name in ("one record", "three records and a dispute", "another region", "current"):
        tree = json.loads(files()[name])
        for other in map(json.loads, files().values()):
            for ours in range(len(tree["opened"])):
                for theirs in other["opened"]:
                    for member in theirs:
                        mixed = json.loads(files()[name])
                        mixed["opened"][ours][member] = theirs[member]
                        assert_not_fooled(canonical.encode(mixed))
                        tried += 1
    assert tried > 300


# --- Grammar-aware mutations


@pytest.mark.parametrize("seed", range(4))
def test_mutated_evidence_is_never_valid(seed: int) -> None:
    rng = random.Random(seed)
    contents = list(files().values())
    others = [json.loads(content) for content in contents]
    outcomes: Counter[str] = Counter()
    for _ in range(300 * TIMES):
        tree = json.loads(rng.choice(contents))
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            tree = mutate(tree, others, rng)
            if not tree:
                break
        try:
            content = canonical.encode(tree)
        except LedgerError:
            continue
        same = content in contents
        outcome = assert_not_fooled(content)
        outcomes["unchanged" if same else str(outcome)] += 1
    print(f"seed {seed}: {sum(outcomes.values())} mutants, {dict(outcomes)}")
    assert outcomes[Outcome.INVALID] > 200 * TIMES


# --- Absence of what is there, at every depth


@pytest.mark.parametrize("end", ["nothing", "own", "value", "other", "crafted"])
def test_absence_of_a_present_key_is_never_valid_at_any_depth(end: str) -> None:
    for depth in range(11):
        forged, root = absence_of_a_present_key(depth, end)
        verdict = verify_against(encode_evidence(forged), root, now=NOW, policy=Policy())
        assert verdict.outcome is Outcome.INVALID
        assert verdict.steps[7].code in ("root-mismatch", "malformed-proof")


# --- Anything at all

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(max_size=20)
    | st.sampled_from(["complete", "current", "records", "00" * 32, "0x" + "00" * 32]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["v", "claim", "kind", "map", "end", "x"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=200 * TIMES, deadline=None)
@given(st.binary(max_size=400))
def test_verify_evidence_of_any_bytes_gives_a_verdict(content: bytes) -> None:
    assert verify(content).outcome in (Outcome.INVALID, Outcome.UNSUPPORTED)


@settings(max_examples=200 * TIMES, deadline=None)
@given(JSON)
def test_verify_evidence_of_any_json_gives_a_verdict(value: Any) -> None:
    assert verify(canonical.encode(value)).outcome in (Outcome.INVALID, Outcome.UNSUPPORTED)


@settings(max_examples=300 * TIMES, deadline=None)
@given(st.data())
def test_verify_evidence_with_any_value_anywhere_is_never_fooled(data: st.DataObject) -> None:
    tree = json.loads(data.draw(st.sampled_from(list(files().values()))))
    where = data.draw(st.sampled_from(paths(tree)[1:]))
    place(tree, where[:-1])[where[-1]] = data.draw(JSON)
    assert_not_fooled(canonical.encode(tree))


@settings(max_examples=200 * TIMES, deadline=None)
@given(st.data())
def test_verify_evidence_with_bytes_spliced_in_is_never_fooled(data: st.DataObject) -> None:
    content = data.draw(st.sampled_from(list(files().values())))
    start = data.draw(st.integers(0, len(content)))
    end = data.draw(st.integers(start, min(len(content), start + 40)))
    spliced = content[:start] + data.draw(st.binary(max_size=12)) + content[end:]
    if spliced != content:
        assert not verify(spliced)
