"""Section 13: the trust root."""

from __future__ import annotations

from typing import Any

from oracle.canonical import (
    RECORD_TYPE,
    Refused,
    Unlike,
    day,
    decode,
    distinct,
    listed,
    members,
    need,
    number,
    octets,
    one_of,
    prefixed,
    region,
    rising,
    stream,
    text,
    time,
)

STREAM_OF_CLASS = {
    "public": "records",
    "market": "records",
    "restricted": "restricted",
    "queries": "queries",
}


class TrustRootRefused(Exception):
    """The trust root breaks a rule, so there is no verdict at all."""


def read_trust_root(data: bytes) -> dict[str, Any] | None:
    """Read a trust root; nothing means that its version is not supported."""
    try:
        need(len(data) <= 2**20)
        value = decode(data)
        need(type(value) is dict and type(value.get("v")) is int)
        if value["v"] != 1:
            return None
        _check(value)
    except (Unlike, Refused) as error:
        raise TrustRootRefused from error
    return value


def _check(value: dict[str, Any]) -> None:
    members(
        value,
        *("v", "sequence", "previous", "signers", "threshold", "issued_at", "expires_at"),
        *("chain", "validators", "contracts", "vrf_keys", "mirrors", "confirmations"),
        *("coverage", "authority_required"),
    )
    need((number(value["sequence"], 1) == 1) == (value["previous"] is None))
    if value["previous"] is not None:
        octets(value["previous"], 32)
    signers = [prefixed(signer, 20) for signer in listed(value["signers"], 1, 64)]
    distinct(signers)
    number(value["threshold"], 1, len(signers))
    need(time(value["issued_at"]) < time(value["expires_at"]))
    chain_id, genesis, consensus = members(value["chain"], "chain_id", "genesis_hash", "consensus")
    number(chain_id, 1)
    prefixed(genesis, 32)
    development = one_of(consensus, "development", "qbft") == "development"
    _check_validators(listed(value["validators"], 0, 1024), development)
    _check_contracts(value["contracts"])
    _check_keys(listed(value["vrf_keys"], 0, 4096))
    operators = _check_mirrors(listed(value["mirrors"], 0, 1024))
    _check_confirmations(listed(value["confirmations"], 0, 1024), operators, development)
    pairs = []
    for entry in listed(value["coverage"], 0, 4096):
        place, record_type, kind, since = members(entry, "region", "record_type", "class", "since")
        pairs.append((region(place), text(record_type, RECORD_TYPE)))
        one_of(kind, *STREAM_OF_CLASS)
        day(since)
    distinct(pairs)
    need(type(value["authority_required"]) is bool)


def _check_validators(ranges: list[Any], development: bool) -> None:
    need((ranges == []) == development)
    expected: int | None = 0
    for entry in ranges:
        first, last, last_hash, last_time, addresses = members(
            entry, "first_block", "last_block", "last_hash", "last_time", "addresses"
        )
        need(expected is not None and number(first, 0) == expected)
        if last is None:
            need(last_hash is None and last_time is None)
            expected = None
        else:
            expected = number(last, first) + 1
            prefixed(last_hash, 32)
            number(last_time, 0)
        rising([prefixed(address, 20) for address in listed(addresses, 1, 256)])


def _check_contracts(contracts: Any) -> None:
    anchor, *others = members(contracts, "head_anchor", "region_registry", "consent_registry")
    for slot in _check_contract(anchor, "status", "heads", "confirmations"):
        number(slot, 0)
    for contract in others:
        if contract is not None:
            _check_contract(contract)


def _check_contract(contract: Any, *names: str) -> list[Any]:
    address, code_hash, slots = members(contract, "address", "code_hash", "slots")
    prefixed(address, 20)
    prefixed(code_hash, 32)
    return members(slots, *names)


def _check_keys(keys: list[Any]) -> None:
    names, public_keys = [], []
    for key in keys:
        place, name, generation, public_key = members(
            key, "region", "stream", "generation", "public_key"
        )
        names.append((region(place), stream(name), number(generation, 1, 2**32 - 1)))
        public_keys.append(octets(public_key, 32))
    distinct(names)
    distinct(public_keys)


def _check_mirrors(mirrors: list[Any]) -> dict[int, str]:
    operators = {}
    for mirror in mirrors:
        own, operator, role = members(mirror, "number", "operator", "role")
        operators[number(own, 0, 2**32 - 1)] = text(operator, r"[a-z0-9-]{1,64}")
        one_of(role, "region", "regulator")
    need(len(operators) == len(mirrors))
    return operators


def _check_confirmations(rules: list[Any], operators: dict[int, str], development: bool) -> None:
    pairs = []
    for rule in rules:
        place, name, mirrors, required = members(rule, "region", "stream", "mirrors", "required")
        pairs.append((region(place), stream(name)))
        for mirror in listed(mirrors, 0, 1024):
            need(number(mirror, 0) in operators and operators[mirror] != place)
        distinct(mirrors)
        number(required, 0 if development else 1, len({operators[n] for n in mirrors}))
    distinct(pairs)
