import pytest
import rlp as other_rlp
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.chain import rlp
from ledger.errors import MalformedProofError

ITEMS = st.recursive(
    st.binary(max_size=70), lambda child: st.lists(child, max_size=6), max_leaves=40
)

PUBLISHED = [
    (b"dog", "83646f67"),
    ([b"cat", b"dog"], "c88363617483646f67"),
    (b"", "80"),
    ([], "c0"),
    (b"\x00", "00"),
    (b"\x0f", "0f"),
    (b"\x80", "8180"),
    (b"\x04\x00", "820400"),
    ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
    (b"x" * 55, "b7" + "78" * 55),
    (b"x" * 56, "b838" + "78" * 56),
    (b"x" * 256, "b90100" + "78" * 256),
    ([b"x" * 55], "f838b7" + "78" * 55),
]

REFUSED = {
    "empty": "",
    "trailing byte": "8000",
    "trailing byte after a list": "c000",
    "single byte with a prefix": "8100",
    "single byte 0x7f with a prefix": "817f",
    "single byte with a prefix in a list": "c28105",
    "string cut short": "83646f",
    "string without its bytes": "81",
    "list cut short": "c883636174",
    "item longer than its list": "c283646f67",
    "long form for a short string": "b837" + "78" * 55,
    "long form for one byte": "b80178",
    "long form for an empty string": "b800",
    "length with a leading zero": "b90038" + "78" * 56,
    "length cut short": "b9",
    "length cut short in the middle": "b901",
    "no bytes behind a length": "b838",
    "long form for a short list": "f801c0",
    "long form for an empty list": "f800",
    "list length with a leading zero": "f90038" + "80" * 56,
    "list length cut short": "f9ff",
    "length of 2^64 - 1": "bfffffffffffffffff",
    "list length of 2^64 - 1": "ffffffffffffffffff",
    "length reaching out of the list": "c3b8387878",
}


@pytest.mark.parametrize(("item", "encoding"), PUBLISHED)
def test_encode_published_example_gives_published_bytes(item: rlp.RlpItem, encoding: str) -> None:
    assert rlp.encode(item).hex() == encoding
    assert rlp.decode(bytes.fromhex(encoding)) == item


@pytest.mark.parametrize("encoding", REFUSED.values(), ids=REFUSED.keys())
def test_decode_other_than_the_one_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(MalformedProofError):
        rlp.decode(bytes.fromhex(encoding))


@settings(deadline=None)
@given(ITEMS)
def test_decode_encoded_item_gives_item_and_equals_other_implementation(item: rlp.RlpItem) -> None:
    encoding = rlp.encode(item)
    assert encoding == other_rlp.encode(item)
    assert rlp.decode(encoding, max_depth=100) == item


@settings(deadline=None, max_examples=400)
@given(
    st.one_of(
        st.binary(max_size=12),
        st.lists(
            st.sampled_from(
                [b"\x00", b"\x7f", b"\x80", b"\x81", b"\xb8", b"\xc0", b"\xc1", b"\xf8"]
            ),
            max_size=10,
        ).map(b"".join),
    )
)
def test_decode_any_bytes_accepts_what_other_implementation_accepts(data: bytes) -> None:
    try:
        expected = other_rlp.decode(data, strict=True)
    except other_rlp.exceptions.DecodingError:
        with pytest.raises(MalformedProofError):
            rlp.decode(data)
        return
    item = rlp.decode(data)
    assert item == expected
    assert rlp.encode(item) == data


@settings(deadline=None)
@given(ITEMS, st.data())
def test_decode_changed_encoding_never_gives_the_same_item(
    item: rlp.RlpItem, data: st.DataObject
) -> None:
    encoding = rlp.encode(item)
    position = data.draw(st.integers(0, len(encoding) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(encoding)
    changed[position] ^= 1 << bit
    try:
        assert rlp.decode(bytes(changed), max_depth=100) != item
    except MalformedProofError:
        pass


def test_decode_every_cut_is_refused() -> None:
    encoding = rlp.encode([b"a" * 60, [b"b", []], b""])
    for size in range(len(encoding)):
        with pytest.raises(MalformedProofError):
            rlp.decode(encoding[:size])


def test_decode_too_deep_is_refused_at_the_limit() -> None:
    assert rlp.decode(b"\xc2\xc1\xc0", max_depth=3) == [[[]]]
    with pytest.raises(MalformedProofError, match="too deep"):
        rlp.decode(b"\xc2\xc1\xc0", max_depth=2)
    with pytest.raises(MalformedProofError, match="too deep"):
        rlp.decode(b"\xc0", max_depth=0)
    assert rlp.decode(b"\x05", max_depth=0) == b"\x05"


def test_decode_depth_bomb_is_refused_without_recursion_error() -> None:
    bomb = rlp.encode(b"x" * 256)
    for _ in range(5000):
        bomb = b"\xf9" + len(bomb).to_bytes(2, "big") + bomb
    with pytest.raises(MalformedProofError, match="too deep"):
        rlp.decode(bomb)


def test_decode_too_long_is_refused_at_the_limit() -> None:
    encoding = rlp.encode(b"x" * 98)
    assert rlp.decode(encoding, max_bytes=100) == b"x" * 98
    with pytest.raises(MalformedProofError, match="expected at most 99 bytes, found 100"):
        rlp.decode(encoding, max_bytes=99)
    with pytest.raises(MalformedProofError):
        rlp.decode(rlp.encode(b"x" * rlp.MAX_BYTES))


def test_decode_string_list_is_refused() -> None:
    assert rlp.decode_string(b"\x83dog") == b"dog"
    with pytest.raises(MalformedProofError, match="found a list"):
        rlp.decode_string(b"\xc0")


def test_decode_strings_other_shapes_are_refused() -> None:
    assert rlp.decode_strings(b"\xc2\x80\x05") == [b"", b"\x05"]
    assert rlp.decode_strings(b"\xc0") == []
    for encoding in (b"\x80", b"\xc1\xc0", b"\xc2\xc1\xc0"):
        with pytest.raises(MalformedProofError):
            rlp.decode_strings(encoding)


@settings(deadline=None)
@given(st.integers(0, 2**256 - 1))
def test_parse_integer_encoded_integer_gives_integer(value: int) -> None:
    string = rlp.encode_integer(value)
    assert string == other_rlp.sedes.big_endian_int.serialize(value)
    assert rlp.parse_integer(string, max_bytes=32, what="value") == value


@pytest.mark.parametrize("string", [b"\x00", b"\x00\x01", b"\x01" + bytes(32)])
def test_parse_integer_not_minimal_or_too_long_is_refused(string: bytes) -> None:
    with pytest.raises(MalformedProofError, match="value"):
        rlp.parse_integer(string, max_bytes=32, what="value")
