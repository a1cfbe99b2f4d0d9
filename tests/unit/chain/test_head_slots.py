import pytest
from eth_abi.packed import encode_packed
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.chain import head_slots
from ledger.core.chain.head_slots import Head, Status
from ledger.errors import LedgerError, MalformedProofError, MalformedRecordError, UnsetHeadError

STREAM = head_slots.stream_id("310000", "records")
LOG_ROOT = b"\x11" * 32
MAP_ROOT = b"\x22" * 32
U64 = st.integers(1, 2**64 - 1)
U32 = st.integers(0, 2**32 - 1)


def head(**changes: object) -> Head:
    fields: dict[str, object] = {
        "size": 1,
        "epoch": 1,
        "anchored_at": 1,
        "map_function": 1,
        "vrf_key": 1,
        "log_root": LOG_ROOT,
        "map_root": MAP_ROOT,
    }
    return Head(**{**fields, **changes})  # type: ignore[arg-type]


def test_stream_id_equals_formula_of_the_format() -> None:
    expected = keccak(b"credit-ledger/stream/v1\x00310000\x00records")
    assert STREAM == expected
    streams = {
        head_slots.stream_id(region, stream)
        for region in ("310000", "320000")
        for stream in ("records", "restricted", "queries")
    }
    assert len(streams) == 6


@pytest.mark.parametrize(
    ("region", "stream"),
    [
        ("31000", "records"),
        ("3100000", "records"),
        ("310000\n", "records"),
        ("３１００００", "records"),
        ("", "records"),
        ("310000", "record"),
        ("310000", ""),
        ("310000", "records\x00"),
    ],
)
def test_stream_id_outside_grammar_is_refused(region: str, stream: str) -> None:
    with pytest.raises(MalformedRecordError):
        head_slots.stream_id(region, stream)


def test_head_slots_equal_solidity_mapping_rule() -> None:
    base = int.from_bytes(keccak(encode_packed(["bytes32", "uint256"], [STREAM, 7])), "big")
    expected = tuple(((base + offset) % 2**256).to_bytes(32, "big") for offset in range(3))
    assert head_slots.head_slots(7, STREAM) == expected


def test_confirmation_slot_equals_nested_mapping_rule() -> None:
    inner = keccak(encode_packed(["bytes32", "uint256"], [STREAM, 5]))
    expected = keccak(encode_packed(["uint256", "bytes32"], [3, inner]))
    assert head_slots.confirmation_slot(5, STREAM, 3) == expected


def test_status_slot_is_the_padded_slot() -> None:
    assert head_slots.status_slot(258) == bytes(30) + b"\x01\x02"


@pytest.mark.parametrize("slot", [-1, 2**256])
def test_slots_out_of_range_are_refused(slot: int) -> None:
    for call in (
        lambda: head_slots.status_slot(slot),
        lambda: head_slots.head_slots(slot, STREAM),
        lambda: head_slots.confirmation_slot(slot, STREAM, 0),
        lambda: head_slots.confirmation_slot(0, STREAM, slot),
    ):
        with pytest.raises(MalformedProofError):
            call()


@pytest.mark.parametrize("stream", [b"", STREAM[:31], STREAM + b"\x00"])
def test_slots_with_short_or_long_stream_id_are_refused(stream: bytes) -> None:
    with pytest.raises(MalformedProofError):
        head_slots.head_slots(0, stream)
    with pytest.raises(MalformedProofError):
        head_slots.confirmation_slot(0, stream, 0)


def test_lane_position_walks_words_low_to_high() -> None:
    positions = [head_slots.lane_position(mirror) for mirror in range(9)]
    assert positions == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0)]
    with pytest.raises(MalformedProofError):
        head_slots.lane_position(-1)


def test_lanes_split_low_to_high() -> None:
    assert head_slots.lanes(1 | 2 << 64 | 3 << 128 | (4 + head_slots.CONTRADICTION) << 192) == (
        1,
        2,
        3,
        4 + 2**63,
    )
    assert head_slots.lanes(0) == (0, 0, 0, 0)
    for word in (-1, 2**256):
        with pytest.raises(MalformedProofError):
            head_slots.lanes(word)


@settings(deadline=None)
@given(U64, st.integers(1, 2**63 - 1), U64, U32, U32)
def test_unpack_head_packed_head_gives_head(
    size: int, epoch: int, anchored_at: int, map_function: int, vrf_key: int
) -> None:
    packed = encode_packed(
        ["uint32", "uint32", "uint64", "uint64", "uint64"],
        [vrf_key, map_function, anchored_at, epoch, size],
    )
    expected = Head(size, epoch, anchored_at, map_function, vrf_key, LOG_ROOT, MAP_ROOT)
    word0 = int.from_bytes(packed, "big")
    roots = int.from_bytes(LOG_ROOT, "big"), int.from_bytes(MAP_ROOT, "big")
    assert head_slots.unpack_head(word0, *roots) == expected
    assert head_slots.pack_head_word0(expected) == word0


def test_unpack_head_empty_map_is_read() -> None:
    word0 = head_slots.pack_head_word0(head())
    assert head_slots.unpack_head(word0, 1, 0).map_root == bytes(32)


def test_unpack_head_unset_words_never_read_as_an_empty_map() -> None:
    word0 = head_slots.pack_head_word0(head())
    for words in ((0, 0, 0), (word0, 0, 0), (word0, 0, 1), (0, 1, 0), (0, 1, 1)):
        with pytest.raises(UnsetHeadError):
            head_slots.unpack_head(*words)


@pytest.mark.parametrize("shift", [0, 64, 128])
def test_unpack_head_zero_size_epoch_or_time_is_refused(shift: int) -> None:
    word0 = head_slots.pack_head_word0(head()) & ~((2**64 - 1) << shift)
    with pytest.raises(UnsetHeadError):
        head_slots.unpack_head(word0, 1, 1)


@pytest.mark.parametrize(
    "words", [(-1, 1, 1), (2**256, 1, 1), (1, 2**256, 1), (1, -1, 1), (1, 1, 2**256)]
)
def test_unpack_head_word_out_of_range_is_refused(words: tuple[int, int, int]) -> None:
    with pytest.raises(MalformedProofError):
        head_slots.unpack_head(*words)


@pytest.mark.parametrize(
    "changes",
    [
        {"size": 2**64},
        {"size": -1},
        {"epoch": 2**63},
        {"anchored_at": 2**64},
        {"map_function": 2**32},
        {"vrf_key": -1},
        {"log_root": LOG_ROOT[:31]},
        {"map_root": MAP_ROOT + b"\x00"},
    ],
)
def test_head_out_of_range_cannot_be_made(changes: dict[str, object]) -> None:
    with pytest.raises(LedgerError):
        head(**changes)


def test_unpack_status_running_without_successor_is_read() -> None:
    status = head_slots.unpack_status(1 << 160)
    assert status == Status(successor=bytes(20), state=head_slots.RUNNING)
    assert not status.has_successor


def test_unpack_status_paused_with_successor_is_read() -> None:
    successor = bytes(range(1, 21))
    status = head_slots.unpack_status(2 << 160 | int.from_bytes(successor, "big"))
    assert status == Status(successor=successor, state=head_slots.PAUSED)
    assert status.has_successor


@pytest.mark.parametrize("word", [0, 1, 3 << 160, 1 << 168 | 1 << 160, 2**256 - 1, 2**256, -1])
def test_unpack_status_other_word_is_refused(word: int) -> None:
    with pytest.raises(MalformedProofError):
        head_slots.unpack_status(word)
