"""From an empty chain of five validators to a governed one, by commands, some validators lying."""

import json
from pathlib import Path

import pytest
from worlds.commands import attempt, ledger
from worlds.founding import REGIONS, SINCE, Consortium
from worlds.rpc_faults import FAULTS, FaultProxy
from worlds.shared_consortium import NEEDS_CONSORTIUM, SharedConsortium

from ledger.adapters.account_key import load_account_key
from ledger.adapters.evm.client import EvmClient
from ledger.adapters.evm.signing import address_of
from ledger.adapters.governance.deployment import load_deployment
from ledger.adapters.governance.sender import Sender
from ledger.bootstrap.trusting import load_trusted
from ledger.core.trust import parse_trust_root
from ledger.core.trust.update import digest_of

pytestmark = NEEDS_CONSORTIUM


@pytest.fixture
def people(consortium: SharedConsortium, tmp_path: Path) -> Consortium:
    return Consortium(tmp_path, consortium.config)


def sent(people: Consortium) -> int:
    """Transactions of the founder."""
    client = EvmClient(people.config.rpc_url, chain_id=people.config.chain_id)
    count = client.transaction_count(address_of(load_account_key(people.founder_key)))
    client.close()
    return count


def addresses(people: Consortium) -> list[str]:
    return sorted(one.address.lower() for one in people.config.validators)


def test_deploy_writes_the_validators_that_the_chain_lists(people: Consortium) -> None:
    people.urls = people.urls[1:4]
    done = people.deploy()
    assert done.exit_code == 0, done.output
    made = load_deployment(people.file)
    assert [f"0x{one.hex()}" for one in made.validators] == addresses(people)
    assert (made.consensus, list(made.rpc_urls)) == ("qbft", people.urls)
    found = json.loads(people.check("--json").stdout)
    assert (found["outcome"], found["consensus"]) == ("proved", "qbft")
    assert found["validators"] == addresses(people)
    before = people.file.read_bytes()
    expected = [part for one in addresses(people) for part in ("--validator", one)]
    assert people.deploy(*expected).exit_code == 0
    assert (sent(people), people.file.read_bytes()) == (2, before)


def test_deploy_killed_after_the_first_transaction_makes_no_third(
    people: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = Sender._send

    def cut(self: Sender, transaction: object) -> None:
        true(self, transaction)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Sender, "_send", cut)
        assert people.deploy().exit_code != 0
    assert not people.file.exists()
    assert people.deploy().exit_code == 0
    assert sent(people) == 2


def test_deploy_that_cannot_be_sure_of_its_chain_sends_nothing(people: Consortium) -> None:
    every = people.urls
    for urls, options, said in (
        (every[:1], (), "endpoints of 3 of 5 validators, found 1"),
        (every[:2], (), "endpoints of 3 of 5 validators, found 2"),
        (every, ("--development",), "expected a development chain"),
        (every, ("--validator", "0x" + "11" * 20), "validators: expected 0x1111"),
        (every, ("--validator", addresses(people)[0]), "the chain lists"),
    ):
        people.urls = every if urls is every else urls
        done = people.deploy(*options)
        assert (done.exit_code, said in done.stderr) == (2, True), done.output
    assert (sent(people), people.file.exists()) == (0, False)


LIES = (
    *("few_seals", "wrong_chain", "nothing", "stale"),
    *("swallowed", "forged_receipt", "other_receipt"),
)
"""What is read for proofs is lied about in test_rooting.py."""


@pytest.mark.parametrize("name", LIES)
def test_deploy_is_not_misled_by_two_of_five(people: Consortium, name: str) -> None:
    true = people.urls
    # Two that agree on a receipt are more than may lie: the creation is then called reverted.
    liars = 1 if name == "other_receipt" else 2
    proxies = [FaultProxy(url, seed=n, hang_s=1.0) for n, url in enumerate(true[:liars])]
    for proxy in proxies:
        proxy.fault = FAULTS[name]
    people.urls = [one.url for one in proxies] + true[liars:]
    try:
        done = people.deploy()
    finally:
        for proxy in proxies:
            proxy.close()
    assert done.exit_code == 0, done.output
    assert sent(people) == 2
    urls = [part for url in true for part in ("--rpc-url", url)]
    assert people.check(*urls, "--renew").exit_code == 0
    assert list(load_deployment(people.file).rpc_urls) == true


def test_check_validators_of_the_file_are_not_those_of_the_chain(people: Consortium) -> None:
    assert people.deploy().exit_code == 0
    true = people.file.read_bytes()
    content = json.loads(true)
    content["validators"][0] = "0x" + "07" * 20
    people.file.write_text(json.dumps(content))
    done = people.check()
    assert (done.exit_code, "contracts check --renew" in done.stderr) == (1, True), done.output
    assert people.check("--renew").exit_code == 0
    assert people.file.read_bytes() == true


def test_consortium_is_founded_by_commands_and_takes_a_fifth_region(people: Consortium) -> None:
    # The founder: contracts, regions, Council.
    assert people.deploy().exit_code == 0
    nodes = people.join(*REGIONS)
    people.admit(*REGIONS)
    place = ("--deployment", people.file)
    regulator = "0x" + address_of(load_account_key(people.regulator_key)).hex()
    keys = ("--founder-key", people.founder_key, "--regulator", regulator)
    said = ledger("council", "found", *nodes, *keys, "--veto-window-s", 1, *place)
    assert "4 seats, 3 must approve" in said
    found = json.loads(people.check("--json").stdout)
    assert found["owner"] == found["contracts"]["Council"]
    refused = attempt("contracts", "admit", nodes[0], "--founder-key", people.founder_key, *place)
    assert (refused.exit_code, "propose the registrations" in refused.stderr) == (2, True)

    # The first trust root names the seats as those who sign the next.
    first = people.root("root-1.json", "--since", SINCE)
    root = parse_trust_root(first.read_bytes())
    operators = [node / "operator-key" for node in nodes]
    assert set(root.signers) == {address_of(load_account_key(key)) for key in operators}
    assert (root.threshold, root.sequence, root.consensus) == (3, 1, "qbft")
    for node in nodes:
        (node / "trust-root.json").write_bytes(first.read_bytes())

    # A fifth region: proposed, approved by three, carried out after the window.
    (joining,) = people.join("350000")
    by = ("--as", nodes[0], "--as", nodes[1], "--as", nodes[2])
    said = ledger("council", "propose", "registration", joining, *by, "--carry-out", *place)
    assert "carried out" in said
    assert "RegionRegistry.setRegion(" in said
    assert "is like that already" in ledger("council", "propose", "registration", joining, *place)

    # Its trust root: the days of the others stay, its own begins when it undertakes to publish.
    second = people.root("root-2.json", "--previous", first, "--since", "2026-06-01")
    updated = parse_trust_root(second.read_bytes())
    assert {one.since.isoformat() for one in updated.coverage if one.region == "350000"} == {
        "2026-06-01"
    }
    assert {one.since.isoformat() for one in updated.coverage if one.region != "350000"} == {SINCE}
    # A new node begins with the first root, as everybody did.
    (joining / "trust-root.json").write_bytes(first.read_bytes())
    people.install(second, operators[:3], [*nodes, joining])
    for node in (*nodes, joining):
        trusted = load_trusted(node, "trust-root.json")
        assert trusted.root.sequence == 2
        assert trusted.pin == digest_of(first.read_bytes()).hex()

    # Its seat: decided by those who have one, named by the next root.
    seat = ("Council", "addSeat", "350000", json.loads(registration_of(joining))["operator"])
    ledger("council", "propose", "change", *seat, *by, "--carry-out", *place)
    third = people.root("root-3.json", "--previous", second)
    seats = parse_trust_root(third.read_bytes())
    assert (len(seats.signers), seats.threshold) == (5, 3)

    # Two signatures are not three.
    signatures = third.with_suffix(".signatures.json")
    for key in operators[:2]:
        ledger("trust-root", "sign", third, "--key", key, "--signatures", signatures)
    few = attempt("trust-root", "update", third, "--signatures", signatures, "--dir", nodes[0])
    assert few.exit_code == 2
    assert load_trusted(nodes[0], "trust-root.json").root.sequence == 2


def registration_of(node: Path) -> str:
    return (node / "registration.json").read_text()
