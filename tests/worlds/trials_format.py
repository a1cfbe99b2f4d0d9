"""Attacks on step 1: spelling, members, limits, versions, lookalikes of subjects."""

import json
from dataclasses import replace
from typing import Any

import rlp
from worlds.trials import (
    ANHUI,
    COMPANY,
    Given,
    Path,
    add_trial,
    edited,
    honest,
    honest_absence,
    honest_current,
    trial,
    without,
)

from ledger.core.chain.keccak import keccak256
from ledger.core.evidence import encode_evidence
from ledger.core.evidence.parse import MAX_BRACKETS, MAX_COMMAS

NO_VECTORS = frozenset(
    """
    version_text version_null unknown_member_in_end
    unknown_member_in_confirmations claim_kind_no_text count_text
    count_null stream_no_text record_type_empty
    siblings_257 siblings_no_array pair_no_array
    list_is_an_array list_position_null opened_null
    disclosure_no_text disclosures_129 log_path_of_64
    list_path_of_33 block_hash_null block_hash_0X
    header_odd header_no_text chain_id_zero
    node_of_533_bytes confirmations_false authority_array
    consent_text subject_no_text claim_no_object
    end_is_an_array entry_of_257_characters integer_of_5000_digits
    region_with_line_end
    """.split()
)
"""Trials much like others, or large, that are tested here and not written as vectors."""


VERSION = b'"v":1,"vrf'
"""The evidence's own version; events have one too."""


def _text() -> bytes:
    return encode_evidence(honest_absence()[1])


def _given(content: bytes) -> Given:
    root = honest_absence()[0].trust_root()
    # As small as may be: what the evidence is about, and nothing else.
    keys = tuple(k for k in root.vrf_keys if (k.region, k.stream) == (ANHUI, "records"))
    coverage = tuple(c for c in root.coverage if (c.region, c.record_type) == (ANHUI, "cf"))
    return Given(content, replace(root, vrf_keys=keys, coverage=coverage))


def _replaced(old: bytes, new: bytes) -> bytes:
    content = _text()
    assert old in content, old
    return content.replace(old, new, 1)


def _spelling(name: str, what: str, content: Any, code: str = "not-canonical") -> None:
    group = "bulk" if name in NO_VECTORS else "evidence"
    add_trial(name, what, f"INVALID format {code}", lambda: _given(content()), group=group)


_spelling("empty_file", "There is nothing in the file.", lambda: b"")
_spelling("no_json", "The file is no JSON.", lambda: b"evidence")
_spelling("truncated_file", "The last byte is missing.", lambda: _text()[:-1])
_spelling("line_end_after_the_file", "A line end follows.", lambda: _text() + b"\n")
_spelling("byte_order_mark", "The file begins with U+FEFF.", lambda: b"\xef\xbb\xbf" + _text())
_spelling(
    "white_space", "A space stands after a colon.", lambda: _replaced(VERSION, b'"v": 1,"vrf')
)
_spelling("two_documents", "The file holds two evidences.", lambda: _text() + _text())
_spelling(
    "members_out_of_order",
    "The first member is moved to the end.",
    lambda: _replaced(b'{"authority":null,', b"{")[:-1] + b',"authority":null}',
)
_spelling("name_twice", "Member v stands twice.", lambda: _replaced(VERSION, b'"v":1,"v":1,"vrf'))
_spelling(
    "claim_count_twice",
    "The claim has two counts, and readers differ in which they take.",
    lambda: _replaced(b'"count":0', b'"count":1,"count":0'),
)
_spelling("float", "The version is 1.0.", lambda: _replaced(VERSION, b'"v":1.0,"vrf'))
_spelling("exponent", "The version is 1e0.", lambda: _replaced(VERSION, b'"v":1e0,"vrf'))
_spelling("minus_zero", "The count is -0.", lambda: _replaced(b'"count":0', b'"count":-0'))
_spelling("leading_zero", "The count is 00.", lambda: _replaced(b'"count":0', b'"count":00'))
_spelling(
    "integer_above_2_to_53",
    "2^53 is outside.",
    lambda: _replaced(VERSION, b'"v":9007199254740992,"vrf'),
)
_spelling(
    "integer_of_5000_digits",
    "An integer nobody should convert.",
    lambda: _replaced(VERSION, b'"v":1' + b"0" * 5_000 + b',"vrf'),
)
_spelling("not_a_number", "NaN is no JSON.", lambda: _replaced(VERSION, b'"v":NaN,"vrf'))
_spelling(
    "infinite_number", "-Infinity is no JSON.", lambda: _replaced(VERSION, b'"v":-Infinity,"vrf')
)
_spelling(
    "lone_surrogate",
    "A lone surrogate as an escape.",
    lambda: _replaced(b'"authority":null', b'"authority":{"a":"\\ud800"}'),
)
_spelling(
    "lone_surrogate_in_utf_8",
    "A lone surrogate encoded in three bytes.",
    lambda: _replaced(b'"authority":null', b'"authority":{"a":"\xed\xa0\x80"}'),
)
_spelling(
    "overlong_utf_8",
    "Not UTF-8.",
    lambda: _replaced(b'"authority":null', b'"authority":"\xc0\x80"'),
)
_spelling(
    "escaped_letter", "An escape that is not needed.", lambda: _replaced(b'"v"', b'"\\u0076"')
)
_spelling(
    "escaped_slash",
    "A slash needs no escape.",
    lambda: encode_evidence(honest(1)[1]).replace(b"cf/1", b"cf\\/1"),
)
_spelling("depth_bomb_of_arrays", "A thousand brackets.", lambda: b"[" * 1_000)
_spelling("depth_bomb_of_objects", "A thousand objects.", lambda: b'{"a":' * 1_000)
_spelling(
    "depth_17",
    "Sixteen levels are read, this has seventeen.",
    lambda: _replaced(b'"authority":null', b'"authority":{"a":' + b"[" * 15 + b"]" * 15 + b"}"),
)


@trial("UNSUPPORTED authority unsupported-authority")
def depth_16() -> Given:
    """Sixteen levels are read."""
    return _given(
        _replaced(b'"authority":null', b'"authority":{"a":' + b"[" * 14 + b"]" * 14 + b"}")
    )


@trial("UNSUPPORTED format unsupported-version")
def version_2() -> Given:
    """A version this release does not know."""
    return _given(_replaced(VERSION, b'"v":2,"vrf'))


@trial("UNSUPPORTED format unsupported-version")
def version_2_with_other_members() -> Given:
    """Whatever another version has is not judged."""
    return _given(b'{"v":2}')


def _malformed(name: str, what: str, path: Path, value: Any, base: str = "") -> None:
    bases = {"one": lambda: honest(1)[1], "absence": lambda: honest_absence()[1]}
    bases["current"] = lambda: honest_current()[1]
    own = "one" if path[0] in ("opened", "list") else "absence"
    add_trial(
        name,
        what,
        "INVALID format malformed-evidence",
        lambda: _given(edited(bases[base or own](), path, value)),
        group="bulk" if name in NO_VECTORS else "evidence",
    )


_malformed("version_true", "The version is true.", ("v",), True)
_malformed("version_text", "The version is a text.", ("v",), "1")
_malformed("version_null", "The version is null.", ("v",), None)
_malformed("unknown_member", "A member nobody knows.", ("note",), "x")
_malformed("unknown_member_in_claim", "A member nobody knows.", ("claim", "as_of"), "2026-10-31")
_malformed("unknown_member_in_map", "A member nobody knows.", ("map", "kind"), "absence")
_malformed("unknown_member_in_list", "A member nobody knows.", ("list", "count"), 1)
_malformed("unknown_member_in_chain", "A member nobody knows.", ("chain", "number"), 1)
_malformed("unknown_member_in_opened", "A member nobody knows.", ("opened", 0, "x"), 1)
_malformed("unknown_member_in_end", "A member nobody knows.", ("map", "end", "x"), 1)
_malformed(
    "unknown_member_in_confirmations", "A member nobody knows.", ("confirmations",), {"x": 1}
)
_malformed("claim_with_both", "A claim of both kinds.", ("claim", "record_id"), "00" * 16)
_malformed("claim_of_unknown_kind", "No such claim.", ("claim", "kind"), "absent")
_malformed("claim_kind_no_text", "The kind is a number.", ("claim", "kind"), 1)
_malformed("claim_no_object", "The claim is an array.", ("claim",), [])
_malformed("count_negative", "Fewer than none.", ("claim", "count"), -1)
_malformed("count_true", "A boolean is no number.", ("claim", "count"), True)
_malformed("count_text", "A text is no number.", ("claim", "count"), "1")
_malformed("count_null", "Null is no number.", ("claim", "count"), None)
_malformed("count_above_32_bits", "2^32 is outside.", ("claim", "count"), 2**32)
_malformed("region_of_five_digits", "A region has six.", ("claim", "region"), "34000")
_malformed("region_in_full_width", "Digits are ASCII.", ("claim", "region"), "３４００００")
_malformed("region_with_line_end", "Nothing follows.", ("claim", "region"), "34000\n")
_malformed("stream_unknown", "No such stream.", ("claim", "stream"), "record")
_malformed("stream_no_text", "A stream is a text.", ("claim", "stream"), ["records"])
_malformed("record_type_upper_case", "Lower case.", ("claim", "record_type"), "CF")
_malformed("record_type_empty", "Not empty.", ("claim", "record_type"), "")
_malformed("record_type_with_zero_byte", "No separator.", ("claim", "record_type"), "cf\x00")
_malformed("vrf_proof_upper_case", "Hex is lower case.", ("vrf_proof",), "AB" * 80)
_malformed("vrf_proof_short", "80 bytes.", ("vrf_proof",), "ab" * 79)
_malformed("sibling_short", "32 bytes.", ("map", "siblings"), ["00" * 31])
_malformed("siblings_257", "At most 256.", ("map", "siblings"), ["00" * 32] * 257)
_malformed("siblings_no_array", "An array.", ("map", "siblings"), {})
_malformed("end_is_an_array", "An object or null.", ("map", "end"), ["00" * 32, "00" * 32])
_malformed("pair_of_three", "Index and leaf hash.", ("list", "pairs", 0), [1, "00" * 32, 1])
_malformed("pair_no_array", "Index and leaf hash.", ("list", "pairs", 0), {"index": 1})
_malformed("pair_index_negative", "From 0.", ("list", "pairs", 0, 0), -1)
_malformed("list_is_an_array", "An object or null.", ("list",), [])
_malformed("list_position_null", "A number.", ("list", "position"), None, "current")
_malformed("list_count_zero", "At least 1.", ("list", "count"), 0, "current")
_malformed("list_path_of_33", "At most 32.", ("list", "path"), ["00" * 32] * 33, "current")
_malformed("record_id_upper_case", "Lower case.", ("claim", "record_id"), "AB" * 16, "current")
_malformed("record_id_short", "16 bytes.", ("claim", "record_id"), "ab" * 15, "current")
_malformed("opened_null", "An array.", ("opened",), None)
_malformed("entry_of_257_characters", "At most 256.", ("opened", 0, "entry"), "x" * 257)
_malformed("event_as_text", "An object.", ("opened", 0, "event"), "{}")
_malformed("salt_short", "32 bytes.", ("opened", 0, "salt"), "00" * 31)
_malformed("index_true", "A number.", ("opened", 0, "index"), True)
_malformed("disclosure_padded", "No padding.", ("opened", 0, "disclosures", 0), "AA==")
_malformed("disclosure_empty", "Not empty.", ("opened", 0, "disclosures", 0), "")
_malformed("disclosure_no_text", "A text.", ("opened", 0, "disclosures", 0), 1)
_malformed("disclosures_129", "At most 128.", ("opened", 0, "disclosures"), ["AAAA"] * 129)
_malformed("log_path_of_64", "At most 63.", ("opened", 0, "path"), ["00" * 32] * 64)
_malformed("block_hash_without_0x", "0x.", ("chain", "block_hash"), "00" * 32)
_malformed("block_hash_upper_case", "Lower case.", ("chain", "block_hash"), "0x" + "AB" * 32)
_malformed("block_hash_0X", "0x.", ("chain", "block_hash"), "0X" + "00" * 32)
_malformed("block_hash_null", "0x.", ("chain", "block_hash"), None)
_malformed("header_empty", "Not empty.", ("chain", "header"), "")
_malformed("header_odd", "Whole bytes.", ("chain", "header"), "abc")
_malformed("header_no_hex", "Hex.", ("chain", "header"), "zz")
_malformed("header_no_text", "Hex.", ("chain", "header"), 17)
_malformed("chain_id_zero", "From 1.", ("chain", "chain_id"), 0)
_malformed("node_empty", "Not empty.", ("chain", "nodes", 0), "")
_malformed("node_of_533_bytes", "At most 532.", ("chain", "nodes", 0), "00" * 533)
_malformed("confirmations_empty", "At least one.", ("confirmations",), {"words": []})
_malformed("confirmations_descending", "Ascending.", ("confirmations",), {"words": [1, 0]})
_malformed("confirmations_twice", "Distinct.", ("confirmations",), {"words": [1, 1]})
_malformed("confirmations_false", "Null or an object.", ("confirmations",), False)
_malformed("authority_false", "Null or an object.", ("authority",), False)
_malformed("authority_array", "Null or an object.", ("authority",), [])
_malformed("consent_text", "Null or an object.", ("consent",), "")


@trial("INVALID format malformed-evidence")
def root_is_an_array() -> Given:
    """The file is an array."""
    return _given(b"[]")


@trial("INVALID format malformed-evidence")
def root_is_a_number() -> Given:
    """The file is a number."""
    return _given(b"1")


@trial("INVALID format malformed-evidence")
def nodes_descending() -> Given:
    """The nodes stand in descending order."""
    evidence = honest_absence()[1]
    nodes = [node.hex() for node in reversed(evidence.chain.nodes)]
    return _given(edited(evidence, ("chain", "nodes"), nodes))


@trial("INVALID format malformed-evidence")
def node_twice() -> Given:
    """A node is given twice."""
    evidence = honest_absence()[1]
    nodes = [node.hex() for node in evidence.chain.nodes]
    return _given(edited(evidence, ("chain", "nodes"), [nodes[0], *nodes]))


for _member in json.loads(_text()):
    add_trial(
        f"member_{_member}_missing",
        f"Member {_member} is missing.",
        "INVALID format malformed-evidence",
        lambda member=_member: _given(without(honest_absence()[1], (member,))),
    )


# --- Subjects that look like the company


def _full_width(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) for one in text)


_LOOKALIKES = {
    "in_full_width": _full_width(COMPANY),
    "with_one_full_width_digit": _full_width(COMPANY[0]) + COMPANY[1:],
    "in_lower_case": COMPANY.lower(),
    "with_a_space": COMPANY[:9] + " " + COMPANY[10:],
    "with_hyphens": COMPANY[:8] + "-" + COMPANY[8:],
    "with_a_zero_width_space": COMPANY[:17] + "\u200b",
    "with_the_letter_o": COMPANY.replace("0", "O", 1),
    "with_the_letter_i": COMPANY.replace("1", "I", 1),
    "with_a_cyrillic_a": COMPANY.replace("A", "\u0410", 1),
    "with_another_check_character": COMPANY[:-1] + ("0" if COMPANY[-1] != "0" else "1"),
    "of_seventeen_characters": COMPANY[:-1],
    "empty": "",
}
for _name, _subject in _LOOKALIKES.items():
    _malformed(
        f"subject_{_name}",
        f"The subject of the claim: another spelling or code, {_name.replace('_', ' ')}.",
        ("claim", "subject"),
        _subject,
        "absence",
    )
_malformed("subject_no_text", "A subject is a text.", ("claim", "subject"), 91, "absence")


# --- Broken headers


def _header(fields: Any) -> Given:
    evidence = honest_absence()[1]
    header = rlp.encode(fields(rlp.decode(evidence.chain.header)))
    content = edited(evidence, ("chain", "header"), header.hex())
    return _given(edited(content, ("chain", "block_hash"), "0x" + keccak256(header).hex()))


def _set_field(position: int, value: bytes) -> Any:
    return lambda fields: [*fields[:position], value, *fields[position + 1 :]]


for _name, _what, _change in (
    ("fourteen_fields", "A header has at least fifteen.", lambda fields: fields[:14]),
    ("thirty_three_fields", "A header has at most 32.", lambda fields: fields + [b""] * 18),
    ("a_short_state_root", "A root has 32 bytes.", _set_field(3, bytes(31))),
    ("a_leading_zero", "Integers have no leading zero.", _set_field(11, b"\x00\x01")),
    ("a_list", "Fields are byte strings.", lambda fields: [*fields, [b""]]),
    ("a_time_of_2_to_63", "Times are below 2^63.", _set_field(11, b"\x80" + bytes(7))),
    ("a_number_of_2_to_63", "Numbers are below 2^63.", _set_field(8, b"\x80" + bytes(7))),
):
    add_trial(
        f"header_with_{_name}",
        _what,
        "INVALID format malformed-proof",
        lambda change=_change: _header(change),
    )


@trial("INVALID format malformed-proof")
def header_with_a_byte_after_it() -> Given:
    """A byte follows the header."""
    evidence = honest_absence()[1]
    return _given(edited(evidence, ("chain", "header"), evidence.chain.header.hex() + "00"))


@trial("INVALID format malformed-evidence")
def header_of_the_year_10000() -> Given:
    """No calendar has this time."""
    return _header(_set_field(11, (253_402_300_800).to_bytes(5, "big")))


@trial("INVALID format malformed-evidence")
def header_of_the_last_hours_of_9999() -> Given:
    """In UTC it is still 9999, in China already 10000."""
    return _header(_set_field(11, (253_402_300_799).to_bytes(5, "big")))


# --- Limits


@trial("INVALID format malformed-evidence", group="bulk")
def too_many_brackets() -> Given:
    """Millions of empty arrays; refused before they are read."""
    return _given(b"[" + b",".join([b"[]"] * (MAX_BRACKETS + 1)) + b"]")


@trial("INVALID format malformed-evidence", group="bulk")
def too_many_commas() -> Given:
    """Millions of numbers; refused before they are read."""
    return _given(b"[" + b",".join([b"1"] * (MAX_COMMAS + 2)) + b"]")


@trial("INVALID format not-canonical", group="bulk")
def depth_bomb_of_250_000_brackets() -> Given:
    """As many brackets as may stand in a file, one within the other."""
    return _given(b"[" * 250_000)


@trial("INVALID format not-canonical", group="bulk")
def file_above_16_mib() -> Given:
    """One byte above the limit."""
    return _given(b'"' + b"a" * (16 << 20) + b'"')
