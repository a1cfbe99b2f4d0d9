"""Which chain a devnet is: made once, then only compared, except for the port."""

import secrets
import time
from typing import Final

from ledger.adapters.devnet.directory import DevnetConfig, DevnetDirectory
from ledger.adapters.devnet.ports import find_free_port, require_free
from ledger.errors import DevnetError

CHAIN_IDS: Final = range(2_026_000_000, 2_027_000_000)
"""Ids of new chains, one taken at random: a chain begun anew must not be taken for the old one."""

DEFAULT_PORT: Final = 8545


def configure(
    directory: DevnetDirectory,
    running: bool,
    port: int | None,
    chain_id: int | None,
    clock_offset_s: int | None,
    start_time: int | None,
) -> DevnetConfig:
    """Make the configuration of a new devnet, or check what is asked for against an existing one.

    Args:
        directory: Where it is kept.
        running: Whether the devnet runs; then the port cannot change.
        port: 0 takes a free one, None the last one used.
        chain_id: None takes the existing one, or a fresh one.
        clock_offset_s: None takes the existing one or 0.
        start_time: Time at which a new chain starts, instead of an offset.

    Raises:
        DevnetError: The chain here is another one, or a value or the port cannot be used.
    """
    now = int(time.time())
    if start_time is not None:
        if clock_offset_s is not None:
            raise DevnetError("usage", "give a start time or a clock offset, not both")
        clock_offset_s = start_time - now
    config = directory.load_config()
    if config is None:
        offset = clock_offset_s or 0
        # Block 1 is sealed at once and must be younger than block 0, but not ahead of the clock.
        genesis = now + offset - 1 if start_time is None else start_time
        config = DevnetConfig(
            chain_id=secrets.choice(CHAIN_IDS) if chain_id is None else chain_id,
            port=_choose_port(DEFAULT_PORT if port is None else port),
            genesis_timestamp=genesis,
            clock_offset_s=offset,
        )
    else:
        _require_same("chain id", config.chain_id, chain_id)
        if start_time is None:
            _require_same("clock offset", config.clock_offset_s, clock_offset_s)
        elif abs(config.genesis_timestamp - start_time) > 1:
            _require_same("start time", config.genesis_timestamp, start_time)
        config = _with_port(config, running, port)
    if not 1 < config.chain_id < 2**53 or config.genesis_timestamp <= 0:
        raise DevnetError("usage", "chain id: expected 2 to 2^53 - 1; time: expected after 1970")
    directory.save_config(config)
    return config


def _require_same(what: str, existing: int, wanted: int | None) -> None:
    if wanted is not None and wanted != existing:
        raise DevnetError(
            "other-chain",
            f"{what}: the chain here has {existing}, {wanted} was asked for; reset the devnet or"
            " choose another directory",
        )


def _with_port(config: DevnetConfig, running: bool, port: int | None) -> DevnetConfig:
    if port in (None, config.port):
        if not running:
            require_free(config.port)
        return config
    if running:
        if port == 0:
            return config
        raise DevnetError(
            "other-chain",
            f"port: the devnet runs on {config.port}, {port} was asked for; run devnet down first",
        )
    return DevnetConfig(
        config.chain_id, _choose_port(port or 0), config.genesis_timestamp, config.clock_offset_s
    )


def _choose_port(port: int) -> int:
    if not port:
        return find_free_port()
    require_free(port)
    return port
