import base64
import hashlib
import itertools
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core import canonical
from ledger.core.records import disclosure as module
from ledger.core.records.disclosure import (
    decode_b64url,
    digest,
    encode_b64url,
    make_disclosure,
    open_disclosure,
)
from ledger.core.types import MAX_SAFE_INTEGER
from ledger.errors import InputError, MalformedRecordError

SALT = bytes(range(16))
SAFE = st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)


def encoded(value: object) -> str:
    return encode_b64url(canonical.encode(value))


def test_digest_example_of_the_standard_is_reproduced() -> None:
    # RFC 9901, section 4.2.3: the digest is over the transmitted string, whatever its spacing.
    text = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert digest(text) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"


def test_make_disclosure_is_the_formula() -> None:
    made = make_disclosure(SALT, "content", "罚款")
    salt = base64.urlsafe_b64encode(SALT).decode().rstrip("=")
    raw = f'["{salt}","content","罚款"]'.encode()
    assert made == base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert decode_b64url(digest(made)) == hashlib.sha256(made.encode()).digest()
    assert len(digest(made)) == 43


@given(
    st.binary(min_size=16, max_size=16),
    st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),
    st.one_of(st.text(), SAFE, st.booleans(), st.none()),
)
def test_open_disclosure_any_made_one_is_opened(
    salt: bytes, name: str, value: str | int | bool | None
) -> None:
    opened = open_disclosure(make_disclosure(salt, name, value))
    assert opened == (salt, name, value)
    assert type(opened.value) is type(value)


@pytest.mark.parametrize(
    ("salt", "name"),
    [(b"", "a"), (bytes(15), "a"), (bytes(17), "a"), (SALT, ""), (SALT, "A"), (SALT, "a b")],
)
def test_make_disclosure_other_salt_or_name_is_refused(salt: bytes, name: str) -> None:
    with pytest.raises(MalformedRecordError):
        make_disclosure(salt, name, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "W10=",
        "W1 0",
        encoded({}),
        encoded([]),
        encoded([encode_b64url(SALT), "a"]),
        encoded([encode_b64url(SALT), "a", 1, 2]),
        encoded([1, "a", None]),
        encoded([encode_b64url(SALT[:15]), "a", None]),
        encoded([encode_b64url(SALT + b"x"), "a", None]),
        encoded([encode_b64url(SALT) + "==", "a", None]),
        encoded([encode_b64url(SALT), 1, None]),
        encoded([encode_b64url(SALT), "A", None]),
        encoded([encode_b64url(SALT), "a\n", None]),
        encoded([encode_b64url(SALT), "a", []]),
        encoded([encode_b64url(SALT), "a", {}]),
        encode_b64url(b'["AAECAwQFBgcICQoLDA0ODw", "a", null]'),
        encode_b64url(b'["AAECAwQFBgcICQoLDA0ODw","a",1.5]'),
        encode_b64url(b'["AAECAwQFBgcICQoLDA0ODw","a","\\ud800"]'),
        encode_b64url(b"\xff"),
        "中文",
    ],
)
def test_open_disclosure_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        open_disclosure(text)


def test_open_disclosure_second_spelling_of_the_same_bytes_is_refused() -> None:
    made = make_disclosure(SALT, "a", None)
    assert len(made) % 4 != 0
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(made[-1])
    other = made[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last + 1]
    padding = "=" * (-len(made) % 4)
    assert base64.urlsafe_b64decode(other + padding) == base64.urlsafe_b64decode(made + padding)
    with pytest.raises(MalformedRecordError):
        open_disclosure(other)


def test_open_disclosure_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = make_disclosure(SALT, "a", "b")
    monkeypatch.setattr(module, "MAX_DISCLOSURE_CHARS", len(made) - 1)
    with pytest.raises(MalformedRecordError):
        open_disclosure(made)


@pytest.mark.parametrize("text", ["A", "AAAAA", "AB", "+A", "/A", "A\n"])
def test_decode_b64url_impossible_text_is_refused(text: str) -> None:
    with pytest.raises(MalformedRecordError):
        decode_b64url(text)


@given(st.binary(max_size=60))
def test_decode_b64url_any_bytes_come_back(raw: bytes) -> None:
    assert decode_b64url(encode_b64url(raw)) == raw


def test_digest_of_no_ascii_is_refused() -> None:
    with pytest.raises(MalformedRecordError):
        digest("中")


@given(st.text(max_size=60))
def test_open_disclosure_any_text_is_opened_or_refused(text: str) -> None:
    with pytest.raises(InputError):
        open_disclosure(text)


def spelled(text: str) -> bytes | None:
    """The definition: what encodes back to the same text is its one spelling."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return None
    return raw if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text else None


@given(
    st.text(alphabet="AQgwEBz019-_=+/ \n二", max_size=9) | st.binary(max_size=9).map(encode_b64url)
)
def test_decode_b64url_takes_exactly_the_one_spelling(text: str) -> None:
    expected = spelled(text)
    if expected is None:
        with pytest.raises(MalformedRecordError):
            decode_b64url(text)
    else:
        assert decode_b64url(text) == expected


def test_decode_b64url_of_every_short_text_follows_the_definition() -> None:
    alphabet = string.ascii_letters + string.digits + "-_="
    for text in map("".join, itertools.product(alphabet, repeat=2)):
        for whole in (text, "AB" + text, "A" + text):
            expected = spelled(whole)
            try:
                assert decode_b64url(whole) == expected
            except MalformedRecordError:
                assert expected is None


@given(st.binary(max_size=80))
def test_encode_b64url_is_base64url_without_padding(raw: bytes) -> None:
    assert encode_b64url(raw) == base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    assert decode_b64url(encode_b64url(raw)) == raw
