"""Section 14: the evidence file; sections 3 to 5: entries, events and disclosures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from oracle.canonical import (
    BIGGEST,
    RECORD_TYPE,
    Unlike,
    b64url,
    day,
    day_of,
    decode,
    encode,
    from_b64url,
    listed,
    members,
    need,
    number,
    octets,
    one_of,
    prefixed,
    refuse_as,
    region,
    rising,
    stream,
    subject,
    text,
)
from oracle.trees import h
from oracle.trie import Header, header

U32 = 2**32 - 1
PUT_KINDS = {"publish", "amend", "dispute", "query"}
DROP_KINDS = {"repair", "revoke", "expire", "resolve"}
CODE = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"
FIELD = r"[a-z][a-z0-9_]{0,63}"
PARTY = (
    "party_name party_category party_code business_registration organisation_code "
    "tax_registration institution_certificate social_certificate legal_representative "
)
SCHEMAS = {
    "cf/1": PARTY + "document_number violation_type facts legal_basis penalty_kind content "
    "fine_fen confiscated_fen licence_withdrawn decided_on penalty_until publicity_until "
    "authority_name authority_code source_name source_code remark",
    "xk/1": PARTY + "document_name document_number licence_kind certificate_name "
    "certificate_number content decided_on valid_from valid_until authority_name "
    "authority_code state source_name source_code remark",
    "end/1": "basis",
}

Pair = tuple[int, bytes]


@dataclass
class Opened:
    """One opened item."""

    index: int
    entry: bytes
    event: dict[str, Any]
    salt: bytes
    disclosures: list[str]
    path: list[bytes]


@dataclass
class Evidence:
    """An evidence file whose form is right."""

    claim: dict[str, Any]
    vrf_proof: bytes
    siblings: list[bytes]
    end: tuple[bytes, bytes] | None
    list: dict[str, Any] | None
    opened: list[Opened]
    chain_id: int
    block_hash: bytes
    header_bytes: bytes
    header: Header
    day: str
    nodes: list[bytes]
    words: list[int] | None
    authority: dict[str, Any] | None
    consent: dict[str, Any] | None

    @property
    def absence(self) -> bool:
        """Tell whether the claim is that there is nothing."""
        return self.claim["kind"] == "complete" and self.claim["count"] == 0


def read_evidence(data: bytes) -> Evidence | None:
    """Read an evidence file; nothing means that its version is not supported."""
    with refuse_as("malformed-evidence"):
        need(len(data) <= 2**24)
        need(data.count(b"[") + data.count(b"{") <= 262144 and data.count(b",") <= 524288)
        value = decode(data)
        need(type(value) is dict and type(value.get("v")) is int)
        if value["v"] != 1:
            return None
        return _evidence(value)


def _evidence(value: dict[str, Any]) -> Evidence:
    _, claim, proof, tree, items, opened, chain, confirmations, authority, consent = members(
        value,
        *("v", "claim", "vrf_proof", "map", "list", "opened", "chain", "confirmations"),
        *("authority", "consent"),
    )
    _check_claim(claim)
    siblings, end = members(tree, "siblings", "end")
    chain_id, block_hash, header_hex, nodes = members(
        chain, "chain_id", "block_hash", "header", "nodes"
    )
    header_bytes = octets(header_hex, 1, 32768)
    node_bytes = [octets(node, 1, 532) for node in listed(nodes, 0, 4096)]
    rising(node_bytes)
    with refuse_as("malformed-proof"):
        block = header(header_bytes)
    need(all(member is None or type(member) is dict for member in (authority, consent)))
    words = None
    if confirmations is not None:
        (words,) = members(confirmations, "words")
        rising([number(word, 0, U32) for word in listed(words, 1, 256)])
    return Evidence(
        claim=claim,
        vrf_proof=octets(proof, 80),
        siblings=_hashes(siblings, 256),
        end=None if end is None else _two_hashes(*members(end, "key", "value")),
        list=None if items is None else _list(items),
        opened=[_opened(item) for item in listed(opened, 0, 4096)],
        chain_id=number(chain_id, 1),
        block_hash=prefixed(block_hash, 32),
        header_bytes=header_bytes,
        header=block,
        day=day_of(block.timestamp),
        nodes=node_bytes,
        words=words,
        authority=authority,
        consent=consent,
    )


def _check_claim(claim: Any) -> None:
    need(type(claim) is dict)
    complete = one_of(claim.get("kind"), "complete", "current") == "complete"
    last = "count" if complete else "record_id"
    members(claim, "kind", "region", "stream", "record_type", "subject", last)
    region(claim["region"])
    stream(claim["stream"])
    text(claim["record_type"], RECORD_TYPE)
    subject(claim["subject"])
    if complete:
        number(claim["count"], 0, U32)
    else:
        octets(claim["record_id"], 16)


def _hashes(value: Any, most: int) -> list[bytes]:
    return [octets(item, 32) for item in listed(value, 0, most)]


def _two_hashes(a: Any, b: Any) -> tuple[bytes, bytes]:
    return octets(a, 32), octets(b, 32)


def _pair(value: Any) -> Pair:
    index, leaf_hash = listed(value, 2, 2)
    return number(index, 0), octets(leaf_hash, 32)


def _list(value: Any) -> dict[str, Any]:
    if type(value) is dict and "pairs" in value:
        (pairs,) = members(value, "pairs")
        return {"pairs": [_pair(pair) for pair in listed(pairs, 0, 65536)]}
    count, position, pair, path = members(value, "count", "position", "pair", "path")
    return {
        "count": number(count, 1, U32),
        "position": number(position, 0, U32),
        "pair": _pair(pair),
        "path": _hashes(path, 32),
    }


def _opened(value: Any) -> Opened:
    index, entry, event, salt, disclosures, path = members(
        value, "index", "entry", "event", "salt", "disclosures", "path"
    )
    need(type(entry) is str and len(entry) <= 256 and type(event) is dict)
    for disclosure in listed(disclosures, 0, 128):
        text(disclosure, r"[A-Za-z0-9_-]+")
        need(len(disclosure) <= 262144)
    return Opened(
        index=number(index, 0),
        entry=entry.encode(),
        event=event,
        salt=octets(salt, 32),
        disclosures=disclosures,
        path=_hashes(path, 63),
    )


ENTRY = re.compile(
    rb'\{"event":"([0-9a-f]{64})","key":"([0-9a-f]{64})","op":"(put|drop)",'
    rb'"replaces":(null|0|[1-9][0-9]{0,15}),"v":1\}'
)


def read_entry(entry: bytes) -> tuple[bytes, bytes, str, int | None]:
    """Return the commitment, the key, the operation of an entry, and what it replaces."""
    match = ENTRY.fullmatch(entry)
    if match is None:
        raise Unlike
    event, key, operation, place = (part.decode() for part in match.groups())
    replaces = None if place == "null" else number(int(place), 0, BIGGEST)
    return bytes.fromhex(event), bytes.fromhex(key), operation, replaces


def commitment(event: dict[str, Any], salt: bytes) -> bytes:
    """Return the commitment to an event."""
    return h(b"credit-ledger/event/v1\x00", salt, encode(event))


def check_event(event: dict[str, Any]) -> None:
    """Check the form of section 4."""
    members(
        event,
        *("v", "kind", "region", "stream", "record_type", "subject", "record_id", "version"),
        *("about", "catalogue", "schema", "rule", "issuer", "decided_on", "published_on"),
        *("in_force_until", "fields"),
    )
    need(type(event["v"]) is int and event["v"] == 1)
    region(event["region"])
    name = stream(event["stream"])
    kind = one_of(event["kind"], *PUT_KINDS, *DROP_KINDS)
    need((kind == "query") == (name == "queries"))
    day(event["decided_on"])
    day(event["published_on"])
    text(event["record_type"], RECORD_TYPE)
    if name == "queries":
        need(event["record_type"] == event["published_on"][:7])
    subject(event["subject"])
    record_id = octets(event["record_id"], 16)
    _check_version(kind, event["version"])
    if kind in ("dispute", "resolve"):
        need(octets(event["about"], 16) != record_id)
    else:
        need(event["about"] is None)
    text(event["catalogue"], CODE)
    if event["rule"] is not None:
        text(event["rule"], CODE)
    if kind == "query":
        text(event["issuer"], CODE)
    else:
        subject(event["issuer"])
    if event["in_force_until"] is not None:
        need(kind in PUT_KINDS)
        day(event["in_force_until"])
    _check_fields(kind, event["schema"], event["fields"])


def _check_version(kind: str, version: Any) -> None:
    if kind in ("publish", "dispute", "query", "resolve"):
        number(version, 1, 1)
    else:
        number(version, 2 if kind == "amend" else 1)


def _check_fields(kind: str, schema: Any, fields: Any) -> None:
    text(schema, r"[a-z][a-z0-9-]{0,31}/[1-9][0-9]{0,3}")
    need((schema == "end/1") == (kind in DROP_KINDS))
    need(type(fields) is dict and 1 <= len(fields) <= 128)
    for name, digest in fields.items():
        text(name, FIELD)
        need(len(from_b64url(digest)) == 32)
    if schema in SCHEMAS:
        need(set(fields) == set(SCHEMAS[schema].split()))


def read_disclosure(disclosure: str) -> tuple[str, str]:
    """Return the name that a disclosure discloses, and its digest."""
    triple = listed(decode(from_b64url(disclosure)), 3, 3)
    need(len(from_b64url(triple[0])) == 16)
    text(triple[1], FIELD)
    need(triple[2] is None or type(triple[2]) in (str, int, bool))
    return triple[1], b64url(h(disclosure.encode("ascii")))
