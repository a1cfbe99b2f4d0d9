"""Whatever an endpoint answers, only errors of the ledger come out."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.contract import checksum, load_contract
from ledger.adapters.evm.json_rpc import JsonRpc
from ledger.adapters.evm.sending import send
from ledger.adapters.evm.signing import address_of, sign
from ledger.core.chain.keccak import keccak256
from ledger.errors import (
    ChainUnavailableError,
    ContractRevertError,
    HeaderError,
    InputError,
    LedgerError,
    WrongChainError,
)
from ledger.services.onchain import Call, SendState

CHAIN_ID = 20_261
ADDRESS = b"\xaa" * 20
WORD = b"\x01" * 32
KEY = b"\x07" * 32

Answers = dict[str, Any]


def transport(answer: Callable[[str], Any]) -> httpx.MockTransport:
    def handle(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        reply = answer(asked["method"])
        part = reply if isinstance(reply, dict) and "error" in reply else {"result": reply}
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": asked["id"], **part})

    return httpx.MockTransport(handle)


def chain_that_answers(answer: Any, chain_id: str = hex(CHAIN_ID)) -> EvmChain:
    return EvmChain(
        "http://chain.test",
        chain_id=CHAIN_ID,
        head_anchor=ADDRESS,
        region_registry=ADDRESS,
        transport=transport(lambda method: chain_id if method == "eth_chainId" else answer),
    )


QUESTIONS: dict[str, Callable[[EvmChain], object]] = {
    "genesis_hash": lambda chain: chain.genesis_hash(),
    "latest_block": lambda chain: chain.latest_block(),
    "fetch_header": lambda chain: chain.fetch_header(1),
    "fetch_proof": lambda chain: chain.fetch_proof(ADDRESS, [WORD], 1),
    "code_hash": lambda chain: chain.code_hash(ADDRESS),
    "transaction_count": lambda chain: chain.transaction_count(ADDRESS),
    "receipt": lambda chain: chain.receipt(WORD),
    "simulate": lambda chain: chain.simulate(Call(ADDRESS, ADDRESS, b"")),
    "fetch_head": lambda chain: chain.fetch_head(WORD),
    "fetch_regions": lambda chain: chain.fetch_regions(),
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["0x", "0x0", "0x1", "0x01", "0x" + "00" * 32, "0x" + "11" * 224]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["hash", "number", "storageProof", "accountProof", "proof", "status", "blockHash"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(question=st.sampled_from(sorted(QUESTIONS)), answer=json_values)
@settings(max_examples=150, deadline=None)
def test_any_question_any_answer_raises_ledger_errors_only(question: str, answer: Any) -> None:
    try:
        QUESTIONS[question](chain_that_answers(answer))
    except LedgerError:
        pass


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_any_question_endpoint_of_another_chain_is_refused(question: str) -> None:
    with pytest.raises(WrongChainError) as caught:
        QUESTIONS[question](chain_that_answers("0x1", chain_id="0x1"))
    assert (caught.value.expected, caught.value.found) == (CHAIN_ID, 1)


def test_question_after_a_failure_compares_the_chain_again() -> None:
    chain_ids = iter([hex(CHAIN_ID), "0x1"])
    results = iter(["0x5", "no quantity"])

    def answer(method: str) -> Any:
        if method == "eth_chainId":
            return next(chain_ids)
        result = next(results)
        if result == "no quantity":
            raise httpx.ReadError("cut")
        return result

    chain = EvmChain(
        "http://chain.test", chain_id=CHAIN_ID, head_anchor=ADDRESS, transport=transport(answer)
    )
    assert chain.latest_block() == 5
    with pytest.raises(ChainUnavailableError):
        chain.latest_block()
    with pytest.raises(WrongChainError):
        chain.latest_block()


def test_receipt_of_another_transaction_is_refused() -> None:
    answer = {
        "transactionHash": "0x" + "02" * 32,
        "status": "0x1",
        "blockNumber": "0x1",
        "blockHash": "0x" + "03" * 32,
        "gasUsed": "0x1",
    }
    with pytest.raises(ChainUnavailableError, match="another transaction"):
        chain_that_answers(answer).receipt(WORD)


def test_fetch_header_hash_differs_raises_header_error() -> None:
    block = {
        name: "0x" + "00" * size
        for name, size in {
            "parentHash": 32,
            "sha3Uncles": 32,
            "miner": 20,
            "stateRoot": 32,
            "transactionsRoot": 32,
            "receiptsRoot": 32,
            "logsBloom": 256,
            "extraData": 0,
            "mixHash": 32,
            "nonce": 8,
            "hash": 32,
        }.items()
    }
    numbers = ("difficulty", "number", "gasLimit", "gasUsed", "timestamp")
    block |= dict.fromkeys(numbers, "0x1")
    with pytest.raises(HeaderError, match="expected block hash"):
        chain_that_answers(block).fetch_header(1)
    with pytest.raises(HeaderError, match="expected block 2"):
        chain_that_answers(block).fetch_header(2)


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("already known", SendState.UNKNOWN),
        ("Known transaction", SendState.UNKNOWN),
        ("transaction already imported", SendState.UNKNOWN),
        ("nonce too low", SendState.UNKNOWN),
        ("Internal error", SendState.UNKNOWN),
        ("txpool is full", SendState.UNKNOWN),
        ("intrinsic gas too low", SendState.REFUSED),
        ("invalid sender", SendState.REFUSED),
        ("replacement transaction underpriced", SendState.REFUSED),
    ],
)
def test_send_engine_words_give_the_outcome(words: str, state: SendState) -> None:
    error = {"error": {"code": -32000, "message": words}}
    rpc = JsonRpc("http://chain.test", transport=transport(lambda _: error))
    assert send(rpc, b"\x01").state is state


@pytest.mark.parametrize("answer", [None, "0x", 5, [], "0x" + "00" * 32])
def test_send_answer_is_not_the_hash_leaves_the_outcome_unknown(answer: Any) -> None:
    rpc = JsonRpc("http://chain.test", transport=transport(lambda _: answer))
    assert send(rpc, b"\x01").state is SendState.UNKNOWN


def test_send_reply_lost_leaves_the_outcome_unknown() -> None:
    def lose(_: str) -> Any:
        raise httpx.ReadTimeout("lost")

    rpc = JsonRpc("http://chain.test", transport=transport(lose))
    assert send(rpc, b"\x01").state is SendState.UNKNOWN


def test_send_expected_hash_is_accepted() -> None:
    answer = "0x" + keccak256(b"\x01").hex()
    rpc = JsonRpc("http://chain.test", transport=transport(lambda _: answer))
    assert send(rpc, b"\x01").state is SendState.ACCEPTED


@pytest.mark.parametrize("key", [b"", b"\x00" * 32, b"\xff" * 32, b"\x01" * 31, b"\x01" * 33])
def test_sign_key_is_none_raises_input_error_without_the_key(key: bytes) -> None:
    with pytest.raises(InputError) as caught:
        sign(key, chain_id=1, nonce=0, to=ADDRESS, data=b"", gas=1)
    assert key.hex() not in str(caught.value) or not key
    with pytest.raises(InputError):
        address_of(key)


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": -1},
        {"nonce": 2**64},
        {"gas": -1},
        {"gas": 2**64},
        {"chain_id": 0},
        {"chain_id": 2**64},
        {"to": b"\x01" * 19},
        {"to": b""},
    ],
)
def test_sign_value_out_of_range_raises_input_error(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {"chain_id": 1, "nonce": 0, "to": ADDRESS, "data": b"", "gas": 1}
    with pytest.raises(InputError):
        sign(KEY, **(right | wrong))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [WORD],
        ["no bytes", 1, WORD],
        [WORD, -1, WORD],
        [WORD, 2**64, WORD],
        [WORD, "1", WORD],
        [WORD, 1, b"\x01" * 33],
        [None, None, None],
        [WORD, 1, WORD, WORD],
    ],
)
def test_encode_arguments_do_not_fit_raises_input_error(arguments: list[Any]) -> None:
    with pytest.raises(InputError):
        load_contract("HeadAnchor").encode("confirm", arguments)


def test_encode_function_unknown_raises_input_error() -> None:
    with pytest.raises(InputError):
        load_contract("HeadAnchor").encode("selfdestruct", [])


@pytest.mark.parametrize("arguments", [[], [1], ["0x00"], [checksum(ADDRESS), 1]])
def test_encode_creation_arguments_do_not_fit_raises_input_error(arguments: list[Any]) -> None:
    with pytest.raises(InputError):
        load_contract("HeadAnchor").encode_creation(arguments)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_call_root_of_other_length_raises_input_error(length: int) -> None:
    chain = chain_that_answers(None)
    with pytest.raises(InputError):
        chain.confirm_call(ADDRESS, stream=WORD, epoch=1, map_root=b"\x01" * length)


@given(returned=st.binary(max_size=300), function=st.sampled_from(["regions", "region"]))
@settings(max_examples=80, deadline=None)
def test_decode_any_bytes_raises_chain_unavailable_only(returned: bytes, function: str) -> None:
    try:
        load_contract("RegionRegistry").decode(function, returned)
    except ChainUnavailableError:
        pass


@given(
    selector=st.sampled_from(
        [b"", keccak256(b"Error(string)")[:4], keccak256(b"Panic(uint256)")[:4]]
    ),
    reverted=st.binary(max_size=200),
)
@settings(max_examples=80, deadline=None)
def test_decode_revert_any_bytes_gives_an_error_value(selector: bytes, reverted: bytes) -> None:
    found = load_contract("HeadAnchor").decode_revert(selector + reverted)
    assert isinstance(found, ContractRevertError)


@pytest.mark.parametrize("wrap", [lambda text: text, lambda text: {"data": text}])
def test_simulate_revert_of_either_shape_is_decoded(wrap: Callable[[str], Any]) -> None:
    selector = keccak256(b"HeadAnchorNotMirror(address)")[:4]
    text = "0x" + (selector + b"\x00" * 12 + ADDRESS).hex()
    answer = {"error": {"code": 3, "message": "execution reverted", "data": wrap(text)}}
    with pytest.raises(ContractRevertError) as caught:
        chain_that_answers(answer).simulate(Call(ADDRESS, ADDRESS, b""))
    assert caught.value.name == "HeadAnchorNotMirror"
    assert caught.value.values == {"caller": "0x" + ADDRESS.hex()}
