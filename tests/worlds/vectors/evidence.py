"""Vectors of whole files: trust roots, and evidence with the verdict that must come of it."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from worlds import trials_chain, trials_format, trials_items, trials_map, trials_seals, trials_valid
from worlds.paper import PaperWorld
from worlds.trials import TRIALS, edited, without
from worlds.trials_chain import validator_range
from worlds.trials_valid import BOTH, MIRRORS
from worlds.vectors.vector import NOT_CANONICAL, VALID, Vector

from ledger.core.trust import Contract, TrustRoot, encode_trust_root
from ledger.core.verify import Policy

MODULES = (trials_valid, trials_format, trials_chain, trials_seals, trials_map, trials_items)
MALFORMED = "malformed-trust-root"
NOT_REACHED = "not-reached"


def _full_root() -> TrustRoot:
    return PaperWorld().trust_root(
        sequence=2,
        previous=b"\x22" * 32,
        signers=(b"\x52" * 20, b"\x51" * 20),
        threshold=2,
        consensus="qbft",
        validators=(validator_range(0, 99), validator_range(100, None)),
        region_registry=Contract(b"\x0a" * 20, b"\x0b" * 32, {}),
        consent_registry=Contract(b"\x0c" * 20, b"\x0d" * 32, {}),
        mirrors=MIRRORS,
        confirmations=(BOTH,),
        authority_required=True,
    )


def trust_roots() -> Iterator[Vector]:
    """A trust root's text."""
    full, plain = encode_trust_root(_full_root()), encode_trust_root(PaperWorld().trust_root())

    def one(name: str, what: str, content: bytes, expect: str = MALFORMED) -> Vector:
        return Vector("trust-root", name, what, expect, {"trust_root": content.decode()})

    yield one("valid-development", "Of a development chain.", plain, VALID)
    yield one("valid-every-member", "Every member is used.", full, VALID)
    yield one("version-2", "Another version.", edited(full, ("v",), 2), "unsupported")
    yield one("line-end", "A line end follows.", full + b"\n", NOT_CANONICAL)
    yield one("name-twice", "v twice.", full.replace(b'"v":1', b'"v":1,"v":1'), NOT_CANONICAL)
    yield one("float", "v is 1.0.", full.replace(b'"v":1', b'"v":1.0'), NOT_CANONICAL)
    own = json.loads(full)["vrf_keys"][0]["public_key"]
    two = json.loads(full)["vrf_keys"]
    changes: dict[str, tuple[tuple[str | int, ...], Any]] = {
        "unknown-member": (("note",), "x"),
        "sequence-zero": (("sequence",), 0),
        "first-with-previous": (("sequence",), 1),
        "second-without-previous": (("previous",), None),
        "threshold-above-signers": (("threshold",), 3),
        "threshold-zero": (("threshold",), 0),
        "signers-twice": (("signers",), ["0x" + "51" * 20] * 2),
        "expires-when-issued": (("expires_at",), "2026-10-20T00:00:00Z"),
        "time-with-offset": (("expires_at",), "2026-11-20T00:00:00+00:00"),
        "time-that-does-not-exist": (("expires_at",), "2026-11-31T00:00:00Z"),
        "consensus-unknown": (("chain", "consensus"), "clique"),
        "development-with-validators": (("chain", "consensus"), "development"),
        "qbft-without-validators": (("validators",), []),
        "ranges-not-from-zero": (("validators", 0, "first_block"), 1),
        "ranges-with-gap": (("validators", 1, "first_block"), 101),
        "range-half-closed": (("validators", 0, "last_hash"), None),
        "range-without-addresses": (("validators", 0, "addresses"), []),
        "address-upper-case": (("contracts", "head_anchor", "address"), "0x" + "AB" * 20),
        "head-anchor-null": (("contracts", "head_anchor"), None),
        "slot-missing": (("contracts", "head_anchor", "slots"), {"heads": 1, "status": 0}),
        "generation-zero": (("vrf_keys", 0, "generation"), 0),
        "vrf-key-twice": (("vrf_keys",), [*two, two[0]]),
        "public-key-twice": (("vrf_keys", 1, "public_key"), own),
        "mirror-number-twice": (("mirrors", 1, "number"), 0),
        "rule-mirror-unlisted": (("confirmations", 0, "mirrors"), [0, 3]),
        "rule-mirror-twice": (("confirmations", 0, "mirrors"), [0, 0]),
        "rule-confirms-itself": (("confirmations", 0, "region"), "310000"),
        "rule-above-operators": (("confirmations", 0, "required"), 4),
        "rule-of-zero-off-development": (("confirmations", 0, "required"), 0),
        "class-unknown": (("coverage", 0, "class"), "secret"),
        "since-no-date": (("coverage", 0, "since"), "2026-02-29"),
        "authority-required-null": (("authority_required",), None),
    }
    for name, (path, value) in changes.items():
        yield one(name, "Breaks a rule of trust roots.", edited(full, path, value))
    for member in json.loads(full):
        yield one(f"without-{member}", f"Member {member} is missing.", without(full, (member,)))


def evidences() -> Iterator[Vector]:
    """Every trial that is not too large for a file."""
    assert MODULES
    for trial in TRIALS:
        if trial.group == "bulk":
            continue
        given = trial.build()
        verdict = given.verdict()
        trial.check(verdict)
        steps = [f"{s.number} {s.id} {s.state} {s.code}" for s in verdict.steps]
        while steps[-1].endswith(NOT_REACHED):
            steps.pop()
        members = {
            **_text("evidence", given.evidence_bytes),
            "trust_root": given.root_bytes.decode(),
            "now": _time(given.now),
            "policy": _policy(given.policy),
            "steps": steps,
        }
        yield Vector("evidence", trial.name, trial.description, str(trial.outcome), members)


def _text(name: str, content: bytes) -> dict[str, str]:
    try:
        return {name: content.decode()}
    except UnicodeDecodeError:
        return {f"{name}_hex": content.hex()}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "max_age_s": policy.max_age_s,
        "as_of": None if policy.as_of is None else policy.as_of.isoformat(),
        "verifier": policy.verifier,
    }
