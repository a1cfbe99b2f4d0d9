"""Reading a trust root: exact members, and members that contradict each other are refused."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.paper import PaperWorld
from worlds.trials import edited, paths, place, without

from ledger.core import canonical
from ledger.core.trust import (
    Confirmation,
    Contract,
    Mirror,
    TrustRoot,
    ValidatorRange,
    encode_trust_root,
    parse_trust_root,
)
from ledger.errors import (
    CanonicalizationError,
    InputError,
    MalformedTrustRootError,
    UnsupportedFormatError,
)

SEALED = {
    "consensus": "qbft",
    "validators": (
        ValidatorRange(0, 99, b"\x09" * 32, 1_700_000_000, frozenset({b"\x01" * 20})),
        ValidatorRange(100, None, None, None, frozenset({b"\x02" * 20, b"\x03" * 20})),
    ),
}


def full_root() -> TrustRoot:
    """A trust root that uses every member."""
    world = PaperWorld()
    return world.trust_root(
        sequence=2,
        previous=b"\x22" * 32,
        signers=(b"\x52" * 20, b"\x51" * 20),
        threshold=2,
        region_registry=Contract(b"\x0a" * 20, b"\x0b" * 32, {}),
        consent_registry=Contract(b"\x0c" * 20, b"\x0d" * 32, {}),
        mirrors=(Mirror(0, "310000", "region"), Mirror(9, "regulator", "regulator")),
        confirmations=(Confirmation("340000", "records", (9, 0), 2),),
        authority_required=True,
        **SEALED,
    )


FULL = encode_trust_root(full_root())
DEVELOPMENT = encode_trust_root(PaperWorld().trust_root())


def refusal(content: bytes) -> str:
    with pytest.raises(MalformedTrustRootError) as caught:
        parse_trust_root(content)
    return str(caught.value)


def test_parse_trust_root_of_every_member_round_trips() -> None:
    root = parse_trust_root(FULL)
    assert root == full_root()
    assert encode_trust_root(root) == FULL


def test_parse_trust_root_of_development_round_trips() -> None:
    assert encode_trust_root(parse_trust_root(DEVELOPMENT)) == DEVELOPMENT
    assert parse_trust_root(DEVELOPMENT).is_development


def test_encode_trust_root_of_the_first_century_round_trips() -> None:
    root = replace(full_root(), issued_at=datetime(1, 1, 1, tzinfo=UTC))
    assert parse_trust_root(encode_trust_root(root)) == root


def test_trust_root_answers_by_name() -> None:
    root = full_root()
    assert root.vrf_key("340000", "records", 1) == PaperWorld().stream("340000").public_key
    assert root.vrf_key("340000", "records", 2) is None
    covered = root.covered("340000", "tax")
    assert covered is not None
    assert (covered.klass, covered.since) == ("restricted", date(2026, 1, 1))
    assert root.covered("330000", "tax") is None
    rule = root.confirmation("340000", "records")
    assert rule is not None
    assert rule.required == 2
    assert root.confirmation("340000", "queries") is None


def test_parse_trust_root_of_another_version_is_unsupported() -> None:
    with pytest.raises(UnsupportedFormatError):
        parse_trust_root(b'{"v":2}')


@pytest.mark.parametrize(
    "content", [b"", b"{}\n", b'{"v":1,"v":1}', b'{"v":1.0}', b"[" * 20, b"\xff", b"{" * 1000]
)
def test_parse_trust_root_not_canonical_is_refused(content: bytes) -> None:
    with pytest.raises(CanonicalizationError):
        parse_trust_root(content)


def test_parse_trust_root_above_one_mebibyte_is_refused() -> None:
    with pytest.raises(CanonicalizationError):
        parse_trust_root(b'"' + b"a" * (1 << 20) + b'"')


@pytest.mark.parametrize("path", paths(json.loads(FULL)), ids=lambda path: ".".join(map(str, path)))
def test_parse_trust_root_value_of_another_type_is_refused(path: tuple[str | int, ...]) -> None:
    """Every value, at every place, replaced by values of other types."""
    own = place(json.loads(FULL), path)
    nullable = {"previous", "region_registry", "consent_registry"}
    for value in (None, True, 1.5, "x", -1, 2**53 - 1, [], {}, [[]], {"x": 1}):
        if type(value) is type(own) or (value is None and path and path[-1] in nullable):
            continue
        if not path:
            content = json.dumps(value).encode()
        else:
            tree = json.loads(FULL)
            place(tree, path[:-1])[path[-1]] = value
            content = json.dumps(tree, separators=(",", ":"), sort_keys=True).encode()
        with pytest.raises(InputError):
            parse_trust_root(content)


@pytest.mark.parametrize(
    "path",
    [path for path in paths(json.loads(FULL)) if path and isinstance(path[-1], str)],
    ids=lambda path: ".".join(map(str, path)),
)
def test_parse_trust_root_member_missing_is_refused(path: tuple[str | int, ...]) -> None:
    refusal(without(FULL, path))


@pytest.mark.parametrize(
    "path",
    [path for path in paths(json.loads(FULL)) if isinstance(place(json.loads(FULL), path), dict)],
    ids=lambda path: ".".join(map(str, path)),
)
def test_parse_trust_root_unknown_member_is_refused(path: tuple[str | int, ...]) -> None:
    refusal(edited(FULL, (*path, "note"), "x"))


VALIDATORS = ("validators",)
RULES: list[tuple[str, tuple[str | int, ...], Any, str]] = [
    ("signers_twice", ("signers",), ["0x" + "51" * 20] * 2, "signers"),
    ("threshold_above_signers", ("threshold",), 3, "threshold"),
    ("threshold_zero", ("threshold",), 0, "threshold"),
    ("first_with_previous", ("sequence",), 1, "previous"),
    ("second_without_previous", ("previous",), None, "previous"),
    ("sequence_zero", ("sequence",), 0, "sequence"),
    ("expires_when_issued", ("expires_at",), "2026-10-20T00:00:00Z", "expires_at"),
    ("time_with_offset", ("expires_at",), "2026-11-20T00:00:00+00:00", "expires_at"),
    ("time_with_fraction", ("expires_at",), "2026-11-20T00:00:00.0Z", "expires_at"),
    ("time_that_does_not_exist", ("expires_at",), "2026-11-31T00:00:00Z", "expires_at"),
    ("time_of_a_leap_second", ("expires_at",), "2026-12-31T23:59:60Z", "expires_at"),
    ("time_of_hour_24", ("expires_at",), "2026-11-20T24:00:00Z", "expires_at"),
    ("time_in_full_width", ("expires_at",), "２０26-11-20T00:00:00Z", "expires_at"),
    ("date_that_does_not_exist", ("coverage", 0, "since"), "2026-02-29", "coverage"),
    ("date_in_the_year_zero", ("coverage", 0, "since"), "0000-01-01", "coverage"),
    ("date_without_dashes", ("coverage", 0, "since"), "20260101", "coverage"),
    ("consensus_unknown", ("chain", "consensus"), "clique", "consensus"),
    ("genesis_hash_short", ("chain", "genesis_hash"), "0x" + "00" * 31, "genesis_hash"),
    ("development_with_validators", ("chain", "consensus"), "development", "validators"),
    ("qbft_without_validators", VALIDATORS, [], "validators"),
    ("ranges_not_from_zero", ("validators", 0, "first_block"), 1, "without gap"),
    ("ranges_with_gap", ("validators", 1, "first_block"), 101, "without gap"),
    ("ranges_overlapping", ("validators", 1, "first_block"), 99, "without gap"),
    ("range_half_closed", ("validators", 0, "last_hash"), None, "all null or all set"),
    ("range_without_addresses", ("validators", 0, "addresses"), [], "ascending order"),
    (
        "addresses_descending",
        ("validators", 1, "addresses"),
        ["0x" + "03" * 20, "0x" + "02" * 20],
        "ascending order",
    ),
    (
        "addresses_twice",
        ("validators", 1, "addresses"),
        ["0x" + "02" * 20] * 2,
        "ascending order",
    ),
    ("slot_negative", ("contracts", "head_anchor", "slots", "heads"), -1, "slots"),
    ("registry_with_slots", ("contracts", "region_registry", "slots"), {"a": 1}, "slots"),
    ("head_anchor_null", ("contracts", "head_anchor"), None, "head_anchor"),
    ("generation_zero", ("vrf_keys", 0, "generation"), 0, "vrf_keys"),
    ("stream_unknown", ("vrf_keys", 0, "stream"), "markets", "vrf_keys"),
    ("mirror_number_twice", ("mirrors", 1, "number"), 0, "mirrors"),
    ("mirror_role_unknown", ("mirrors", 1, "role"), "auditor", "mirrors"),
    ("mirror_operator_upper_case", ("mirrors", 1, "operator"), "Regulator", "mirrors"),
    ("rule_mirror_unlisted", ("confirmations", 0, "mirrors"), [0, 3], "listed in mirrors"),
    ("rule_mirror_twice", ("confirmations", 0, "mirrors"), [0, 0], "confirmations mirrors"),
    ("rule_confirms_itself", ("confirmations", 0, "region"), "310000", "confirm itself"),
    ("rule_above_operators", ("confirmations", 0, "required"), 3, "at most the operators"),
    ("rule_of_zero_off_development", ("confirmations", 0, "required"), 0, "development"),
    ("class_unknown", ("coverage", 0, "class"), "secret", "coverage"),
    ("record_type_upper_case", ("coverage", 0, "record_type"), "CF", "coverage"),
]


@pytest.mark.parametrize(("name", "path", "value", "said"), RULES, ids=[one[0] for one in RULES])
def test_parse_trust_root_that_breaks_a_rule_is_refused(
    name: str, path: tuple[str | int, ...], value: object, said: str
) -> None:
    assert said in refusal(edited(FULL, path, value)), name


@pytest.mark.parametrize("member", ["vrf_keys", "confirmations", "coverage"])
def test_parse_trust_root_with_an_entry_twice_is_refused(member: str) -> None:
    entries = json.loads(FULL)[member]
    assert "distinct" in refusal(edited(FULL, (member,), [*entries, entries[0]]))


def test_parse_trust_root_with_a_public_key_twice_is_refused() -> None:
    """One VRF key for two streams would give one subject linkable keys."""
    own = json.loads(FULL)["vrf_keys"][0]["public_key"]
    assert "public_key" in refusal(edited(FULL, ("vrf_keys", 1, "public_key"), own))


def _ranges(*ranges: ValidatorRange) -> bytes:
    return encode_trust_root(replace(full_root(), validators=ranges))


def test_parse_trust_root_with_an_open_range_before_the_last_is_refused() -> None:
    first = ValidatorRange(0, None, None, None, frozenset({b"\x01" * 20}))
    assert "only the last range open" in refusal(_ranges(first, first))


def test_parse_trust_root_with_a_range_that_ends_before_it_begins_is_refused() -> None:
    first = ValidatorRange(0, 9, b"\x01" * 32, 1, frozenset({b"\x01" * 20}))
    second = ValidatorRange(10, 9, b"\x01" * 32, 1, frozenset({b"\x01" * 20}))
    assert "not before first_block" in refusal(_ranges(first, second))


def test_parse_trust_root_with_every_range_closed_is_read() -> None:
    first = ValidatorRange(0, 9, b"\x01" * 32, 1, frozenset({b"\x01" * 20}))
    assert parse_trust_root(_ranges(first)).validators == (first,)


def test_parse_trust_root_of_zero_required_on_development_is_read() -> None:
    world = PaperWorld()
    world.rules = (Confirmation("340000", "records", (), 0),)
    assert parse_trust_root(encode_trust_root(world.trust_root())).confirmations == world.rules


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_parse_trust_root_of_any_bytes_raises_nothing_unexpected(content: bytes) -> None:
    with pytest.raises((InputError, UnsupportedFormatError)):
        parse_trust_root(content)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_parse_trust_root_with_any_value_anywhere_is_refused_or_round_trips(
    data: st.DataObject,
) -> None:
    tree = json.loads(FULL)
    path = data.draw(st.sampled_from(paths(tree)[1:]))
    scalar = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8)
    place(tree, path[:-1])[path[-1]] = data.draw(
        st.recursive(scalar, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
    )
    try:
        content = canonical.encode(tree)
        root = parse_trust_root(content)
    except (InputError, UnsupportedFormatError):
        return
    assert encode_trust_root(root) == content
