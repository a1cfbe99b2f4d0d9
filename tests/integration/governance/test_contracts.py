"""``contracts``: created once whatever is cut short, and proved against the file afterwards."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from worlds.devnet import registration
from worlds.founder import Founding
from worlds.governed import REGULATOR, GovernedChain

from ledger.adapters.evm.signing import address_of
from ledger.adapters.governance.creation import created_address
from ledger.adapters.governance.deployment import (
    load_deployment,
    save_deployment,
)
from ledger.adapters.governance.governed import Governed
from ledger.adapters.governance.sender import Sender
from ledger.bootstrap import deploying
from ledger.cli.app import app

pytestmark = pytest.mark.devnet


class CutShort(BaseException):
    """What a kill is to a process: nobody handles it."""


def cut_after(target: object, name: str, monkeypatch: pytest.MonkeyPatch, times: int = 1) -> None:
    """Let a function do its work so often; then the process is gone."""
    true: Callable[..., Any] = getattr(target, name)
    left = [times]

    def cut(*arguments: Any, **named: Any) -> Any:
        true(*arguments, **named)
        left[0] -= 1
        if not left[0]:
            raise CutShort

    monkeypatch.setattr(target, name, cut)


def test_deploy_creates_proves_and_writes_the_file(founding: Founding) -> None:
    done = founding.development()
    assert done.exit_code == 0, done.output
    made = load_deployment(founding.file)
    founder = address_of(founding.secret)
    assert made.owner == founder
    assert made.genesis_hash == founding.chain.genesis_hash
    assert (made.consensus, made.validators, made.mirrors) == ("development", (), ())
    for nonce, name in enumerate(("HeadAnchor", "RegionRegistry")):
        assert made.address(name) == created_address(founder, nonce)
        assert made.address(name).hex() in done.output
    assert "the founder" in done.output
    assert founding.sent() == 2
    assert founding.run("check").exit_code == 0


def test_deploy_again_sends_nothing_and_keeps_the_file(founding: Founding) -> None:
    assert founding.development().exit_code == 0
    before = founding.file.read_bytes()
    assert founding.development().exit_code == 0
    assert (founding.sent(), founding.file.read_bytes()) == (2, before)
    # The file lost: the founder's key tells where they stand.
    founding.file.unlink()
    assert founding.development().exit_code == 0
    made = load_deployment(founding.file)
    assert founding.sent() == 2
    assert {name: one.address for name, one in made.contracts.items()} == {
        name: bytes.fromhex(one["address"][2:])
        for name, one in json.loads(before)["contracts"].items()
    }


@pytest.mark.parametrize(
    ("target", "name", "times"),
    [
        (Sender, "_send", 1),
        (Sender, "_send", 2),
        (Sender, "_wait", 1),
        (Sender, "create_all", 1),
        (deploying, "ensure_contracts", 1),
        (deploying, "read_standing", 1),
        (deploying, "save_deployment", 1),
    ],
)
def test_deploy_cut_short_goes_on_to_the_same_two_contracts(
    founding: Founding,
    monkeypatch: pytest.MonkeyPatch,
    target: object,
    name: str,
    times: int,
) -> None:
    with monkeypatch.context() as patch:
        cut_after(target, name, patch, times)
        with pytest.raises(CutShort):
            founding.development()
    done = founding.development()
    assert done.exit_code == 0, done.output
    assert founding.sent() == 2
    founder, made = address_of(founding.secret), load_deployment(founding.file)
    addresses = [made.address(one) for one in ("HeadAnchor", "RegionRegistry")]
    assert addresses == [created_address(founder, 0), created_address(founder, 1)]
    assert founding.run("check").exit_code == 0


def test_deploy_on_a_chain_without_seals_wants_to_be_told(founding: Founding) -> None:
    done = founding.deploy()
    assert done.exit_code == 2
    assert "expected a sealed chain, found a development chain" in done.stderr
    assert (founding.sent(), founding.file.exists()) == (0, False)


def test_deploy_other_chain_id_is_refused(founding: Founding) -> None:
    done = founding.deploy("--development", **{"--chain-id": founding.chain.chain_id + 1})
    assert (done.exit_code, "the endpoint serves" in done.stderr) == (3, True)


def test_deploy_validators_that_are_not_listed_are_refused(founding: Founding) -> None:
    done = founding.deploy("--development", "--validator", "0x" + "11" * 20)
    assert (done.exit_code, "the chain lists none" in done.stderr) == (2, True)
    assert founding.sent() == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"chain_id": 5}, "chain id: the file has 5"),
        ({"genesis_hash": b"\x01" * 32}, "genesis: the file has 0x0101"),
        ({"owner": b"\x02" * 20}, "founder: the file has 0x0202"),
    ],
)
def test_deploy_over_the_file_of_another_chain_or_founder_is_refused(
    founding: Founding, changed: dict[str, object], said: str
) -> None:
    save_deployment(
        founding.file,
        replace(founding.chain, **({"owner": address_of(founding.secret)} | changed)),  # type: ignore[arg-type]
    )
    before = founding.file.read_bytes()
    done = founding.development()
    assert (done.exit_code, said in done.stderr) == (2, True), done.output
    assert (founding.sent(), founding.file.read_bytes()) == (0, before)


def test_deploy_by_an_account_that_has_done_something_else_is_refused(founding: Founding) -> None:
    governed = Governed(founding.chain)
    sender = governed.sender(founding.secret)
    creation = bytes.fromhex("600080f3")  # creates an account without code
    sender.create_all([(0, creation)])
    governed.close()
    done = founding.development()
    assert (done.exit_code, "no code at 0x" in done.stderr) == (2, True), done.output
    assert (founding.sent(), founding.file.exists()) == (1, False)


# --- Admission by the founder, and the handing over


def test_admit_sends_what_is_missing_and_then_nothing(founding: Founding, tmp_path: Path) -> None:
    assert founding.development().exit_code == 0
    (tmp_path / "registration.json").write_text(json.dumps(registration("310000", 51)))
    for said in ("310000  admitted (11 transactions)", "310000  no change"):
        done = founding.run("admit", tmp_path, "--founder-key", founding.key)
        assert (done.exit_code, said in done.output) == (0, True), done.output
    assert [one.region for one in load_deployment(founding.file).mirrors] == ["310000"]


def test_admit_after_the_council_was_founded_is_refused(
    founding: Founding, founded: GovernedChain, tmp_path: Path
) -> None:
    (tmp_path / "registration.json").write_text(json.dumps(registration("310000", 51)))
    founding.file.write_bytes(founded.path.read_bytes())
    done = founding.run("admit", tmp_path, "--founder-key", founding.key)
    assert (done.exit_code, "propose the registrations" in done.stderr) == (2, True)


def test_council_found_without_its_seats_keys_leaves_the_rest_to_them(
    founding: Founding, tmp_path: Path
) -> None:
    from worlds.governed import OPERATORS, operator_of

    assert founding.development().exit_code == 0
    nodes, keys = [], []
    for number, region in enumerate(OPERATORS, 61):
        node = tmp_path / region
        node.mkdir()
        asked = registration(region, number) | {"operator": operator_of(region)}
        (node / "registration.json").write_text(json.dumps(asked))
        keys.append(node / "seat-key")
        keys[-1].write_text(OPERATORS[region].hex())
        keys[-1].chmod(0o600)
        nodes.append(node)
    regulator = "0x" + address_of(REGULATOR).hex()

    def council(*words: object) -> Any:
        arguments = ["--lang", "en", "council", *words, "--deployment", founding.file]
        return CliRunner().invoke(app, [str(one) for one in arguments])

    found = ("found", *nodes, "--founder-key", founding.key, "--regulator", regulator)
    for _ in range(2):
        done = council(*found, "--veto-window-s", 1)
        assert done.exit_code == 0, done.output
        assert "council propose acceptance" in done.output
    waiting = founding.run("check")
    assert (waiting.exit_code, "must accept the contracts first" in waiting.stderr) == (1, True)
    proposed = council("propose", "acceptance", "--key", keys[0])
    assert "proposal 0 proposed" in proposed.output, proposed.output
    assert council("approve", 0, "--key", keys[1], "--key", keys[2]).exit_code == 0
    deadline = 40
    while (done := council("execute", 0, "--key", keys[0])).exit_code != 0 and deadline:
        assert "CouncilWindowOpen" in done.output, done.output
        deadline -= 1
    assert founding.run("check").exit_code == 0
    again = council("propose", "acceptance", "--key", keys[0])
    assert "is like that already" in again.output
