"""What an attacker makes of good evidence, and whether the verifier is fooled by it.

The attacker has good evidence of one chain and one trust root. The one freedom he has is the
holder's: to show fewer fields of a record, or to show them in another order.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

from worlds.paper import NOW, PaperWorld
from worlds.people import CLEAN, licence, penalty, plain_event
from worlds.trials import ANHUI, COMPANY, OTHER, SHANGHAI, Path, paths, place
from worlds.trials_valid import MIRRORS, NAME, query

from ledger.core import canonical
from ledger.core.evidence import Evidence, encode_evidence, parse_evidence
from ledger.core.trust import Confirmation, TrustRoot
from ledger.core.verify import Policy, Verdict, verify_against

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


def is_fooled(content: bytes, verdict: Verdict) -> bool:
    """Whether it is VALID and not a known file, at most with fewer of its own fields shown."""
    if not verdict:
        return False
    fields = shown(content)
    is_known = meaning(content) in meanings() and fields <= all_shown()
    return not is_known or max(fields.values(), default=1) > 1


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
