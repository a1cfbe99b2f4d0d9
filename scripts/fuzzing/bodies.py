"""Files and subjects that a generator would never find by itself, valid and nearly valid."""

from hypothesis import strategies as st
from worlds.node import CF_COLUMNS, change, changes, penalties, penalty

NUMBERS = st.integers(1, 400)


def _damaged(content: bytes, place: int, byte: int) -> bytes:
    place %= len(content) + 1
    return content[:place] + bytes([byte]) + content[place + 1 :]


_records = st.lists(
    st.builds(
        penalty,
        NUMBERS,
        fine=st.sampled_from(["1.000000", "0", "-1", "1e9", "x", "9" * 40]),
        until=st.sampled_from(["", "2027-01-01", "2020-01-01", "2026-13-01"]),
    ),
    max_size=5,
).map(lambda rows: penalties(*rows))
_changes = st.lists(
    st.builds(change, NUMBERS, kind=st.sampled_from(["repair", "revoke", "other", ""])), max_size=4
).map(lambda rows: changes(*rows))
_valid = st.one_of(_records, _changes)
FILES = st.one_of(
    _valid,
    _valid,
    st.builds(_damaged, _valid, st.integers(0, 2_000), st.integers(0, 255)),
    _valid.map(lambda content: content.decode().encode("gb18030")),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    st.binary(max_size=200),
    st.text(max_size=60).map(lambda cell: f"{CF_COLUMNS}\n{cell}\n".encode("utf-8", "replace")),
)
"""Files of records and changes: good, damaged, in another encoding, or none at all."""
