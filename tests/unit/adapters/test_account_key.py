"""A key of its own in a file of its own."""

from pathlib import Path

import pytest

from ledger.adapters.account_key import load_account_key, make_account_key
from ledger.errors import FatalStateError, InputError


def test_make_account_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "operator-key"
    key = make_account_key(path)
    assert len(key) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert make_account_key(path) == load_account_key(path) == key
    assert make_account_key(tmp_path / "other") != key


def test_load_account_key_readable_by_others_is_fatal(tmp_path: Path) -> None:
    path = tmp_path / "key"
    make_account_key(path)
    path.chmod(0o640)
    with pytest.raises(FatalStateError, match="others may read it"):
        load_account_key(path)


@pytest.mark.parametrize("content", ["", "ab", "zz" * 32, "00" * 32, "ff" * 32, "ab" * 33])
def test_load_account_key_of_other_form_is_refused_and_not_repeated(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(InputError) as caught:
        load_account_key(path)
    assert len(content) < 3 or content not in str(caught.value)


def test_load_account_key_absent_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="key: not found"):
        load_account_key(tmp_path / "key")


def test_load_account_key_with_prefix_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("0x" + "ab" * 32 + "\n")
    path.chmod(0o600)
    assert load_account_key(path) == b"\xab" * 32
