"""Checkpoints of a log; the first example is that of c2sp.org/tlog-checkpoint."""

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core.checkpoint.checkpoint import (
    Checkpoint,
    encode_text,
    open_checkpoint,
    origin_of,
    parse_text,
    require_root,
    sign_checkpoint,
)
from ledger.core.checkpoint.note import Note, encode_note, parse_note, sign_text, verifier_key
from ledger.errors import (
    MalformedNoteError,
    MalformedRecordError,
    RootMismatchError,
    SignatureError,
)

SPEC_NOTE = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
    "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
).encode()

SEED = bytes(range(32))
ORIGIN = "credit-ledger/1337/310000/records/1"
ROOT = hashlib.sha256(b"root").digest()
CHECKPOINT = Checkpoint(ORIGIN, 70_000, ROOT)
KEY = verifier_key(ORIGIN, SEED)


def test_parse_text_of_the_standards_example_reads_origin_size_and_root() -> None:
    found = parse_text(parse_note(SPEC_NOTE).text)
    assert found.origin == "example.com/behind-the-sofa"
    assert found.size == 20_852_163
    assert found.root_hash.hex() == (
        "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    )
    assert encode_text(found) == parse_note(SPEC_NOTE).text


def test_open_checkpoint_gives_what_was_signed() -> None:
    assert open_checkpoint(sign_checkpoint(CHECKPOINT, SEED), KEY) == CHECKPOINT


def test_open_checkpoint_with_signatures_of_witnesses_is_read() -> None:
    text = encode_text(CHECKPOINT)
    lines = (sign_text(text, "witness.example", b"\x03" * 32), sign_text(text, ORIGIN, SEED))
    assert open_checkpoint(encode_note(Note(text, lines)), KEY) == CHECKPOINT


def _text(size: object = 7, root: str | None = None, more: str = "", origin: str = ORIGIN) -> str:
    encoded = base64.b64encode(ROOT).decode() if root is None else root
    return f"{origin}\n{size}\n{encoded}\n{more}"


ROOT_TEXT = base64.b64encode(ROOT).decode()
REFUSED = {
    "extension line": _text(more="more\n"),
    "empty line at the end": _text(more="\n"),
    "no root": f"{ORIGIN}\n7\n",
    "no origin": _text(origin=""),
    "size with a leading zero": _text("07"),
    "size with a sign": _text("+7"),
    "negative size": _text("-7"),
    "size with a space": _text(" 7"),
    "no size": _text(""),
    "size in hex": _text("0x7"),
    "size as a fraction": _text("7.0"),
    "size in other digits": _text("７"),
    "size beyond what a log can have": _text(2**53),
    "huge size": _text("9" * 5_000),
    "short root": _text(root=base64.b64encode(ROOT[1:]).decode()),
    "long root": _text(root=base64.b64encode(ROOT + b"\x00").decode()),
    "root in hex": _text(root=ROOT.hex()),
    "root without padding": _text(root=ROOT_TEXT[:-1]),
    "root with stray bits": _text(root=ROOT_TEXT[:-2] + chr(ord(ROOT_TEXT[-2]) + 1) + "="),
    "no root text": _text(root=""),
}


@pytest.mark.parametrize("what", REFUSED)
def test_open_checkpoint_signed_text_of_another_form_is_refused(what: str) -> None:
    text = REFUSED[what]
    with pytest.raises(MalformedNoteError):
        parse_text(text)
    signed = encode_note(Note(text, (sign_text(text, ORIGIN, SEED),)))
    with pytest.raises(MalformedNoteError):
        open_checkpoint(signed, KEY)


@pytest.mark.parametrize("size", [0, 1, 256, 2**53 - 1])
def test_parse_text_sizes_at_the_limits_are_read(size: int) -> None:
    assert parse_text(_text(size)).size == size


def test_open_checkpoint_of_another_log_signed_by_the_same_key_is_refused() -> None:
    text = _text(origin="credit-ledger/1337/320000/records/1")
    signed = encode_note(Note(text, (sign_text(text, ORIGIN, SEED),)))
    with pytest.raises(MalformedNoteError):
        open_checkpoint(signed, KEY)


def test_open_checkpoint_signed_by_another_key_is_refused() -> None:
    with pytest.raises(SignatureError):
        open_checkpoint(sign_checkpoint(CHECKPOINT, b"\x09" * 32), KEY)


def test_open_checkpoint_of_another_generation_is_refused() -> None:
    origin = origin_of(chain_id=1337, region="310000", stream="records", vrf_key=2)
    with pytest.raises(SignatureError):
        open_checkpoint(sign_checkpoint(Checkpoint(origin, 1, ROOT), SEED), KEY)


def test_open_checkpoint_every_flipped_bit_is_refused() -> None:
    data = sign_checkpoint(CHECKPOINT, SEED)
    for position in range(8 * len(data)):
        changed = bytearray(data)
        changed[position // 8] ^= 1 << position % 8
        with pytest.raises((MalformedNoteError, SignatureError)):
            open_checkpoint(bytes(changed), KEY)


@settings(deadline=None)
@given(st.integers(0, 2**53 - 1), st.binary(min_size=32, max_size=32))
def test_sign_checkpoint_any_head_round_trip(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(ORIGIN, size, root)
    assert open_checkpoint(sign_checkpoint(checkpoint, SEED), KEY) == checkpoint


@settings(deadline=None)
@given(st.text(max_size=100))
def test_parse_text_any_text_is_the_same_text_or_refused(text: str) -> None:
    try:
        found = parse_text(text)
    except MalformedNoteError:
        return
    assert encode_text(found) == text


def test_origin_of_names_chain_region_stream_and_generation() -> None:
    made = origin_of(chain_id=1337, region="310000", stream="records", vrf_key=1)
    assert made == ORIGIN


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"chain_id": 0}, MalformedNoteError),
        ({"vrf_key": 0}, MalformedNoteError),
        ({"vrf_key": 2**32}, MalformedNoteError),
        ({"region": "31000"}, MalformedRecordError),
        ({"region": "31000/"}, MalformedRecordError),
        ({"stream": "others"}, MalformedRecordError),
    ],
)
def test_origin_of_parts_out_of_range_are_refused(
    change: dict[str, object], error: type[Exception]
) -> None:
    parts = {"chain_id": 1337, "region": "310000", "stream": "records", "vrf_key": 1}
    with pytest.raises(error):
        origin_of(**(parts | change))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "parts", [("", 1, ROOT), ("a\nb", 1, ROOT), (ORIGIN, -1, ROOT), (ORIGIN, 1, ROOT[1:])]
)
def test_checkpoint_of_impossible_parts_is_refused(parts: tuple[str, int, bytes]) -> None:
    with pytest.raises(MalformedNoteError):
        Checkpoint(*parts)


def test_require_root_other_root_says_both() -> None:
    require_root(CHECKPOINT, ROOT)
    with pytest.raises(RootMismatchError) as caught:
        require_root(CHECKPOINT, bytes(32))
    assert (caught.value.expected, caught.value.computed) == (ROOT, bytes(32))
