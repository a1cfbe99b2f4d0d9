"""One chain with its HeadAnchor and RegionRegistry; implements the ``Chain`` port."""

from typing import Any, Final

import httpx

from ledger.adapters.evm.client import DEFAULT_GAS, EvmClient
from ledger.adapters.evm.contract import load_contract
from ledger.adapters.evm.head_anchor import HeadAnchorCalls, parse_head
from ledger.core.chain.head_slots import Head
from ledger.core.types import Hash32
from ledger.errors import ChainUnavailableError, InputError
from ledger.services.onchain import Call, MirrorEntry, RegionEntry

MAX_REGIONS: Final = 1_000
"""Most regions taken from the registry."""


class EvmChain(HeadAnchorCalls, EvmClient):
    """A chain with its HeadAnchor and RegionRegistry."""

    def __init__(
        self,
        url: str,
        *,
        chain_id: int,
        head_anchor: bytes,
        region_registry: bytes | None = None,
        timeout_s: float = 5.0,
        gas: int = DEFAULT_GAS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            url: The endpoint, http or https.
            chain_id: The chain this node belongs to.
            head_anchor: Address of HeadAnchor, 20 bytes.
            region_registry: Address of RegionRegistry, 20 bytes, where it is needed.
            timeout_s: Longest time for one request and its answer.
            gas: Gas limit of the calls it signs.
            transport: Another way to the endpoint, for tests.

        Raises:
            InputError: The URL is none or an address has not 20 bytes.
        """
        for address in (head_anchor, region_registry):
            if address is not None and len(address) != 20:
                raise InputError(f"contract address: expected 20 bytes, found {len(address)}")
        HeadAnchorCalls.__init__(self, head_anchor)
        EvmClient.__init__(
            self, url, chain_id=chain_id, timeout_s=timeout_s, gas=gas, transport=transport
        )
        self._region_registry = region_registry
        self._registry = load_contract("RegionRegistry")

    def simulate(self, call: Call) -> None:
        """Run a call on the newest state without sending it.

        Raises:
            ContractRevertError: The contract refuses.
        """
        self.view(self._anchor, call.to, call.data, sender=call.sender)

    def fetch_head(self, stream: Hash32, number: int | None = None) -> Head | None:
        """A stream's head at a block, as the contract reports it; None before its first.

        Args:
            stream: Stream id, 32 bytes.
            number: Height of the block; the newest by default.
        """
        data = self._anchor.encode("head", [stream])
        returned = self.view(self._anchor, self.head_anchor, data, number=number)
        return parse_head(self._anchor, returned)

    def fetch_lane(self, stream: Hash32, mirror: int, number: int | None = None) -> int:
        """What a mirror has said of a stream: an epoch, an epoch + 2^63 against it, or 0.

        Args:
            stream: Stream id, 32 bytes.
            mirror: Its number, 0 .. 2^32-1.
            number: Height of the block; the newest by default.
        """
        data = self._anchor.encode("lane", [stream, mirror])
        returned = self.view(self._anchor, self.head_anchor, data, number=number)
        (lane,) = self._anchor.decode("lane", returned)
        return int(lane)

    def fetch_mirror(self, number: int) -> MirrorEntry | None:
        """The mirror of a number, in the newest block; None where none was added.

        Args:
            number: 0 .. 2^32-1.
        """
        data = self._anchor.encode("mirror", [number])
        returned = self.view(self._anchor, self.head_anchor, data)
        address, region = self._anchor.decode("mirror", returned)
        key = bytes.fromhex(address[2:])
        return MirrorEntry(key, _code(region)) if any(key) else None

    def fetch_regions(self) -> tuple[RegionEntry, ...]:
        """The registry's regions, ascending by code."""
        (rows,) = self._view_registry("regions", [])
        if len(rows) > MAX_REGIONS:
            raise ChainUnavailableError(f"the registry has {len(rows)} regions")
        entries = [_region(row) for row in rows]
        return tuple(sorted(entries, key=lambda entry: entry.code))

    def fetch_checkpoint_key(self, region: str, stream: Hash32, vrf_key: int) -> bytes | None:
        """The Ed25519 key of a generation's checkpoints, 32 bytes; None where none was set.

        Args:
            region: GB/T 2260 code, six digits.
            stream: Stream id, 32 bytes.
            vrf_key: Generation of the stream.
        """
        place = [int(region), stream, vrf_key]
        (key,) = self._view_registry("checkpointPublicKey", place)
        return bytes(key) if any(key) else None

    def _view_registry(self, function: str, arguments: list[Any]) -> tuple[Any, ...]:
        if self._region_registry is None:
            raise InputError("region registry: no address was given")
        data = self._registry.encode(function, arguments)
        returned = self.view(self._registry, self._region_registry, data)
        return self._registry.decode(function, returned)


def _region(row: Any) -> RegionEntry:
    code, operator, endpoint = row[:3]
    return RegionEntry(code=_code(code), operator=bytes.fromhex(operator[2:]), endpoint=endpoint)


def _code(region: int) -> str:
    if not 100_000 <= region <= 999_999:
        raise ChainUnavailableError(f"the chain holds region {region}, expected six digits")
    return str(region)
