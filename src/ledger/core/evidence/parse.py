"""Reading evidence: canonical bytes, exact members, limits. Nothing is verified here.

Format and every limit: docs/formats.md, "Evidence".
"""

from itertools import pairwise
from typing import Final

from ledger.core import canonical
from ledger.core.evidence.model import (
    COMPLETE,
    CURRENT,
    ChainProof,
    Claim,
    Evidence,
    OneOfList,
    OpenedItem,
    WholeList,
)
from ledger.core.members import Members
from ledger.core.prefix_tree import MapProof
from ledger.core.records.subject import normalize_uscc
from ledger.core.trust.parse import RECORD_TYPE_PATTERN, REGION_PATTERN
from ledger.core.types import MAX_SAFE_INTEGER, STREAMS
from ledger.errors import InputError, MalformedEvidenceError, UnsupportedFormatError

MAX_BYTES: Final = 16 << 20
"""Largest evidence that is read."""

MAX_BRACKETS: Final = 1 << 18
"""Opening brackets and braces in the bytes; the lists below have room for 90,000."""

MAX_COMMAS: Final = 1 << 19
"""Commas in the bytes; every part of a valid evidence is longer than 32 bytes a comma."""

MAX_PAIRS: Final = 65_536
MAX_OPENED: Final = 4_096
MAX_DISCLOSURES: Final = 128
MAX_DISCLOSURE_CHARS: Final = 262_144
"""Room for the longest field, 20,000 characters of up to six bytes each, in base64."""

MAX_ENTRY_CHARS: Final = 256
MAX_NODES: Final = 4_096
MAX_NODE_BYTES: Final = 532
MAX_HEADER_BYTES: Final = 32_768
MAX_LOG_PATH: Final = 63
MAX_LIST_PATH: Final = 32
MAX_SIBLINGS: Final = 256
MAX_CONFIRMATION_WORDS: Final = 256
_MAX_UINT32: Final = 2**32 - 1

_MEMBERS: Final = (
    "v",
    "claim",
    "vrf_proof",
    "map",
    "list",
    "opened",
    "chain",
    "confirmations",
    "authority",
    "consent",
)
_CLAIM: Final = ("kind", "region", "stream", "record_type", "subject")
_read: Final = Members(MalformedEvidenceError)


def parse_evidence(content: bytes) -> Evidence:
    """Parse one evidence file.

    Args:
        content: The file's bytes, at most 16 MiB, equal to their own canonical JSON.

    Raises:
        CanonicalizationError: The bytes are not canonical JSON.
        UnsupportedFormatError: ``v`` is a version this release does not know.
        MalformedEvidenceError: A member is missing, unknown or out of its range.
    """
    # Millions of tiny values would cost a reader half a minute before the first is refused.
    brackets = content.count(b"[") + content.count(b"{")
    if brackets > MAX_BRACKETS or content.count(b",") > MAX_COMMAS:
        raise MalformedEvidenceError(f"evidence: expected at most {MAX_BRACKETS} parts")
    value = canonical.decode(content, max_bytes=MAX_BYTES)
    if isinstance(value, dict) and type(value.get("v")) is int and value["v"] != 1:
        raise UnsupportedFormatError(f"evidence: expected version 1, found {value['v']}")
    members = _read.members(value, _MEMBERS, "evidence")
    _read.integer(members["v"], "v", least=1, most=1)
    return Evidence(
        claim=_claim(members["claim"]),
        vrf_proof=_read.hex(members["vrf_proof"], "vrf_proof", length=80),
        map_proof=_map_proof(members["map"]),
        items=_items(members["list"]),
        opened=_read.array(members["opened"], _opened, "opened", most=MAX_OPENED),
        chain=_chain(members["chain"]),
        confirmation_words=_confirmations(members["confirmations"]),
        authority=_optional_object(members["authority"], "authority"),
        consent=_optional_object(members["consent"], "consent"),
    )


def _claim(value: object) -> Claim:
    kind = value.get("kind") if isinstance(value, dict) else None
    own = {COMPLETE: "count", CURRENT: "record_id"}.get(kind) if isinstance(kind, str) else None
    if own is None:
        raise _read.refuse("claim.kind", f"{COMPLETE} or {CURRENT}", kind)
    members = _read.members(value, (*_CLAIM, own), "claim")
    count = record_id = None
    if own == "count":
        count = _read.integer(members["count"], "claim.count", least=0, most=_MAX_UINT32)
    else:
        record_id = _read.hex(members["record_id"], "claim.record_id", length=16).hex()
    return Claim(
        kind=str(kind),
        region=_read.text(members["region"], "claim.region", most=6, pattern=REGION_PATTERN),
        stream=_read.choice(members["stream"], STREAMS, "claim.stream"),
        record_type=_read.text(
            members["record_type"], "claim.record_type", most=32, pattern=RECORD_TYPE_PATTERN
        ),
        subject=_subject(members["subject"]),
        count=count,
        record_id=record_id,
    )


def _subject(value: object) -> str:
    """Exactly the one spelling: anything that normalising would change is refused."""
    text = _read.text(value, "claim.subject", most=18)
    try:
        normal = normalize_uscc(text)
    except InputError:
        raise _read.refuse("claim.subject", "a valid subject code", value) from None
    if normal != text:
        raise _read.refuse("claim.subject", "a subject code in its one spelling", value)
    return text


def _map_proof(value: object) -> MapProof:
    members = _read.members(value, ("siblings", "end"), "map")
    end = None
    if members["end"] is not None:
        leaf = _read.members(members["end"], ("key", "value"), "map.end")
        end = (_hash(leaf["key"], "map.end.key"), _hash(leaf["value"], "map.end.value"))
    siblings = _read.array(members["siblings"], _hash, "map.siblings", most=MAX_SIBLINGS)
    return MapProof(siblings=siblings, end=end)


def _items(value: object) -> WholeList | OneOfList | None:
    if value is None:
        return None
    if isinstance(value, dict) and set(value) == {"pairs"}:
        return WholeList(_read.array(value["pairs"], _pair, "list.pairs", most=MAX_PAIRS))
    members = _read.members(value, ("count", "position", "pair", "path"), "list")
    return OneOfList(
        count=_read.integer(members["count"], "list.count", least=1, most=_MAX_UINT32),
        position=_read.integer(members["position"], "list.position", least=0, most=_MAX_UINT32),
        pair=_pair(members["pair"], "list.pair"),
        path=_read.array(members["path"], _hash, "list.path", most=MAX_LIST_PATH),
    )


def _pair(value: object, where: str) -> tuple[int, bytes]:
    if not isinstance(value, list) or len(value) != 2:
        raise _read.refuse(where, "[index, leaf hash]", value)
    index = _read.integer(value[0], f"{where}[0]", least=0, most=MAX_SAFE_INTEGER)
    return index, _hash(value[1], f"{where}[1]")


def _opened(value: object, where: str) -> OpenedItem:
    names = ("index", "entry", "event", "salt", "disclosures", "path")
    members = _read.members(value, names, where)
    entry = _read.text(members["entry"], f"{where}.entry", most=MAX_ENTRY_CHARS)
    event = members["event"]
    if not isinstance(event, dict):
        raise _read.refuse(f"{where}.event", "an object", event)
    return OpenedItem(
        index=_read.integer(members["index"], f"{where}.index", least=0, most=MAX_SAFE_INTEGER),
        entry=entry.encode(),
        event=event,
        salt=_read.hex(members["salt"], f"{where}.salt", length=32),
        disclosures=_read.array(
            members["disclosures"], _disclosure, f"{where}.disclosures", most=MAX_DISCLOSURES
        ),
        path=_read.array(members["path"], _hash, f"{where}.path", most=MAX_LOG_PATH),
    )


def _disclosure(value: object, where: str) -> str:
    return _read.text(value, where, most=MAX_DISCLOSURE_CHARS, pattern=r"[A-Za-z0-9_-]+")


def _chain(value: object) -> ChainProof:
    members = _read.members(value, ("chain_id", "block_hash", "header", "nodes"), "chain")
    nodes = _read.array(members["nodes"], _node, "chain.nodes", most=MAX_NODES)
    if any(left >= right for left, right in pairwise(nodes)):
        raise _read.refuse("chain.nodes", "distinct nodes in ascending order", members["nodes"])
    return ChainProof(
        chain_id=_read.integer(
            members["chain_id"], "chain.chain_id", least=1, most=MAX_SAFE_INTEGER
        ),
        block_hash=_read.prefixed(members["block_hash"], "chain.block_hash", length=32),
        header=_read.hex_up_to(members["header"], "chain.header", most=MAX_HEADER_BYTES),
        nodes=nodes,
    )


def _node(value: object, where: str) -> bytes:
    return _read.hex_up_to(value, where, most=MAX_NODE_BYTES)


def _confirmations(value: object) -> tuple[int, ...] | None:
    if value is None:
        return None
    members = _read.members(value, ("words",), "confirmations")
    words = _read.array(
        members["words"],
        lambda one, where: _read.integer(one, where, least=0, most=_MAX_UINT32),
        "confirmations.words",
        most=MAX_CONFIRMATION_WORDS,
    )
    if not words or list(words) != sorted(set(words)):
        raise _read.refuse("confirmations.words", "ascending word numbers", members["words"])
    return words


def _optional_object(value: object, where: str) -> dict[str, object] | None:
    if value is not None and not isinstance(value, dict):
        raise _read.refuse(where, "null or an object", value)
    return value


def _hash(value: object, where: str) -> bytes:
    return _read.hex(value, where, length=32)
