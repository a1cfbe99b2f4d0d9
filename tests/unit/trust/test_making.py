"""A trust root is made from what a chain proves, and an update takes nothing back."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ledger.core.trust import Contract, Mirror, ValidatorRange, VrfKey, parse_trust_root
from ledger.core.trust.making import Entered, Undertaking, make_trust_root
from ledger.core.trust.update import digest_of
from ledger.errors import MalformedTrustRootError, TrustRootUpdateError

ISSUED_AT = datetime(2026, 10, 31, 4, 0, 0, 123_456, tzinfo=UTC)
LATER = ISSUED_AT + timedelta(days=9)
REGIONS = ("310000", "320000", "330000", "340000")
STREAMS = ("queries", "records", "restricted")
VALIDATORS = frozenset(bytes([number]) * 20 for number in range(1, 6))
OPEN = ValidatorRange(0, None, None, None, VALIDATORS)


def key(region: str, stream: str, generation: int = 1) -> VrfKey:
    public = bytes([REGIONS.index(region), STREAMS.index(stream), generation])
    return VrfKey(region, stream, generation, public + b"\x77" * 29)


def entered(*regions: str, consensus: str = "development") -> Entered:
    return Entered(
        chain_id=31_337,
        genesis_hash=b"\x11" * 32,
        consensus=consensus,
        validators=() if consensus == "development" else (OPEN,),
        head_anchor=Contract(
            b"\x33" * 20, b"\x44" * 32, {"status": 2, "heads": 3, "confirmations": 4}
        ),
        region_registry=Contract(b"\x55" * 20, b"\x66" * 32, {}),
        signers=(b"\x24" * 20, b"\x22" * 20, b"\x23" * 20),
        threshold=2,
        vrf_keys=tuple(key(region, stream) for region in regions for stream in STREAMS),
        mirrors=tuple(
            Mirror(REGIONS.index(region) + 1, region, "region") for region in sorted(regions)
        ),
    )


def make(
    found: Entered, required: int | None = None, previous: bytes | None = None, year: int = 2026
) -> bytes:
    return make_trust_root(
        found,
        Undertaking(date(year, 1, 1), timedelta(days=30), required),
        issued_at=ISSUED_AT if previous is None else LATER,
        previous=previous,
    )


def test_first_root_holds_what_was_entered_and_undertaken() -> None:
    root = parse_trust_root(make(entered("320000", "310000")))
    assert root.is_development and (root.sequence, root.previous) == (1, None)
    assert root.chain_id == 31_337
    assert root.head_anchor.slots == {"status": 2, "heads": 3, "confirmations": 4}
    assert root.region_registry is not None and root.region_registry.address == b"\x55" * 20
    assert root.signers == (b"\x22" * 20, b"\x23" * 20, b"\x24" * 20)
    assert root.threshold == 2
    assert root.issued_at == ISSUED_AT.replace(microsecond=0)
    assert root.expires_at - root.issued_at == timedelta(days=30)
    assert root.vrf_key("320000", "queries", 1) == key("320000", "queries").public_key
    assert {(one.region, one.record_type, one.klass, one.since) for one in root.coverage} == {
        (region, record_type, "public", date(2026, 1, 1))
        for region in ("310000", "320000")
        for record_type in ("cf", "xk")
    }
    assert root.authority_required is False


def test_root_of_a_sealed_chain_names_its_validators() -> None:
    root = parse_trust_root(make(entered(*REGIONS, consensus="qbft")))
    assert root.validators == (OPEN,)


@pytest.mark.parametrize(("regions", "required"), [(2, 1), (3, 2), (4, 2)])
def test_root_counts_the_mirrors_of_the_other_regions(regions: int, required: int) -> None:
    root = parse_trust_root(make(entered(*REGIONS[:regions])))
    numbers = {one.operator: one.number for one in root.mirrors}
    assert numbers == {region: n for n, region in enumerate(REGIONS[:regions], 1)}
    for region in numbers:
        rule = root.confirmation(region, "records")
        assert rule is not None and rule.required == required
        assert set(rule.mirrors) == set(numbers.values()) - {numbers[region]}
        assert root.confirmation(region, "queries") is None


def test_root_of_one_region_requires_nobody() -> None:
    root = parse_trust_root(make(entered("310000")))
    assert root.confirmations == ()
    assert [one.operator for one in root.mirrors] == ["310000"]


@pytest.mark.parametrize("required", [0, 1, 3])
def test_root_requires_what_is_asked_for(required: int) -> None:
    root = parse_trust_root(make(entered(*REGIONS), required))
    assert {rule.required for rule in root.confirmations} == {required}


@pytest.mark.parametrize(("regions", "required"), [(1, 1), (2, 2), (4, 4), (4, -1)])
def test_root_that_requires_more_than_there_are_is_refused(regions: int, required: int) -> None:
    with pytest.raises(MalformedTrustRootError):
        make(entered(*REGIONS[:regions]), required)


def test_root_of_a_region_without_mirror_or_key_is_refused() -> None:
    found = entered(*REGIONS)
    with pytest.raises(MalformedTrustRootError, match=r"320000: expected a mirror.*admit"):
        make(replace(found, mirrors=tuple(m for m in found.mirrors if m.operator != "320000")))
    keys = [one for one in found.vrf_keys if (one.region, one.stream) != ("320000", "records")]
    with pytest.raises(MalformedTrustRootError, match=r"320000: expected a VRF key.*admit"):
        make(replace(found, vrf_keys=tuple(keys)))


def test_mirror_of_the_regulator_is_listed_and_confirms_nothing() -> None:
    found = entered(*REGIONS)
    seats = (*found.mirrors, Mirror(9, "regulator", "regulator"))
    root = parse_trust_root(make(replace(found, mirrors=seats)))
    assert root.mirrors[-1] == Mirror(9, "regulator", "regulator")
    assert not any(9 in rule.mirrors for rule in root.confirmations)


def test_root_is_the_same_however_it_was_read() -> None:
    found = entered(*REGIONS)
    other = replace(
        found,
        signers=found.signers[::-1],
        vrf_keys=found.vrf_keys[::-1],
        mirrors=found.mirrors[::-1],
    )
    assert make(found) == make(other)


def test_root_of_some_regions_knows_nothing_of_the_others() -> None:
    found = entered(*REGIONS)
    seats = (*found.mirrors, Mirror(9, "regulator", "regulator"))
    root = parse_trust_root(make(replace(found, mirrors=seats).of(["330000", "310000"])))
    assert {one.region for one in root.vrf_keys} == {"310000", "330000"}
    assert [one.operator for one in root.mirrors] == ["310000", "330000", "regulator"]
    with pytest.raises(MalformedTrustRootError, match=r"350000.*admit it first"):
        found.of(["310000", "350000"])


# --- Updates


def test_update_follows_the_root_before_and_keeps_what_it_undertook() -> None:
    first = make(entered("310000", "320000"), 1)
    root = parse_trust_root(make(entered(*REGIONS), previous=first, year=2027))
    assert (root.sequence, root.previous) == (2, digest_of(first))
    since = {one.region: one.since.year for one in root.coverage}
    assert since == {"310000": 2026, "320000": 2026, "330000": 2027, "340000": 2027}
    required = {rule.region: rule.required for rule in root.confirmations}
    # With more regions two must confirm everywhere; a single liar never suffices again.
    assert required == dict.fromkeys(REGIONS, 2)
    assert all(len(rule.mirrors) == 3 for rule in root.confirmations)
    asked = parse_trust_root(make(entered(*REGIONS), 3, previous=first))
    assert {rule.required for rule in asked.confirmations} == {3}


def test_update_names_another_generation_beside_the_former() -> None:
    found = entered("310000", "320000")
    first = make(found)
    keys = (*found.vrf_keys, key("310000", "records", 2))
    root = parse_trust_root(make(replace(found, vrf_keys=keys), previous=first))
    assert root.vrf_key("310000", "records", 1) != root.vrf_key("310000", "records", 2)
    assert len(root.vrf_keys) == 7


def test_update_lists_mirrors_that_gave_up_their_seat_and_does_not_count_them() -> None:
    found = entered(*REGIONS)
    seats = (*found.mirrors[1:], Mirror(7, "310000", "region"))
    root = parse_trust_root(make(replace(found, mirrors=seats), previous=make(found)))
    assert [one.number for one in root.mirrors] == [1, 2, 3, 4, 7]
    rule = root.confirmation("320000", "records")
    assert rule is not None and set(rule.mirrors) == {3, 4, 7}


@pytest.mark.parametrize(
    "change",
    [
        {"chain_id": 5},
        {"genesis_hash": b"\x12" * 32},
        {"consensus": "qbft", "validators": (OPEN,)},
        {"vrf_keys": tuple(key("310000", stream, 2) for stream in STREAMS)},
        {"head_anchor": Contract(b"\x66" * 20, b"\x67" * 32, entered("310000").head_anchor.slots)},
        {"mirrors": (Mirror(1, "320000", "region"), Mirror(2, "310000", "region"))},
    ],
)
def test_update_that_takes_something_back_is_refused(change: dict[str, object]) -> None:
    found = entered("310000", "320000")
    first = make(found)
    if "vrf_keys" in change:
        keys = [one for one in found.vrf_keys if one.region != "310000"]
        change = {"vrf_keys": (*keys, *change["vrf_keys"])}  # type: ignore[misc]
    with pytest.raises(TrustRootUpdateError):
        make(replace(found, **change), previous=first)  # type: ignore[arg-type]


def test_update_may_close_the_open_range_and_no_other() -> None:
    found = entered(*REGIONS, consensus="qbft")
    first = make(found)
    closed = ValidatorRange(0, 99, b"\x08" * 32, 1_700_000_000, VALIDATORS)
    rest = frozenset(sorted(VALIDATORS)[:4])
    ranges = (closed, ValidatorRange(100, None, None, None, rest))
    second = make(replace(found, validators=ranges), previous=first)
    assert parse_trust_root(second).validators == ranges
    for other in (
        replace(closed, last_block=98),
        replace(closed, last_hash=b"\x09" * 32),
        replace(closed, addresses=rest),
    ):
        first_block = (other.last_block or 0) + 1
        moved = (other, replace(ranges[1], first_block=first_block))
        with pytest.raises(TrustRootUpdateError):
            make(replace(found, validators=moved), previous=second)
