"""A validator whose key is lost or stolen is voted out, another voted in; trust roots follow."""

import json
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from coincurve import PrivateKey
from worlds.commands import attempt
from worlds.founding import REGIONS, SINCE, Consortium
from worlds.shared_consortium import NEEDS_CONSORTIUM, SharedConsortium
from worlds.votes import vote

from ledger.adapters.devnet.qbft import control
from ledger.adapters.devnet.qbft.directory import (
    ConsortiumConfig,
    ConsortiumDirectory,
    Validator,
)
from ledger.adapters.evm.client import EvmClient
from ledger.bootstrap.trusting import load_trusted
from ledger.core.chain.keccak import keccak256
from ledger.core.headers import SealedHeader, verify_qbft
from ledger.core.trust import parse_trust_root
from ledger.errors import WrongValidatorsError

pytestmark = NEEDS_CONSORTIUM

LOST = "anhui"
SEALS_WITHIN_S = 120.0


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SEALS_WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.5)


def newest(config: ConsortiumConfig, trusted: frozenset[bytes]) -> SealedHeader:
    client = EvmClient(config.rpc_url, chain_id=config.chain_id)
    _, rlp = client.fetch_header(client.latest_block())
    client.close()
    return verify_qbft(rlp, trusted)


def put_fresh_key(directory: ConsortiumDirectory, config: ConsortiumConfig) -> Validator:
    """Another key in the lost one's place, and the others told whom to let in."""
    before = config.validator(LOST)
    key = PrivateKey(secrets.token_bytes(32))
    public_key = key.public_key.format(compressed=False)[1:]
    after = replace(
        before, public_key=public_key.hex(), address="0x" + keccak256(public_key)[12:].hex()
    )
    (directory.folder(LOST) / "geth").mkdir(mode=0o700)
    (directory.folder(LOST) / "geth" / "nodekey").write_text(key.to_hex().rjust(64, "0"))
    for name in config.names:
        for file in ("static-nodes.json", "permissioned-nodes.json"):
            path = directory.folder(name) / file
            path.write_text(path.read_text().replace(before.public_key, after.public_key))
    others = tuple(after if one.name == LOST else one for one in config.validators)
    directory.save_consortium(replace(config, validators=others))
    return after


def test_validator_with_a_lost_key_is_replaced_and_trust_roots_follow(
    root: Path, tmp_path: Path
) -> None:
    config = control.up(root).config
    assert config is not None
    directory, people = ConsortiumDirectory(root), Consortium(tmp_path, config)
    lost = config.validator(LOST)
    others = [one for one in config.validators if one.name != LOST]
    people.urls = [one.rpc_url for one in others]
    assert people.deploy().exit_code == 0
    nodes = people.join(*REGIONS[:3])
    people.admit(*REGIONS[:3])
    first = people.root("root-1.json", "--since", SINCE)
    for node in nodes:
        (node / "trust-root.json").write_bytes(first.read_bytes())

    # The machine is gone, and its key with it. The others go on, and vote it out.
    control.stop(root, LOST)
    shutil.rmtree(directory.folder(LOST) / "geth")
    vote(others[:3], lost.address, is_in=False)
    noticed = people.check()
    assert (noticed.exit_code, "validators: expected" in noticed.stderr) == (1, True)
    assert people.check("--renew").exit_code == 0
    assert people.check().exit_code == 0
    second = people.root("root-2.json", "--previous", first)
    people.install(second, [people.founder_key], nodes)

    # A fresh key on a machine without a chain: let in as a node first, then voted in.
    fresh = put_fresh_key(directory, config)
    control.start(root, LOST)
    wait_for(lambda: (_height(root, LOST) or 0) >= (control.status(root).height or 0) - 1 > 0)
    vote(others[:3], fresh.address, is_in=True)
    assert people.check("--renew").exit_code == 0
    third = people.root("root-3.json", "--previous", second)
    people.install(third, [people.founder_key], nodes)

    # Evidence of any height verifies by the set that sealed it, and by no other.
    ranges = load_trusted(nodes[0], "trust-root.json").root.validators
    assert [len(one.addresses) for one in ranges] == [5, 4, 5]
    assert [one.last_block is None for one in ranges] == [False, False, True]
    # One update after both votes finds the same.
    at_once = people.root("at-once.json", "--previous", first)
    assert parse_trust_root(at_once.read_bytes()).validators == ranges
    addresses = {bytes.fromhex(one.address[2:]): one for one in (lost, fresh)}
    assert [
        [one.public_key for address, one in addresses.items() if address in each.addresses]
        for each in ranges
    ] == [[lost.public_key], [], [fresh.public_key]]
    sealed = bytes.fromhex(fresh.address[2:])
    wait_for(lambda: sealed in newest(config, ranges[2].addresses).signers)
    with pytest.raises(WrongValidatorsError):
        newest(config, ranges[0].addresses)
    # With it four of five are there again when another one is away.
    control.stop(root, "jiangsu")
    before = control.status(root).height or 0
    wait_for(lambda: (control.status(root).height or 0) >= before + 3)
    assert len(newest(config, ranges[2].addresses).signers) == 4


def _height(root: Path, name: str) -> int | None:
    return next(one.height for one in control.status(root).validators if one.name == name)


def test_trust_root_that_nobody_updated_refuses_the_new_validators(
    consortium: SharedConsortium, tmp_path: Path
) -> None:
    """What happens where an operator forgets the update: nothing is believed, and it is said."""
    people = Consortium(tmp_path, consortium.config)
    assert people.deploy().exit_code == 0
    people.join(*REGIONS[:2])
    people.admit(*REGIONS[:2])
    path = people.root("root.json", "--since", SINCE)
    content = json.loads(path.read_text())
    content["validators"][0]["addresses"][0] = "0x" + "07" * 20
    path.write_text(json.dumps(content, sort_keys=True, separators=(",", ":")))
    place = ("--deployment", people.file, "--out", tmp_path / "next.json")
    done = attempt("trust-root", "make", "--previous", path, *place)
    assert (done.exit_code, "expected the validators of the root before" in done.stderr) == (
        2,
        True,
    )
