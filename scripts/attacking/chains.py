"""Forgeries of an attacker who makes blocks of his own, and evidence of an earlier head."""

import copy
import json
import random
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from oracle.forge import Chain, forge
from worlds.attacks import files, samples, trust_root, world
from worlds.paper import PaperWorld
from worlds.people import CLEAN, penalty
from worlds.trials import ANHUI, COMPANY, OTHER
from worlds.trials_valid import MIRRORS, NAME

from ledger.core.evidence import encode_evidence
from ledger.core.trust import Confirmation, encode_trust_root

SAMPLES: Final = ("one record", "three records and a dispute")
CONFIRMED: Final = {0: 7, 6: 7}
"""Lanes of Shanghai and the regulator at the epoch of forged chains."""

Item = dict[str, Any]


@cache
def earlier_samples() -> tuple[bytes, ...]:
    """Good evidence of a head that stood before: some records were not there yet."""
    before = PaperWorld(epoch=6)
    before.stream(ANHUI).fill(2)
    before.stream(ANHUI).publish(penalty(COMPANY, 0))
    before.mirrors = MIRRORS
    before.rules = (Confirmation(ANHUI, "records", (0, 1, 5, 6), 2),)
    before.confirm(NAME, 0)
    before.confirm(NAME, 6)
    evidences = (before.complete(ANHUI, "cf", one) for one in (COMPANY, OTHER, CLEAN))
    return tuple(encode_evidence(one) for one in evidences)


@cache
def root_json() -> Any:
    """The trust root as the forger reads it."""
    return json.loads(encode_trust_root(trust_root()))


def items_of(name: str) -> list[Item]:
    """The opened items of a good evidence."""
    opened = json.loads(files()[name])["opened"]
    members = ("event", "salt", "disclosures")
    return [{member: item[member] for member in members} for item in opened]


def rebuilt(name: str, items: list[Item], **chain: Any) -> bytes:
    """A whole chain on which exactly these items are in force, confirmed by all that count."""
    claim = samples()[name].claim
    key = world().stream(ANHUI).key(claim.record_type, claim.subject)
    about = Chain(**{"lanes": dict(CONFIRMED), **chain})
    return forge(json.loads(files()[name]), root_json(), items, key=key, chain=about)


def half_rebuilt(rng: random.Random) -> bytes:
    """Everything below rebuilt for other records, with some of the true block above."""
    name = rng.choice(SAMPLES)
    items = [item for item in items_of(name) if item["event"]["kind"] != "dispute"]
    chosen = rng.sample(items, rng.randrange(len(items) + 1))
    for item in chosen:
        item["salt"] = rng.randbytes(32).hex()
    tree, true = json.loads(rebuilt(name, chosen)), json.loads(files()[name])
    parts = ("block_hash", "header", "nodes")
    for part in rng.sample(parts, rng.randrange(1, len(parts))):
        tree["chain"][part] = true["chain"][part]
    if rng.random() < 0.3:
        tree["chain"]["nodes"] = sorted({*tree["chain"]["nodes"], *true["chain"]["nodes"]})
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def forged_chain(rng: random.Random) -> bytes:
    """A chain right in everything but who made it; even good evidence has no seals of these."""
    if rng.random() < 0.2:
        return rng.choice(list(files().values()))
    name = rng.choice(SAMPLES)
    items = items_of(name)
    for item in items:
        item["salt"] = rng.randbytes(32).hex()
    return rebuilt(name, items)


def rule_breaking(rng: random.Random) -> bytes:
    """A whole chain rebuilt around events, entries, heads or lanes that break one rule."""
    name = rng.choice(SAMPLES)
    items = items_of(name)
    if rng.random() < 0.3:
        return rebuilt(name, items, **rng.choice(BROKEN_CHAINS))
    if rng.random() < 0.2:
        return rebuilt(name, [*items, copy.deepcopy(rng.choice(items))])  # the same record twice
    item = rng.choice(items)
    if rng.random() < 0.7:
        member, value = rng.choice(BROKEN_MEMBERS)
        item["event"][member] = value
    else:
        rng.choice(BREAKERS)(item, rng)
    return rebuilt(name, items)


BROKEN_CHAINS: Final[tuple[dict[str, Any], ...]] = (
    {"size": 0},
    {"size": 1},
    {"epoch": 0},
    {"epoch": 8},
    {"anchored_before": -1},
    {"anchored_before": 10**12},
    {"status": 0},
    {"status": 2 << 160},
    {"status": 1 << 160 | 1},
    {"rest_of_word": 0},
    {"rest_of_word": 2 << 192 | 1 << 224},
    {"rest_of_word": 1 << 192 | 2 << 224},
    {"lanes": {0: 7}},
    {"lanes": {0: 7, 6: 6}},
    {"lanes": {1: 7, 5: 7}},
    {"lanes": {0: 7, 1: 7, 6: 7 + 2**63}},
    {"lanes": {0: 7 + 2**63, 6: 7}},
    {"lanes": {0: 0, 4: 0}},
)
"""Heads, status words and lanes under which nothing is VALID."""

BROKEN_MEMBERS: Final[tuple[tuple[str, Any], ...]] = (
    ("region", "310000"),
    ("region", "34000"),
    ("stream", "restricted"),
    ("stream", "queries"),
    ("record_type", "xk"),
    ("subject", CLEAN),
    ("published_on", "2027-01-01"),
    ("published_on", "2026-02-30"),
    ("in_force_until", "2020-01-01"),
    ("in_force_until", "tomorrow"),
    ("kind", "repair"),
    ("kind", "query"),
    ("kind", "expire"),
    ("kind", "Publish"),
    ("version", 0),
    ("version", "1"),
    ("record_id", "0" * 31),
    ("record_id", "A" * 32),
    ("v", 2),
    ("v", True),
    ("about", "0" * 32),
    ("issuer", None),
    ("issuer", ""),
    ("fields", []),
    ("fields", {"Facts": "A" * 43}),
    ("fields", {"facts": "A" * 42}),
    ("decided_on", "2026-3-5"),
    ("schema", "cf"),
    ("extra", None),
)
"""Members of an event that no rule allows under the claims of the samples."""


def _drop_member(item: Item, rng: random.Random) -> None:
    del item["event"][rng.choice(sorted(item["event"]))]


def _swap_digests(item: Item, rng: random.Random) -> None:
    fields = item["event"]["fields"]
    first, second = rng.sample(sorted(fields), 2) if len(fields) > 1 else ("a", "b")
    fields[first], fields[second] = fields.get(second, "A" * 43), fields.get(first, "A" * 43)
    item["disclosures"] = [*item["disclosures"], "W10"]


def _double_disclosure(item: Item, rng: random.Random) -> None:
    item["disclosures"].append(rng.choice(item["disclosures"] or ["W10"]))
    item["disclosures"].append(item["disclosures"][-1])


def _other_salt(item: Item, rng: random.Random) -> None:
    item["entry"] = _entry(rng.randbytes(32).hex(), rng.randbytes(32).hex())


def _other_operation(item: Item, rng: random.Random) -> None:
    text = _entry(rng.randbytes(32).hex(), rng.randbytes(32).hex())
    item["entry"] = text.replace("put", rng.choice(("drop", "Put", "")))


def _loose_entry(item: Item, rng: random.Random) -> None:
    item["entry"] = _entry("0" * 64, "1" * 64) + rng.choice((" ", "x", "}", ",1"))


def _entry(event: str, key: str) -> str:
    return f'{{"event":"{event}","key":"{key}","op":"put","replaces":null,"v":1}}'


BREAKERS: Final[tuple[Callable[[Item, random.Random], None], ...]] = (
    _drop_member,
    _swap_digests,
    _double_disclosure,
    _other_salt,
    _other_operation,
    _loose_entry,
)
"""Changes to an item that break the event, its disclosures or its entry."""
