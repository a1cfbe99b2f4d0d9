"""The input of the VRF: one text per subject, and no two subjects with one text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.stream.map_key import alpha, map_key
from ledger.errors import MalformedRecordError

SUBJECT = "91310000MA1FL1J56K"
PARTS = st.tuples(
    st.from_regex(r"[0-9]{6}", fullmatch=True),
    st.sampled_from(["records", "restricted"]),
    st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True).filter(str.isascii),
    st.from_regex(r"[0-9A-Z]{18}", fullmatch=True),
)


def test_alpha_is_byte_for_byte_the_fixed_form():
    assert alpha("310000", "records", "cf", SUBJECT) == (
        b"credit-ledger/key/v1\x00310000\x00records\x00cf\x00" + SUBJECT.encode()
    )
    assert alpha("320000", "queries", "2026-11", SUBJECT) == (
        b"credit-ledger/key/v1\x00320000\x00queries\x002026-11\x00" + SUBJECT.encode()
    )


@given(PARTS, PARTS)
def test_alpha_of_different_parts_differs(left, right):
    assert (alpha(*left) == alpha(*right)) == (left == right)


@pytest.mark.parametrize(
    "change",
    [
        {"region": "31000"},
        {"region": "３１００００"},
        {"region": "310000\x00"},
        {"stream": "record"},
        {"stream": "records\x00cf"},
        {"record_type": ""},
        {"record_type": "-cf"},
        {"record_type": "CF"},
        {"record_type": "c_f"},
        {"record_type": "a" * 33},
        {"record_type": "cf\n"},
        {"record_type": "cf\x00x"},
        {"record_type": "处罚"},
        {"stream": "queries"},
        {"stream": "queries", "record_type": "2026-00"},
        {"stream": "queries", "record_type": "2026-13"},
        {"stream": "queries", "record_type": "2026-1"},
        {"stream": "queries", "record_type": "2026-11\n"},
        {"stream": "queries", "record_type": "２０２６-11"},
        {"subject": SUBJECT.lower()},
        {"subject": SUBJECT[:-1]},
        {"subject": SUBJECT + "0"},
        {"subject": f" {SUBJECT[1:]}"},
        {"subject": SUBJECT[:-1] + "\uff2b"},
        {"subject": SUBJECT + "\n"},
    ],
)
def test_alpha_outside_its_grammar_is_refused_without_naming_the_subject(change):
    parts = {"region": "310000", "stream": "records", "record_type": "cf", "subject": SUBJECT}
    with pytest.raises(MalformedRecordError) as caught:
        alpha(**{**parts, **change})
    assert SUBJECT[:8] not in str(caught.value).upper()


def test_alpha_longest_record_type_is_accepted():
    assert alpha("310000", "restricted", "a" * 32, SUBJECT)


def test_map_key_is_the_first_half_of_beta():
    assert map_key(bytes(range(64))) == bytes(range(32))
    for length in (0, 32, 63, 65):
        with pytest.raises(MalformedRecordError):
            map_key(bytes(length))
