"""The trust root of a development chain is made from what was deployed and registered."""

import copy
from datetime import UTC, date, datetime
from typing import Any

import pytest

from ledger.core.trust import parse_trust_root
from ledger.core.trust.development import LIFETIME, make_development_trust_root
from ledger.errors import MalformedTrustRootError

ISSUED_AT = datetime(2026, 10, 31, 4, 0, 0, 123_456, tzinfo=UTC)
DEPLOYMENT: dict[str, Any] = {
    "chain_id": 31_337,
    "genesis_hash": "0x" + "11" * 32,
    "owner": "0x" + "22" * 20,
    "contracts": {
        "HeadAnchor": {
            "address": "0x" + "33" * 20,
            "code_hash": "0x" + "44" * 32,
            "slots": {"status": 2, "heads": 3, "confirmations": 4},
        },
        "RegionRegistry": {"address": "0x" + "55" * 20, "code_hash": "0x" + "66" * 32},
    },
    "mirrors": [
        {"number": number, "address": f"0x{number:02x}" + "ab" * 19, "region": region}
        for number, region in enumerate(("999999", "310000", "320000", "330000", "340000"))
    ],
}
REGISTRATIONS: list[dict[str, Any]] = [
    {
        "region": region,
        "mirror_key": f"0x{byte + 1:02x}" + "AB" * 19,
        "streams": [
            {
                "stream": stream,
                "vrf_key": 1,
                "vrf_public_key": f"0x{byte:02x}{number:02x}" + "77" * 30,
            }
            for number, stream in enumerate(("records", "restricted", "queries"))
        ],
    }
    for byte, region in enumerate(("310000", "320000", "330000", "340000"))
]


def make(
    deployment: object = DEPLOYMENT,
    registrations: object = REGISTRATIONS[:2],
    required: int | None = None,
) -> bytes:
    return make_development_trust_root(
        deployment,  # type: ignore[arg-type]
        registrations,  # type: ignore[arg-type]
        issued_at=ISSUED_AT,
        since=date(2026, 1, 1),
        required=required,
    )


def test_make_development_trust_root_holds_what_was_deployed() -> None:
    root = parse_trust_root(make())
    assert root.is_development
    assert root.chain_id == 31_337
    assert root.head_anchor.slots == {"status": 2, "heads": 3, "confirmations": 4}
    assert root.region_registry is not None
    assert root.region_registry.address == b"\x55" * 20
    assert root.signers == (b"\x22" * 20,)
    assert root.issued_at == ISSUED_AT.replace(microsecond=0)
    assert root.expires_at - root.issued_at == LIFETIME
    assert root.vrf_key("320000", "queries", 1) == bytes.fromhex("0102" + "77" * 30)
    assert {(one.region, one.record_type, one.klass) for one in root.coverage} == {
        (region, record_type, "public")
        for region in ("310000", "320000")
        for record_type in ("cf", "xk")
    }
    assert root.authority_required is False


@pytest.mark.parametrize(("regions", "required"), [(2, 1), (3, 2), (4, 2)])
def test_make_development_trust_root_counts_the_mirrors_of_the_other_regions(
    regions: int, required: int
) -> None:
    root = parse_trust_root(make(registrations=REGISTRATIONS[:regions]))
    numbers = {one.operator: one.number for one in root.mirrors}
    assert numbers == {f"3{n}0000": n for n in range(1, regions + 1)}
    assert {one.role for one in root.mirrors} == {"region"}
    for region in numbers:
        rule = root.confirmation(region, "records")
        assert rule is not None and rule.required == required
        assert set(rule.mirrors) == set(numbers.values()) - {numbers[region]}
        assert root.confirmation(region, "queries") is None


def test_make_development_trust_root_of_one_region_requires_nobody() -> None:
    root = parse_trust_root(make(registrations=REGISTRATIONS[:1]))
    assert root.confirmations == ()
    assert [one.operator for one in root.mirrors] == ["310000"]


@pytest.mark.parametrize("required", [0, 1, 3])
def test_make_development_trust_root_requires_what_is_asked_for(required: int) -> None:
    root = parse_trust_root(make(registrations=REGISTRATIONS, required=required))
    assert {rule.required for rule in root.confirmations} == {required}


@pytest.mark.parametrize(("regions", "required"), [(1, 1), (2, 2), (4, 4), (4, -1)])
def test_make_development_trust_root_that_requires_more_than_there_are_is_refused(
    regions: int, required: int
) -> None:
    with pytest.raises(MalformedTrustRootError):
        make(registrations=REGISTRATIONS[:regions], required=required)


def test_make_development_trust_root_of_a_region_without_a_mirror_number_is_refused() -> None:
    deployment = DEPLOYMENT | {"mirrors": DEPLOYMENT["mirrors"][:2]}
    with pytest.raises(MalformedTrustRootError, match=r"320000.*admit it first"):
        make(deployment)
    with pytest.raises(MalformedTrustRootError):
        make({name: value for name, value in DEPLOYMENT.items() if name != "mirrors"})


def test_make_development_trust_root_is_the_same_every_time() -> None:
    assert make() == make()


@pytest.mark.parametrize(
    "path",
    [
        ("chain_id",),
        ("genesis_hash",),
        ("owner",),
        ("contracts",),
        ("contracts", "HeadAnchor"),
        ("contracts", "RegionRegistry", "address"),
        ("contracts", "HeadAnchor", "slots", "heads"),
    ],
)
@pytest.mark.parametrize("value", [None, "0xzz", 7.5, []])
def test_make_development_trust_root_of_a_broken_deployment_is_refused(
    path: tuple[str, ...], value: object
) -> None:
    deployment = copy.deepcopy(DEPLOYMENT)
    parent: Any = deployment
    for name in path[:-1]:
        parent = parent[name]
    if value == 7.5 and path[-1] in ("chain_id", "heads"):
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    with pytest.raises(MalformedTrustRootError):
        make(deployment)


def test_make_development_trust_root_with_a_region_twice_is_refused() -> None:
    with pytest.raises(MalformedTrustRootError):
        make(registrations=[*REGISTRATIONS[:2], REGISTRATIONS[0]])
