"""A running devnet, and regions that ask to be admitted to it."""

from dataclasses import dataclass

from ledger.adapters.devnet.deployment import Deployment
from ledger.adapters.devnet.directory import DevnetDirectory
from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.signing import address_of
from ledger.core.types import STREAMS


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
                "vrf_public_key": f"{number:02x}" * 32,
                "checkpoint_public_key": f"{number + 100:02x}" * 32,
            }
            for stream in STREAMS
        ],
    }
