"""Admits regions' nodes as the devnet's owner: what is on the chain already is not sent again."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from ledger.adapters.devnet.control import wait_until_saved
from ledger.adapters.devnet.deployment import Deployment, load_deployment, save_deployment
from ledger.adapters.devnet.directory import DevnetDirectory
from ledger.adapters.devnet.owner import Owner
from ledger.adapters.devnet.registration import (
    Registration,
    StreamRegistration,
    load_registration,
    parse_registration,
)
from ledger.adapters.devnet.seats import Seats
from ledger.adapters.evm.client import EvmClient
from ledger.adapters.evm.contract import Contract, checksum, load_contract
from ledger.core.chain.head_slots import stream_id
from ledger.errors import ContractRevertError, DevnetError
from ledger.services.onchain import Call

__all__ = ["MAP_FUNCTION", "Registration", "admit", "load_registration", "parse_registration"]

MAP_FUNCTION: Final = 1
"""Map function 1 with SHA-256."""


def admit(directory: DevnetDirectory, registrations: Sequence[Registration]) -> dict[str, int]:
    """Put regions, their keys, mirrors and approvals on the chain.

    All is compared before anything is sent, so a registration that contradicts the chain changes
    nothing. The mirrors' numbers are written into ``deployment.json``, for the trust root.

    Args:
        directory: A running devnet with its contracts.
        registrations: What the regions ask for.

    Returns:
        Number of transactions sent by region; 0 where nothing was missing.

    Raises:
        DevnetError: A registration contradicts the chain, or a transaction failed.
        ChainUnavailableError: The chain does not answer.
    """
    deployment = load_deployment(directory)
    client = EvmClient(deployment.rpc_url, chain_id=deployment.chain_id)
    try:
        owner = Owner(client, directory.owner_key())
        governance = _Governance(owner, deployment)
        plan = {one.region: governance.missing(one) for one in registrations}
        if len(plan) != len(registrations):
            raise DevnetError("registration", "a region is registered twice")
        receipts = owner.call_all([call for calls in plan.values() for call in calls])
        if not deployment.validators:
            # Nobody may rely on an admission that a kill of anvil would take back. What validators
            # have sealed stays.
            block = max((one.block_number for one in receipts), default=0)
            wait_until_saved(directory.root, block)
        save_deployment(directory, replace(deployment, mirrors=governance.seats.mirrors))
        return {region: len(calls) for region, calls in plan.items()}
    finally:
        client.close()


class _Governance:
    """Compares registrations with the two contracts."""

    def __init__(self, owner: Owner, deployment: Deployment) -> None:
        self._owner = owner
        self._anchor = load_contract("HeadAnchor")
        self._registry = load_contract("RegionRegistry")
        self._addresses = {name: one.address for name, one in deployment.contracts.items()}
        self.seats = Seats(lambda number: self._view(self._anchor, "mirror", number))

    def missing(self, registration: Registration) -> list[Call]:
        """The calls that bring the chain to what is registered, in an order that works."""
        code = int(registration.region)
        region = [code, checksum(registration.operator), registration.endpoint]
        calls = []
        if self._region(code) != (code, registration.operator, registration.endpoint):
            calls.append(self._call(self._registry, "setRegion", region))
        for stream in registration.streams:
            calls += self._missing_keys(registration.region, stream)
            calls += self._missing_approval(registration.region, stream)
        number = self.seats.take(registration.mirror_key, registration.region)
        if number is not None:
            mirror = [number, checksum(registration.mirror_key), code]
            calls.append(self._call(self._anchor, "addMirror", mirror))
        return calls

    def _region(self, code: int) -> tuple[int, bytes, str] | None:
        try:
            (row,) = self._view(self._registry, "region", [code])
        except ContractRevertError as error:
            if error.name == "RegionRegistryRegionUnknown":
                return None
            raise
        return row[0], bytes.fromhex(row[1][2:]), row[2]

    def _missing_keys(self, region: str, stream: StreamRegistration) -> list[Call]:
        place = [int(region), stream_id(region, stream.stream), stream.vrf_key]
        (vrf_key,) = self._view(self._registry, "vrfPublicKey", place)
        (checkpoint_key,) = self._view(self._registry, "checkpointPublicKey", place)
        calls = []
        if vrf_key != stream.vrf_public_key:
            if any(vrf_key):
                raise _contradiction(
                    region, stream, "another VRF key; a new key needs a higher vrf_key"
                )
            calls.append(self._call(self._registry, "setVrfKey", [*place, stream.vrf_public_key]))
        if checkpoint_key != stream.checkpoint_public_key:
            calls.append(
                self._call(
                    self._registry, "setCheckpointKey", [*place, stream.checkpoint_public_key]
                )
            )
        return calls

    def _missing_approval(self, region: str, stream: StreamRegistration) -> list[Call]:
        stream_key = stream_id(region, stream.stream)
        anchor_key, approved, map_function, _ = self._view(self._anchor, "approval", [stream_key])
        if approved > stream.vrf_key:
            raise _contradiction(region, stream, f"generation {approved} already")
        if approved == stream.vrf_key:
            if bytes.fromhex(anchor_key[2:]) != stream.anchor_key:
                raise _contradiction(
                    region, stream, "another anchor key; a new key needs a higher vrf_key"
                )
            if map_function != MAP_FUNCTION:
                raise _contradiction(region, stream, f"map function {map_function}")
            return []
        wanted = [int(region), checksum(stream.anchor_key), stream.vrf_key, MAP_FUNCTION]
        return [self._call(self._anchor, "approve", [stream_key, *wanted])]

    def _view(self, contract: Contract, function: str, arguments: list[Any]) -> tuple[Any, ...]:
        data = contract.encode(function, arguments)
        returned = self._owner.client.view(contract, self._address(contract), data)
        return contract.decode(function, returned)

    def _call(self, contract: Contract, function: str, arguments: list[Any]) -> Call:
        data = contract.encode(function, arguments)
        return Call(self._owner.address, self._address(contract), data)

    def _address(self, contract: Contract) -> bytes:
        return self._addresses[contract.artifact.name]


def _contradiction(region: str, stream: StreamRegistration, found: str) -> DevnetError:
    return DevnetError(
        "registration",
        f"{region}/{stream.stream} generation {stream.vrf_key}: the chain has {found}",
    )
