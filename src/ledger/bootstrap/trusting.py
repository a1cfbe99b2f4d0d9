"""The trust root of a node's folder: checked back to the first one at every load, and updated.

    trust-root.json                     the newest
    trust-roots/<n>.json                those before it, by sequence
    trust-roots/<n>.signatures.json     what signers of n - 1 said of n

On a development chain nobody signs, and a root may be made anew at any time.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.adapters.files import write_whole
from ledger.bootstrap.belonging import read_trust_root
from ledger.core.trust import TrustRoot, parse_trust_root
from ledger.core.trust.update import digest_of, parse_signatures, verify_update
from ledger.errors import FatalStateError, InputError, LedgerError

HISTORY: Final = "trust-roots"
FACT: Final = "trust-root"
DEVELOPMENT: Final = "development"
"""Bound in the place of a pin: a database of a sealed chain never takes a development chain's."""
"""The fact of the database that pins the first root."""

MAX_UPDATES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Trusted:
    """A trust root that follows from the first one."""

    content: bytes
    root: TrustRoot
    pin: str | None
    """SHA-256 of the first root, hex; None on a development chain."""


def load_trusted(folder: Path, name: str) -> Trusted:
    """Read the newest trust root and check every step from the first.

    Args:
        folder: The node's.
        name: Of the newest root's file.

    Raises:
        InputError: A file is missing or malformed.
        FatalStateError: A root does not follow the one before it.
    """
    content = read_trust_root(folder / name)
    root = parse_trust_root(content)
    if root.is_development:
        return Trusted(content, root, None)
    if root.sequence > MAX_UPDATES:
        raise InputError(f"trust root: sequence: expected at most {MAX_UPDATES}")
    before: bytes | None = None
    for sequence in range(1, root.sequence + 1):
        newest = sequence == root.sequence
        present = content if newest else _read(folder / HISTORY / f"{sequence}.json")
        if before is not None:
            signatures = _read(folder / HISTORY / f"{sequence}.signatures.json")
            try:
                verify_update(before, present, parse_signatures(signatures, present))
            except LedgerError as error:
                raise FatalStateError(f"trust root {sequence}: {error}") from error
        else:
            pin = digest_of(present).hex()
        before = present
    return Trusted(content, root, pin)


def install_first(folder: Path, name: str, content: bytes) -> None:
    """Give a node the root it begins with; on a development chain one made anew takes its place.

    Args:
        folder: The node's.
        name: Of the newest root's file.
        content: The root's bytes.

    Raises:
        InputError: The folder holds a sealed chain's root, which is updated and never replaced, or
            a file that is no root.
    """
    path = folder / name
    if path.exists() and not parse_trust_root(read_trust_root(path)).is_development:
        raise InputError(f"{path}: expected none on a sealed chain; update it")
    write_whole(path, content)


def install_update(folder: Path, name: str, update: bytes, signatures: bytes) -> TrustRoot:
    """Take an update as the newest trust root of a folder; the node reads it at its next start.

    Order of durability: the present root goes into the history, then the signatures of the next;
    only then the newest is replaced. A crash in between leaves the present one in force.

    Raises:
        InputError: A file is malformed, or the folder holds a development chain's root.
        VerificationError: The update does not follow, or too few signed it.
        FatalStateError: The present root does not follow from the first.
    """
    present = load_trusted(folder, name)
    if present.pin is None:
        raise InputError("trust root: a development chain's is made anew, not updated")
    root = verify_update(present.content, update, parse_signatures(signatures, update))
    history = folder / HISTORY
    history.mkdir(mode=0o700, exist_ok=True)
    write_whole(history / f"{present.root.sequence}.json", present.content)
    write_whole(history / f"{root.sequence}.signatures.json", signatures)
    write_whole(folder / name, update)
    return root


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise InputError(
            f"{path.parent.name}/{path.name}: not found; every root since the first is needed"
        ) from None
