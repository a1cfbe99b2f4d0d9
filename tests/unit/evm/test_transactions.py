"""Signed heads read back: exactly what was signed, and nothing that was not."""

import random
from typing import Any

import pytest
import rlp

from ledger.adapters.evm.contract import load_contract
from ledger.adapters.evm.head_anchor import HeadAnchorCalls
from ledger.adapters.evm.reading import EvmTransactions
from ledger.adapters.evm.signing import address_of, sign
from ledger.errors import InputError
from ledger.services.onchain import Call

KEY = b"\x42" * 32
TO = b"\xaa" * 20
CHAIN = 20_261
STREAM, LOG, MAP = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
PATH = [b"\x04" * 32, b"\x05" * 32]
SENDER = address_of(KEY)
READER = EvmTransactions()


def anchor(**changed: Any) -> Call:
    arguments: dict[str, Any] = {
        "stream": STREAM,
        "old_size": 3,
        "new_size": 7,
        "log_root": LOG,
        "map_root": MAP,
        "proof": PATH,
    }
    return HeadAnchorCalls(TO).anchor_call(SENDER, **(arguments | changed))


def opening(**changed: Any) -> Call:
    arguments: dict[str, Any] = {
        "stream": STREAM,
        "expected_epoch": 0,
        "vrf_key": 2,
        "map_function": 1,
        "size": 9,
        "log_root": LOG,
        "map_root": MAP,
    }
    return HeadAnchorCalls(TO).open_call(SENDER, **(arguments | changed))


def signed(data: bytes, **changed: Any) -> bytes:
    arguments: dict[str, Any] = {"chain_id": CHAIN, "nonce": 5, "to": TO, "gas": 1_000_000}
    return sign(KEY, data=data, **(arguments | changed)).raw


def test_read_head_of_an_anchor_gives_what_was_signed() -> None:
    found = READER.read_head(signed(anchor().data))
    assert (found.sender, found.chain_id, found.nonce, found.to) == (SENDER, CHAIN, 5, TO)
    assert (found.is_open, found.stream, found.old_size, found.new_size) == (False, STREAM, 3, 7)
    assert (found.log_root, found.map_root, found.proof) == (LOG, MAP, tuple(PATH))
    assert (found.vrf_key, found.map_function) == (None, None)


def test_read_head_of_an_opening_gives_what_was_signed() -> None:
    found = READER.read_head(signed(opening().data))
    assert (found.is_open, found.old_size, found.new_size, found.proof) == (True, 0, 9, ())
    assert (found.vrf_key, found.map_function) == (2, 1)
    assert (found.log_root, found.map_root) == (LOG, MAP)


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 2**64 - 2])
def test_read_head_gives_every_nonce(nonce: int) -> None:
    assert READER.read_head(signed(anchor().data, nonce=nonce)).nonce == nonce


def test_read_head_of_any_flipped_bit_is_refused_or_of_another_signer() -> None:
    raw = signed(anchor().data)
    for bit in random.Random(3).sample(range(len(raw) * 8), 600):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            assert READER.read_head(bytes(changed)).sender != SENDER, bit
        except InputError:
            pass


def fields() -> list[bytes]:
    decoded: list[bytes] = rlp.decode(signed(anchor().data))
    return decoded


def replaced(place: int, value: bytes) -> bytes:
    changed = fields()
    changed[place] = value
    return bytes(rlp.encode(changed))


CONFIRM = load_contract("HeadAnchor").encode("confirm", [STREAM, 1, MAP])
REFUSED = {
    "nothing": b"",
    "text": b"raw",
    "a typed transaction": b"\x02" + signed(anchor().data),
    "a cut one": signed(anchor().data)[:-1],
    "one with more behind it": signed(anchor().data) + b"\x00",
    "too few fields": rlp.encode(fields()[:8]),
    "too many fields": rlp.encode([*fields(), b""]),
    "a list for a field": rlp.encode([[], *fields()[1:]]),
    "a nonce with a zero in front": replaced(0, b"\x00\x05"),
    "a gas price": replaced(1, b"\x01"),
    "a value": replaced(4, b"\x01"),
    "no chain": replaced(6, b"\x1b"),
    "a signature of zeros": replaced(7, b""),
    "no call": signed(b""),
    "another function": signed(CONFIRM),
    "a cut call": signed(anchor().data[:-32]),
    "a call with more behind it": signed(anchor().data + bytes(32)),
}


@pytest.mark.parametrize("what", REFUSED)
def test_read_head_of_anything_else_is_refused(what: str) -> None:
    with pytest.raises(InputError):
        READER.read_head(REFUSED[what])
