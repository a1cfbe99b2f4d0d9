"""The verifier and a second one, written from docs/formats.md alone, say the same of every file."""

import copy
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from oracle import vrf
from oracle.canonical import b64url, encode
from oracle.evidence import read_evidence
from oracle.forge import Chain, forge, rlp_encode
from oracle.mutate import change, miswrite, respell, spell
from oracle.trees import h
from oracle.verifier import TrustRootRefused, verify

from ledger.core.verify import Policy, verify_evidence
from ledger.errors import LedgerError

TESTS = Path(__file__).parents[1]
SAMPLES = TESTS / "oracle" / "samples"
NAMES = ("absence", "one-record", "several-records")
ROOT = (SAMPLES / "trust-root.json").read_bytes()

# The page fixes the codes of its tables. What it calls the kind of a refusal can be seen in more
# than one way where bytes are wrong in more than one way; no outcome depends on it.
SAME_KIND = (
    {"malformed-evidence", "not-canonical", "malformed-proof"},
    {"malformed-proof", "root-mismatch"},
    {"malformed-record", "not-canonical"},
)

Answer = tuple[str, list[tuple[int, str, str, str]]]
REFUSED: Answer = ("trust root refused", [])


def oracle_says(
    evidence: bytes, root: bytes, now: int, max_age: int | None, as_of: str | None
) -> Answer:
    try:
        return verify(evidence, root, now=now, max_age=max_age, as_of=as_of)
    except TrustRootRefused:
        return REFUSED


def ledger_says(
    evidence: bytes, root: bytes, now: int, max_age: int | None, as_of: str | None
) -> Answer:
    policy = Policy(max_age_s=max_age, as_of=None if as_of is None else date.fromisoformat(as_of))
    try:
        verdict = verify_evidence(
            evidence, root, now=datetime.fromtimestamp(now, UTC), policy=policy
        )
    except LedgerError:
        return REFUSED
    steps = [(step.number, step.id, str(step.state), step.code) for step in verdict.steps]
    return str(verdict.outcome), steps


def agree(ours: Answer, theirs: Answer) -> bool:
    if ours[0] != theirs[0] or len(ours[1]) != len(theirs[1]):
        return False
    return all(
        a == b
        or (a[:3] == b[:3] and a[2] == "fail" and any({a[3], b[3]} <= kind for kind in SAME_KIND))
        for a, b in zip(ours[1], theirs[1], strict=True)
    )


def differences(ours: Answer, theirs: Answer) -> str:
    steps = [f"{a} / {b[2:]}" for a, b in zip(ours[1], theirs[1], strict=False) if a != b]
    return f"ledger {ours[0]}, oracle {theirs[0]}: {'; '.join(steps)}"


class Comparison:
    """Puts files before both verifiers and remembers on what they differ."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.outcomes: Counter[str] = Counter()
        self.last_steps: Counter[int] = Counter()
        self.found: list[str] = []

    def put(
        self,
        what: str,
        evidence: bytes,
        root: bytes = ROOT,
        *,
        now: int | None = None,
        max_age: int | None = 600,
        as_of: str | None = None,
    ) -> Answer:
        given = (evidence, root, self.now if now is None else now, max_age, as_of)
        ours, theirs = ledger_says(*given), oracle_says(*given)
        self.outcomes[ours[0]] += 1
        self.last_steps.update(number for number, _, state, _ in ours[1] if state == "fail")
        if not agree(ours, theirs):
            self.found.append(f"{what}: {differences(ours, theirs)}")
        return ours

    def close(self) -> None:
        assert not self.found, "\n".join([f"{len(self.found)} differences", *self.found[:8]])


def sample(name: str) -> tuple[bytes, Any]:
    data = (SAMPLES / f"{name}.json").read_bytes()
    return data, json.loads(data)


def time_of(data: bytes) -> int:
    evidence = read_evidence(data)
    assert evidence is not None
    return evidence.header.timestamp


def key_of(name: str) -> bytes:
    data, value = sample(name)
    evidence, claim = read_evidence(data), value["claim"]
    assert evidence is not None
    public_keys = {
        (key["region"], key["stream"]): bytes.fromhex(key["public_key"])
        for key in json.loads(ROOT)["vrf_keys"]
    }
    parts = (claim["region"], claim["stream"], claim["record_type"], claim["subject"])
    alpha = "\0".join(("credit-ledger/key/v1", *parts)).encode()
    beta = vrf.verify(public_keys[parts[:2]], alpha, evidence.vrf_proof)
    assert beta is not None
    return beta[:32]


@pytest.mark.parametrize("name", NAMES)
def test_both_accept_a_sample_and_agree_on_its_age(name: str) -> None:
    data, _ = sample(name)
    time = time_of(data)
    both = Comparison(time)
    assert both.put("sample", data, now=time + 30, as_of="2026-10-31")[0] == "VALID"
    for seconds in (-61, -60, 0, 600, 601, 30 * 86400, 10**10):
        for max_age in (600, None):
            for as_of in (None, "2026-10-31", "2026-10-30", "1999-12-31"):
                both.put(f"{seconds}", data, now=time + seconds, max_age=max_age, as_of=as_of)
    both.close()
    assert set(both.outcomes) == {"VALID", "INVALID", "STALE", "INCOMPLETE"}


@pytest.mark.parametrize("name", NAMES)
def test_both_agree_on_files_with_one_part_changed(name: str) -> None:
    data, value = sample(name)
    random = Random(f"part {name}")
    donors = [sample(other)[1] for other in NAMES if other != name]
    both = Comparison(time_of(data) + 30)
    for turn in range(120):
        both.put(f"turn {turn}", spell(change(value, random, random.choice(donors))))
    for turn in range(40):
        both.put(f"respelled {turn}", respell(data, random))
    both.close()
    assert both.outcomes["INVALID"] > 120


def test_both_agree_on_trust_roots_with_one_part_changed() -> None:
    data, _ = sample("absence")
    random = Random("trust root")
    both = Comparison(time_of(data) + 30)
    rich = _rich_root()
    assert both.put("rich", data, encode(rich))[0] == "INCOMPLETE"
    for turn in range(200):
        both.put(f"turn {turn}", data, spell(change(rich, random, json.loads(ROOT))))
    for turn in range(40):
        both.put(f"respelled {turn}", data, respell(ROOT, random))
    both.close()
    assert both.outcomes[REFUSED[0]] > 100


def _rich_root() -> Any:
    """A trust root with something in every list."""
    root = json.loads(ROOT)
    root["sequence"], root["previous"] = 2, "ab" * 32
    root["vrf_keys"] = [key for key in root["vrf_keys"] if key["region"] == "310000"]
    root["mirrors"] = [
        {"number": 0, "operator": "regulator", "role": "regulator"},
        {"number": 1, "operator": "320000", "role": "region"},
        {"number": 6, "operator": "330000", "role": "region"},
    ]
    root["confirmations"] = [
        {"mirrors": [0, 1, 6], "region": "310000", "required": 2, "stream": "records"},
        {"mirrors": [6], "region": "310000", "required": 0, "stream": "restricted"},
    ]
    root["coverage"] = [
        *root["coverage"][:2],
        {"class": "restricted", "record_type": "tax", "region": "310000", "since": "2026-01-01"},
        {"class": "queries", "record_type": "queries", "region": "310000", "since": "2026-01-01"},
    ]
    root["contracts"]["consent_registry"] = root["contracts"]["region_registry"]
    return root


def test_both_agree_on_trust_roots_of_a_qbft_chain() -> None:
    data, _ = sample("one-record")
    random = Random("qbft")
    both = Comparison(time_of(data) + 30)
    root = _rich_root()
    root["chain"]["consensus"] = "qbft"
    root["confirmations"] = root["confirmations"][:1]
    addresses = ["0x" + "11" * 20, "0x" + "22" * 20]
    root["validators"] = [
        {
            "addresses": addresses,
            "first_block": 0,
            "last_block": 9,
            "last_hash": "0x" + "33" * 32,
            "last_time": 1700000000,
        },
        {
            "addresses": addresses,
            "first_block": 10,
            "last_block": None,
            "last_hash": None,
            "last_time": None,
        },
    ]
    assert both.put("open", data, encode(root))[0] == "UNSUPPORTED"
    for turn in range(60):
        root["validators"] = change(root["validators"], random)
        both.put(f"turn {turn}", data, spell(root))
        root = copy.deepcopy(root) if turn % 3 else json.loads(encode(_qbft(root, addresses)))
    both.close()


def _qbft(root: Any, addresses: list[str]) -> Any:
    closed = {"first_block": 0, "last_block": 5, "last_hash": "0x" + "33" * 32, "last_time": 9}
    return {**root, "validators": [{"addresses": addresses, **closed}]}


def _items(name: str) -> list[dict[str, Any]]:
    _, value = sample(name)
    return [
        {name: item[name] for name in ("event", "salt", "disclosures")} for item in value["opened"]
    ]


@pytest.mark.parametrize("name", NAMES[1:])
def test_both_agree_on_forged_chains_with_other_events(name: str) -> None:
    data, value = sample(name)
    root, key, items = json.loads(ROOT), key_of(name), _items(name)
    random = Random(f"events {name}")
    both = Comparison(time_of(data) + 30)
    assert both.put("forged", forge(value, root, items, key=key))[0] == "VALID"
    for turn in range(90):
        changed = copy.deepcopy(items)
        place = random.randrange(len(items))
        part = random.choice(("event", "event", "event", "disclosures"))
        changed[place][part] = change(items[place][part], random)
        _put_forged(both, f"turn {turn}", value, root, changed, key=key)
    both.close()
    assert both.last_steps[11] > 40


def _put_forged(both: Comparison, what: str, *given: Any, **more: Any) -> None:
    """Forge where the change can be encoded at all."""
    try:
        data = forge(*given, **more)
    except Exception as error:  # the forger may stumble; the verifiers may not
        assert type(error).__name__ in ("Refused", "TypeError", "AttributeError", "KeyError"), error
        return
    both.put(what, data)


def _variants(items: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Events that are right in form, and wrong or unusual beside the others."""

    def with_event(**members: Any) -> dict[str, Any]:
        return {**items[0], "event": {**items[0]["event"], **members}}

    dispute = with_event(kind="dispute", about=items[0]["event"]["record_id"], record_id="00" * 16)
    disputed = copy.deepcopy(dispute)
    disputed["event"].update(about="00" * 16, record_id="11" * 16)
    yield "disputed", [*items, dispute]
    yield "dispute-of-dispute", [*items, dispute, disputed]
    yield "dispute-of-nothing", [dispute]
    yield "dispute-of-itself", [with_event(kind="dispute", about=items[0]["event"]["record_id"])]
    yield "twice", [*items, items[0]]
    yield "amend", [with_event(kind="amend", version=2)]
    yield "drop", [with_event(kind="repair", schema="end/1", in_force_until=None)]
    ended = with_event(kind="repair", schema="end/1", in_force_until=None)
    ended["event"]["fields"] = {"basis": "A" * 43}
    ended["disclosures"] = []
    yield "drop-kind", [ended]
    for until in ("2026-10-30", "2026-10-31", None, "9999-12-31"):
        yield f"until {until}", [with_event(in_force_until=until)]
    for day in ("2026-10-31", "2026-11-01", "0001-01-01", "0000-01-01"):
        yield f"published {day}", [with_event(published_on=day)]
    for schema in ("xx/1", "xx/0", "cf/2", "end/2", "end/10000"):
        yield schema, [with_event(schema=schema)]
    for members in ({"stream": "restricted"}, {"region": "320000"}, {"record_type": "tax"}):
        yield str(members), [with_event(**members)]
    yield "query", [with_event(kind="query", stream="queries", record_type="2026-10")]
    yield "other subject", [with_event(subject=items[0]["event"]["issuer"])]
    yield "most fields", [_with_fields(items[0], 128)]
    yield "too many fields", [_with_fields(items[0], 129)]
    for text in ("", "x", "drop", "replaces"):
        yield f"entry {text}", [{**items[0], "entry": _entry(text)}]
    for inner in (
        *('["AAAAAAAAAAAAAAAAAAAAAA","a",1]', '["AAAAAAAAAAAAAAAAAAAAAA","a",-9007199254740991]'),
        *('["AAAAAAAAAAAAAAAAAAAAAA","a",9007199254740992]', '["AAAAAAAAAAAAAAAAAAAAAB","a",1]'),
        *('["AAAAAAAAAAAAAAAAAAAAAA","a",1.0]', '["AAAAAAAAAAAAAAAAAAAAAA","a",[]]'),
        *('["AAAAAAAAAAAAAAAAAAAAAA","a",null]', '["AAAAAAAAAAAAAAAAAAAAAA","a",true]'),
        *('["AAAAAAAAAAAAAAAAAAAAAA","A",1]', '["AAAAAAAAAAAAAAAAAAAAA","a",1]', "[]", "{}"),
        *('["AAAAAAAAAAAAAAAAAAAAAA","a","\\ud800"]', '["AAAAAAAAAAAAAAAAAAAAAA", "a",1]'),
        *('["AAAAAAAAAAAAAAAAAAAAAA","a","一\\u001f"]', '["AAAAAAAAAAAAAAAAAAAAAA","b",1]'),
    ):
        yield f"disclosure {inner}", [_disclosing(items[0], inner)]


def _with_fields(item: dict[str, Any], count: int) -> dict[str, Any]:
    fields = {f"f{number}": "A" * 43 for number in range(count)}
    event = {**item["event"], "schema": "xx/1", "fields": fields}
    return {**item, "event": event, "disclosures": []}


def _entry(way: str) -> str:
    event, key = "00" * 32, "11" * 32
    text = f'{{"event":"{event}","key":"{key}","op":"put","replaces":null,"v":1}}'
    changed = {
        "x": text + "x",
        "drop": text.replace("put", "drop"),
        "replaces": text.replace("null", "9007199254740992"),
    }
    return changed.get(way, text)


def _disclosing(item: dict[str, Any], inner: str) -> dict[str, Any]:
    disclosure = b64url(inner.encode())
    fields = {"a": b64url(h(disclosure.encode()))}
    event = {**item["event"], "schema": "xx/1", "fields": fields}
    return {**item, "event": event, "disclosures": [disclosure]}


@pytest.mark.parametrize("name", NAMES[1:])
def test_both_agree_on_forged_chains_with_unusual_events(name: str) -> None:
    data, value = sample(name)
    root, key = json.loads(ROOT), key_of(name)
    both = Comparison(time_of(data) + 30)
    for what, items in _variants(_items(name)):
        both.put(what, forge(value, root, items, key=key))
        both.put(f"{what}, current", forge(value, root, items, key=key, current=len(items) - 1))
    both.close()
    assert both.outcomes["VALID"] > 10


def test_both_agree_on_forged_chains_with_other_heads() -> None:
    data, value = sample("several-records")
    root, key, items = _rich_root(), key_of("several-records"), _items("several-records")
    both = Comparison(time_of(data) + 30)
    plain, mirrored = ROOT, encode(root)
    for opened in ([], [0], [2], [0, 1], [1, 0], [0, 0], [0, 1, 2]):
        both.put(f"opened {opened}", forge(value, root, items, key=key, opened=opened), plain)
        both.put("", forge(value, root, items, key=key, opened=opened, current=0), plain)
    for size in (0, 1, 3, 4, 5, 2**63, 2**64 - 1):
        both.put(f"size {size}", forge(value, root, items, key=key, chain=Chain(size=size)), plain)
    for epoch in (0, 1, 2**63 - 1, 2**63, 2**64 - 1):
        both.put(
            f"epoch {epoch}", forge(value, root, items, key=key, chain=Chain(epoch=epoch)), plain
        )
    for before in (-1, 0, 10**12):
        given = forge(value, root, items, key=key, chain=Chain(anchored_before=before))
        both.put(f"anchored {before}", given, plain)
    for rest in (0, 1 << 192, 1 << 224, 2 << 192 | 1 << 224, 1 << 192 | 2 << 224):
        both.put(
            f"rest {rest:x}",
            forge(value, root, items, key=key, chain=Chain(rest_of_word=rest)),
            plain,
        )
    for status in (0, 1, 2 << 160, 3 << 160, 1 << 160 | 1, 2 << 160 | 1, 257 << 160, 1 << 255):
        both.put(
            f"status {status:x}",
            forge(value, root, items, key=key, chain=Chain(status=status)),
            plain,
        )
    against = 2**63 + 7
    for lanes in (
        *({}, {0: 7, 1: 7, 6: 7}, {0: 7, 1: 7}, {1: 7, 6: 7}, {0: against, 1: 7, 6: 7}),
        *({0: 7, 1: against, 6: against}, {0: 7, 1: 6, 6: 8}, {0: 0, 4: 0}, {0: 7, 1: 7, 9: 7}),
    ):
        given = forge(value, root, items, key=key, chain=Chain(lanes=lanes or None))
        for one in (plain, mirrored):
            both.put(f"lanes {lanes}", given, one)
    both.close()
    assert set(both.outcomes) == {"VALID", "INVALID", "INCOMPLETE", "UNSUPPORTED"}


@pytest.mark.parametrize("name", NAMES)
def test_both_agree_on_forged_chains_with_odd_encodings(name: str) -> None:
    data, value = sample(name)
    root, key, items = json.loads(ROOT), key_of(name), _items(name)
    random = Random(f"encodings {name}")
    both = Comparison(time_of(data) + 30)

    def write(item: Any) -> bytes:
        return rlp_encode(item) if random.random() < 0.85 else miswrite(item, random)

    for turn in range(90):
        both.put(f"turn {turn}", forge(value, root, items, key=key, chain=Chain(write=write)))
    both.close()
    assert both.last_steps[4] > 30


def test_both_agree_on_every_vector_of_evidence() -> None:
    both = Comparison(0)
    files = sorted((TESTS / "vectors" / "evidence").glob("*.json"))
    for file in files:
        vector = json.loads(file.read_bytes())
        text, policy = vector.get("evidence"), vector["policy"]
        data = bytes.fromhex(vector["evidence_hex"]) if text is None else text.encode()
        now = int(datetime.fromisoformat(vector["now"]).timestamp())
        answer = both.put(
            file.name,
            data,
            vector["trust_root"].encode(),
            now=now,
            max_age=policy["max_age_s"],
            as_of=policy["as_of"],
        )
        steps = [" ".join(map(str, step)) for step in answer[1]]
        rest = [f"{step[0]} {step[1]} skipped not-reached" for step in answer[1]]
        expected = [*vector["steps"], *rest[len(vector["steps"]) :]]
        if (answer[0], steps) != (vector["expect"], expected):
            both.found.append(f"{file.name}: the vector says {vector['expect']}")
    both.close()
    assert len(files) > 200


def test_both_agree_on_every_vector_of_trust_roots() -> None:
    data, _ = sample("absence")
    both = Comparison(time_of(data))
    files = sorted((TESTS / "vectors" / "trust-root").glob("*.json"))
    for file in files:
        vector = json.loads(file.read_bytes())
        outcome, steps = both.put(file.name, data, vector["trust_root"].encode())
        found = "refused"
        if steps:
            found = "unsupported" if steps[0][3] == "unsupported-trust-root-version" else "valid"
        expected = vector["expect"]
        if found != (expected if expected in ("valid", "unsupported") else "refused"):
            both.found.append(f"{file.name}: the vector says {expected}, found {outcome}")
    both.close()
    assert len(files) > 20
