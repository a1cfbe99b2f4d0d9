"""What a trust root says of a governed chain: proved from its storage, and nothing else taken."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from worlds.devnet import registration
from worlds.governed import OPERATORS, REGIONS, GovernedChain
from worlds.rpc_faults import FAULTS, FaultProxy

from ledger.adapters.evm.contract import checksum
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.evm.signing import address_of
from ledger.adapters.governance.admission import Lacking
from ledger.adapters.governance.deployment import Deployment, load_deployment
from ledger.adapters.governance.registration import parse_registration
from ledger.adapters.rooting import read_entered
from ledger.bootstrap.rooting import MadeRoot, RootRequest, make_root
from ledger.core.chain.head_slots import stream_id
from ledger.core.types import STREAMS
from ledger.errors import GovernanceError, InputError, LedgerError

pytestmark = pytest.mark.devnet

MAP_FUNCTION = 1


@pytest.fixture
def deployment(founded: GovernedChain) -> Deployment:
    return load_deployment(founded.path)


@pytest.fixture
def taken_back(founded: GovernedChain) -> Iterator[None]:
    """What a test does to the chain is undone."""
    rpc = JsonRpc(load_deployment(founded.path).rpc_url, timeout_s=5)
    mark = rpc.call("evm_snapshot")
    yield
    assert rpc.call("evm_revert", [mark]) is True
    rpc.close()


def make(founded: GovernedChain, **changed: object) -> MadeRoot:
    asked = RootRequest(
        deployment=founded.path,
        previous=None,
        since=None,
        days=None,
        required=None,
        regions=REGIONS,
        issued_at=datetime.now(UTC),
    )
    return make_root(replace(asked, **changed))  # type: ignore[arg-type]


def test_entered_is_what_the_contracts_answer(
    founded: GovernedChain, deployment: Deployment
) -> None:
    entered, block = read_entered(deployment)
    assert block > 0
    assert (entered.chain_id, entered.genesis_hash) == (
        deployment.chain_id,
        deployment.genesis_hash,
    )
    assert (entered.consensus, entered.validators) == ("development", ())
    assert entered.signers == tuple(address_of(OPERATORS[region]) for region in REGIONS)
    assert entered.threshold == 3
    assert {(one.region, one.stream) for one in entered.vrf_keys} >= {
        (region, stream) for region in REGIONS for stream in STREAMS
    }
    for key in entered.vrf_keys:
        arguments = (int(key.region), stream_id(key.region, key.stream), key.generation)
        (told,) = founded.governed.view("RegionRegistry", "vrfPublicKey", arguments)
        assert told == key.public_key
    for mirror in entered.mirrors:
        told = founded.governed.view("HeadAnchor", "mirror", [mirror.number])
        assert f"{int(str(told[1]), 0):06d}" == mirror.operator
    assert [one.number for one in entered.mirrors][:4] == [0, 1, 2, 3]


def test_root_names_the_seats_as_its_signers(founded: GovernedChain) -> None:
    made = make(founded)
    assert made.root.signers == tuple(sorted(address_of(OPERATORS[one]) for one in REGIONS))
    assert made.root.threshold == 3
    assert {one.region for one in made.root.coverage} == set(REGIONS)
    assert {one.required for one in made.root.confirmations} == {2}
    assert made.root.expires_at - made.root.issued_at == timedelta(days=30)


def test_region_that_is_not_on_the_chain_is_refused(founded: GovernedChain) -> None:
    with pytest.raises(LedgerError, match=r"region 360000: expected VRF keys on chain"):
        make(founded, regions=(*REGIONS, "360000"))


@pytest.mark.usefixtures("taken_back")
def test_update_names_the_new_generation_beside_the_former(
    founded: GovernedChain, tmp_path: Path
) -> None:
    before = tmp_path / "before.json"
    before.write_bytes(make(founded).content)
    key = "0x" + "5a" * 32
    stream = stream_id("310000", "records")
    founded.decide(
        [
            founded.call("RegionRegistry", "setVrfKey", 310000, stream, 2, key),
            founded.call(
                "HeadAnchor", "approve", stream, 310000, checksum(b"\x61" * 20), 2, MAP_FUNCTION
            ),
        ]
    )
    made = make(founded, previous=before, since=date(2026, 1, 1))
    mine = [one for one in made.root.vrf_keys if (one.region, one.stream) == ("310000", "records")]
    assert [one.generation for one in mine] == [1, 2]
    assert mine[1].public_key.hex() == "5a" * 32
    assert made.root.sequence == 2
    # What is undertaken stays: another first day does not move that of a region that is known.
    assert {one.since for one in made.root.coverage} == {date(2000, 1, 1)}


# --- Refused


def test_contract_with_other_code_is_refused(deployment: Deployment) -> None:
    for name, other in (
        ("HeadAnchor", "RegionRegistry"),
        ("RegionRegistry", "HeadAnchor"),
        ("Council", "HeadAnchor"),
    ):
        there = replace(deployment.contracts[name], address=deployment.address(other))
        wrong = replace(deployment, contracts={**deployment.contracts, name: there})
        with pytest.raises(GovernanceError, match=r"expected code 0x|different owners"):
            read_entered(wrong)


def test_code_hash_of_the_deployment_file_is_not_believed(deployment: Deployment) -> None:
    found = {
        name: replace(one, code_hash=b"\x07" * 32, slots=dict.fromkeys(one.slots, 99))
        for name, one in deployment.contracts.items()
    }
    wrong = replace(deployment, contracts=found)
    assert read_entered(wrong)[0] == read_entered(deployment)[0]


def test_address_without_account_is_refused(deployment: Deployment) -> None:
    there = replace(deployment.contracts["HeadAnchor"], address=b"\x09" * 20)
    wrong = replace(deployment, contracts={**deployment.contracts, "HeadAnchor": there})
    with pytest.raises(GovernanceError, match="no account on this chain"):
        read_entered(wrong)


def test_council_left_out_of_the_deployment_is_refused(deployment: Deployment) -> None:
    found = {name: one for name, one in deployment.contracts.items() if name != "Council"}
    with pytest.raises(GovernanceError, match="is a contract; name the Council"):
        read_entered(replace(deployment, contracts=found))


def test_chain_of_another_genesis_is_refused(deployment: Deployment) -> None:
    with pytest.raises(GovernanceError, match="genesis: expected 0x0707"):
        read_entered(replace(deployment, genesis_hash=b"\x07" * 32))


def test_chain_of_another_id_is_refused(deployment: Deployment) -> None:
    with pytest.raises(LedgerError, match="chain"):
        read_entered(replace(deployment, chain_id=deployment.chain_id + 1))


@pytest.mark.usefixtures("taken_back")
def test_anchor_with_a_successor_is_refused(founded: GovernedChain, deployment: Deployment) -> None:
    founded.decide([founded.call("HeadAnchor", "setSuccessor", checksum(b"\x45" * 20))])
    with pytest.raises(GovernanceError, match=r"0x4545.*has taken over") as caught:
        read_entered(deployment)
    assert caught.value.problem == "successor"


@pytest.mark.usefixtures("taken_back")
def test_contracts_of_different_owners_are_refused(
    founded: GovernedChain, deployment: Deployment
) -> None:
    heir = b"\x2b" * 32
    sender = founded.governed.sender(heir)
    rpc = JsonRpc(deployment.rpc_url, timeout_s=5)
    rpc.call("anvil_setBalance", ["0x" + address_of(heir).hex(), hex(10**20)])
    rpc.close()
    founded.decide([founded.call("HeadAnchor", "transferOwnership", checksum(address_of(heir)))])
    # Offered is not taken.
    assert read_entered(deployment)[0].threshold == 3
    sender.call_all([founded.call("HeadAnchor", "acceptOwnership")])
    with pytest.raises(GovernanceError, match="different owners"):
        read_entered(deployment)


@pytest.mark.usefixtures("taken_back")
def test_region_entered_in_part_is_refused(founded: GovernedChain) -> None:
    calls = Lacking.for_council(founded.governed).calls(
        parse_registration(registration("360000", 36))
    )
    seat = founded.call("HeadAnchor", "addMirror", 0, checksum(b"\x01" * 20), 0).data[:4]
    founded.decide([one for one in calls if one.data[:4] != seat])
    with pytest.raises(LedgerError, match="region 360000: expected a mirror"):
        make(founded, regions=(*REGIONS, "360000"))


LIES = (
    "other_proof",
    "other_header",
    "wrong_chain",
    "truncated",
    "not_json",
    "nothing",
    "other_id",
)


@pytest.mark.parametrize("name", LIES)
def test_endpoint_that_lies_makes_no_root(deployment: Deployment, name: str) -> None:
    proxy = FaultProxy(deployment.rpc_url, seed=7)
    proxy.fault = FAULTS[name]
    try:
        with pytest.raises(LedgerError) as caught:
            read_entered(replace(deployment, rpc_url=proxy.url))
    finally:
        proxy.close()
    assert proxy.bitten, "the endpoint did not lie"
    assert not isinstance(caught.value, InputError)
