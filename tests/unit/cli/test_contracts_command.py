"""``contracts``: what is refused before any chain is asked, and what a silent chain is called."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ledger.adapters.governance.deployment import Deployed, Deployment, save_deployment
from ledger.adapters.rooting import witnesses
from ledger.cli.app import app

KEY = "11" * 32
NOBODY = "http://127.0.0.1:1"
"""A port where nothing listens."""


def run(*arguments: object, lang: str = "en") -> Any:
    return CliRunner().invoke(app, ["--lang", lang, "contracts", *map(str, arguments)])


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "founder-key"
    path.write_text(KEY)
    path.chmod(0o600)
    return path


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnesses, "PAUSE_S", 0.0)


def deploy(key: Path, *arguments: object) -> Any:
    return run("deploy", "--founder-key", key, "--deployment", key.parent / "d.json", *arguments)


def test_deploy_key_that_others_may_read_is_refused(key: Path) -> None:
    key.chmod(0o640)
    done = deploy(key, "--chain-id", 20261, "--rpc-url", NOBODY)
    assert (done.exit_code, "expected mode 600" in done.stderr) == (2, True)
    assert KEY not in done.output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("11" * 31, "expected 64 hexadecimal digits"),
        ("zz" * 32, "expected 64 hexadecimal digits"),
        ("00" * 32, "key"),
        (None, "not found"),
    ],
)
def test_deploy_key_that_is_none_is_refused(key: Path, content: str | None, said: str) -> None:
    key.unlink() if content is None else key.write_text(content)
    done = deploy(key, "--chain-id", 20261, "--rpc-url", NOBODY)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output


@pytest.mark.parametrize("number", [0, 1, 2**53])
def test_deploy_chain_id_that_no_consortium_may_have_is_refused(key: Path, number: int) -> None:
    assert deploy(key, "--chain-id", number, "--rpc-url", NOBODY).exit_code == 2


def test_deploy_needs_a_chain_id_and_a_key(key: Path) -> None:
    assert run("deploy", "--founder-key", key, "--rpc-url", NOBODY).exit_code == 2
    assert run("deploy", "--chain-id", 20261, "--rpc-url", NOBODY).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "--rpc-url: expected the endpoints of more than half"),
        (("--rpc-url", NOBODY, "--rpc-url", NOBODY), "each endpoint once"),
        (("--rpc-url", f"{NOBODY}, {NOBODY}"), "each endpoint once"),
        (("--rpc-url", "ftp://x"), "http"),
        (("--rpc-url", NOBODY, "--validator", "0x12"), "--validator: expected 0x and 40"),
        (("--rpc-url", NOBODY, "--validator", "0x" + "zz" * 20), "--validator: expected 0x and 40"),
    ],
)
def test_deploy_arguments_that_cannot_be_are_named(
    key: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = deploy(key, "--chain-id", 20261, *arguments)
    assert (done.exit_code, said in done.stderr) == (2, True), done.output
    assert sorted(one.name for one in key.parent.iterdir()) == ["founder-key"]


def test_deploy_into_no_folder_is_refused_before_the_chain_is_asked(key: Path) -> None:
    place = key.parent / "none" / "deployment.json"
    arguments = ("--founder-key", key, "--chain-id", 20261, "--rpc-url", NOBODY)
    done = run("deploy", *arguments, "--deployment", place)
    assert (done.exit_code, "expected a folder" in done.stderr) == (2, True)


def test_deploy_over_a_file_that_is_no_deployment_is_refused(key: Path) -> None:
    (key.parent / "d.json").write_text("mine")
    done = deploy(key, "--chain-id", 20261, "--rpc-url", NOBODY)
    assert (done.exit_code, "not of the format" in done.stderr) == (2, True)
    assert (key.parent / "d.json").read_text() == "mine"


def test_deploy_chain_that_does_not_answer_ends_with_3_and_writes_nothing(key: Path) -> None:
    done = deploy(key, "--chain-id", 20261, "--rpc-url", NOBODY)
    assert (done.exit_code, "chain-unavailable" in done.stderr) == (3, True)
    assert not (key.parent / "d.json").exists()


def sealed_file(path: Path, endpoints: int) -> Path:
    urls = [f"http://127.0.0.1:{number}" for number in range(1, endpoints + 1)]
    contract = Deployed(bytes(20), bytes(32), "0x", 1, {})
    save_deployment(
        path,
        Deployment(
            chain_id=20261,
            genesis_hash=bytes(32),
            rpc_url=urls[0],
            owner=bytes(20),
            contracts={"HeadAnchor": contract, "RegionRegistry": contract},
            other_urls=tuple(urls[1:]),
            validators=tuple(bytes([number]) * 20 for number in range(1, 6)),
        ),
    )
    return path


def test_check_without_a_file_is_a_usage_error(tmp_path: Path) -> None:
    done = run("check", "--deployment", tmp_path / "deployment.json")
    assert (done.exit_code, "create the contracts first" in done.stderr) == (2, True)


def test_check_two_endpoints_of_five_validators_are_too_few(tmp_path: Path) -> None:
    file = sealed_file(tmp_path / "deployment.json", 2)
    done = run("check", "--deployment", file)
    assert (done.exit_code, "endpoints of 3 of 5 validators, found 2" in done.stderr) == (2, True)


def test_check_silent_chain_is_unknown_and_not_otherwise(tmp_path: Path) -> None:
    file = sealed_file(tmp_path / "deployment.json", 3)
    before = file.read_bytes()
    done = run("check", "--deployment", file, "--json", "--renew")
    assert done.exit_code == 3
    assert json.loads(done.stdout) == {"outcome": "unknown"}
    assert file.read_bytes() == before


def test_admit_folder_without_registration_is_refused(key: Path) -> None:
    arguments = ("--founder-key", key, "--deployment", key.parent / "d.json")
    done = run("admit", key.parent, *arguments)
    assert (done.exit_code, "registration.json" in done.stderr) == (2, True)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_contracts_help_names_its_commands(lang: str) -> None:
    done = run("--help", lang=lang)
    assert done.exit_code == 0
    for name in ("deploy", "check", "admit"):
        assert name in done.output
