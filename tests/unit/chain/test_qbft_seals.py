"""QBFT seals: headers of a real network, and every way in which a header is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.consortium import (
    BROKEN,
    KEYS,
    VALIDATORS,
    VANITY,
    SealedBlock,
)

from ledger.core.chain import qbft
from ledger.core.headers import header_from_rpc, verify_qbft
from ledger.errors import (
    LedgerError,
    MalformedProofError,
    TooFewSealsError,
    UnsupportedFormatError,
    WrongValidatorsError,
)

TRUSTED = frozenset(VALIDATORS)
CAPTURED = json.loads((Path(__file__).parent / "qbft_network.json").read_bytes())
NETWORK = frozenset(bytes.fromhex(one[2:]) for one in CAPTURED["validators"])


@pytest.mark.parametrize("block", CAPTURED["blocks"], ids=lambda block: block["number"])
def test_header_of_a_real_network_verifies_with_four_of_five_seals(block: dict[str, Any]) -> None:
    sealed = verify_qbft(header_from_rpc(block), NETWORK)
    assert sealed.block_hash.hex() == block["hash"][2:]
    assert sealed.number == int(block["number"], 16)
    assert sealed.timestamp == int(block["timestamp"], 16)
    assert sealed.state_root.hex() == block["stateRoot"][2:]
    assert len(sealed.signers) == 4
    assert sealed.signers < NETWORK


def test_two_nodes_hold_other_seals_of_one_block_and_both_verify() -> None:
    by_hash: dict[str, set[frozenset[bytes]]] = {}
    for block in CAPTURED["blocks"]:
        sealed = verify_qbft(header_from_rpc(block), NETWORK)
        by_hash.setdefault(block["hash"], set()).add(sealed.signers)
    assert any(len(sets) > 1 for sets in by_hash.values())


def test_genesis_of_a_real_network_has_no_seals_and_is_refused() -> None:
    with pytest.raises(TooFewSealsError, match="found 0"):
        verify_qbft(header_from_rpc(CAPTURED["genesis"]), NETWORK)


@pytest.mark.parametrize("count", [4, 5])
@pytest.mark.parametrize("round_number", [0, 1, 255, 2**24 - 1])
def test_paper_header_verifies(count: int, round_number: int) -> None:
    block = SealedBlock({}, sealers=KEYS[:count], round=round_number, timestamp=9)
    sealed = verify_qbft(block.header, TRUSTED)
    assert sealed.block_hash == block.block_hash
    assert sealed.signers == frozenset(VALIDATORS[:count])


LATER = (b"", b"\x01" * 32, b"", b"", bytes(32), b"\x02" * 32)
"""London without a fee, Shanghai, Cancun (three fields), Prague."""


@pytest.mark.parametrize("count", range(1, len(LATER) + 1))
def test_sealed_header_of_a_later_evm_verifies(count: int) -> None:
    block = SealedBlock({}, later_fields=LATER[:count])
    sealed = verify_qbft(block.header, TRUSTED)
    assert sealed.block_hash == block.block_hash != SealedBlock({}).block_hash


@pytest.mark.parametrize("vote", [[VALIDATORS[0], b""], [bytes(20), b"\xff"]])
def test_header_with_a_vote_verifies_and_the_vote_is_read(vote: list[bytes]) -> None:
    block = SealedBlock({}, vote=vote)
    assert verify_qbft(block.header, TRUSTED).block_hash == block.block_hash
    extra = qbft.parse_extra(block.extra(0, []))
    assert extra.vote == qbft.Vote(vote[0], adds=vote[1] == b"\xff")


@pytest.mark.parametrize(
    ("validators", "enough"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (10, 7)]
)
def test_quorum_is_two_thirds_rounded_up(validators: int, enough: int) -> None:
    everybody = frozenset(bytes([number]) * 20 for number in range(validators))
    qbft.require_quorum(frozenset(sorted(everybody)[:enough]), everybody)
    with pytest.raises(TooFewSealsError, match=f"expected {enough} distinct"):
        qbft.require_quorum(frozenset(sorted(everybody)[: enough - 1]), everybody)


def test_nobody_trusted_is_no_quorum() -> None:
    with pytest.raises(TooFewSealsError, match="expected 1 distinct validators, found 0"):
        qbft.require_quorum(frozenset(), frozenset())


@pytest.mark.parametrize("name", BROKEN)
def test_header_is_refused(name: str) -> None:
    changes, code = BROKEN[name]
    with pytest.raises(LedgerError) as caught:
        verify_qbft(SealedBlock({}, **changes).header, TRUSTED)
    assert caught.value.code == code


def raw(*items: Any) -> bytes:
    """A header whose extraData are these items."""
    return SealedBlock({}).with_extra(rlp.encode(list(items)))


SEALS = SealedBlock({}).seals
ODD: dict[str, tuple[bytes, type[LedgerError]]] = {
    "four items": (raw(VANITY, VALIDATORS, [], b""), MalformedProofError),
    "six items": (raw(VANITY, VALIDATORS, [], b"", SEALS, b""), MalformedProofError),
    "a vanity of 31 bytes": (raw(VANITY[1:], VALIDATORS, [], b"", SEALS), MalformedProofError),
    "a vanity that is a list": (raw([], VALIDATORS, [], b"", SEALS), MalformedProofError),
    "a round with a leading zero": (
        raw(VANITY, VALIDATORS, [], b"\x00\x01", SEALS),
        MalformedProofError,
    ),
    "a round that is a list": (raw(VANITY, VALIDATORS, [], [], SEALS), MalformedProofError),
    "validators that are a string": (raw(VANITY, b"", [], b"", SEALS), MalformedProofError),
    "seals that are a string": (raw(VANITY, VALIDATORS, [], b"", b""), MalformedProofError),
    "lists among the seals": (raw(VANITY, VALIDATORS, [], b"", [[]]), MalformedProofError),
    "deeper lists": (raw(VANITY, [[[]]], [], b"", SEALS), MalformedProofError),
    "201 validators": (raw(VANITY, [bytes(20)] * 201, [], b"", SEALS), MalformedProofError),
    "seals before the round": (raw(VANITY, VALIDATORS, [], SEALS, b""), MalformedProofError),
    "bytes after the list": (
        SealedBlock({}).with_extra(SealedBlock({}).extra(0, SEALS) + b"\x00"),
        MalformedProofError,
    ),
    "bytes missing": (
        SealedBlock({}).with_extra(SealedBlock({}).extra(0, SEALS)[:-1]),
        MalformedProofError,
    ),
    "nothing": (SealedBlock({}).with_extra(b""), MalformedProofError),
    "no list": (SealedBlock({}).with_extra(VANITY), MalformedProofError),
    "IBFT 2.0 without a vote": (
        raw(VANITY, VALIDATORS, b"", bytes(4), SEALS),
        UnsupportedFormatError,
    ),
    "IBFT 2.0 with a vote": (
        raw(VANITY, VALIDATORS, [VALIDATORS[0], b"\xff"], b"\x00\x00\x00\x01", SEALS),
        UnsupportedFormatError,
    ),
    "the first Istanbul protocol": (
        SealedBlock({}).with_extra(VANITY + rlp.encode([VALIDATORS, SEALS[0], SEALS])),
        UnsupportedFormatError,
    ),
    "no header": (b"\xc0", MalformedProofError),
    "no bytes": (b"", MalformedProofError),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_header_is_refused(name: str) -> None:
    content, expected = ODD[name]
    with pytest.raises(expected):
        verify_qbft(content, TRUSTED)


def test_header_is_refused_under_another_trusted_set() -> None:
    header = SealedBlock({}).header
    for trusted in (
        TRUSTED - {VALIDATORS[4]},
        TRUSTED | {bytes(20)},
        (TRUSTED - {VALIDATORS[0]}) | {bytes(20)},
        frozenset(),
    ):
        with pytest.raises(WrongValidatorsError):
            verify_qbft(header, trusted)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_any_flipped_bit_is_refused_or_leaves_another_block(data: st.DataObject) -> None:
    """A flipped bit of a seal may only cost a seal; every other one breaks them all."""
    header = SealedBlock({}, timestamp=7).header
    changed = bytearray(header)
    changed[data.draw(st.integers(0, len(header) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(LedgerError):
        verify_qbft(bytes(changed), TRUSTED)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300))
def test_extra_data_of_any_bytes_is_read_or_refused(content: bytes) -> None:
    try:
        extra = qbft.parse_extra(content)
    except MalformedProofError:
        return
    assert extra.encode(extra.round, extra.seals) == content
