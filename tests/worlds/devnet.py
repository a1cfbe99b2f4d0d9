"""A running devnet, and regions that ask to be admitted to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.adapters.devnet.control import wait_until_saved
from ledger.adapters.devnet.directory import DevnetDirectory
from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.signing import address_of
from ledger.adapters.governance import admission
from ledger.adapters.governance.creation import create_contracts
from ledger.adapters.governance.deployment import Deployment
from ledger.adapters.governance.registration import Registration
from ledger.core.types import STREAMS


class ChainConfig(Protocol):
    """What a deployment needs to know of a running chain."""

    @property
    def chain_id(self) -> int: ...

    @property
    def rpc_url(self) -> str: ...


def deploy(directory: DevnetDirectory, config: ChainConfig) -> Deployment:
    return create_contracts(
        directory.deployment_file,
        chain_id=config.chain_id,
        rpc_urls=[config.rpc_url],
        founder=directory.owner_key(),
    )


def admit(directory: DevnetDirectory, registrations: Sequence[Registration]) -> dict[str, int]:
    return admission.admit(
        directory.deployment_file,
        directory.owner_key(),
        registrations,
        settle=lambda block: wait_until_saved(directory.root, block),
    )


@dataclass(frozen=True)
class Running:
    directory: DevnetDirectory
    deployment: Deployment

    def chain(self) -> EvmChain:
        contracts = self.deployment.contracts
        return EvmChain(
            self.deployment.rpc_url,
            chain_id=self.deployment.chain_id,
            head_anchor=contracts["HeadAnchor"].address,
            region_registry=contracts["RegionRegistry"].address,
        )


def registration(region: str, number: int = 1, endpoint: str | None = None) -> dict[str, object]:
    anchor_key = "0x" + address_of(bytes([number]) * 32).hex()
    return {
        "region": region,
        "endpoint": endpoint or f"http://127.0.0.1:{8300 + number}",
        "operator": anchor_key,
        "mirror_key": "0x" + address_of(bytes([number + 100]) * 32).hex(),
        "streams": [
            {
                "stream": stream,
                "anchor_key": anchor_key,
                "vrf_key": 1,
                "vrf_public_key": f"{number:02x}" * 31 + f"{place:02x}",
                "checkpoint_public_key": f"{number + 100:02x}" * 32,
            }
            for place, stream in enumerate(STREAMS, 1)
        ],
    }
