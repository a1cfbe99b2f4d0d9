import pytest
import rlp as other_rlp
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core import headers
from ledger.core.chain import rlp
from ledger.errors import MalformedProofError, UnsupportedFormatError

EMPTY_ROOT = "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
MAINNET_GENESIS: dict[str, object] = {
    "parentHash": "0x" + "00" * 32,
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "miner": "0x" + "00" * 20,
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": "0x" + EMPTY_ROOT,
    "receiptsRoot": "0x" + EMPTY_ROOT,
    "logsBloom": "0x" + "00" * 256,
    "difficulty": "0x400000000",
    "number": "0x0",
    "gasLimit": "0x1388",
    "gasUsed": "0x0",
    "timestamp": "0x0",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "mixHash": "0x" + "00" * 32,
    "nonce": "0x0000000000000042",
    "size": "0x21c",
    "transactions": [],
}
MAINNET_GENESIS_HASH = "d4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"
LATER: dict[str, object] = {
    "baseFeePerGas": "0x3b9aca00",
    "withdrawalsRoot": "0x" + EMPTY_ROOT,
    "blobGasUsed": "0x0",
    "excessBlobGas": "0x0",
    "parentBeaconBlockRoot": "0x" + "00" * 32,
    "requestsHash": "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
}
LENGTHS = [32, 32, 20, 32, 32, 32, 256, None, None, None, None, None, None, 32, 8]
"""Yellow Paper, section 4.3; None for integers and extraData."""
INTEGERS = range(7, 12)
NUMBER, TIMESTAMP, EXTRA_DATA = 8, 11, 12


def genesis_fields() -> list[bytes]:
    return rlp.decode_strings(headers.header_from_rpc(MAINNET_GENESIS))


def parse_fields(fields: list[bytes]) -> headers.Header:
    return headers.parse_header(rlp.encode(fields))


def test_header_from_rpc_mainnet_genesis_has_the_published_hash() -> None:
    header = headers.parse_header(headers.header_from_rpc(MAINNET_GENESIS))
    assert header.block_hash.hex() == MAINNET_GENESIS_HASH
    assert (header.number, header.timestamp) == (0, 0)
    assert "0x" + header.state_root.hex() == MAINNET_GENESIS["stateRoot"]
    assert header.parent_hash == header.mix_hash == bytes(32)
    assert header.extra_data.hex().startswith("11bbe8db")
    assert header.fields == tuple(genesis_fields())


@pytest.mark.parametrize("count", range(7))
def test_header_from_rpc_fields_of_later_forks_are_appended(count: int) -> None:
    later = dict(list(LATER.items())[:count])
    header_rlp = headers.header_from_rpc(MAINNET_GENESIS | later)
    header = headers.parse_header(header_rlp)
    assert len(header.fields) == 15 + count
    assert header.block_hash == keccak(header_rlp)
    assert other_rlp.decode(header_rlp, strict=True) == list(header.fields)


def test_header_from_rpc_null_for_a_later_field_is_no_field() -> None:
    block = MAINNET_GENESIS | dict.fromkeys(LATER)
    assert headers.header_from_rpc(block) == headers.header_from_rpc(MAINNET_GENESIS)


@pytest.mark.parametrize("missing", list(LATER)[:-1])
def test_header_from_rpc_gap_between_forks_is_refused(missing: str) -> None:
    block = {name: value for name, value in (MAINNET_GENESIS | LATER).items() if name != missing}
    with pytest.raises(MalformedProofError, match="without a gap"):
        headers.header_from_rpc(block)


@pytest.mark.parametrize("name", [*list(MAINNET_GENESIS)[:15]])
def test_header_from_rpc_missing_field_is_refused(name: str) -> None:
    block = {key: value for key, value in MAINNET_GENESIS.items() if key != name}
    with pytest.raises(MalformedProofError, match=name):
        headers.header_from_rpc(block)


@pytest.mark.parametrize("value", [None, 0, b"\x00", "", "0x", "00", "0x0g", "0x 0", "0X0", "-0x1"])
def test_header_from_rpc_quantity_that_is_no_hex_is_refused(value: object) -> None:
    with pytest.raises(MalformedProofError, match="number"):
        headers.header_from_rpc(MAINNET_GENESIS | {"number": value})


@pytest.mark.parametrize("value", [None, b"", "", "00", "0x0", "0x0g", "0x 00", "0x00\n"])
def test_header_from_rpc_bytes_that_are_no_hex_are_refused(value: object) -> None:
    with pytest.raises(MalformedProofError, match="extraData"):
        headers.header_from_rpc(MAINNET_GENESIS | {"extraData": value})


@pytest.mark.parametrize("name", ["parentHash", "miner", "logsBloom", "nonce", "mixHash"])
def test_header_from_rpc_field_of_other_length_is_refused(name: str) -> None:
    for value in ("0x", str(MAINNET_GENESIS[name]) + "00", str(MAINNET_GENESIS[name])[:-2]):
        with pytest.raises(MalformedProofError, match=name):
            headers.header_from_rpc(MAINNET_GENESIS | {name: value})


@pytest.mark.parametrize(
    "position", [position for position, size in enumerate(LENGTHS) if size is not None]
)
def test_parse_header_field_of_other_length_is_refused(position: int) -> None:
    for change in (lambda f: f + b"\x01", lambda f: f[:-1], lambda f: b""):
        fields = genesis_fields()
        fields[position] = change(fields[position])
        with pytest.raises(MalformedProofError):
            parse_fields(fields)


@pytest.mark.parametrize("position", INTEGERS)
def test_parse_header_integer_not_minimal_or_too_long_is_refused(position: int) -> None:
    for integer in (b"\x00", b"\x00\x01", b"\x01" + bytes(32)):
        fields = genesis_fields()
        fields[position] = integer
        with pytest.raises(MalformedProofError):
            parse_fields(fields)


@pytest.mark.parametrize("position", [NUMBER, TIMESTAMP])
def test_parse_header_number_or_timestamp_from_2_63_is_refused(position: int) -> None:
    fields = genesis_fields()
    fields[position] = rlp.encode_integer(2**63 - 1)
    header = parse_fields(fields)
    assert 2**63 - 1 in (header.number, header.timestamp)
    fields[position] = rlp.encode_integer(2**63)
    with pytest.raises(MalformedProofError, match="below 2\\^63"):
        parse_fields(fields)


@pytest.mark.parametrize("count", [0, 1, 14, 33, 100])
def test_parse_header_too_few_or_many_fields_are_refused(count: int) -> None:
    fields = (genesis_fields() + [b""] * 100)[:count]
    with pytest.raises(MalformedProofError, match="15 to 32"):
        parse_fields(fields)


def test_parse_header_unknown_later_fields_are_kept() -> None:
    fields = [*genesis_fields(), *[b"\x05" * 32] * 17]
    assert parse_fields(fields).fields == tuple(fields)
    with pytest.raises(MalformedProofError, match="field 31 has 33 bytes"):
        parse_fields([*fields[:-1], b"\x05" * 33])


@pytest.mark.parametrize("position", range(16))
def test_parse_header_list_among_the_fields_is_refused(position: int) -> None:
    item: list[rlp.RlpInput] = [*genesis_fields(), b""]
    item[position] = []
    with pytest.raises(MalformedProofError):
        headers.parse_header(rlp.encode(item))


def test_parse_header_not_canonical_or_no_list_is_refused() -> None:
    header_rlp = headers.header_from_rpc(MAINNET_GENESIS)
    longer_form = b"\xfa\x00" + header_rlp[1:]
    for data in (b"", b"\x80", header_rlp[:-1], header_rlp + b"\x00", longer_form):
        with pytest.raises(MalformedProofError):
            headers.parse_header(data)


def test_parse_header_longer_than_the_limit_is_refused() -> None:
    fields = genesis_fields()
    fields[EXTRA_DATA] = bytes(20_000)
    assert len(parse_fields(fields).extra_data) == 20_000
    fields[EXTRA_DATA] = bytes(headers.MAX_HEADER_BYTES)
    with pytest.raises(MalformedProofError, match="at most 32768 bytes"):
        parse_fields(fields)


@settings(deadline=None)
@given(st.data())
def test_parse_header_any_flipped_bit_changes_the_hash_or_is_refused(data: st.DataObject) -> None:
    header_rlp = headers.header_from_rpc(MAINNET_GENESIS | LATER)
    changed = bytearray(header_rlp)
    position = data.draw(st.integers(0, len(changed) - 1))
    changed[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        header = headers.parse_header(bytes(changed))
    except MalformedProofError:
        return
    assert header.block_hash != keccak(header_rlp)
    assert rlp.encode(list(header.fields)) == bytes(changed)


def test_verify_qbft_header_of_another_chain_is_unsupported() -> None:
    with pytest.raises(UnsupportedFormatError, match="block 0: no QBFT header"):
        headers.verify_qbft(headers.header_from_rpc(MAINNET_GENESIS), {bytes(20)})


def test_verify_qbft_bytes_that_are_no_header_are_refused() -> None:
    with pytest.raises(MalformedProofError):
        headers.verify_qbft(b"\xc0", {bytes(20)})
