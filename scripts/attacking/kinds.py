"""The kinds of attack: each makes one forgery at a time from good evidence.

A maker gives bytes that must not be VALID, unless they are good evidence again (``is_fooled`` of
``worlds.attacks`` tells). It gives None where the change cannot be written down at all.
"""

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from worlds.attacks import HEX, files, mutate, nudged, samples, world
from worlds.trials import paths, place

from attacking.chains import earlier_samples, forged_chain, half_rebuilt, rule_breaking
from ledger.core import canonical, vrf
from ledger.core.stream.map_key import alpha, map_key
from ledger.errors import LedgerError

Maker = Callable[[random.Random], bytes | None]

MEMBERS: Final = ("claim", "vrf_proof", "map", "list", "opened", "chain", "confirmations")


@cache
def contents() -> tuple[bytes, ...]:
    """Good evidence of every kind."""
    return tuple(files().values())


def tree_of(rng: random.Random) -> Any:
    """A fresh copy of some good evidence."""
    return json.loads(rng.choice(contents()))


def written(tree: Any) -> bytes | None:
    """The canonical bytes, if there are any."""
    try:
        return canonical.encode(tree)
    except LedgerError:
        return None


def flipped_bit(rng: random.Random) -> bytes:
    """One bit of the file."""
    content = bytearray(rng.choice(contents()))
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def changed_digit(rng: random.Random) -> bytes:
    """One hex digit becomes another: the file stays well formed."""
    content = bytearray(rng.choice(contents()))
    at = rng.choice([at for at, byte in enumerate(content) if chr(byte) in HEX])
    content[at] = ord(rng.choice([one for one in HEX if ord(one) != content[at]]))
    return bytes(content)


def nudged_value(rng: random.Random) -> bytes | None:
    """One value, a little different."""
    tree = tree_of(rng)
    where = rng.choice(paths(tree)[1:])
    place(tree, where[:-1])[where[-1]] = nudged(place(tree, where), rng)
    return written(tree)


def truncated(rng: random.Random) -> bytes:
    """A beginning or an end of the file."""
    content = rng.choice(contents())
    at = rng.randrange(1, len(content))
    return content[:at] if rng.random() < 0.5 else content[at:]


def grammar_aware(rng: random.Random) -> bytes | None:
    """One to three changes: swap, drop, double, cut, nudge, shuffle, take from another file."""
    tree = tree_of(rng)
    others = [json.loads(content) for content in rng.sample(contents(), 2)]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        tree = mutate(tree, others, rng)
        if not tree:
            break
    return written(tree)


def mixed_members(rng: random.Random) -> bytes | None:
    """Some members of one good evidence in another."""
    first, second = (json.loads(content) for content in rng.sample(contents(), 2))
    chosen = rng.sample(MEMBERS, rng.randrange(1, len(MEMBERS)))
    return written({**first, **{name: second[name] for name in chosen}})


def mixed_items(rng: random.Random) -> bytes | None:
    """Parts of opened items and of the list, from another evidence, doubled, or in other order."""
    tree, other = tree_of(rng), tree_of(rng)
    if not tree["opened"] or not other["opened"]:
        return None
    ours, theirs = rng.randrange(len(tree["opened"])), rng.choice(other["opened"])
    way = rng.randrange(4)
    if way == 0:
        for name in rng.sample(sorted(theirs), rng.randrange(1, len(theirs))):
            tree["opened"][ours][name] = theirs[name]
    elif way == 1:
        tree["opened"].insert(rng.randrange(len(tree["opened"]) + 1), theirs)
    elif way == 2:
        tree["opened"][ours] = theirs
    else:
        del tree["opened"][ours]
        if "count" in tree["claim"]:
            tree["claim"]["count"] -= rng.randrange(2)
    return written(tree)


def own_vrf_key(rng: random.Random) -> bytes | None:
    """Signed again with a key of the attacker's, at whose place in the true map nothing is."""
    name = rng.choice(sorted(files()))
    tree, claim = json.loads(files()[name]), samples()[name].claim
    secret = rng.randbytes(32)
    message = alpha(claim.region, claim.stream, claim.record_type, claim.subject)
    proof = vrf.prove(secret, message)
    true_proof = samples()[name].vrf_proof
    cut = rng.choice((0, 32, 48, 80))
    tree["vrf_proof"] = (true_proof[:cut] + proof[cut:]).hex() if cut < 80 else proof.hex()
    key = map_key(vrf.output(proof))
    absent = world().stream(claim.region, claim.stream).map_proof(key)
    if rng.random() < 0.7:
        siblings = [one.hex() for one in absent.siblings]
        end = None
        if absent.end is not None:
            end = {"key": absent.end[0].hex(), "value": absent.end[1].hex()}
        tree["map"] = {"siblings": siblings, "end": end}
        tree["claim"].pop("record_id", None)
        tree["claim"].update(kind="complete", count=0)
        tree.update(list=None, opened=[])
    return written(tree)


def own_claim(rng: random.Random) -> bytes | None:
    """The proofs of one question under the claim of another."""
    tree, other = tree_of(rng), tree_of(rng)
    claim = tree["claim"]
    for name in rng.sample(sorted(claim), rng.randrange(1, 4)):
        if name in other["claim"]:
            claim[name] = other["claim"][name]
    if rng.random() < 0.3 and "count" in claim:
        claim["count"] = rng.choice((0, 1, claim["count"] + 1, max(0, claim["count"] - 1)))
    if claim.get("count") == 0 and rng.random() < 0.7:
        tree.update(list=None, opened=[])
    return written(tree)


def older_head(rng: random.Random) -> bytes:
    """Parts of a snapshot of an earlier head, from before some records were put or dropped."""
    new, old = json.loads(files()["one record"]), json.loads(rng.choice(earlier_samples()))
    names = [name for name in MEMBERS if name != "chain"]
    for name in rng.sample(names, rng.randrange(1, len(names))):
        new[name] = copy.deepcopy(old[name])
    if rng.random() < 0.5:
        # Never all three: that would be the older evidence itself.
        for name in rng.sample(("block_hash", "header", "nodes"), rng.randrange(1, 3)):
            new["chain"][name] = old["chain"][name]
    return canonical.encode(new)


@dataclass(frozen=True)
class Kind:
    """One kind of attack."""

    name: str
    make: Maker
    share: int
    """In a hundred forgeries."""
    is_pinned: bool = False
    """Whether the trust root pins validators: then nothing at all may be VALID."""


KINDS: Final = (
    Kind("one bit flipped", flipped_bit, 18),
    Kind("one hex digit changed", changed_digit, 12),
    Kind("one value nudged", nudged_value, 8),
    Kind("cut off", truncated, 2),
    Kind("swapped, dropped, doubled, shuffled", grammar_aware, 22),
    Kind("members of two good evidences", mixed_members, 8),
    Kind("items of two good evidences", mixed_items, 8),
    Kind("another claim over good proofs", own_claim, 5),
    Kind("signed again with an own VRF key", own_vrf_key, 4),
    Kind("parts of an older head", older_head, 4),
    Kind("re-rooted, part of the chain rebuilt", half_rebuilt, 4),
    Kind("re-rooted whole, a rule broken", rule_breaking, 4),
    Kind("re-rooted whole, under pinned validators", forged_chain, 1, is_pinned=True),
)
