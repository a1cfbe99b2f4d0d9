"""Contracts are deployed once, regions admitted once, contradictions refused before anything."""

import dataclasses
import json
from pathlib import Path

import pytest
from worlds.devnet import Running, admit, deploy, registration

from ledger.adapters.devnet import control
from ledger.adapters.devnet.directory import DevnetDirectory
from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.governance.deployment import load_deployment
from ledger.adapters.governance.registration import (
    Registration,
    load_registration,
    parse_registration,
)
from ledger.errors import GovernanceError

pytestmark = pytest.mark.devnet


def test_deploy_again_changes_nothing(devnet: Running) -> None:
    config = devnet.directory.load_config()
    assert config is not None
    assert deploy(devnet.directory, config) == devnet.deployment
    assert load_deployment(devnet.directory.deployment_file) == devnet.deployment
    assert {"status", "heads", "confirmations"} <= set(
        devnet.deployment.contracts["HeadAnchor"].slots
    )


def test_deploy_record_is_lost_finds_the_same_contracts(devnet: Running) -> None:
    config = devnet.directory.load_config()
    assert config is not None
    devnet.directory.deployment_file.unlink()
    again = deploy(devnet.directory, config)
    for name, one in again.contracts.items():
        before = devnet.deployment.contracts[name]
        assert (one.address, one.code_hash) == (before.address, before.code_hash)


def test_admit_again_sends_nothing(devnet: Running, chain: EvmChain) -> None:
    asked = [
        parse_registration(registration(code, n)) for n, code in ((1, "310000"), (2, "320000"))
    ]
    assert admit(devnet.directory, asked) == {"310000": 11, "320000": 11}
    assert admit(devnet.directory, asked) == {"310000": 0, "320000": 0}
    entries = {one.code: one for one in chain.fetch_regions()}
    assert entries["310000"].endpoint == "http://127.0.0.1:8301"
    assert entries["320000"].operator == asked[1].operator


def test_admit_endpoint_moved_sends_only_that(devnet: Running, chain: EvmChain) -> None:
    admit(devnet.directory, [parse_registration(registration("330000", 3))])
    moved = parse_registration(registration("330000", 3, "http://127.0.0.1:9999"))
    assert admit(devnet.directory, [moved]) == {"330000": 1}
    assert {one.code: one.endpoint for one in chain.fetch_regions()}["330000"].endswith("9999")


def test_admit_gives_each_mirror_one_number_for_ever(devnet: Running, chain: EvmChain) -> None:
    asked = [
        parse_registration(registration(code, n)) for n, code in ((6, "360000"), (7, "370000"))
    ]
    admit(devnet.directory, asked)
    before = load_deployment(devnet.directory.deployment_file).mirrors
    assert [one.number for one in before] == list(range(len(before)))
    # The file is lost: the chain still knows.
    devnet.directory.deployment_file.unlink()
    config = devnet.directory.load_config()
    assert config is not None
    assert deploy(devnet.directory, config).mirrors == ()
    assert admit(devnet.directory, asked) == {"360000": 0, "370000": 0}
    assert load_deployment(devnet.directory.deployment_file).mirrors == before
    # A new key is a new mirror, and takes no other's number.
    renewed = dataclasses.replace(asked[0], mirror_key=b"\x77" * 20)
    assert admit(devnet.directory, [renewed]) == {"360000": 1}
    after = load_deployment(devnet.directory.deployment_file).mirrors
    assert after[:-1] == before
    assert (after[-1].number, after[-1].address) == (len(before), b"\x77" * 20)


def test_admit_mirror_key_of_another_region_changes_nothing(devnet: Running) -> None:
    first = parse_registration(registration("380000", 8))
    admit(devnet.directory, [first])
    thief = dataclasses.replace(
        parse_registration(registration("390000", 9)), mirror_key=first.mirror_key
    )
    before = load_deployment(devnet.directory.deployment_file)
    with pytest.raises(GovernanceError, match="that of region 380000"):
        admit(devnet.directory, [thief])
    assert load_deployment(devnet.directory.deployment_file) == before


def test_admit_other_vrf_key_of_a_generation_changes_nothing(devnet: Running) -> None:
    asked = parse_registration(registration("340000", 4))
    admit(devnet.directory, [asked])
    stream = dataclasses.replace(asked.streams[2], vrf_public_key=b"\x55" * 32)
    other = dataclasses.replace(
        asked, endpoint="http://127.0.0.1:1", streams=(*asked.streams[:2], stream)
    )
    with pytest.raises(GovernanceError) as caught:
        admit(devnet.directory, [other])
    assert caught.value.problem == "registration"
    assert admit(devnet.directory, [asked]) == {"340000": 0}


def test_admit_other_anchor_key_replaces_that_key_alone(devnet: Running, chain: EvmChain) -> None:
    asked = parse_registration(registration("440000", 44))
    admit(devnet.directory, [asked])
    stream = dataclasses.replace(asked.streams[0], anchor_key=b"\x55" * 20)
    renewed = dataclasses.replace(asked, streams=(stream, *asked.streams[1:]))
    assert admit(devnet.directory, [renewed]) == {"440000": 1}
    assert admit(devnet.directory, [renewed]) == {"440000": 0}
    # And back: which key may write is governance's to say at any time.
    assert admit(devnet.directory, [asked]) == {"440000": 1}


def test_admit_next_generation_enters_its_keys_and_approves_it(devnet: Running) -> None:
    asked = parse_registration(registration("450000", 45))
    admit(devnet.directory, [asked])
    stream = dataclasses.replace(
        asked.streams[0], vrf_key=2, vrf_public_key=b"\x56" * 32, checkpoint_public_key=b"\x57" * 32
    )
    renewed = dataclasses.replace(asked, streams=(stream, *asked.streams[1:]))
    assert admit(devnet.directory, [renewed]) == {"450000": 3}
    with pytest.raises(GovernanceError, match="generation 2 already"):
        admit(devnet.directory, [asked])


def test_admit_region_that_the_contract_refuses_is_an_error(devnet: Running) -> None:
    asked = dataclasses.replace(
        parse_registration(registration("350000", 5)), operator=b"\x00" * 20
    )
    with pytest.raises(GovernanceError, match="reverted"):
        admit(devnet.directory, [asked])


def test_deployment_survives_a_restart(tmp_path: Path) -> None:
    root = tmp_path / "net"
    try:
        config = control.up(root, port=0).config
        assert config is not None
        directory = DevnetDirectory(root)
        deploy(directory, config)
        admit(directory, [parse_registration(registration("310000"))])
        before = load_deployment(directory.deployment_file)
        assert len(before.mirrors) == 1
        control.down(root)
        control.up(root)
        assert deploy(directory, config) == before
        assert admit(directory, [parse_registration(registration("310000"))]) == {"310000": 0}
    finally:
        control.down(root)


@pytest.mark.parametrize(
    "change",
    [
        {"region": 310000},
        {"region": "31000"},
        {"region": "３10000"},
        {"endpoint": "file:///etc/passwd"},
        {"endpoint": "http://host\nX"},
        {"operator": "0x12"},
        {"mirror_key": "0x12"},
        {"mirror_key": None},
        {"streams": []},
        {"streams": "records"},
        {"extra": 1},
        {"streams": [registration("310000")["streams"][0]] * 2},  # type: ignore[index]
    ],
)
def test_registration_of_other_form_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(GovernanceError) as caught:
        parse_registration(registration("310000") | change)
    assert caught.value.problem == "registration"


@pytest.mark.parametrize(
    "change",
    [
        {"stream": "secrets"},
        {"vrf_key": 0},
        {"vrf_key": True},
        {"vrf_key": 2**32},
        {"vrf_public_key": "AB" * 32},
        {"checkpoint_public_key": "ab" * 31},
        {"anchor_key": None},
    ],
)
def test_registration_stream_of_other_form_is_refused(change: dict[str, object]) -> None:
    value = registration("310000")
    streams = value["streams"]
    assert isinstance(streams, list)
    streams[0] = streams[0] | change
    with pytest.raises(GovernanceError):
        parse_registration(value)


@pytest.mark.parametrize("content", [b"", b"[", b"[]", b"\xff", b"null", b" " * 70_000])
def test_load_registration_file_of_other_form_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "registration.json").write_bytes(content)
    with pytest.raises(GovernanceError):
        load_registration(tmp_path)


def test_load_registration_absent_says_so(tmp_path: Path) -> None:
    with pytest.raises(GovernanceError, match="not found"):
        load_registration(tmp_path)


def test_load_registration_reads_what_parse_reads(tmp_path: Path) -> None:
    (tmp_path / "registration.json").write_text(json.dumps(registration("310000")))
    found: Registration = load_registration(tmp_path)
    assert found == parse_registration(registration("310000"))
