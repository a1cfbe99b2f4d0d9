"""A node's trust root is checked back to the first one at every load."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from unit.trust.test_trust_root_update import KEYS, OLD, OLD_BYTES, following, signed
from worlds.paper import PaperWorld

from ledger.bootstrap.trusting import HISTORY, install_first, install_update, load_trusted
from ledger.core.trust import encode_trust_root, parse_trust_root
from ledger.core.trust.update import digest_of, encode_signatures
from ledger.errors import FatalStateError, InputError, LedgerError, VerificationError

NAME = "trust-root.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / NAME).write_bytes(OLD_BYTES)
    return tmp_path


def take(folder: Path, update: bytes) -> None:
    install_update(folder, NAME, update, encode_signatures(update, signed(update, KEYS[:3])))


def after(content: bytes) -> bytes:
    root = parse_trust_root(content)
    return encode_trust_root(
        replace(
            root,
            sequence=root.sequence + 1,
            previous=digest_of(content),
            issued_at=root.issued_at + timedelta(days=1),
        )
    )


def test_updates_follow_one_another_and_keep_the_pin_of_the_first(folder: Path) -> None:
    pin = digest_of(OLD_BYTES).hex()
    assert load_trusted(folder, NAME).pin == pin
    second = following()
    take(folder, second)
    third = after(second)
    take(folder, third)
    found = load_trusted(folder, NAME)
    assert (found.content, found.root.sequence, found.pin) == (third, 3, pin)


def test_update_that_does_not_follow_leaves_everything_as_it_was(folder: Path) -> None:
    skipped = after(following())
    with pytest.raises(VerificationError):
        take(folder, skipped)
    few = following()
    with pytest.raises(VerificationError):
        install_update(folder, NAME, few, encode_signatures(few, signed(few, KEYS[:2])))
    assert load_trusted(folder, NAME).content == OLD_BYTES
    assert not (folder / HISTORY).exists()


def test_load_notices_every_missing_or_changed_step(folder: Path) -> None:
    second = following()
    take(folder, second)
    take(folder, after(second))
    names = [path for path in sorted((folder / HISTORY).iterdir())]
    assert [path.name for path in names] == [
        "1.json",
        "2.json",
        "2.signatures.json",
        "3.signatures.json",
    ]
    for path in names:
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(InputError, match="not found"):
            load_trusted(folder, NAME)
        changed = bytearray(content)
        changed[len(changed) // 2] ^= 1
        path.write_bytes(bytes(changed))
        with pytest.raises(LedgerError):
            load_trusted(folder, NAME)
        path.write_bytes(content)
    assert load_trusted(folder, NAME).root.sequence == 3


def test_load_newest_put_there_by_hand_is_refused(folder: Path) -> None:
    second = following()
    take(folder, second)
    (folder / NAME).write_bytes(following(expires_at=OLD.expires_at + timedelta(days=1)))
    with pytest.raises(FatalStateError, match="trust root 2"):
        load_trusted(folder, NAME)


def test_development_root_has_no_pin_and_takes_no_update(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(encode_trust_root(PaperWorld().trust_root()))
    assert load_trusted(tmp_path, NAME).pin is None
    with pytest.raises(InputError, match="made anew"):
        take(tmp_path, following())


def test_first_root_is_given_and_on_a_sealed_chain_never_replaced(tmp_path: Path) -> None:
    install_first(tmp_path, NAME, OLD_BYTES)
    assert load_trusted(tmp_path, NAME).content == OLD_BYTES
    development = encode_trust_root(PaperWorld().trust_root(consensus="development", validators=()))
    for other in (following(), development, OLD_BYTES):
        with pytest.raises(InputError, match="update it"):
            install_first(tmp_path, NAME, other)
    assert load_trusted(tmp_path, NAME).content == OLD_BYTES


def test_first_root_of_a_development_chain_may_be_made_anew(tmp_path: Path) -> None:
    development = encode_trust_root(PaperWorld().trust_root(consensus="development", validators=()))
    install_first(tmp_path, NAME, development)
    install_first(tmp_path, NAME, development)
    assert load_trusted(tmp_path, NAME).root.is_development


def test_file_that_is_no_root_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("pinned")
    with pytest.raises(LedgerError):
        install_first(tmp_path, NAME, OLD_BYTES)
    assert (tmp_path / NAME).read_text() == "pinned"
