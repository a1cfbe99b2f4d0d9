"""The deployed RegionRegistry: what one region enters, the others read."""

import pytest
from live_chain import LiveChain, LiveContract, address

from ledger.core.chain.head_slots import stream_id

pytestmark = pytest.mark.devnet

RECORDS = stream_id("340000", "records")
ENDPOINT = "https://ledger.ah.example/v1"


@pytest.fixture
def registry(chain: LiveChain) -> LiveContract:
    governance = address(chain.accounts[0])
    anchors = LiveContract(chain, "HeadAnchor", [governance])
    return LiveContract(chain, "RegionRegistry", [address(anchors.address), governance])


def test_registry_region_and_keys_are_read_back(registry: LiveContract) -> None:
    governance, operator = registry.chain.accounts[:2]
    registry.send(governance, "setRegion", 340_000, address(operator), ENDPOINT)
    registry.send(governance, "setVrfKey", 340_000, RECORDS, 1, b"\x01" * 32)
    registry.send(governance, "setCheckpointKey", 340_000, RECORDS, 1, b"\x02" * 32)
    entry = (340_000, "0x" + operator.hex(), ENDPOINT)
    assert registry.view("regions") == ((entry,),)
    assert registry.view("region", 340_000) == (entry,)
    assert registry.view("vrfPublicKey", 340_000, RECORDS, 1) == (b"\x01" * 32,)
    assert registry.view("checkpointPublicKey", 340_000, RECORDS, 1) == (b"\x02" * 32,)


def test_registry_endpoint_is_changed_by_its_operator_only(registry: LiveContract) -> None:
    governance, operator, stranger = registry.chain.accounts[:3]
    registry.send(governance, "setRegion", 340_000, address(operator), ENDPOINT)
    for sender in (governance, stranger):
        name, _ = registry.refusal(sender, "setEndpoint", 340_000, "https://evil.example")
        assert name == "RegionRegistryNotOperator"
    registry.send(operator, "setEndpoint", 340_000, "http://127.0.0.1:8000")
    assert registry.view("region", 340_000)[0][2] == "http://127.0.0.1:8000"
