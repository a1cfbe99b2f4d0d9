"""``contracts check``: whatever the file or the chain says otherwise is found, without a key."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner
from worlds.founder import Founding
from worlds.governed import REGULATOR, GovernedChain

from ledger.adapters.evm.contract import checksum
from ledger.adapters.evm.signing import address_of
from ledger.adapters.governance.deployment import load_deployment
from ledger.adapters.governance.governed import Governed
from ledger.cli.app import app

pytestmark = pytest.mark.devnet


def test_check_of_a_council_names_its_seats(founded: GovernedChain) -> None:
    words = ["contracts", "check", "--json", "--deployment", str(founded.path)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["outcome"], found["threshold"], len(found["signers"])) == ("proved", 3, 4)
    assert found["owner"] == found["contracts"]["Council"]
    assert (
        CliRunner().invoke(app, ["--lang", "zh", *words[:2], *words[3:]]).output.count("4 席") == 1
    )


def other_contract(founding: Founding, name: str, **changed: object) -> dict[str, object]:
    contracts = load_deployment(founding.file).contracts
    return {"contracts": {**contracts, name: replace(contracts[name], **changed)}}  # type: ignore[arg-type]


def test_check_file_that_says_otherwise_is_found(founding: Founding) -> None:
    assert founding.development().exit_code == 0
    true = founding.file.read_bytes()
    registry = load_deployment(founding.file).address("RegionRegistry")
    for code, said, changed in (
        (1, "genesis: expected 0x0303", {"genesis_hash": b"\x03" * 32}),
        (1, "owner: expected the founder 0x0404", {"owner": b"\x04" * 20}),
        (1, "expected code", other_contract(founding, "HeadAnchor", address=registry)),
        (1, "no account", other_contract(founding, "HeadAnchor", address=b"\x05" * 20)),
        (2, "another code hash", other_contract(founding, "HeadAnchor", code_hash=bytes(32))),
        (2, "another code hash", other_contract(founding, "RegionRegistry", slots={})),
    ):
        founding.change(**changed)
        done = founding.run("check", "--json")
        assert (done.exit_code, said in done.stderr) == (code, True), (said, done.output)
        assert json.loads(done.stdout)["outcome"] == ("otherwise" if code == 1 else "unknown")
        founding.file.write_bytes(true)


def test_check_contracts_offered_to_somebody_are_found(founding: Founding) -> None:
    assert founding.development().exit_code == 0
    governed = Governed(load_deployment(founding.file))
    sender = governed.sender(founding.secret)
    heir = [checksum(address_of(REGULATOR))]
    offer = governed.call(sender.address, "RegionRegistry", "transferOwnership", heir)
    sender.call_all([offer])
    governed.close()
    done = founding.run("check")
    assert (done.exit_code, "who may take them" in done.stderr) == (1, True), done.output


def test_check_contracts_with_a_successor_are_found(founding: Founding) -> None:
    assert founding.development().exit_code == 0
    governed = Governed(load_deployment(founding.file))
    sender = governed.sender(founding.secret)
    pause = governed.call(sender.address, "HeadAnchor", "pause", [])
    sender.call_all([pause])
    assert "paused" in founding.run("check").output
    after = [checksum(b"\x45" * 20)]
    sender.call_all([governed.call(sender.address, "HeadAnchor", "setSuccessor", after)])
    governed.close()
    done = founding.run("check")
    assert (done.exit_code, "has taken over" in done.stderr) == (1, True), done.output


def test_check_renew_writes_nothing_where_the_kind_of_chain_differs(founding: Founding) -> None:
    assert founding.development().exit_code == 0
    founding.change(validators=(b"\x06" * 20,))
    before = founding.file.read_bytes()
    done = founding.run("check", "--renew")
    assert (done.exit_code, "expected a sealed chain" in done.stderr) == (1, True), done.output
    assert founding.file.read_bytes() == before


def test_check_endpoint_given_goes_before_that_of_the_file(founding: Founding) -> None:
    assert founding.development().exit_code == 0
    url = founding.chain.rpc_url
    founding.change(rpc_url="http://127.0.0.1:1")
    assert founding.run("check").exit_code == 3
    assert founding.run("check", "--rpc-url", url).exit_code == 0
    assert load_deployment(founding.file).rpc_url == "http://127.0.0.1:1"
    assert founding.run("check", "--rpc-url", url, "--renew").exit_code == 0
    assert load_deployment(founding.file).rpc_url == url
