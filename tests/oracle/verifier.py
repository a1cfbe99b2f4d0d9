"""Section 15: the fourteen steps and the verdict."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from oracle import seals, vrf
from oracle.canonical import Refused, is_month, prefixed, refuse_as, time
from oracle.evidence import (
    PUT_KINDS,
    Evidence,
    Opened,
    Pair,
    check_event,
    commitment,
    read_disclosure,
    read_entry,
    read_evidence,
)
from oracle.head import read_head
from oracle.root import STREAM_OF_CLASS, TrustRootRefused, read_trust_root
from oracle.trees import bit, h, list_value, map_root, pair_leaf, path_root, tree_root
from oracle.trie import keccak

__all__ = ["TrustRootRefused", "verify"]

NAMES = (
    *("format", "trust-root", "consensus", "state", "freshness", "confirmation", "subject-key"),
    *("map", "list", "log", "opening", "authority", "status", "consent"),
)
Answer = tuple[str, str]
Step = tuple[int, str, str, str]


class Unknown(Exception):
    """A step cannot be decided and nothing after it can be reached."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def passed(code: str = "ok") -> Answer:
    """Answer that a step passes."""
    return "pass", code


def unknown(code: str) -> Answer:
    """Answer that a step is not known, and that the next ones still run."""
    return "unknown", code


def skipped(code: str) -> Answer:
    """Answer that a step does not apply."""
    return "skipped", code


def reject(when: bool, code: str) -> None:
    """Fail the step if something is so."""
    if when:
        raise Refused(code)


def verify(
    evidence: bytes,
    trust_root: bytes,
    *,
    now: int,
    max_age: int | None = 600,
    as_of: str | None = None,
) -> tuple[str, list[Step]]:
    """Return the outcome and the fourteen steps as number, id, state and code."""
    run = _Run(evidence, read_trust_root(trust_root), now, max_age, as_of)
    steps: list[Step] = []
    over = False
    for number, name in enumerate(NAMES, 1):
        step: Callable[[], Answer] = getattr(run, name.replace("-", "_"))
        try:
            answer = skipped("not-reached") if over else step()
        except Refused as error:
            answer, over = ("fail", error.code), True
        except Unknown as error:
            answer, over = unknown(error.code), True
        steps.append((number, name, *answer))
    return outcome_of(steps), steps


def outcome_of(steps: list[Step]) -> str:
    """Return the verdict."""
    unknowns = [code for _, _, state, code in steps if state == "unknown"]
    if any(state == "fail" for _, _, state, _ in steps):
        return "INVALID"
    if any(code.startswith("unsupported-") for code in unknowns):
        return "UNSUPPORTED"
    if unknowns == ["stale"]:
        return "STALE"
    return "INCOMPLETE" if unknowns else "VALID"


class _Run:
    """The steps of one verification; each leaves behind what later ones need."""

    ev: Evidence
    key: bytes
    pairs: list[Pair]
    closed_range = False

    def __init__(
        self,
        evidence: bytes,
        root: dict[str, Any] | None,
        now: int,
        max_age: int | None,
        as_of: str | None,
    ) -> None:
        self.data, self.now, self.max_age, self.as_of = evidence, now, max_age, as_of
        self.supported_root = root is not None
        self.root: dict[str, Any] = root or {}

    def format(self) -> Answer:
        if not self.supported_root:
            raise Unknown("unsupported-trust-root-version")
        ev = read_evidence(self.data)
        if ev is None:
            raise Unknown("unsupported-version")
        self.ev, self.claim = ev, ev.claim
        self.stream = (ev.claim["region"], ev.claim["stream"])
        self.time = ev.header.timestamp
        return passed()

    def trust_root(self) -> Answer:
        reject(self.ev.chain_id != self.root["chain"]["chain_id"], "wrong-chain")
        cover = self._coverage()
        if cover is not None:
            reject(STREAM_OF_CLASS[cover["class"]] != self.claim["stream"], "wrong-stream")
        if self.now > time(self.root["expires_at"]):
            return unknown("trust-root-expired")
        if self.now < time(self.root["issued_at"]) - 60:
            return unknown("trust-root-not-yet-valid")
        if cover is None or cover["since"] > (self.as_of or self.ev.day):
            return unknown("not-covered")
        return passed()

    def _coverage(self) -> dict[str, Any] | None:
        month = is_month(self.claim["record_type"])
        wanted = "queries" if month else self.claim["record_type"]
        for entry in self.root["coverage"]:
            if (entry["region"], entry["record_type"]) == (self.claim["region"], wanted):
                return entry if (entry["class"] == "queries") == month else None
        return None

    def consensus(self) -> Answer:
        if self.root["chain"]["consensus"] == "development":
            reject(keccak(self.ev.header_bytes) != self.ev.block_hash, "block-hash-mismatch")
            return skipped("development-chain")
        number = self.ev.header.number
        for known in self.root["validators"]:
            last = known["last_block"]
            if known["first_block"] <= number and (last is None or number <= last):
                return self._seals(known)
        return unknown("validators-unknown")

    def _seals(self, known: dict[str, Any]) -> Answer:
        trusted = {prefixed(address, 20) for address in known["addresses"]}
        try:
            computed = seals.block_hash(self.ev.header_bytes, trusted)
        except seals.OtherProtocol:
            return unknown("unsupported-consensus")
        reject(computed != self.ev.block_hash, "block-hash-mismatch")
        if known["last_block"] is not None:
            self.closed_range = True
            reject(self.time > known["last_time"], "after-closed-range")
            pinned = prefixed(known["last_hash"], 32)
            at_end = self.ev.header.number == known["last_block"]
            reject(at_end and computed != pinned, "pinned-block-mismatch")
        return passed()

    def state(self) -> Answer:
        with refuse_as("malformed-proof"):
            self.head = read_head(self.ev, self.root["contracts"]["head_anchor"])
        reject(self.head.successor != 0, "superseded")
        reject(self.head.anchored_at > self.time, "anchored-after-block")
        return passed()

    def freshness(self) -> Answer:
        age = self.now - self.time
        reject(age < -60, "future-block")
        if self.as_of is not None and self.as_of != self.ev.day:
            return unknown("as-of-not-proved")
        if self.head.paused:
            return unknown("paused")
        if self.max_age is None:
            return passed("any-age-closed-range" if self.closed_range else "any-age")
        return unknown("stale") if age > self.max_age else passed()

    def confirmation(self) -> Answer:
        rule: dict[str, Any] | None = None
        for entry in self.root["confirmations"]:
            if (entry["region"], entry["stream"]) == self.stream:
                rule = entry
        numbers: list[int] = [] if rule is None else rule["mirrors"]
        words = self.ev.words
        reject(
            words is not None and words != sorted({number // 4 for number in numbers}),
            "wrong-confirmation-words",
        )
        if rule is None:
            development = self.root["chain"]["consensus"] == "development"
            return skipped("no-mirrors-required") if development else unknown("map-unconfirmed")
        if numbers and words is None:
            return unknown("map-unconfirmed")
        operators = set()
        for mirror in self.root["mirrors"]:
            if mirror["number"] in numbers:
                lane = self.head.lanes[mirror["number"]]
                if lane == self.head.epoch + 2**63 and mirror["role"] == "regulator":
                    return unknown("contradicted")
                if lane == self.head.epoch:
                    operators.add(mirror["operator"])
        if rule["required"] == 0:
            return skipped("no-mirrors-required")
        enough = len(operators) >= rule["required"]
        return passed() if enough else unknown("map-unconfirmed")

    def subject_key(self) -> Answer:
        if self.head.map_function != 1:
            raise Unknown("unsupported-map-function")
        for key in self.root["vrf_keys"]:
            if (key["region"], key["stream"]) == self.stream:
                if key["generation"] == self.head.generation:
                    break
        else:
            raise Unknown("vrf-key-unknown")
        reject(
            self.claim["stream"] == "queries" and not is_month(self.claim["record_type"]),
            "malformed-record",
        )
        parts = (*self.stream, self.claim["record_type"], self.claim["subject"])
        alpha = b"\x00".join([b"credit-ledger/key/v1", *(part.encode() for part in parts)])
        beta = vrf.verify(bytes.fromhex(key["public_key"]), alpha, self.ev.vrf_proof)
        reject(beta is None, "vrf-proof")
        assert beta is not None
        self.key = beta[:32]
        return passed()

    def map(self) -> Answer:
        end, siblings = self.ev.end, self.ev.siblings
        if not self.ev.absence:
            reject(end is None or end[0] != self.key, "wrong-map-proof")
        elif end is not None:
            reject(end[0] == self.key, "malformed-proof")
            same = all(bit(end[0], n) == bit(self.key, n) for n in range(len(siblings)))
            reject(not same, "malformed-proof")
        reject(map_root(self.key, end, siblings) != self.head.map_root, "root-mismatch")
        return passed()

    def list(self) -> Answer:
        items = self.ev.list
        if self.ev.absence:
            reject(items is not None or self.ev.opened != [], "items-beside-absence")
            return skipped("nothing-to-check")
        form = "pairs" if self.claim["kind"] == "complete" else "pair"
        reject(items is None or form not in items, "wrong-list-proof")
        assert items is not None and self.ev.end is not None
        if form == "pairs":
            count, self.pairs = self.claim["count"], items["pairs"]
            reject(len(self.pairs) != count, "wrong-count")
            rising = all(a[0] < b[0] for a, b in pairwise(self.pairs))
            reject(not rising, "list-not-ascending")
            root = tree_root([pair_leaf(*pair) for pair in self.pairs])
        else:
            count, self.pairs = items["count"], [items["pair"]]
            reject(items["position"] >= count, "wrong-position")
            leaf = pair_leaf(*items["pair"])
            with refuse_as("malformed-proof"):
                root = path_root(leaf, items["position"], count, items["path"])
        reject(any(index == 0 for index, _ in self.pairs), "opening-entry-listed")
        reject(list_value(count, root) != self.ev.end[1], "root-mismatch")
        return passed()

    def log(self) -> Answer:
        opened = self.ev.opened
        if self.ev.absence:
            return skipped("nothing-to-check")
        rising = all(a.index < b.index for a, b in pairwise(opened))
        reject(not rising, "opened-not-ascending")
        leaves = dict(self.pairs)
        for item in opened:
            leaf = h(b"\x00", item.entry)
            reject(leaves.get(item.index) != leaf, "not-in-list")
            with refuse_as("malformed-proof"):
                root = path_root(leaf, item.index, self.head.size, item.path)
            reject(root != self.head.log_root, "root-mismatch")
        return passed()

    def opening(self) -> Answer:
        if self.ev.absence:
            return skipped("nothing-to-check")
        for item in self.ev.opened:
            self._open(item)
        events = [item.event for item in self.ev.opened]
        records = {event["record_id"] for event in events}
        reject(len(records) != len(events), "record-twice")
        if len(events) < len(self.pairs):
            return unknown("partly-opened")
        if self.claim["kind"] == "complete":
            plain = {event["record_id"] for event in events if event["kind"] != "dispute"}
            for event in events:
                if event["kind"] == "dispute":
                    reject(event["about"] not in plain, "dispute-of-nothing")
        return passed()

    def _open(self, item: Opened) -> None:
        event = item.event
        with refuse_as("malformed-record"):
            committed, key, operation, _ = read_entry(item.entry)
        reject(operation != "put" or key != self.key, "wrong-entry")
        reject(commitment(event, item.salt) != committed, "commitment-mismatch")
        with refuse_as("malformed-record"):
            check_event(event)
        for name in ("region", "stream", "record_type", "subject"):
            another = "event-of-another-" + name.replace("_", "-")
            reject(event[name] != self.claim[name], another)
        if self.claim["kind"] == "current":
            reject(event["record_id"] != self.claim["record_id"], "event-of-another-record")
        reject(event["kind"] not in PUT_KINDS, "wrong-kind")
        reject(event["published_on"] > self.ev.day, "published-later")
        names = set()
        for disclosure in item.disclosures:
            with refuse_as("malformed-record"):
                name, digest = read_disclosure(disclosure)
            reject(name in names, "disclosed-twice")
            reject(event["fields"].get(name) != digest, "wrong-disclosure")
            names.add(name)

    def authority(self) -> Answer:
        if self.ev.authority is not None:
            return unknown("unsupported-authority")
        if self.ev.absence:
            return skipped("nothing-to-check")
        if self.root["authority_required"]:
            return unknown("authority-missing")
        return skipped("authority-not-required")

    def status(self) -> Answer:
        events = [item.event for item in self.ev.opened]
        if self.ev.absence:
            return skipped("nothing-to-check")
        for event in events:
            until = event["in_force_until"]
            reject(until is not None and until < self.ev.day, "not-in-force")
        if self.claim["stream"] == "queries":
            closed = self.claim["record_type"] < self.ev.day[:7]
            return passed("month-closed" if closed else "month-open")
        disputed = any(event["kind"] == "dispute" for event in events)
        return passed("disputed" if disputed else "ok")

    def consent(self) -> Answer:
        if self.claim["stream"] != "restricted":
            reject(self.ev.consent is not None, "consent-not-applicable")
            queries = self.claim["stream"] == "queries"
            return skipped("query-stream" if queries else "public-type")
        missing = self.ev.consent is None
        return unknown("consent-missing" if missing else "unsupported-consent")
