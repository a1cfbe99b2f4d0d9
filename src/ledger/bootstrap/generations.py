"""Putting statements of a change of generation, and their comparison, together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url

from ledger.adapters.files import write_lines
from ledger.adapters.keystore import load_keys
from ledger.adapters.sql.store import SqlStore, open_store
from ledger.bootstrap.belonging import generations_of, read_trust_root, subject_keys
from ledger.bootstrap.node import DATABASE_NAME
from ledger.core.generations import Comparison
from ledger.core.trust import TrustRoot, parse_trust_root
from ledger.errors import InputError
from ledger.services.generations.comparing import compare_copies
from ledger.services.generations.stating import Stating
from ledger.services.stored import StreamLog
from ledger.settings import NodeSettings, load_settings

Progress = Callable[[int, int], None]


def state_generation(
    target: Path,
    folder: Path,
    *,
    stream: str,
    generation: int | None = None,
    progress: Progress | None = None,
) -> StreamLog:
    """Write what a region states of a change of generation; mode 0600.

    Args:
        target: The file; one that is there is replaced once the new one is complete.
        folder: The node's folder; the node may run.
        stream: Which of its streams.
        generation: The generation that began; the newest by default.
        progress: Told how many items are written, of how many.

    Returns:
        The log that began.

    Raises:
        LedgerError: As ``Stating.lines``; InputError for what cannot be stated.
    """
    with _open(folder) as (settings, trust_root, store):
        keys = load_keys(folder)
        generations = generations_of(trust_root, settings.region)
        if stream not in generations:
            raise InputError(f"stream: expected one of {', '.join(generations)}")
        following = StreamLog(stream, generation or generations[stream])
        stating = Stating(
            region=settings.region,
            store=store,
            keys=subject_keys(keys, trust_root, settings.region, generations),
        )
        write_lines(target, stating.lines(following, progress))
    return following


def compare_generations(
    statement: Path, folder: Path, *, progress: Progress | None = None
) -> Comparison:
    """Compare a statement with the copies that a mirror has of both logs.

    Args:
        statement: The region's file.
        folder: The mirror's folder; its node may run.
        progress: Told how many items are compared, of how many.

    Raises:
        LedgerError: As ``compare_copies``.
        OSError: The file cannot be read.
    """
    with _open(folder) as (_, trust_root, store), statement.open("rb") as file:
        return compare_copies(file, store, trust_root.vrf_key, progress)


@contextmanager
def _open(folder: Path) -> Iterator[tuple[NodeSettings, TrustRoot, SqlStore]]:
    settings = load_settings(folder)
    trust_root = parse_trust_root(read_trust_root(folder / settings.trust_root))
    url = make_url(settings.database_url or f"sqlite:///{folder / DATABASE_NAME}")
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        # Opening it would make an empty one.
        raise InputError("database: not found; the node has not run yet")
    store = open_store(url)
    try:
        yield settings, trust_root, store
    finally:
        store.close()
