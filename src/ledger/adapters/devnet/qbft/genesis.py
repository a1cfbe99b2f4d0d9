"""The first block of a consortium devnet and what each validator is told about the others.

Source: the genesis of GoQuorum's QBFT; every fork up to Berlin from block 0.
"""

import json
import secrets
from collections.abc import Sequence
from typing import Any, Final

from coincurve import PrivateKey

from ledger.adapters.devnet.configure import CHAIN_IDS
from ledger.adapters.devnet.ports import find_free_port
from ledger.adapters.devnet.qbft.directory import (
    NAMES,
    SIZES,
    ConsortiumConfig,
    ConsortiumDirectory,
    Validator,
)
from ledger.adapters.files import write_whole
from ledger.core.chain.keccak import keccak256
from ledger.core.chain.qbft import MIX_HASH, QbftExtra
from ledger.errors import DevnetError

GAS_LIMIT: Final = 0x1FFFFFFF
BLOCK_PERIOD_S: Final = 1
REQUEST_TIMEOUT_S: Final = 1
"""First timeout of a round; it doubles with every round that fails, without end."""

FUNDS: Final = "0x446c3b15f9926687d2c40534fdb564000000000000"
_FORKS: Final = (
    *("homesteadBlock", "eip150Block", "eip155Block", "eip158Block", "byzantiumBlock"),
    *("constantinopleBlock", "petersburgBlock", "istanbulBlock", "muirGlacierBlock"),
    "berlinBlock",
)


def found(
    directory: ConsortiumDirectory, size: int, chain_id: int | None, funded: Sequence[bytes]
) -> ConsortiumConfig:
    """Make a new consortium: keys, ports, genesis, one folder a validator.

    Args:
        directory: Where it is kept.
        size: 4, 5 or 7 validators.
        chain_id: None takes a fresh one.
        funded: Addresses that have ether from the start; gas is free, yet some pools ask for it.

    Raises:
        DevnetError: The size or chain id cannot be used.
    """
    if size not in SIZES:
        raise DevnetError("usage", f"validators: expected 4, 5 or 7, found {size}")
    if chain_id is not None and not 1 < chain_id < 2**53:
        raise DevnetError("usage", "chain id: expected 2 to 2^53 - 1")
    keys = {name: PrivateKey(secrets.token_bytes(32)) for name in NAMES[:size]}
    config = ConsortiumConfig(
        chain_id=secrets.choice(CHAIN_IDS) if chain_id is None else chain_id,
        validators=_validators(keys),
    )
    write_whole(directory.genesis_file, _json(genesis(config, funded)))
    for one in config.validators:
        _prepare_folder(directory, config, one, keys[one.name])
    directory.save_consortium(config)  # Last: with it the consortium exists.
    return config


def genesis(config: ConsortiumConfig, funded: Sequence[bytes]) -> dict[str, Any]:
    """The content of the genesis file."""
    addresses = sorted(bytes.fromhex(one.address[2:]) for one in config.validators)
    extra = QbftExtra(bytes(32), tuple(addresses), None, 0, ())
    qbft = {
        "epochlength": 30_000,
        "blockperiodseconds": BLOCK_PERIOD_S,
        "requesttimeoutseconds": REQUEST_TIMEOUT_S,
        "policy": 0,
        # Not set it would mean 2F + 1, which is 3 of 5: not safe.
        "ceil2Nby3Block": 0,
    }
    rules: dict[str, Any] = {"chainId": config.chain_id, **dict.fromkeys(_FORKS, 0)}
    rules |= {"isQuorum": True, "txnSizeLimit": 64, "qbft": qbft}
    rules["maxCodeSizeConfig"] = [{"block": 0, "size": 32}]
    return {
        "config": rules,
        "nonce": "0x0",
        "timestamp": "0x0",
        "gasLimit": hex(GAS_LIMIT),
        "difficulty": "0x1",
        "coinbase": "0x" + "00" * 20,
        "mixHash": "0x" + MIX_HASH.hex(),
        "extraData": "0x" + extra.encode(0).hex(),
        "alloc": {address.hex(): {"balance": FUNDS} for address in funded},
    }


def _validators(keys: dict[str, PrivateKey]) -> tuple[Validator, ...]:
    taken: set[int] = set()

    def port() -> int:
        found_port = find_free_port(besides=taken)
        taken.add(found_port)
        return found_port

    made = []
    for name, key in keys.items():
        public_key = key.public_key.format(compressed=False)[1:]
        made.append(
            Validator(
                name=name,
                address="0x" + keccak256(public_key)[12:].hex(),
                public_key=public_key.hex(),
                p2p_port=port(),
                rpc_port=port(),
                link_ports={other: port() for other in keys if other != name},
            )
        )
    return tuple(made)


def _prepare_folder(
    directory: ConsortiumDirectory, config: ConsortiumConfig, one: Validator, key: PrivateKey
) -> None:
    folder = directory.folder(one.name)
    (folder / "geth").mkdir(parents=True, mode=0o700)
    write_whole(folder / "geth" / "nodekey", key.to_hex().rjust(64, "0").encode())
    peers = [
        f"enode://{other.public_key}@127.0.0.1:{one.link_ports[other.name]}?discport=0"
        for other in config.validators
        if other.name != one.name
    ]
    itself = f"enode://{one.public_key}@127.0.0.1:{one.p2p_port}?discport=0"
    write_whole(folder / "static-nodes.json", _json(peers))
    write_whole(folder / "permissioned-nodes.json", _json([itself, *peers]))
    # The command line's port alone would listen on every interface.
    listen = f'[Node.P2P]\nListenAddr = "127.0.0.1:{one.p2p_port}"\n'
    write_whole(folder / "p2p.toml", listen.encode())


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=1).encode() + b"\n"
