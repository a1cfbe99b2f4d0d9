"""A mirror compares both generations of another region's stream with what the region states."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import BinaryIO, Final

from ledger.core.generations import Comparison, compare, parse_item, parse_statement, parse_tail
from ledger.core.generations.statement import MAX_LINE_BYTES
from ledger.core.types import TreeSize
from ledger.errors import InputError, MalformedStatementError, UnavailableError
from ledger.services.ports.mirroring import LogName, MirrorStore

PART: Final = 2_000
"""Entries read at a time."""

Progress = Callable[[int, int], None]
"""Told how many items are compared, of how many."""


def compare_copies(
    file: BinaryIO,
    store: MirrorStore,
    vrf_public_key: Callable[[str, str, int], bytes | None],
    progress: Progress | None = None,
) -> Comparison:
    """Compare the copies of both logs that a statement is about.

    Args:
        file: The statement.
        store: Where the copies are; every entry was compared with the chain before it was stored.
        vrf_public_key: What the trust root names for (region, stream, generation).
        progress: Told how far it is.

    Raises:
        MalformedStatementError: The file breaks its format.
        InputError: The trust root names no key for the generation that began.
        UnavailableError: The copies do not go so far yet.
        StoreUnavailableError: The database does not answer.
    """
    lines = _lines(file)
    statement = parse_statement(next(lines, b""))
    region, stream = statement.region, statement.stream
    key = vrf_public_key(region, stream, statement.following)
    if key is None:
        raise InputError(
            f"{region}/{stream}: expected a VRF key of generation {statement.following}"
            " in the trust root, found none"
        )
    former = LogName(region, stream, statement.former)
    following = LogName(region, stream, statement.following)
    _require_copy(store, former, 1)
    _require_copy(store, following, statement.items + 1)
    tail = tuple(map(parse_tail, islice(lines, statement.former_size - statement.tail)))
    if len(tail) != statement.former_size - statement.tail:
        raise MalformedStatementError("statement: expected every line of the tail, found its end")
    return compare(
        statement,
        tail,
        map(parse_item, lines),
        former=lambda: _entries(store, former),
        following=_entries(store, following),
        vrf_public_key=key,
        progress=progress,
    )


def _require_copy(store: MirrorStore, log: LogName, size: TreeSize) -> None:
    if not store.mirrored_entries(log, size - 1, 1):
        raise UnavailableError(f"copy of {log}: expected {size} entries or more; is it mirrored?")


def _entries(store: MirrorStore, log: LogName) -> Iterator[bytes]:
    size = 0
    while part := store.mirrored_entries(log, size, PART):
        for index, entry in part:
            if index != size:
                raise UnavailableError(f"copy of {log}: expected entry {size}, found {index}")
            size += 1
            yield entry


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE_BYTES + 2):
        if not line.endswith(b"\n"):
            raise MalformedStatementError("statement: expected whole lines, found a part of one")
        yield line[:-1]
