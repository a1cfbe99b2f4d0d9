"""A checksum beside every row whose content nothing else in the database repeats.

A disk, a cable or a stray statement may change a value without a word; ``fsck`` compares each row
with the checksum that was written with it. It covers the columns named in ``COVERED``: those that
never change once a row is written, or, in small tables, all of them, and then every statement that
changes the row writes it anew in the same transaction. Columns that are left out are found
otherwise: generation and log index of an event by its entry, the state of a record by its events,
and what erasure takes away by the commitment.

It keeps out accidents, not people: whoever can write the database can write checksums too. Against
them stand the roots on chain.
"""

import hashlib
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Table, select, update

CHECKSUM_BYTES: Final = 16
"""A flipped bit goes unseen once in 2^128."""

DOMAIN: Final = b"credit-ledger/row/v1"

COVERED: Final[Mapping[str, tuple[str, ...]]] = {
    "facts": ("name", "value"),
    "fences": ("name", "token"),
    "generations": ("stream", "generation", "is_carrying"),
    "batches": (
        "id",
        "source_name",
        "content_digest",
        "idempotency_key",
        "received_at",
        "report",
    ),
    "events": (
        "stream",
        "kind",
        "op",
        "record_type",
        "record_id",
        "version",
        "map_key",
        "commitment",
        "target_seq",
        "batch_id",
        "accepted_at",
    ),
    "records": ("record_id", "record_type", "stream", "natural_key"),
    "outbox": (
        "id",
        "stream",
        "kind",
        "epoch",
        "live_epoch",
        "old_size",
        "new_size",
        "log_root",
        "map_root",
        "nonce",
        "raw_tx",
        "tx_hash",
        "state",
        "block_number",
        "created_at",
        "sent_at",
    ),
    "snapshots": (
        "id",
        "stream",
        "epoch",
        "is_first",
        "day",
        "block_number",
        "block_hash",
        "block_time",
        "header",
        "nodes",
        "words",
        "size",
        "anchored_at",
        "map_function",
        "vrf_key",
        "log_root",
        "map_root",
    ),
    "mirrored_entries": ("region", "stream", "vrf_key", "log_index", "entry"),
}
"""The columns that each table's checksum covers, in this order. A change needs a migration."""

UNSET: Final = bytes(CHECKSUM_BYTES)
"""Stands in a new row until the database has given it its number; of the same length, so that the
row is changed in place."""

_LENGTH_BYTES: Final = 4


def checksum(table: str, row: Mapping[str, Any]) -> bytes:
    """The checksum of a row, 16 bytes.

    Args:
        table: One of ``COVERED``.
        row: A value for each covered column: None, int, str or bytes; others are not looked at.
    """
    return checksum_of(table, _GETTERS[table](row))


def checksum_of(table: str, values: Sequence[object]) -> bytes:
    """The checksum of a row whose covered values are at hand in their order, 16 bytes."""
    hasher = _STARTS[table].copy()
    hasher.update(_encode(values))
    return bytes(hasher.digest())


def checksum_under(table: str, columns: Sequence[str], row: Mapping[str, Any]) -> bytes:
    """The checksum of a row over columns of the caller's choice, for migrations."""
    hasher = _start(table, columns)
    hasher.update(_encode([row[column] for column in columns]))
    return bytes(hasher.digest())


def renew(connection: Connection, table: Table, *where: Any) -> None:
    """Write the checksum of rows anew; run in the transaction that inserted or changed them."""
    (key,) = table.primary_key.columns
    for row in connection.execute(select(table).where(*where)).mappings().all():
        connection.execute(
            update(table).where(key == row[key]).values(checksum=checksum(table.name, dict(row)))
        )


def _encode(values: Sequence[object]) -> bytes:
    """Kind, length and bytes of each value: no two rows have one encoding."""
    parts = []
    for value in values:
        if value is None:
            parts.append(b"n")
            continue
        if type(value) is str:
            # Text that is no UTF-8 is read from a damaged database with surrogates for its bytes.
            kind, raw = b"s", value.encode("utf-8", "surrogateescape")
        elif type(value) is bytes:
            kind, raw = b"b", value
        elif isinstance(value, int):
            kind, raw = b"i", b"%d" % value
        else:
            raise TypeError(f"expected None, int, str or bytes, found {type(value).__name__}")
        parts.append(kind + len(raw).to_bytes(_LENGTH_BYTES, "big") + raw)
    return b"".join(parts)


def _start(table: str, columns: Sequence[str]) -> Any:
    return hashlib.blake2b(_encode((DOMAIN, table, *columns)), digest_size=CHECKSUM_BYTES)


_STARTS: Final = {table: _start(table, columns) for table, columns in COVERED.items()}
_GETTERS: Final = {table: itemgetter(*columns) for table, columns in COVERED.items()}
