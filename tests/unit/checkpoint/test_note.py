"""Signed notes; the vectors are those of c2sp.org/signed-note and of the Go note package."""

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.checkpoint.note import (
    MAX_BYTES,
    MAX_SIGNATURES,
    Note,
    SignatureLine,
    VerifierKey,
    encode_note,
    encode_verifier_key,
    parse_note,
    parse_verifier_key,
    sign_text,
    verifier_key,
    verify_note,
)
from ledger.errors import InputError, MalformedNoteError, SignatureError

SPEC_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n"
    "\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYj"
    "OBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()

NEUMANN_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdng"
    "otpRZb6KE6RyyBwJnAM=\n"
).encode()
NEUMANN_SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]

SUMDB_VKEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

SEED = bytes(range(32))
NAME = "credit-ledger/1337/310000/records/1"
TEXT = "first\n\nthird\n"


def _signed(text: str = TEXT) -> bytes:
    return encode_note(Note(text, (sign_text(text, NAME, SEED),)))


@pytest.mark.parametrize(("vkey", "note"), [(SPEC_VKEY, SPEC_NOTE), (NEUMANN_VKEY, NEUMANN_NOTE)])
def test_verify_note_of_the_standards_examples_passes(vkey: str, note: bytes) -> None:
    parsed = parse_note(note)
    verify_note(parsed, [parse_verifier_key(vkey)])
    assert encode_note(parsed) == note


@pytest.mark.parametrize("vkey", [SPEC_VKEY, NEUMANN_VKEY, SUMDB_VKEY])
def test_parse_verifier_key_round_trip(vkey: str) -> None:
    assert encode_verifier_key(parse_verifier_key(vkey)) == vkey


def test_sign_text_makes_the_go_packages_example_byte_for_byte() -> None:
    text = parse_note(NEUMANN_NOTE).text
    line = sign_text(text, "PeterNeumann", NEUMANN_SEED)
    assert encode_note(Note(text, (line,))) == NEUMANN_NOTE
    assert encode_verifier_key(verifier_key("PeterNeumann", NEUMANN_SEED)) == NEUMANN_VKEY


VKEY_REFUSED = {
    "empty": "",
    "two parts": "example.com/foo+530d903a",
    "wrong key id": SPEC_VKEY.replace("530d903a", "530d903b"),
    "key id in upper case": SPEC_VKEY.replace("530d903a", "530D903A"),
    "key id short": SPEC_VKEY.replace("530d903a", "530d90"),
    "another name": SPEC_VKEY.replace("foo", "fop"),
    "no name": SPEC_VKEY.removeprefix("example.com/foo"),
    "name with space": SPEC_VKEY.replace("example", "exa mple"),
    "key cut short": SPEC_VKEY[:-4],
    "key too long": SPEC_VKEY + "AAAA",
    "stray bits": SPEC_VKEY[:-1] + "l",
    "no base64": SPEC_VKEY[:-1] + "*",
    "line end": SPEC_VKEY + "\n",
    "ECDSA": "example.com/foo+530d903a+"
    + base64.b64encode(b"\x02" + base64.b64decode(SPEC_VKEY[-44:])[1:]).decode(),
    "cosignature": "example.com/foo+530d903a+"
    + base64.b64encode(b"\x04" + base64.b64decode(SPEC_VKEY[-44:])[1:]).decode(),
}


@pytest.mark.parametrize("what", VKEY_REFUSED)
def test_parse_verifier_key_of_another_form_is_refused(what: str) -> None:
    with pytest.raises(MalformedNoteError):
        parse_verifier_key(VKEY_REFUSED[what])


def test_sign_text_verifies_under_the_public_half() -> None:
    note = parse_note(_signed())
    verify_note(note, [verifier_key(NAME, SEED)])
    assert note.text == TEXT


KEYS_REFUSED = {
    "none": [],
    "another name": [VerifierKey(NAME + "0", verifier_key(NAME, SEED).public_key)],
    "another key": [verifier_key(NAME, b"\x01" * 32)],
    "the standard's key": [parse_verifier_key(SPEC_VKEY)],
}


@pytest.mark.parametrize("what", KEYS_REFUSED)
def test_verify_note_without_a_known_signature_is_refused(what: str) -> None:
    with pytest.raises(SignatureError):
        verify_note(parse_note(_signed()), KEYS_REFUSED[what])


def test_verify_note_signatures_of_strangers_are_kept_and_passed_over() -> None:
    own = sign_text(TEXT, NAME, SEED)
    strangers = (
        sign_text(TEXT, "witness.example", b"\x02" * 32),
        SignatureLine(NAME, b"\x00\x00\x00\x00", b"of another algorithm" * 200),
        SignatureLine("someone-else", own.key_id, b"\x00" * 64),
    )
    data = encode_note(Note(TEXT, (*strangers, own)))
    note = parse_note(data)
    assert note.signatures == (*strangers, own)
    assert encode_note(note) == data
    verify_note(note, [verifier_key(NAME, SEED)])


def test_verify_note_wrong_signature_beside_a_right_one_is_refused() -> None:
    own = sign_text(TEXT, NAME, SEED)
    wrong = SignatureLine(own.name, own.key_id, own.signature[:-1] + b"\x00")
    for lines in ((own, wrong), (wrong, own)):
        with pytest.raises(SignatureError):
            verify_note(Note(TEXT, lines), [verifier_key(NAME, SEED)])


@pytest.mark.parametrize("length", [1, 63, 65, 128])
def test_verify_note_signature_of_another_length_is_refused(length: int) -> None:
    own = sign_text(TEXT, NAME, SEED)
    line = SignatureLine(own.name, own.key_id, (own.signature * 2)[:length])
    with pytest.raises(SignatureError):
        verify_note(Note(TEXT, (line,)), [verifier_key(NAME, SEED)])


def test_verify_note_every_flipped_bit_is_refused_or_another_text() -> None:
    data = _signed()
    for position in range(8 * len(data)):
        changed = bytearray(data)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises((MalformedNoteError, SignatureError)):
            verify_note(parse_note(bytes(changed)), [verifier_key(NAME, SEED)])


def test_parse_note_every_shorter_note_is_refused() -> None:
    data = _signed()
    for length in range(len(data)):
        with pytest.raises(MalformedNoteError):
            parse_note(data[:length])


NOTE_REFUSED = {
    "nothing": b"",
    "only a newline": b"\n",
    "no signature": b"text\n\n",
    "no empty line": SPEC_NOTE.replace(b"\n\n", b"\n"),
    "newline after the signatures": SPEC_NOTE + b"\n",
    "no newline at the end": SPEC_NOTE[:-1],
    "text after the signatures": SPEC_NOTE + b"text\n",
    "carriage returns": SPEC_NOTE.replace(b"\n", b"\r\n"),
    "tab": SPEC_NOTE.replace(b"example message", b"example\tmessage"),
    "zero byte": SPEC_NOTE.replace(b"example message", b"example\x00message"),
    "no UTF-8": SPEC_NOTE.replace(b"example message", b"example\xffmessage"),
    "surrogate": SPEC_NOTE.replace(b"example message", b"example\xed\xa0\x80"),
    "hyphen for dash": SPEC_NOTE.replace("—".encode(), b"-"),
    "no space after the dash": SPEC_NOTE.replace("— ".encode(), "—".encode()),
    "two spaces": SPEC_NOTE.replace(b"foo Uw", b"foo  Uw"),
    "no name": SPEC_NOTE.replace(b" example.com/foo Uw", b"  Uw"),
    "plus in the name": SPEC_NOTE.replace(b".com/foo Uw", b".com+foo Uw"),
    "wide space in the name": SPEC_NOTE.replace(b"com/foo", "com\u3000foo".encode()),
    "line separator in the name": SPEC_NOTE.replace(b"com/foo", "com\u2028foo".encode()),
    "no signature after the name": SPEC_NOTE[: SPEC_NOTE.index(b" Uw2Q")] + b"\n",
    "key id alone": SPEC_NOTE[: SPEC_NOTE.index(b"Okn8")] + b"Og==\n",
    "no base64": SPEC_NOTE.replace(b"Uw2Q", b"Uw*Q"),
    "base64 without padding": SPEC_NOTE.replace(b"QM=\n", b"QM\n"),
    "base64 with stray bits": SPEC_NOTE.replace(b"QM=\n", b"QN=\n"),
    "base64url": SPEC_NOTE.replace(b"2ONncAlTgK7Z", b"2ONncAl_gK7Z"),
    "too many lines": b"t\n\n" + b"\xe2\x80\x94 a AAAAAAA=\n" * (MAX_SIGNATURES + 1),
    "too long": b"t" * MAX_BYTES + SPEC_NOTE,
}


@pytest.mark.parametrize("what", NOTE_REFUSED)
def test_parse_note_of_another_form_is_refused(what: str) -> None:
    assert NOTE_REFUSED[what] != SPEC_NOTE
    with pytest.raises(MalformedNoteError):
        parse_note(NOTE_REFUSED[what])


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_parse_note_any_bytes_give_the_same_bytes_or_are_refused(data: bytes) -> None:
    try:
        note = parse_note(data)
    except MalformedNoteError:
        return
    assert encode_note(note) == data


_LINE = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@settings(deadline=None)
@given(st.lists(_LINE, min_size=1, max_size=5), st.integers(1, 16))
def test_encode_note_any_text_round_trip(lines: list[str], count: int) -> None:
    text = "\n".join(lines) + "\n"
    signed = tuple(sign_text(text, f"key/{number}", SEED) for number in range(count))
    note = Note(text, signed)
    assert parse_note(encode_note(note)) == note


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "\x00\n", "return\r\n"])
def test_sign_text_that_cannot_stand_in_a_note_is_refused(text: str) -> None:
    with pytest.raises(MalformedNoteError):
        sign_text(text, NAME, SEED)


@pytest.mark.parametrize("count", [0, MAX_SIGNATURES + 1])
def test_encode_note_without_or_with_too_many_signatures_is_refused(count: int) -> None:
    with pytest.raises(MalformedNoteError):
        encode_note(Note(TEXT, (sign_text(TEXT, NAME, SEED),) * count))


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\x1fb"])
def test_names_of_keys_with_space_or_plus_are_refused(name: str) -> None:
    with pytest.raises(MalformedNoteError):
        VerifierKey(name, bytes(32))
    with pytest.raises(MalformedNoteError):
        SignatureLine(name, bytes(4), bytes(64))


def test_keys_of_another_length_are_refused() -> None:
    with pytest.raises(InputError):
        VerifierKey(NAME, bytes(31))
    with pytest.raises(InputError):
        verifier_key(NAME, bytes(33))
    with pytest.raises(MalformedNoteError):
        SignatureLine(NAME, bytes(3), bytes(64))
