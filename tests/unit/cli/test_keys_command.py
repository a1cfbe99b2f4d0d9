"""``keys``: other keys beside those a node has, and a registration that names them."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ledger.adapters.keystore import load_keys
from ledger.cli.app import app
from ledger.core import vrf


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "node"
    assert run("init", "--region", "340000", "--dir", folder).exit_code == 0
    return folder


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["--lang", "en", *map(str, arguments)])


def registration(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "registration.json").read_text())
    return content


def streams(folder: Path) -> dict[str, dict[str, Any]]:
    return {one["stream"]: one for one in registration(folder)["streams"]}


def test_renew_anchor_keeps_the_key_before_and_registers_the_new_one(folder: Path) -> None:
    before = load_keys(folder)
    result = run("keys", "renew", "anchor", "--dir", folder)
    after = load_keys(folder)
    assert result.exit_code == 0
    assert after.anchor_keys[:-1] == before.anchor_keys
    assert {one["anchor_key"] for one in streams(folder).values()} == {after.anchor_address}
    assert after.anchor_address in result.output
    assert after.mirror_keys == before.mirror_keys


def test_renew_mirror_keeps_the_key_before_and_registers_the_new_one(folder: Path) -> None:
    before = load_keys(folder)
    assert run("keys", "renew", "mirror", "--dir", folder).exit_code == 0
    after = load_keys(folder)
    assert after.mirror_keys[:-1] == before.mirror_keys
    assert registration(folder)["mirror_key"] == after.mirror_address != before.mirror_address


def test_renew_checkpoint_replaces_the_newest_generations_key_alone(folder: Path) -> None:
    before = load_keys(folder)
    assert run("keys", "renew", "checkpoint", "--dir", folder, "--stream", "records").exit_code == 0
    after = load_keys(folder)
    assert after.checkpoint_seeds["records"][1] != before.checkpoint_seeds["records"][1]
    assert after.checkpoint_seeds["queries"] == before.checkpoint_seeds["queries"]
    assert after.vrf_seeds == before.vrf_seeds


def test_renew_generation_registers_the_next_one_of_that_stream(folder: Path) -> None:
    before = load_keys(folder)
    arguments = ("keys", "renew", "generation", "--dir", folder, "--stream", "records")
    for number in (2, 3):
        assert run(*arguments).exit_code == 0
        named = streams(folder)["records"]
        keys = load_keys(folder)
        assert named["vrf_key"] == number
        assert named["vrf_public_key"] == vrf.public_key(keys.vrf_seeds["records"][number]).hex()
    assert keys.vrf_seeds["records"][1] == before.vrf_seeds["records"][1]
    assert len(set(keys.vrf_seeds["records"].values())) == 3
    assert streams(folder)["queries"]["vrf_key"] == 1
    assert run(*arguments, "--number", 7).exit_code == 0
    assert streams(folder)["records"]["vrf_key"] == 7


@pytest.mark.parametrize("number", [1, 0, -1, 2**32])
def test_renew_generation_that_comes_after_none_is_refused(folder: Path, number: int) -> None:
    before = (folder / "keys.json").read_bytes()
    result = run(
        *("keys", "renew", "generation", "--dir", folder, "--stream", "records"),
        *("--number", number),
    )
    assert (result.exit_code, "generation: expected one after 1" in result.output) == (2, True)
    assert (folder / "keys.json").read_bytes() == before


@pytest.mark.parametrize("command", ["generation", "checkpoint"])
def test_renew_of_a_stream_that_is_none_is_refused(folder: Path, command: str) -> None:
    result = run("keys", "renew", command, "--dir", folder, "--stream", "recods")
    assert (result.exit_code, "expected one of records, restricted" in result.output) == (2, True)


@pytest.mark.parametrize("command", ["anchor", "mirror", "generation", "checkpoint"])
def test_renew_where_no_node_is_makes_nothing(tmp_path: Path, command: str) -> None:
    stream = ("--stream", "records") if command in ("generation", "checkpoint") else ()
    result = run("keys", "renew", command, "--dir", tmp_path, *stream)
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_keys_stay_readable_for_the_owner_alone_and_nothing_of_them_is_shown(folder: Path) -> None:
    output = ""
    for command in ("anchor", "mirror"):
        output += run("keys", "renew", command, "--dir", folder).output
    output += run("keys", "renew", "generation", "--dir", folder, "--stream", "records").output
    shown = run("keys", "show", "--dir", folder)
    assert (folder / "keys.json").stat().st_mode & 0o777 == 0o600
    keys = load_keys(folder)
    secrets = [*keys.anchor_keys, *keys.mirror_keys, keys.natural_key_secret]
    for kind in (keys.vrf_seeds, keys.checkpoint_seeds):
        secrets += [seed for known in kind.values() for seed in known.values()]
    for secret in secrets:
        assert secret.hex() not in output + shown.output + json.dumps(registration(folder))
    lines = shown.output.splitlines()
    assert len(lines) == 2 + 2 + 4
    assert f"anchor key 2  {keys.anchor_address}" in lines
    assert any(line.startswith("VRF key records/2  ") for line in lines)
    assert sorted(path.name for path in folder.iterdir()) == [
        "keys.json",
        "node.json",
        "operator-key",
        "registration.json",
    ]
