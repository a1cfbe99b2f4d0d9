"""The regions govern a real chain together: found, propose, approve, object, carry out."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from worlds.devnet import registration
from worlds.governed import OPERATORS, REGULATOR, GovernedChain, operator_of

from ledger.adapters.evm.contract import checksum, load_contract
from ledger.adapters.evm.signing import address_of
from ledger.adapters.governance import admission
from ledger.adapters.governance.admission import Lacking
from ledger.adapters.governance.council import Council, Rules, Seat, State, found_council
from ledger.adapters.governance.deployment import load_deployment
from ledger.adapters.governance.governed import Governed
from ledger.adapters.governance.registration import parse_registration
from ledger.cli.app import app
from ledger.core.chain.head_slots import stream_id
from ledger.errors import ContractRevertError, GovernanceError, InputError
from ledger.services.onchain import Call

pytestmark = pytest.mark.devnet

SHANGHAI, JIANGSU, ZHEJIANG, ANHUI = "310000", "320000", "330000", "340000"
STRANGER = b"\x33" * 32


def pause(founded: GovernedChain) -> list[Call]:
    return [founded.call("HeadAnchor", "pause")]


def test_founded_council_owns_both_contracts(founded: GovernedChain) -> None:
    council = checksum(founded.governed.deployment.address("Council"))
    for name in ("HeadAnchor", "RegionRegistry"):
        assert founded.governed.view(name, "owner")[0] == council.lower()
        assert int(founded.governed.view(name, "pendingOwner")[0], 16) == 0
    rules = founded.council.rules()
    assert [one.region for one in rules.seats] == [SHANGHAI, JIANGSU, ZHEJIANG, ANHUI]
    assert (rules.threshold, rules.veto_window_s) == (3, 1)


def test_found_again_changes_nothing(founded: GovernedChain) -> None:
    before = load_deployment(founded.path)
    seats = (Seat(SHANGHAI, address_of(STRANGER)),)
    found_council(founded.path, founded.founder, Rules(seats, 1, b"\x01" * 20, 0))
    assert load_deployment(founded.path) == before
    assert founded.council.acceptance() == []


def test_founder_governs_no_more(founded: GovernedChain) -> None:
    asked = parse_registration(registration("350000", 35))
    with pytest.raises(GovernanceError, match="propose the registrations"):
        admission.admit(founded.path, founded.founder, [asked])
    sender = founded.governed.sender(founded.founder)
    with pytest.raises(ContractRevertError, match="OwnableUnauthorizedAccount"):
        founded.governed.view("HeadAnchor", "pause", sender=sender.address)
    with pytest.raises(GovernanceError, match="reverted"):
        sender.call_all(pause(founded))


def test_region_is_admitted_by_one_decision(founded: GovernedChain) -> None:
    asked = parse_registration(registration("350000", 35))
    calls = Lacking.for_council(founded.governed).calls(asked)
    assert len(calls) == 11
    number = founded.decide(calls)
    assert founded.council.proposal(number).approved_by == (SHANGHAI, JIANGSU, ZHEJIANG)
    assert founded.council.proposal(number).state is State.EXECUTED
    assert Lacking.for_council(founded.governed).calls(asked) == []


def test_anchor_key_is_rotated_by_a_decision(founded: GovernedChain) -> None:
    stream = stream_id(SHANGHAI, "records")
    arguments = [stream, checksum(b"\x44" * 20)]
    founded.decide([founded.call("HeadAnchor", "replaceAnchorKey", *arguments)])
    assert founded.governed.view("HeadAnchor", "streamOf", [stream])[0] == "0x" + "44" * 20


def test_pause_is_carried_out_within_the_window(founded: GovernedChain) -> None:
    number = founded.approved(pause(founded))
    founded.council.execute(OPERATORS[SHANGHAI], number)
    assert founded.governed.view("HeadAnchor", "status")[1] == 2
    founded.decide([founded.call("HeadAnchor", "unpause")])
    assert founded.governed.view("HeadAnchor", "status")[1] == 1


def test_execute_refused_says_what_the_called_contract_said(founded: GovernedChain) -> None:
    number = founded.approved([founded.call("HeadAnchor", "unpause")])
    with pytest.raises(ContractRevertError, match="HeadAnchorStateUnchanged"):
        founded.council.wait_for_window(OPERATORS[SHANGHAI], number, deadline_s=30)
    with pytest.raises(ContractRevertError, match="HeadAnchorStateUnchanged"):
        founded.council.execute(OPERATORS[SHANGHAI], number)


def test_execute_too_early_or_too_few_is_refused_by_name(founded: GovernedChain) -> None:
    call = founded.call("HeadAnchor", "setSuccessor", checksum(b"\x45" * 20))
    number = founded.council.propose(OPERATORS[ANHUI], [call])
    with pytest.raises(ContractRevertError, match="CouncilApprovalsMissing"):
        founded.council.execute(OPERATORS[ANHUI], number)
    founded.council.approve(OPERATORS[ZHEJIANG], number)
    founded.council.approve(OPERATORS[JIANGSU], number)
    with pytest.raises(ContractRevertError, match="CouncilWindowOpen"):
        founded.council.execute(OPERATORS[ANHUI], number)
    founded.council.withdraw(OPERATORS[JIANGSU], number)
    assert founded.council.proposal(number).approved_by == (ZHEJIANG, ANHUI)


def test_veto_ends_a_proposal_and_only_the_regulator_may(founded: GovernedChain) -> None:
    number = founded.approved(pause(founded))
    with pytest.raises(ContractRevertError, match="CouncilNotRegulator"):
        founded.council.veto(OPERATORS[SHANGHAI], number)
    founded.council.veto(REGULATOR, number)
    assert founded.council.proposal(number).state is State.VETOED
    with pytest.raises(ContractRevertError, match="CouncilProposalNotOpen"):
        founded.council.execute(OPERATORS[SHANGHAI], number)


def test_stranger_decides_nothing(founded: GovernedChain) -> None:
    number = founded.approved(pause(founded))
    for act in (
        lambda: founded.council.propose(STRANGER, pause(founded)),
        lambda: founded.council.approve(STRANGER, number),
        lambda: founded.council.execute(STRANGER, number),
    ):
        with pytest.raises(ContractRevertError, match="CouncilNotSeated"):
            act()


def test_proposal_that_does_not_exist_is_an_error(founded: GovernedChain) -> None:
    with pytest.raises(GovernanceError, match="there is none"):
        founded.council.proposal(10_000)


def test_council_before_it_was_founded_is_an_error(tmp_path: Path, founded: GovernedChain) -> None:
    content = json.loads(founded.path.read_bytes())
    del content["contracts"]["Council"]
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(content))
    governed = Governed(load_deployment(path))
    with pytest.raises(GovernanceError, match="not created"):
        Council(governed)
    governed.close()


def test_sealed_chain_behind_one_endpoint_is_refused(
    tmp_path: Path, founded: GovernedChain
) -> None:
    content = json.loads(founded.path.read_bytes())
    content["validators"] = ["0x" + "11" * 20] * 4
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(content))
    with pytest.raises(GovernanceError, match="at least two validators"):
        Governed(load_deployment(path))


# --- The command line


def run(founded: GovernedChain, *words: object) -> Any:
    arguments = ["--lang", "en", "council", *map(str, words), "--deployment", str(founded.path)]
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def key_files(tmp_path: Path, founded: GovernedChain) -> dict[str, Path]:
    files = {}
    for region, key in OPERATORS.items():
        files[region] = tmp_path / f"{region}-key"
        files[region].write_text(key.hex())
        files[region].chmod(0o600)
    return files


def test_propose_change_shows_what_it_does_and_carries_it_out(
    founded: GovernedChain, key_files: dict[str, Path]
) -> None:
    signers = [part for path in list(key_files.values())[:3] for part in ("--key", path)]
    change = (
        "propose",
        "change",
        "HeadAnchor",
        "replaceAnchorKey",
        "320000/queries",
        "0x" + "46" * 20,
    )
    done = run(founded, *change, *signers, "--carry-out")
    assert done.exit_code == 0, done.output
    assert "carried out" in done.output
    assert "HeadAnchor.replaceAnchorKey(streamId=320000/queries, anchorKey=0x46" in done.output
    listed = json.loads(run(founded, "list", "--json").output)
    newest = listed["proposals"][-1]
    assert (newest["state"], newest["approved_by"]) == ("executed", [SHANGHAI, JIANGSU, ZHEJIANG])
    assert listed["threshold"] == 3


def test_propose_approve_show_and_execute_step_by_step(
    founded: GovernedChain, key_files: dict[str, Path]
) -> None:
    made = run(founded, "propose", "change", "HeadAnchor", "pause", "--key", key_files[ANHUI])
    assert made.exit_code == 0, made.output
    number = founded.council.count() - 1
    for region in (SHANGHAI, JIANGSU):
        assert run(founded, "approve", number, "--key", key_files[region]).exit_code == 0
    shown = run(founded, "show", number).output
    assert "approved by: 310000, 320000, 340000" in shown
    assert "HeadAnchor.pause()" in shown
    done = run(founded, "execute", number, "--key", key_files[JIANGSU])
    assert done.exit_code == 0, done.output
    founded.decide([founded.call("HeadAnchor", "unpause")])


def test_propose_registration_that_is_there_proposes_nothing(
    founded: GovernedChain, tmp_path: Path, key_files: dict[str, Path]
) -> None:
    asked = registration(JIANGSU, 2) | {"operator": operator_of(JIANGSU)}
    (tmp_path / "registration.json").write_text(json.dumps(asked))
    before = founded.council.count()
    done = run(founded, "propose", "registration", tmp_path, "--key", key_files[SHANGHAI])
    # Another test gave one of its streams another anchor key; everything else stands.
    assert done.exit_code == 0, done.output
    assert founded.council.count() - before <= 1


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("HeadAnchor", "burn"), "has no function burn"),
        (("Elsewhere", "pause"), "expected one of HeadAnchor"),
        (("HeadAnchor", "pause", "1"), "expected the arguments none"),
        (("HeadAnchor", "addMirror", "x", "0x" + "11" * 20, "310000"), "number: expected a value"),
        (("HeadAnchor", "setSuccessor", "0x12"), "expected 20 bytes"),
        (("RegionRegistry", "setVrfKey", "310000", "310000/records", "1", "0xzz"), "publicKey"),
    ],
)
def test_propose_change_that_cannot_be_is_a_usage_error(
    founded: GovernedChain, key_files: dict[str, Path], words: tuple[str, ...], reason: str
) -> None:
    done = run(founded, "propose", "change", *words, "--key", key_files[SHANGHAI])
    assert done.exit_code == 2
    assert reason in done.output


def test_act_without_a_key_is_a_usage_error(founded: GovernedChain) -> None:
    done = run(founded, "approve", 0)
    assert done.exit_code == 2
    assert "expected at least one" in done.output


def test_wording_of_foreign_calls_stays_raw(founded: GovernedChain) -> None:
    from ledger.adapters.governance.wording import Wording

    wording = Wording(founded.governed.deployment, [SHANGHAI])
    anchor = founded.governed.deployment.address("HeadAnchor")
    assert wording.describe(b"\x01" * 20, b"\xff") == "0x" + "01" * 20 + " 0xff"
    assert wording.describe(anchor, b"\x01\x02\x03\x04").endswith(" 0x01020304")
    data = load_contract("HeadAnchor").encode("pause", [])
    assert wording.describe(anchor, data + b"\x00").endswith("00")


def test_parse_arguments_of_a_stream_takes_its_name() -> None:
    from ledger.adapters.governance.wording import parse_arguments

    found = parse_arguments("HeadAnchor", "replaceAnchorKey", ["310000/records", "0x" + "11" * 20])
    assert found == [stream_id("310000", "records"), checksum(b"\x11" * 20)]
    with pytest.raises(InputError):
        parse_arguments("Council", "propose", ["x"])


def test_wording_shows_addresses_with_letters() -> None:
    operator = bytes.fromhex("2526f127140e31695a698312df2c495cec74cae2")
    values = [350000, checksum(operator), "https://node.350000.example"]
    contract = load_contract("RegionRegistry")
    name, found = contract.decode_call(contract.encode("setRegion", values))
    assert (name, found["operator"]) == ("setRegion", f"0x{operator.hex()}")
    # Any other bytes that mean the same are not shown as if they were plain.
    with pytest.raises(InputError, match="plain encoding"):
        contract.decode_call(contract.encode("setRegion", values) + bytes(32))
