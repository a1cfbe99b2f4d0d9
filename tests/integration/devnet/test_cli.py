"""``credit-ledger devnet`` as an operator sees it."""

import json
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from worlds.devnet import Running, registration

from ledger.cli.app import app

pytestmark = pytest.mark.devnet


def run(*arguments: object, lang: str = "en") -> Result:
    return CliRunner().invoke(app, ["--lang", lang, "devnet", *(str(one) for one in arguments)])


def test_up_on_a_running_devnet_shows_the_contracts(devnet: Running) -> None:
    result = run("up", "--dir", devnet.directory.root)
    assert result.exit_code == 0, result.output
    assert "TEST CHAIN" in result.output
    for one in devnet.deployment.contracts.values():
        assert one.address.hex() in result.output


def test_up_as_json_is_one_object_with_the_exit_code(devnet: Running) -> None:
    content = json.loads(run("up", "--json", "--dir", devnet.directory.root).stdout)
    assert content["exit_code"] == 0
    assert content["healthy"]
    assert content["development_chain"]


def test_status_of_a_running_devnet_is_0(devnet: Running) -> None:
    result = run("status", "--json", "--dir", devnet.directory.root)
    content = json.loads(result.stdout)
    assert result.exit_code == content["exit_code"] == 0
    assert content["chain_id"] == devnet.deployment.chain_id
    assert content["genesis_hash"] == "0x" + devnet.deployment.genesis_hash.hex()
    assert content["contracts"].keys() == {"HeadAnchor", "RegionRegistry"}
    assert content["block"] >= 1


@pytest.mark.parametrize(("lang", "word"), [("zh", "尚未建立"), ("en", "not made yet")])
def test_status_where_there_is_no_devnet_is_3(tmp_path: Path, lang: str, word: str) -> None:
    result = run("status", "--dir", tmp_path / "none", lang=lang)
    assert result.exit_code == 3
    assert word in result.output
    assert not (tmp_path / "none").exists()


def test_up_port_in_use_names_cause_and_cure(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = run("up", "--dir", tmp_path / "net", "--port", taken.getsockname()[1], lang="zh")
    assert result.exit_code == 1
    assert "端口被占用" in result.output
    assert "--port" in result.output


def test_up_other_chain_id_is_a_usage_error(devnet: Running) -> None:
    result = run("up", "--dir", devnet.directory.root, "--chain-id", 7)
    assert result.exit_code == 2
    assert str(devnet.deployment.chain_id) in result.output


def test_logs_shows_the_last_lines(devnet: Running) -> None:
    result = run("logs", "--dir", devnet.directory.root, "-n", 1)
    assert result.exit_code == 0
    assert len(result.output.splitlines()) == 1


def test_down_where_nothing_runs_is_0(tmp_path: Path) -> None:
    result = run("down", "--dir", tmp_path / "none")
    assert result.exit_code == 0
    assert "not running" in result.output


def test_reset_of_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    assert run("reset", "--dir", tmp_path).exit_code == 2
    assert (tmp_path / "letter").exists()


def test_admit_says_what_it_sent_and_then_that_nothing_changed(
    devnet: Running, tmp_path: Path
) -> None:
    (tmp_path / "registration.json").write_text(json.dumps(registration("410000", 41)))
    first = run("admit", tmp_path, "--dir", devnet.directory.root)
    assert first.exit_code == 0, first.output
    assert "410000" in first.output
    assert "11 transactions" in first.output
    assert "no change" in run("admit", tmp_path, "--dir", devnet.directory.root).output


def test_admit_folder_without_registration_is_a_usage_error(
    devnet: Running, tmp_path: Path
) -> None:
    result = run("admit", tmp_path, "--dir", devnet.directory.root)
    assert result.exit_code == 2
    assert "registration.json" in result.output


def test_admit_before_the_contracts_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "registration.json").write_text(json.dumps(registration("410000", 41)))
    result = run("admit", tmp_path, "--dir", tmp_path / "none")
    assert result.exit_code == 1
    assert "devnet up" in result.output
