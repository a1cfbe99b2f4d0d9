"""Canonical JSON against the rfc8785 library, and every spelling that is not the canonical one."""

import contextlib

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.canonical import MAX_ENCODE_DEPTH, decode, encode, encode_scalar
from ledger.core.types import MAX_SAFE_INTEGER
from ledger.errors import CanonicalizationError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
NAMES = st.text(st.sampled_from('az\x00"\\\n\x7f\u20ac\ud7ff\ue000\uffff\U00010000\U0001f600'))
VALUES = st.recursive(
    SCALARS,
    lambda child: st.lists(child, max_size=4) | st.dictionaries(NAMES, child, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_encode_any_value_equals_rfc8785(value):
    assert encode(value) == rfc8785.dumps(value)


@given(VALUES)
def test_decode_of_encode_gives_the_value(value):
    assert decode(encode(value), max_depth=64) == value


@given(st.binary(max_size=40))
def test_decode_any_bytes_gives_their_own_encoding_or_refuses(data):
    try:
        value = decode(data)
    except CanonicalizationError:
        return
    assert encode(value) == data


def test_encode_tuple_is_an_array():
    assert encode((1, ("a",))) == b'[1,["a"]]'


def test_encode_names_in_utf16_order_not_code_point_order():
    # RFC 8785, section 3.2.3: a surrogate pair sorts before U+E000 .. U+FFFF.
    assert encode({"\ufb33": 1, "\U0001f600": [{"\U0001f600": 3, "\uffff": 4}]}) == (
        '{"\U0001f600":[{"\U0001f600":3,"\uffff":4}],"\ufb33":1}'.encode()
    )


def test_encode_escapes_follow_section_3_2_2_2():
    text = '\u20ac$\u000f\nA\'B"\\"/\x7f\u2028\b\t\f\r'
    assert encode(text) == '"€$\\u000f\\nA\'B\\"\\\\\\"/\x7f\u2028\\b\\t\\f\\r"'.encode()


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        MAX_SAFE_INTEGER + 1,
        -MAX_SAFE_INTEGER - 1,
        2**4000,
        b"bytes",
        {1},
        object(),
        {1: "a"},
        {None: 1},
        {True: 1},
        [{"a": [1.5]}],
        "\ud800",
        {"\udfff": 1},
        {"\udfff": 1, "\U0001f600": 2},
    ],
)
def test_encode_what_jcs_cannot_say_is_refused(value):
    with pytest.raises(CanonicalizationError):
        encode(value)


def _nested(levels):
    value = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


def test_encode_depth_limit_is_exact():
    assert decode(encode(_nested(MAX_ENCODE_DEPTH)), max_depth=MAX_ENCODE_DEPTH)
    with pytest.raises(CanonicalizationError, match="nesting"):
        encode(_nested(MAX_ENCODE_DEPTH + 1))


def test_encode_value_within_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(CanonicalizationError, match="nesting"):
        encode(loop)


def test_refusal_never_names_the_value():
    with pytest.raises(CanonicalizationError) as caught:
        encode({"subject": "91310000MA1FL1J56K\ud800"})
    assert "91310000" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1 ",
        b"1\n",
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b"[1,]",
        b"[1][2]",
        b"1.0",
        b"1e2",
        b"1E2",
        b"-0",
        b"01",
        b"+1",
        b"0x10",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"9007199254740992",
        b"-9007199254740992",
        b"9" * 10**5,
        b"-" + b"9" * 10**5,
        b"1e" + b"9" * 10**5,
        b"0." + b"9" * 10**5,
        b"[1e400]",
        b"1e-7",
        b'"\\/"',
        b'"\\u0041"',
        b'"\\u000F"',
        b'"\\u000a"',
        b'"\n"',
        b'"\\ud800"',
        b'"\\ud83d\\ude00"',
        b'{"\\udfff":1}',
        b"\xef\xbb\xbf1",
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b"'a'",
        b"nul",
        b'"open',
        b'"open\\',
        '{"\ufb33":1,"\U0001f600":2}'.encode(),
        "１".encode(),
    ],
)
def test_decode_another_spelling_is_refused(data):
    with pytest.raises(CanonicalizationError):
        decode(data)


def test_decode_integers_at_the_limits_are_accepted():
    assert decode(b"[-9007199254740991,9007199254740991]") == [-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER]


def test_decode_depth_limit_is_exact():
    assert decode(b"[" * 16 + b"]" * 16)
    for bomb in (b"[" * 17 + b"]" * 17, b'{"a":' * 17 + b"1" + b"}" * 17, b"[" * 10**6):
        with pytest.raises(CanonicalizationError, match="levels"):
            decode(bomb)
    with pytest.raises(CanonicalizationError, match="levels"):
        decode(b"[[]]", max_depth=1)


def test_decode_depth_beyond_what_is_encoded_is_refused_whatever_the_limit():
    for levels in (MAX_ENCODE_DEPTH + 1, 10**6):
        with pytest.raises(CanonicalizationError, match="at most 64 levels"):
            decode(b"[" * levels + b"]" * levels, max_depth=10**7)


@pytest.mark.parametrize("text", ["[" * 50, '"' + "[" * 50, "\\" + "{" * 50, "]" * 50 + "[" * 50])
def test_decode_brackets_within_text_are_no_levels(text):
    assert decode(encode([text])) == [text]


def test_decode_bomb_behind_closing_brackets_is_refused_without_recursion():
    with pytest.raises(CanonicalizationError):
        decode(b"]" * 10**6 + b"[" * 10**6)
    with pytest.raises(CanonicalizationError):
        decode(b"[]" + b"]" * 10**6 + b"[" * 10**6)


def test_decode_many_escaped_quotes_without_end_is_refused():
    with pytest.raises(CanonicalizationError):
        decode(b'"' + b'\\"' * 10**6)


def test_decode_size_limit_is_exact():
    assert decode(b'"aa"', max_bytes=4) == "aa"
    with pytest.raises(CanonicalizationError, match="at most 3 bytes, found 4"):
        decode(b'"aa"', max_bytes=3)


def test_decode_depth_of_siblings_does_not_add_up():
    siblings = b"[],{}," * 40
    assert decode(b"[" + siblings + b"[" * 15 + b"]" * 16)
    with pytest.raises(CanonicalizationError, match="levels"):
        decode(b"[" + siblings + b"[" * 16 + b"]" * 17)


def test_decode_depth_zero_accepts_a_scalar_only():
    assert decode(b"1", max_depth=0) == 1
    with pytest.raises(CanonicalizationError, match="at most 0 levels"):
        decode(b"[]", max_depth=0)


def test_decode_size_limit_is_four_mebibytes_by_default():
    largest = b'"' + b"a" * ((4 << 20) - 2) + b'"'
    assert len(decode(largest)) == (4 << 20) - 2
    with pytest.raises(CanonicalizationError, match="at most 4194304 bytes"):
        decode(largest + b" ")


@given(SCALARS | st.text())
def test_encode_scalar_is_what_stands_in_the_whole(value):
    try:
        whole = encode([value])
    except CanonicalizationError:
        with pytest.raises(UnicodeEncodeError):
            encode_scalar(value).encode()
    else:
        assert f"[{encode_scalar(value)}]".encode() == whole


@pytest.mark.parametrize("value", [MAX_SAFE_INTEGER + 1, -MAX_SAFE_INTEGER - 1, 2**64])
def test_encode_scalar_large_integer_is_refused(value):
    with pytest.raises(CanonicalizationError):
        encode_scalar(value)


TRICKY = st.text(st.sampled_from('[]{}"\\,:a\n'), max_size=12)


def _depth(value):
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


@given(
    st.recursive(
        TRICKY,
        lambda inner: st.lists(inner, max_size=9) | st.dictionaries(TRICKY, inner, max_size=3),
        max_leaves=30,
    ),
    st.integers(0, 6),
)
def test_decode_counts_only_brackets_outside_strings(value, most):
    data = encode(value)
    if _depth(value) <= most:
        assert decode(data, max_depth=most) == value
    else:
        with pytest.raises(CanonicalizationError, match="levels"):
            decode(data, max_depth=most)


@given(st.text(st.sampled_from('[]{}"\\,:a1 '), max_size=60))
def test_decode_of_any_brackets_quotes_and_backslashes_never_recurses_far(text):
    bomb = "[" * 5000
    for data in (text, text + bomb, bomb + text):
        with contextlib.suppress(CanonicalizationError):
            decode(data.encode())
