"""A node's way to the chain: one endpoint of a development chain, several of a consortium's."""

import logging
from collections.abc import Callable
from pathlib import Path

from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.consortium import ConsortiumChain, Fork
from ledger.core.trust import TrustRoot
from ledger.settings import NodeSettings

log = logging.getLogger(__name__)


def open_chain(
    settings: NodeSettings, trust_root: TrustRoot, *, folder: Path, floor: int = 0
) -> EvmChain | ConsortiumChain:
    """The chain of a trust root; nothing is asked yet.

    Args:
        settings: Where its endpoints are.
        trust_root: Says whether blocks are sealed, and where the contracts are.
        folder: The node's, where the proof of a fork is kept.
        floor: A height that this node has seen sealed before.

    Raises:
        InputError: A sealed chain has fewer than two endpoints.
    """
    registry = trust_root.region_registry
    chains = [
        EvmChain(
            url,
            chain_id=trust_root.chain_id,
            head_anchor=trust_root.head_anchor.address,
            region_registry=None if registry is None else registry.address,
        )
        for url in settings.rpc_urls
    ]
    if trust_root.is_development:
        return chains[0]
    return ConsortiumChain(chains, trust_root, floor=floor, on_fork=_keep_in(folder))


def _keep_in(folder: Path) -> Callable[[Fork], None]:
    def keep(fork: Fork) -> None:
        path = folder / f"fork-{fork.first.number}.json"
        try:
            path.write_bytes(fork.as_json())
        except OSError as error:
            log.critical("the proof of a fork cannot be kept: %s", error.strerror)

    return keep
