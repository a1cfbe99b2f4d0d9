"""Vectors of what is text: subjects, canonical JSON, disclosures, events, commitments, entries."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from worlds.clock import entropy
from worlds.people import CLEAN, COMPANIES, code, plain_event
from worlds.vectors.vector import MALFORMED_RECORD, NOT_CANONICAL, VALID, Vector

from ledger.core import canonical
from ledger.core.merkle import hash_leaf
from ledger.core.records.disclosure import digest, encode_b64url, make_disclosure
from ledger.core.records.event import commitment
from ledger.core.stream.entry import Entry, encode_entry, opening_entry


def uscc() -> Iterator[Vector]:
    """Accepted by a verifier or not; and what a producer makes of it."""

    def one(name: str, what: str, text: str, normalized: str | None, problem: str | None) -> Vector:
        expect = VALID if normalized == text else "refused"
        members = {"text": text, "normalized": normalized, "problem": problem}
        return Vector("uscc", name, what, expect, members)

    company = COMPANIES[0]
    yield one("valid-company", "A code in its one spelling.", company, company, None)
    yield one("valid-another", "Another code.", CLEAN, CLEAN, None)
    for last in "0123456789ABCDEFGHJKLMNPQRTUWXY":
        found = next(c for c in _codes() if c[-1] == last)
        yield one(
            f"valid-check-{last.lower()}", f"The check character is {last}.", found, found, None
        )
    spellings = {
        "lower-case": company.lower(),
        "full-width": "".join(chr(ord(c) + 0xFEE0) for c in company),
        "hyphens": f"{company[:2]}-{company[2:8]}-{company[8:17]}-{company[17]}",
        "en-dashes": f"{company[:8]}\u2013{company[8:]}",
        "minus-signs": f"{company[:8]}\u2212{company[8:]}",
        "spaces": f" {company[:4]} {company[4:]}\n",
        "ideographic-spaces": f"\u3000{company[:9]}\u3000{company[9:]}",
        "no-break-space": f"{company}\u00a0",
    }
    for name, text in spellings.items():
        yield one(name, "Another spelling, which producers normalise.", text, company, None)
    wrong = company[:-1] + ("0" if company[-1] != "0" else "1")
    faults = {
        "empty": ("", "missing"),
        "only-dashes": ("---", "missing"),
        "seventeen-characters": (company[:-1], "length"),
        "nineteen-characters": (company + "0", "length"),
        "zero-width-space": (company[:9] + "\u200b" + company[9:], "length"),
        "soft-hyphen": (company[:9] + "\u00ad" + company[9:], "length"),
        "letter-o-for-zero": (company.replace("0", "O", 1), "alphabet"),
        "letter-i-for-one": (company.replace("1", "I", 1), "alphabet"),
        "letter-s": ("S" + company[1:], "alphabet"),
        "letter-v": ("V" + company[1:], "alphabet"),
        "letter-z": ("Z" + company[1:], "alphabet"),
        "cyrillic-a": (company.replace("A", "\u0410", 1), "alphabet"),
        "greek-alpha": (company.replace("A", "\u0391", 1), "alphabet"),
        "check-character-wrong": (wrong, "check"),
        "two-digits-swapped": (company[0] + company[2] + company[1] + company[3:], "check"),
    }
    for name, (text, problem) in faults.items():
        yield one(name, "No code under any spelling.", text, None, problem)


def _codes() -> Iterator[str]:
    for number in range(10_000):
        yield code(f"91310118MA1T{number:05d}")


def canonical_json() -> Iterator[Vector]:
    """Bytes that are their own canonical JSON, and bytes that are not."""
    values: dict[str, Any] = {
        "empty-object": {},
        "empty-array": [],
        "null": None,
        "integers": [0, -1, 2**53 - 1, -(2**53) + 1],
        "utf-16-order": {"\U0001f600": 1, "\ufb33": 2, "\u20ac": 3, "a": 4, "": 5},
        "escapes": '"\\/\b\f\n\r\t\u0000\u001f\u007f\u2028',
        "chinese": {"名称": "上海市", "备注": "𠮷"},
        "not-normalised": ["e\u0301", "\u00e9"],
        "sixteen-levels": json.loads("[" * 16 + "]" * 16),
    }
    for name, value in values.items():
        content = canonical.encode(value)
        members = {"value": value, "bytes": content.hex()}
        yield Vector("canonical", f"valid-{name}", "The encoding of the value.", VALID, members)
    faults: dict[str, bytes] = {
        "empty": b"",
        "byte-order-mark": b"\xef\xbb\xbf{}",
        "white-space": b'{"a": 1}',
        "line-end": b"{}\n",
        "names-out-of-order": b'{"b":1,"a":2}',
        "names-in-code-point-order": '{"\ufb33":1,"\U0001f600":2}'.encode(),
        "name-twice": b'{"a":1,"a":1}',
        "name-twice-escaped": b'{"a":1,"\\u0061":1}',
        "float": b"1.0",
        "fraction": b"0.5",
        "exponent": b"1e2",
        "minus-zero": b"-0",
        "leading-zero": b"01",
        "plus-sign": b"+1",
        "integer-above": b"9007199254740992",
        "integer-below": b"-9007199254740992",
        "nan": b"NaN",
        "infinity": b"Infinity",
        "lone-surrogate-escaped": b'"\\ud800"',
        "lone-surrogate-encoded": b'"\xed\xa0\x80"',
        "escape-not-needed": b'"\\u0061"',
        "escaped-slash": b'"\\/"',
        "escape-in-upper-case": b'"\\u001F"',
        "long-escape-of-newline": b'"\\u000a"',
        "escaped-pair": b'"\\ud83d\\ude00"',
        "raw-control-character": b'"\n"',
        "not-utf-8": b'"\xff"',
        "overlong-utf-8": b'"\xc0\x80"',
        "trailing-comma": b"[1,]",
        "two-values": b"{}{}",
        "unfinished": b'{"a":',
        "single-quotes": b"{'a':1}",
        "seventeen-levels": b"[" * 17 + b"]" * 17,
        "a-thousand-levels": b"[" * 1000,
    }
    for name, content in faults.items():
        what = "Not the canonical encoding of any value of at most sixteen levels."
        yield Vector("canonical", name, what, NOT_CANONICAL, {"bytes": content.hex()})


def disclosure() -> Iterator[Vector]:
    """A transmitted string, what it opens and the digest under which it must stand."""
    salt = bytes(range(16))
    values: dict[str, Any] = {
        "text": ("content", "罚款贰万元整"),
        "fen": ("fine_fen", 2_000_000),
        "null": ("remark", None),
        "boolean": ("flag", True),
        "empty-text": ("facts", ""),
        "negative": ("balance", -1),
    }
    for kind, (name, value) in values.items():
        text = make_disclosure(salt, name, value)
        members = {"disclosure": text, "salt": salt.hex(), "name": name, "value": value}
        members["digest"] = digest(text)
        yield Vector("disclosure", f"valid-{kind}", "Opens under its name.", VALID, members)

    def encoded(value: Any) -> str:
        return encode_b64url(canonical.encode(value))

    good, short = encode_b64url(salt), encode_b64url(salt[:15])
    stray = next(
        d for d in (make_disclosure(salt, "a" * n, 1) for n in (1, 2, 3)) if len(d) % 4 == 2
    )
    faults = {
        "padded": (make_disclosure(salt, "a", 1) + "=", MALFORMED_RECORD),
        "standard-alphabet": (encoded([good, "a", "??>"]).replace("_", "/"), MALFORMED_RECORD),
        "impossible-length": ("AAAAA", MALFORMED_RECORD),
        "stray-bits": (stray[:-1] + chr(ord(stray[-1]) + 1), MALFORMED_RECORD),
        "two-parts": (encoded([good, "a"]), MALFORMED_RECORD),
        "four-parts": (encoded([good, "a", 1, 1]), MALFORMED_RECORD),
        "an-object": (encoded({"a": 1}), MALFORMED_RECORD),
        "salt-of-15-bytes": (encoded([short, "a", 1]), MALFORMED_RECORD),
        "salt-no-text": (encoded([1, "a", 1]), MALFORMED_RECORD),
        "name-upper-case": (encoded([good, "Name", 1]), MALFORMED_RECORD),
        "name-empty": (encoded([good, "", 1]), MALFORMED_RECORD),
        "value-array": (encoded([good, "a", []]), MALFORMED_RECORD),
        "value-object": (encoded([good, "a", {}]), MALFORMED_RECORD),
        "white-space": (encode_b64url(f'["{good}", "a",1]'.encode()), NOT_CANONICAL),
        "float": (encode_b64url(f'["{good}","a",1.5]'.encode()), NOT_CANONICAL),
        "empty": ("", NOT_CANONICAL),
    }
    for name, (text, expect) in faults.items():
        yield Vector("disclosure", name, "Opens nothing.", expect, {"disclosure": text})


def event() -> Iterator[Vector]:
    """An event's form; canonical bytes are another format's business."""
    random = entropy(1)
    subject = COMPANIES[0]
    kinds: dict[str, dict[str, Any]] = {
        "publish": {},
        "amend": {"kind": "amend", "version": 2},
        "dispute": {"kind": "dispute", "about": "ab" * 16},
        "query": {
            "kind": "query",
            "stream": "queries",
            "record_type": "2026-10",
            "issuer": "member-17",
        },
        "repair": {"kind": "repair", "schema": "end/1", "version": 3},
        "revoke": {"kind": "revoke", "schema": "end/1"},
        "expire": {"kind": "expire", "schema": "end/1"},
        "resolve": {"kind": "resolve", "schema": "end/1", "about": "ab" * 16},
        "with-end": {"in_force_until": "2027-01-01", "rule": "as-published"},
        "restricted": {"stream": "restricted", "record_type": "tax"},
    }
    for name, members in kinds.items():
        fields = {"basis": None} if members.get("schema") == "end/1" else None
        made = plain_event(random, fields, subject=subject, **members)
        yield Vector("event", f"valid-{name}", "In form.", VALID, {"event": made.event})
    good = dict(plain_event(random, subject=subject).event)
    digest_of = good["fields"]["note"]
    faults: dict[str, dict[str, Any]] = {
        "version-2-of-the-form": {"v": 2},
        "version-true": {"v": True},
        "kind-unknown": {"kind": "delete"},
        "kind-of-another-stream": {"kind": "query"},
        "region-short": {"region": "34000"},
        "stream-unknown": {"stream": "records2"},
        "record-type-upper-case": {"record_type": "CF"},
        "subject-lower-case": {"subject": subject.lower()},
        "subject-null": {"subject": None},
        "issuer-no-code": {"issuer": "member-17"},
        "record-id-short": {"record_id": "ab" * 15},
        "record-id-upper-case": {"record_id": "AB" * 16},
        "publish-version-2": {"version": 2},
        "amend-version-1": {"kind": "amend"},
        "version-zero": {"version": 0},
        "about-in-publish": {"about": "ab" * 16},
        "dispute-without-about": {"kind": "dispute"},
        "dispute-of-itself": {"kind": "dispute", "about": good["record_id"]},
        "end-schema-in-publish": {"schema": "end/1"},
        "schema-without-version": {"schema": "note"},
        "schema-with-other-fields": {"schema": "cf/1"},
        "drop-with-another-schema": {"kind": "repair"},
        "catalogue-empty": {"catalogue": ""},
        "rule-with-space": {"rule": "as published"},
        "date-that-does-not-exist": {"decided_on": "2026-02-30"},
        "date-with-time": {"published_on": "2026-10-01T00:00:00Z"},
        "end-no-date": {"in_force_until": ""},
        "fields-empty": {"fields": {}},
        "fields-array": {"fields": []},
        "field-name-upper-case": {"fields": {"Note": digest_of}},
        "field-digest-short": {"fields": {"note": digest_of[:42]}},
        "field-digest-stray-bits": {"fields": {"note": digest_of[:42] + "_"}},
        "field-digest-null": {"fields": {"note": None}},
        "member-unknown": {"note": 1},
    }
    for name, changed in faults.items():
        yield Vector(
            "event", name, "Breaks the form.", MALFORMED_RECORD, {"event": {**good, **changed}}
        )
    for name in good:
        rest = {member: value for member, value in good.items() if member != name}
        what = f"Member {name} is missing."
        yield Vector("event", f"without-{name}", what, MALFORMED_RECORD, {"event": rest})


def commitments() -> Iterator[Vector]:
    """Event, salt and the commitment they open."""
    prepared = plain_event(entropy(2), subject=COMPANIES[0])
    text = prepared.event_bytes.decode()

    def one(name: str, what: str, event_text: str, salt: bytes, opened: bytes, ok: bool) -> Vector:
        members = {"event": event_text, "salt": salt.hex(), "commitment": opened.hex()}
        return Vector("commitment", name, what, VALID if ok else "commitment-mismatch", members)

    salt, opened = prepared.salt, prepared.commitment
    yield one("valid-event", "The event's bytes are its text in UTF-8.", text, salt, opened, True)
    yield one("another-salt", "One bit of the salt.", text, bytes(32), opened, False)
    other = text.replace("2026-10-01", "2026-10-02")
    yield one("another-event", "Another day.", other, salt, opened, False)
    flipped = bytes([opened[0] ^ 1]) + opened[1:]
    yield one("another-commitment", "One bit of the commitment.", text, salt, flipped, False)
    bare = hashlib.sha256(salt + prepared.event_bytes).digest()
    yield one("without-domain", "Hashed without its domain.", text, salt, bare, False)
    yield one(
        "valid-empty-object",
        "Whatever the bytes are, the hash is defined.",
        "{}",
        salt,
        commitment(b"{}", salt),
        True,
    )


def entry() -> Iterator[Vector]:
    """Leaf data: the one spelling of an entry."""
    event_hash, key = bytes(range(32)), bytes(range(32, 64))
    for name, op, replaces in (
        ("put", "put", None),
        ("put-replacing-zero", "put", 0),
        ("put-replacing", "put", 17),
        ("drop", "drop", 2**53 - 1),
        ("drop-of-nothing", "drop", None),
    ):
        data = encode_entry(Entry(event_hash, key, op, replaces))
        members = {
            "entry": data.decode(),
            "event": event_hash.hex(),
            "key": key.hex(),
            "op": op,
            "replaces": replaces,
            "leaf_hash": hash_leaf(data).hex(),
        }
        yield Vector("entry", f"valid-{name}", "In the grammar.", VALID, members)
    good = encode_entry(Entry(event_hash, key, "put", 17)).decode()
    faults = {
        "white-space": good.replace(":17", ": 17"),
        "line-end": good + "\n",
        "upper-case": good.replace(key.hex(), key.hex().upper()),
        "hash-short": good.replace(key.hex(), key.hex()[:-2]),
        "op-unknown": good.replace("put", "set"),
        "version-2": good.replace('"v":1', '"v":2'),
        "leading-zero": good.replace(":17", ":017"),
        "negative": good.replace(":17", ":-17"),
        "above-2-to-53": good.replace(":17", ":9007199254740992"),
        "seventeen-digits": good.replace(":17", ":" + "1" * 17),
        "float": good.replace(":17", ":17.0"),
        "replaces-text": good.replace(":17", ':"17"'),
        "members-out-of-order": good.replace(
            '"op":"put","replaces":17', '"replaces":17,"op":"put"'
        ),
        "member-unknown": good.replace('"v":1', '"v":1,"x":1'),
        "full-width-digit": good.replace(":17", ":１７"),
        "empty": "",
        "opening-entry": opening_entry("310000", "records", 1).decode(),
    }
    for name, text in faults.items():
        yield Vector("entry", name, "Not an entry.", MALFORMED_RECORD, {"entry": text})
    for region, stream, generation in (("310000", "records", 1), ("340000", "queries", 2**32 - 1)):
        data = opening_entry(region, stream, generation)
        opening = {
            "opening": {"region": region, "stream": stream, "vrf_key": generation},
            "entry": data.decode(),
            "leaf_hash": hash_leaf(data).hex(),
        }
        yield Vector("entry", f"valid-opening-{stream}", "Index 0 of a log.", VALID, opening)
