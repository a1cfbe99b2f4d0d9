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
from collections.abc import Iterator
from functools import cache
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.paper import NOW, PaperWorld
from worlds.people import CLEAN, licence, penalty, plain_event
from worlds.trials import ANHUI, COMPANY, OTHER, SHANGHAI, Path, paths, place
from worlds.trials_map import absence_of_a_present_key
from worlds.trials_valid import MIRRORS, NAME, query

from ledger.core import canonical
from ledger.core.evidence import Evidence, encode_evidence, parse_evidence
from ledger.core.trust import Confirmation, TrustRoot
from ledger.core.verify import Outcome, Policy, Verdict, verify_against
from ledger.errors import LedgerError

TIMES = int(os.environ.get("LEDGER_ATTACKS", "1"))
HEX = "0123456789abcdef"


@cache
def world() -> PaperWorld:
    """One chain with records, disputes, queries and confirmations in two regions."""
    made = PaperWorld()
    anhui, shanghai = made.stream(ANHUI), made.stream(SHANGHAI)
    anhui.fill(2)
    for number in range(3):
        anhui.publish(penalty(COMPANY, number))
    anhui.publish(penalty(OTHER, 7))
    disputed = anhui.events[3].event["record_id"]
    anhui.put(plain_event(anhui.random, subject=COMPANY, kind="dispute", about=disputed))
    shanghai.publish(licence(COMPANY))
    shanghai.publish(penalty(COMPANY, 1, region=SHANGHAI))
    query(made.stream(ANHUI, "queries"), "2026-10-09")
    anhui.put_near(anhui.key("cf", CLEAN), 5)
    made.mirrors = MIRRORS
    made.rules = (Confirmation(ANHUI, "records", (0, 1, 5, 6), 2),)
    made.confirm(NAME, 0)
    made.confirm(NAME, 6)
    return made


@cache
def samples() -> dict[str, Evidence]:
    """Good evidence of every kind, all of one block."""
    made = world()
    index = made.stream(ANHUI).pairs("cf", COMPANY)[1][0]
    return {
        "absence": made.complete(ANHUI, "cf", CLEAN),
        "one record": made.complete(ANHUI, "cf", OTHER),
        "three records and a dispute": made.complete(ANHUI, "cf", COMPANY),
        "current": made.current(ANHUI, "cf", COMPANY, index),
        "another region": made.complete(SHANGHAI, "cf", COMPANY),
        "absence in another region": made.complete(SHANGHAI, "xk", CLEAN),
        "another type": made.complete(SHANGHAI, "xk", COMPANY),
        "a month of queries": made.complete(ANHUI, "2026-10", COMPANY, stream="queries"),
    }


@cache
def files() -> dict[str, bytes]:
    return {name: encode_evidence(one) for name, one in samples().items()}


@cache
def trust_root() -> TrustRoot:
    return world().trust_root()


def verify(content: bytes) -> Verdict:
    return verify_against(content, trust_root(), now=NOW, policy=Policy())


def meaning(content: bytes) -> bytes:
    """The file without the disclosures, which are the holder's to choose."""
    tree = json.loads(content)
    for item in tree["opened"]:
        item["disclosures"] = []
    return canonical.encode(tree)


@cache
def meanings() -> frozenset[bytes]:
    return frozenset(meaning(content) for content in files().values())


def shown(content: bytes) -> Counter[str]:
    return Counter(d for item in parse_evidence(content).opened for d in item.disclosures)


@cache
def all_shown() -> Counter[str]:
    total: Counter[str] = Counter()
    for content in files().values():
        total |= shown(content)
    return total


def assert_not_fooled(content: bytes) -> Outcome:
    """VALID only for a known file, at most with fewer of its own fields shown."""
    verdict = verify(content)
    if verdict:
        assert meaning(content) in meanings()
        assert shown(content) <= all_shown()
        assert max(shown(content).values(), default=1) == 1
    return verdict.outcome


def test_samples_are_valid() -> None:
    for name, content in files().items():
        assert verify(content), name


# --- Bytes and digits


def flipped_bytes(content: bytes, rng: random.Random, step: int) -> Iterator[bytes]:
    for position in range(rng.randrange(step), len(content), step):
        byte = content[position] ^ 1 << rng.randrange(8)
        yield content[:position] + bytes([byte]) + content[position + 1 :]


def changed_digits(content: bytes, rng: random.Random, step: int) -> Iterator[bytes]:
    """Every hex digit becomes another one, so that the file stays well formed."""
    digits = [at for at, byte in enumerate(content) if chr(byte) in HEX]
    for position in digits[rng.randrange(step) :: step]:
        other = rng.choice([one for one in HEX if ord(one) != content[position]])
        yield content[:position] + other.encode() + content[position + 1 :]


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


def mutate(tree: Any, others: list[Any], rng: random.Random) -> Any:
    """One change that knows the grammar: swap, drop, double, cut, nudge, or take from another."""
    where = rng.choice(paths(tree)[1:])
    parent, last, value = place(tree, where[:-1]), where[-1], place(tree, where)
    kind = rng.randrange(7)
    if kind == 0:
        del parent[last]
    elif kind == 1 and isinstance(parent, list):
        parent.insert(rng.randrange(len(parent) + 1), value)
    elif kind == 2 and isinstance(value, list | str):
        parent[last] = value[: rng.randrange(len(value) + 1)]
    elif kind == 3:
        other = rng.choice(paths(tree)[1:])
        if not related(where, other):
            above = place(tree, other[:-1])
            parent[last], above[other[-1]] = above[other[-1]], value
    elif kind == 4:
        parent[last] = nudged(value, rng)
    elif kind == 5 and isinstance(parent, list):
        rng.shuffle(parent)
    else:
        taken = rng.choice(others)
        same = [one for one in paths(taken) if one[-1:] == (last,)] or paths(taken)
        parent[last] = json.loads(json.dumps(place(taken, rng.choice(same))))
    return tree


def related(first: Path, second: Path) -> bool:
    """Whether one of two places contains the other."""
    shorter = min(len(first), len(second))
    return tuple(first[:shorter]) == tuple(second[:shorter])


def nudged(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bool) or value is None:
        return rng.choice([0, 1, "", [], {}, True, False])
    if isinstance(value, int):
        return value + rng.choice([-1, 1, 2**31, -(2**31)])
    if isinstance(value, str) and value:
        position = rng.randrange(len(value))
        return value[:position] + rng.choice(HEX + "Zz_-") + value[position + 1 :]
    return None


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
