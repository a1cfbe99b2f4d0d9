"""The chain client against a real chain: heads opened, anchored, proved."""

import hashlib
import time

import pytest
from worlds.devnet import Running, admit, registration

from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.signing import address_of
from ledger.adapters.governance.registration import parse_registration
from ledger.core.chain.head_slots import (
    head_slots,
    status_slot,
    stream_id,
    unpack_head,
    unpack_status,
)
from ledger.core.chain.state_proof import NodeSet, verify_account, verify_storage
from ledger.core.headers import parse_header
from ledger.core.merkle import hash_leaf
from ledger.core.stream.log import MerkleLog
from ledger.errors import ChainUnavailableError, ContractRevertError, WrongChainError
from ledger.services.onchain import Call, Receipt, SendState

pytestmark = pytest.mark.devnet

REGION = "360000"
NUMBER = 6
KEY = bytes([NUMBER]) * 32
SENDER = address_of(KEY)
STREAM = stream_id(REGION, "records")
MAP_ROOT = b"\x42" * 32


@pytest.fixture(scope="module")
def admitted(devnet: Running) -> Running:
    admit(devnet.directory, [parse_registration(registration(REGION, NUMBER))])
    return devnet


def mine(chain: EvmChain, call: Call, key: bytes = KEY) -> Receipt:
    nonce = chain.transaction_count(address_of(key))
    signed = chain.sign_call(key, nonce, call.to, call.data)
    assert chain.send_raw(signed.raw).state is SendState.ACCEPTED
    deadline = time.monotonic() + 10
    while (receipt := chain.receipt(signed.tx_hash)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # The same bytes again: known, never a second effect.
    assert chain.send_raw(signed.raw).state is SendState.UNKNOWN
    return receipt


def log_of(size: int) -> MerkleLog:
    log = MerkleLog()
    log.extend(hash_leaf(str(number).encode()) for number in range(size))
    return log


def open_call(chain: EvmChain, log: MerkleLog, epoch: int = 0) -> Call:
    return chain.open_call(
        SENDER,
        stream=STREAM,
        expected_epoch=epoch,
        vrf_key=1,
        map_function=1,
        size=1,
        log_root=log.root(1),
        map_root=b"\x00" * 32,
    )


def anchor_call(chain: EvmChain, log: MerkleLog, old: int, new: int) -> Call:
    return chain.anchor_call(
        SENDER,
        stream=STREAM,
        old_size=old,
        new_size=new,
        log_root=log.root(new),
        map_root=MAP_ROOT,
        proof=log.consistency_path(old, new),
    )


def test_head_opened_and_anchored_is_proved_from_the_sealed_state(
    admitted: Running, chain: EvmChain
) -> None:
    log = log_of(20)
    assert chain.fetch_head(STREAM) is None
    chain.simulate(open_call(chain, log))
    assert mine(chain, open_call(chain, log)).status == 1
    receipt = mine(chain, anchor_call(chain, log, 1, 20))
    assert receipt.status == 1
    with pytest.raises(ContractRevertError) as caught:
        chain.simulate(anchor_call(chain, log, 1, 19))
    assert caught.value.name == "HeadAnchorSizeMismatch"
    assert caught.value.values["storedSize"] == 20

    contract = admitted.deployment.contracts["HeadAnchor"]
    slots = [*head_slots(contract.slots["heads"], STREAM), status_slot(contract.slots["status"])]
    block_hash, header_rlp = chain.fetch_header(receipt.block_number)
    header = parse_header(header_rlp)
    assert block_hash == receipt.block_hash
    nodes = chain.fetch_proof(contract.address, slots, receipt.block_number)
    assert list(nodes) == sorted(set(nodes))
    proof = NodeSet(nodes)
    account = verify_account(header.state_root, contract.address, proof)
    assert account is not None
    assert account.code_hash == contract.code_hash == chain.code_hash(contract.address)
    words = [verify_storage(account.storage_root, slot, proof) or 0 for slot in slots]
    proof.require_all_used()
    head = unpack_head(*words[:3])
    assert unpack_status(words[3]).state == 1
    assert head == chain.fetch_head(STREAM) == chain.fetch_head(STREAM, receipt.block_number)
    assert (head.size, head.epoch, head.log_root, head.map_root) == (20, 2, log.root(20), MAP_ROOT)
    assert head.anchored_at == header.timestamp


def test_simulate_foreign_key_names_the_error(admitted: Running, chain: EvmChain) -> None:
    call = chain.confirm_call(b"\x5a" * 20, stream=STREAM, epoch=1, map_root=MAP_ROOT)
    with pytest.raises(ContractRevertError) as caught:
        chain.simulate(call)
    assert caught.value.name == "HeadAnchorNotMirror"
    assert caught.value.values == {"caller": "0x" + "5a" * 20}


def test_transaction_that_reverts_has_status_0(admitted: Running, chain: EvmChain) -> None:
    key = hashlib.sha256(b"stranger").digest()
    call = chain.confirm_call(address_of(key), stream=STREAM, epoch=1, map_root=MAP_ROOT)
    assert mine(chain, call, key).status == 0


def test_send_used_nonce_leaves_the_outcome_unknown(admitted: Running, chain: EvmChain) -> None:
    key = hashlib.sha256(b"second stranger").digest()
    call = chain.confirm_call(address_of(key), stream=STREAM, epoch=2, map_root=MAP_ROOT)
    mine(chain, call, key)
    used = chain.sign_call(key, 0, call.to, call.data + b"\x00")
    assert chain.send_raw(used.raw).state is SendState.UNKNOWN
    assert chain.receipt(used.tx_hash) is None


def test_genesis_is_the_parent_of_block_1(chain: EvmChain) -> None:
    _, header_rlp = chain.fetch_header(1)
    assert parse_header(header_rlp).parent_hash == chain.genesis_hash()


def test_questions_about_a_block_that_is_not_yet_there_raise_chain_unavailable(
    chain: EvmChain,
) -> None:
    ahead = chain.latest_block() + 1_000
    with pytest.raises(ChainUnavailableError):
        chain.fetch_header(ahead)
    with pytest.raises(ChainUnavailableError):
        chain.fetch_proof(b"\x01" * 20, [b"\x00" * 32], ahead)


def test_chain_of_another_id_is_refused(devnet: Running) -> None:
    deployment = devnet.deployment
    stranger = EvmChain(deployment.rpc_url, chain_id=1, head_anchor=b"\x01" * 20)
    with pytest.raises(WrongChainError):
        stranger.latest_block()
    raw = stranger.sign_call(KEY, 0, b"\x01" * 20, b"").raw
    outcome = stranger.send_raw(raw)
    assert outcome.state is SendState.UNKNOWN
    assert "expected chain 1" in outcome.reason
    stranger.close()


def test_contract_absent_at_the_address_raises_chain_unavailable(devnet: Running) -> None:
    deployment = devnet.deployment
    nowhere = EvmChain(
        deployment.rpc_url,
        chain_id=deployment.chain_id,
        head_anchor=b"\x01" * 20,
        region_registry=b"\x02" * 20,
    )
    with pytest.raises(ChainUnavailableError):
        nowhere.fetch_head(STREAM)
    with pytest.raises(ChainUnavailableError):
        nowhere.fetch_regions()
    nowhere.close()
