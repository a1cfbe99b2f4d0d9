import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters import keystore
from ledger.adapters.evm.signing import address_of
from ledger.adapters.keystore import FILE_NAME, generate_keys, load_keys, save_keys
from ledger.core.types import STREAMS
from ledger.errors import FatalStateError, InputError


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_keys(tmp_path, generate_keys())
    return tmp_path / FILE_NAME


def secrets_of(path: Path) -> list[str]:
    content = json.loads(path.read_text())
    kinds = (content["vrf_seeds"], content["checkpoint_seeds"])
    seeds = [seed for kind in kinds for known in kind.values() for seed in known.values()]
    keys = [*content["anchor_keys"], *content["mirror_keys"], content["natural_key_secret"]]
    return [*keys, content["operator_token"], *seeds]


def test_keys_saved_and_loaded_are_the_same(tmp_path: Path) -> None:
    keys = generate_keys()
    save_keys(tmp_path, keys)
    assert load_keys(tmp_path) == keys


def test_generate_keys_every_key_is_another() -> None:
    one, two = generate_keys(), generate_keys()
    seeds = [
        seed
        for keys in (one, two)
        for seed in (
            *keys.anchor_keys,
            *keys.mirror_keys,
            keys.natural_key_secret,
            *(known[1] for known in keys.vrf_seeds.values()),
            *(known[1] for known in keys.checkpoint_seeds.values()),
        )
    ]
    assert len(set(seeds)) == len(seeds) == 2 * (3 + 2 * len(STREAMS))
    assert one.operator_token != two.operator_token


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_save_keys_only_the_owner_may_read_whatever_the_mask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        save_keys(tmp_path, generate_keys())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_save_keys_never_overwrites_and_leaves_nothing_behind(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(InputError, match="found some"):
        save_keys(saved.parent, generate_keys())
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [FILE_NAME]


def test_save_keys_link_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / FILE_NAME).symlink_to(elsewhere)
    with pytest.raises(InputError):
        save_keys(tmp_path, generate_keys())
    assert not elsewhere.exists()


def test_save_keys_write_that_fails_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(keystore.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_keys(tmp_path, generate_keys())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601, 0o777])
def test_load_keys_file_that_others_may_use_is_refused(saved: Path, mode: int) -> None:
    saved.chmod(mode)
    with pytest.raises(FatalStateError, match="expected mode 600"):
        load_keys(saved.parent)


def test_load_keys_without_a_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="run init first"):
        load_keys(tmp_path)


def _cut(name: str) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        content[name] = content[name][:-2]

    return change


def _set(name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update({name: value})


@pytest.mark.parametrize(
    "change",
    [
        _cut("natural_key_secret"),
        _set("anchor_keys", []),
        _set("anchor_keys", ["00"]),
        _set("anchor_keys", 5),
        _set("anchor_keys", "00" * 32),
        _set("mirror_keys", None),
        _set("mirror_keys", [None]),
        _set("vrf_seeds", {}),
        _set("vrf_seeds", []),
        _set("checkpoint_seeds", {"records": "00"}),
        lambda content: content["vrf_seeds"].update(records={}),
        lambda content: content["vrf_seeds"].update(records={"1": "00"}),
        lambda content: content["vrf_seeds"].update(records={"0": "00" * 32}),
        lambda content: content["vrf_seeds"].update(records={"01": "00" * 32}),
        lambda content: content["vrf_seeds"].update(records={"one": "00" * 32}),
        lambda content: content["vrf_seeds"].update(records={str(2**32): "00" * 32}),
        lambda content: content["checkpoint_seeds"].update(records={"2": "00" * 32}),
        _set("operator_token", ""),
        _set("operator_token", None),
        _set("operator_token", "short"),
        _set("operator_token", "令牌" * 20),
        lambda content: content.pop("operator_token"),
        lambda content: content["vrf_seeds"].pop("queries"),
    ],
)
def test_load_keys_of_another_form_is_refused_without_repeating_any(
    saved: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    content = json.loads(saved.read_text())
    planted = secrets_of(saved)
    change(content)
    saved.write_text(json.dumps(content))
    with pytest.raises(InputError, match="not of the expected format") as caught:
        load_keys(saved.parent)
    assert caught.value.__suppress_context__
    assert not any(secret in str(caught.value) for secret in planted)


def test_load_keys_of_an_earlier_release_says_what_to_do(saved: Path) -> None:
    content = json.loads(saved.read_text())
    planted = secrets_of(saved)
    del content["mirror_keys"]
    saved.write_text(json.dumps(content))
    wanted = r"expected mirror_keys, found none.*openssl.*registration"
    with pytest.raises(InputError, match=wanted) as caught:
        load_keys(saved.parent)
    assert not any(secret in str(caught.value) for secret in planted)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{", b"null"])
def test_load_keys_file_that_is_no_object_is_refused(saved: Path, content: bytes) -> None:
    saved.write_bytes(content)
    with pytest.raises(InputError, match="not of the expected format"):
        load_keys(saved.parent)


OPERATOR = "0x" + "5e" * 20


def test_keys_shown_or_registered_tell_no_secret(saved: Path) -> None:
    keys = load_keys(saved.parent)
    shown = [repr(keys), str(keys), f"{keys}", f"{(keys,)}"]
    shown.append(json.dumps(keys.registration("340000", "http://127.0.0.1:1", OPERATOR)))
    for secret in secrets_of(saved):
        assert not any(secret in text for text in shown)


def test_registration_is_what_governance_reads(saved: Path) -> None:
    from ledger.adapters.governance.registration import parse_registration

    registration = load_keys(saved.parent).registration("340000", "http://127.0.0.1:8314", OPERATOR)
    parsed = parse_registration(registration)
    assert (parsed.region, parsed.endpoint) == ("340000", "http://127.0.0.1:8314")
    assert sorted(one.stream for one in parsed.streams) == sorted(STREAMS)
    assert parsed.mirror_key == address_of(load_keys(saved.parent).mirror_keys[-1])
    assert parsed.operator == bytes.fromhex(OPERATOR[2:])
    keys = [one.vrf_public_key for one in parsed.streams]
    keys += [one.checkpoint_public_key for one in parsed.streams]
    assert len(set(keys)) == 2 * len(STREAMS)
