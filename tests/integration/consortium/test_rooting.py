"""A trust root from five validators: a majority says it, seals, proofs and votes bear it out."""

from dataclasses import replace
from pathlib import Path

import pytest
from worlds.rpc_faults import FAULTS, FaultProxy
from worlds.shared_consortium import NEEDS_CONSORTIUM, SharedConsortium, deploy_over
from worlds.votes import vote

from ledger.adapters.devnet.qbft import control
from ledger.adapters.devnet.qbft.directory import ConsortiumConfig, ConsortiumDirectory
from ledger.adapters.evm.client import EvmClient
from ledger.adapters.governance.deployment import Deployment
from ledger.adapters.rooting import read_entered
from ledger.adapters.rooting.witnesses import Witnesses
from ledger.core.headers import verify_qbft
from ledger.core.trust import ValidatorRange
from ledger.errors import ChainUnavailableError, GovernanceError, LedgerError, VerificationError

pytestmark = NEEDS_CONSORTIUM


def over(deployment: Deployment, urls: list[str]) -> Deployment:
    return replace(deployment, rpc_url=urls[0], other_urls=tuple(urls[1:]))


def test_five_validators_are_one_range_from_the_first_block(consortium: SharedConsortium) -> None:
    entered, block = read_entered(consortium.deployment)
    (only,) = entered.validators
    assert (only.first_block, only.last_block) == (0, None)
    assert {"0x" + one.hex() for one in only.addresses} == {
        one.address.lower() for one in consortium.config.validators
    }
    assert entered.consensus == "qbft" and block > 0


OF_READING = (
    *("cut_after", "hang", "truncated", "not_json", "endless", "nothing", "other_id"),
    *("wrong_chain", "stale", "ahead", "other_header", "few_seals", "other_proof", "old_proof"),
)
"""Faults of what a trust root is made of; the others are those of sending."""


@pytest.mark.parametrize("name", OF_READING)
def test_two_liars_of_five_change_nothing(consortium: SharedConsortium, name: str) -> None:
    deployment: Deployment = consortium.deployment
    urls = list(deployment.rpc_urls)
    proxies = [FaultProxy(url, seed=n, hang_s=1.0) for n, url in enumerate(urls[:2])]
    for proxy in proxies:
        proxy.fault = FAULTS[name]
    try:
        found, _ = read_entered(over(deployment, [one.url for one in proxies] + urls[2:]))
    finally:
        for proxy in proxies:
            proxy.close()
    assert found == read_entered(deployment)[0]


LIES = ("other_header", "few_seals", "other_proof", "wrong_chain", "not_json", "nothing")


@pytest.mark.parametrize("name", LIES)
def test_nothing_is_made_of_what_three_liars_say(consortium: SharedConsortium, name: str) -> None:
    deployment: Deployment = consortium.deployment
    proxies = [FaultProxy(url, seed=n, hang_s=1.0) for n, url in enumerate(deployment.rpc_urls[:3])]
    for proxy in proxies:
        proxy.fault = FAULTS[name]
    try:
        with pytest.raises(LedgerError):
            read_entered(over(deployment, [one.url for one in proxies]))
    finally:
        for proxy in proxies:
            proxy.close()
    assert any(one.bitten for one in proxies)


def test_two_endpoints_of_five_validators_are_no_majority(consortium: SharedConsortium) -> None:
    deployment: Deployment = consortium.deployment
    urls = list(deployment.rpc_urls)
    with pytest.raises(GovernanceError, match="endpoints of 3 of 5 validators, found 2"):
        read_entered(over(deployment, urls[:2]))
    # Nor where the file tells of fewer validators than the chain has.
    with pytest.raises(GovernanceError, match="the chain lists 5"):
        read_entered(over(replace(deployment, validators=deployment.validators[:3]), urls[:2]))


def test_liars_with_a_chain_of_their_own_need_more_than_a_short_file(
    consortium: SharedConsortium,
) -> None:
    deployment: Deployment = consortium.deployment
    # Five endpoints: three must say the same, whatever the file knows of validators.
    short = replace(deployment, validators=deployment.validators[:1])
    proxies = [FaultProxy(url, seed=n) for n, url in enumerate(deployment.rpc_urls[:2])]
    for proxy in proxies:
        proxy.fault = FAULTS["other_header"]
    try:
        urls = [one.url for one in proxies] + list(deployment.rpc_urls[2:])
        assert read_entered(over(short, urls))[0] == read_entered(deployment)[0]
    finally:
        for proxy in proxies:
            proxy.close()


def test_endpoint_named_twice_is_no_second_witness(consortium: SharedConsortium) -> None:
    deployment: Deployment = consortium.deployment
    url = deployment.rpc_urls[0]
    with pytest.raises(GovernanceError, match="each endpoint once"):
        read_entered(over(deployment, [url, url, url]))


def test_file_without_validators_is_no_development_chain(consortium: SharedConsortium) -> None:
    deployment: Deployment = consortium.deployment
    with pytest.raises(GovernanceError, match="the file names none"):
        read_entered(replace(deployment, validators=()))


def test_newest_block_that_is_old_makes_no_root(
    consortium: SharedConsortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger.adapters.rooting.witnesses.MAX_AGE_S", -60)
    with pytest.raises(ChainUnavailableError, match="expected one of the last"):
        read_entered(consortium.deployment)


def test_votes_are_read_by_hash_alone(consortium: SharedConsortium) -> None:
    deployment: Deployment = consortium.deployment
    with Witnesses(deployment.rpc_urls, chain_id=deployment.chain_id, validators=5) as witnesses:
        newest = witnesses.newest().listed
        ballot, parent = witnesses.ballot(newest.number, newest.block_hash)
        assert ballot.proposer in newest.validators and ballot.vote is None
        assert parent == witnesses.at(newest.number - 1).listed.block_hash
        with pytest.raises(ChainUnavailableError, match="another block"):
            witnesses.ballot(newest.number, b"\x07" * 32)


def test_validator_voted_out_and_in_makes_ranges_that_verify(root: Path) -> None:
    config = control.up(root).config
    assert config is not None
    deployment = deploy_over(ConsortiumDirectory(root), config)
    before = read_entered(deployment)[0].validators
    gone = config.validators[3].address
    others = [one for one in config.validators if one.address != gone]
    vote(others[:3], gone, is_in=False)
    four = read_entered(deployment, ranges=before)[0].validators
    assert [len(one.addresses) for one in four] == [5, 4]
    assert four[0].last_block is not None and four[1].first_block == four[0].last_block + 1
    assert bytes.fromhex(gone[2:]) not in four[1].addresses
    _headers_verify(config, four)

    vote(others[:3], gone, is_in=True)
    three = read_entered(deployment, ranges=four)[0].validators
    assert three[0] == four[0] and len(three) == 3
    assert three[2].addresses == before[0].addresses
    _headers_verify(config, three)
    # Without a root before nothing tells that the set was another for a while: those blocks are
    # refused then, never believed.
    (unaware,) = read_entered(deployment)[0].validators
    _, rlp = _header(config, three[1].first_block)
    with pytest.raises(VerificationError):
        verify_qbft(rlp, unaware.addresses)
    with pytest.raises(VerificationError):
        read_entered(deployment, ranges=[replace(before[0], addresses=four[1].addresses)])


def _header(config: ConsortiumConfig, number: int) -> tuple[bytes, bytes]:
    client = EvmClient(config.validators[0].rpc_url, chain_id=config.chain_id)
    found = client.fetch_header(number)
    client.close()
    return found


def _headers_verify(config: ConsortiumConfig, ranges: tuple[ValidatorRange, ...]) -> None:
    """At every border: its own set verifies the header, its neighbour's is refused."""
    for n, one in enumerate(ranges):
        for number in {max(1, one.first_block), one.last_block or one.first_block}:
            _, rlp = _header(config, number)
            verify_qbft(rlp, one.addresses)
            for other in (*ranges[:n], *ranges[n + 1 :]):
                if other.addresses != one.addresses:
                    with pytest.raises(VerificationError):
                        verify_qbft(rlp, other.addresses)
