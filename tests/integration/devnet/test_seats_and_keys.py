"""What the chain says of mirrors and of checkpoint keys, read from the real contracts."""

import pytest
from worlds.devnet import Running, admit, registration

from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.governance.deployment import load_deployment
from ledger.adapters.governance.registration import parse_registration
from ledger.core.chain.head_slots import stream_id
from ledger.errors import InputError
from ledger.services.onchain import MirrorEntry

pytestmark = pytest.mark.devnet

REGION = "420000"
NUMBER = 42


def test_fetch_mirror_gives_the_key_and_region_of_a_seat(devnet: Running, chain: EvmChain) -> None:
    asked = parse_registration(registration(REGION, NUMBER))
    admit(devnet.directory, [asked])
    seats = load_deployment(devnet.directory.deployment_file).mirrors
    found = [chain.fetch_mirror(one.number) for one in seats]
    assert MirrorEntry(asked.mirror_key, REGION) in found
    assert None not in found


@pytest.mark.parametrize("number", [999, 2**32 - 1])
def test_fetch_mirror_number_without_a_seat_is_none(chain: EvmChain, number: int) -> None:
    assert chain.fetch_mirror(number) is None


@pytest.mark.parametrize("number", [-1, 2**32])
def test_fetch_mirror_number_that_cannot_be_is_an_input_error(chain: EvmChain, number: int) -> None:
    with pytest.raises(InputError):
        chain.fetch_mirror(number)


def test_fetch_checkpoint_key_gives_what_was_registered(devnet: Running, chain: EvmChain) -> None:
    asked = parse_registration(registration(REGION, NUMBER))
    admit(devnet.directory, [asked])
    for one in asked.streams:
        stream = stream_id(REGION, one.stream)
        assert chain.fetch_checkpoint_key(REGION, stream, 1) == one.checkpoint_public_key
        assert chain.fetch_checkpoint_key(REGION, stream, 2) is None
    assert chain.fetch_checkpoint_key("650000", stream_id("650000", "records"), 1) is None


def test_fetch_checkpoint_key_without_a_registry_is_an_input_error(devnet: Running) -> None:
    deployment = devnet.deployment
    chain = EvmChain(
        deployment.rpc_url,
        chain_id=deployment.chain_id,
        head_anchor=deployment.contracts["HeadAnchor"].address,
    )
    with pytest.raises(InputError):
        chain.fetch_checkpoint_key(REGION, stream_id(REGION, "records"), 1)
    chain.close()
