"""The one spelling of an entry, and everything that is not it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core import canonical
from ledger.core.stream.entry import Entry, encode_entry, opening_entry, parse_entry
from ledger.core.types import MAX_SAFE_INTEGER, STREAMS
from ledger.errors import MalformedRecordError

EVENT, KEY = b"\xab" * 32, b"\x01" * 32
TEXT = (
    b'{"event":"' + b"ab" * 32 + b'","key":"' + b"01" * 32 + b'","op":"put","replaces":null,"v":1}'
)
ENTRIES = st.builds(
    Entry,
    event=st.binary(min_size=32, max_size=32),
    key=st.binary(min_size=32, max_size=32),
    op=st.sampled_from(["put", "drop"]),
    replaces=st.none() | st.integers(0, MAX_SAFE_INTEGER),
)


@given(ENTRIES)
def test_entry_round_trip_keeps_it_and_is_canonical_json(entry):
    data = encode_entry(entry)
    assert parse_entry(data) == entry
    assert canonical.encode(canonical.decode(data)) == data


def test_encode_entry_is_byte_for_byte_the_fixed_form():
    assert encode_entry(Entry(EVENT, KEY, "put", None)) == TEXT


def test_every_changed_byte_gives_another_entry_or_a_refusal():
    entry = parse_entry(TEXT)
    for position in range(len(TEXT)):
        for bit in range(8):
            changed = bytearray(TEXT)
            changed[position] ^= 1 << bit
            try:
                assert parse_entry(bytes(changed)) != entry
            except MalformedRecordError:
                continue


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"ab", b"AB"),
        (b"ab", b"a"),
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":1.0'),
        (b'"v":1', b'"v":1,"w":1'),
        (b'"v":1', b'"v":true'),
        (b":null", b": null"),
        (b":null", b":00"),
        (b":null", b":01"),
        (b":null", b":-1"),
        (b":null", b":+1"),
        (b":null", b":1.0"),
        (b":null", b":1e3"),
        (b":null", b':"1"'),
        (b":null", b":9007199254740992"),
        (b":null", b":9999999999999999"),
        (b":null", b":10000000000000000"),
        (b":null", ":\uff11".encode()),
        (b":null", ":\u0661".encode()),
        (b":null", b":-0"),
        (b":null", b":1_0"),
        (b'"01', b'"0X'),
        (b'"put"', b'"\\u0070ut"'),
        (b":null", b":false"),
        (b'"put"', b'"PUT"'),
        (b'"put"', b'"amend"'),
        (b'"event"', b'"Event"'),
        (b'"op":"put",', b""),
        (b"}", b"}\n"),
        (b"}", b"}\x00"),
        (b"}", b"}}"),
        (b"{", b" {"),
        (b"{", b"\xef\xbb\xbf{"),
        (b'{"event"', b'{"a":1,"event"'),
    ],
)
def test_parse_entry_another_spelling_is_refused(old, new):
    assert old in TEXT
    with pytest.raises(MalformedRecordError):
        parse_entry(TEXT.replace(old, new, 1))


def test_parse_entry_members_in_another_order_are_refused():
    with pytest.raises(MalformedRecordError):
        parse_entry(TEXT.replace(b'"op":"put","replaces":null', b'"replaces":null,"op":"put"'))


def test_parse_entry_replaces_limits_are_exact():
    for text, value in ((b"0", 0), (b"9007199254740991", MAX_SAFE_INTEGER)):
        assert parse_entry(TEXT.replace(b"null", text)).replaces == value


@given(st.binary(max_size=250))
def test_parse_entry_any_bytes_parse_or_raise_malformed_record(data):
    try:
        assert encode_entry(parse_entry(data)) == data
    except MalformedRecordError:
        return


@pytest.mark.parametrize(
    "fields",
    [
        (EVENT[1:], KEY, "put", None),
        (EVENT, KEY + b"\x00", "put", None),
        (EVENT, KEY, "amend", None),
        (EVENT, KEY, "put", -1),
        (EVENT, KEY, "put", MAX_SAFE_INTEGER + 1),
    ],
)
def test_entry_outside_its_grammar_cannot_be_made(fields):
    with pytest.raises(MalformedRecordError):
        Entry(*fields)


@pytest.mark.parametrize("stream", STREAMS)
def test_opening_entry_is_the_fixed_text_and_no_entry(stream):
    for generation in (1, 4294967295):
        data = opening_entry("310000", stream, generation)
        assert data == f"credit-ledger/open/v1\n310000\n{stream}\n{generation}\n".encode()
        with pytest.raises(MalformedRecordError):
            parse_entry(data)


@pytest.mark.parametrize(
    ("region", "stream", "vrf_key"),
    [
        ("31000", "records", 1),
        ("3100000", "records", 1),
        ("31000a", "records", 1),
        ("31000\uff10", "records", 1),
        ("310000\n", "records", 1),
        ("310000", "Records", 1),
        ("310000", "records\n", 1),
        ("310000", "", 1),
        ("310000", "records", 0),
        ("310000", "records", -1),
        ("310000", "records", 2**32),
    ],
)
def test_opening_entry_outside_its_grammar_is_refused(region, stream, vrf_key):
    with pytest.raises(MalformedRecordError):
        opening_entry(region, stream, vrf_key)
