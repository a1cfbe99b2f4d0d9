"""What the chain lacks of what regions have registered, and bringing it there.

A registration says how a region's entries shall be: the region itself, its streams' keys and
generations, its mirror. What differs from the chain becomes calls, in an order that works. The
founder sends them as long as there is no Council; afterwards they are proposed to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from ledger.adapters.evm.contract import checksum
from ledger.adapters.governance.deployment import (
    COUNCIL,
    HEAD_ANCHOR,
    REGION_REGISTRY,
    AdmittedMirror,
    load_deployment,
    save_deployment,
)
from ledger.adapters.governance.governed import Governed
from ledger.adapters.governance.mirror_numbers import MirrorNumbers
from ledger.adapters.governance.registration import Registration, StreamRegistration
from ledger.core.chain.head_slots import stream_id
from ledger.errors import ContractRevertError, GovernanceError
from ledger.services.onchain import Call

MAP_FUNCTION: Final = 1
"""Map function 1 with SHA-256."""


def admit(
    path: Path,
    founder: bytes,
    registrations: Sequence[Registration],
    *,
    settle: Callable[[int], None] | None = None,
) -> dict[str, int]:
    """Put regions, their keys, mirrors and approvals on the chain, as its founder.

    All is compared before anything is sent, so a registration that contradicts the chain changes
    nothing. The mirrors' numbers are written into ``deployment.json``, for the trust root.

    Args:
        path: ``deployment.json``.
        founder: The founder's secret, 32 bytes.
        registrations: What the regions ask for.
        settle: Waits until a block is there to stay, where that is not so at once.

    Returns:
        Number of transactions sent by region; 0 where nothing was missing.

    Raises:
        GovernanceError: A registration contradicts the chain, a transaction failed, or a Council
            governs.
        ChainUnavailableError: The chain does not answer.
    """
    deployment = load_deployment(path)
    if deployment.is_council_governed:
        raise GovernanceError(
            "council", "the Council governs this chain: propose the registrations to it"
        )
    governed = Governed(deployment)
    try:
        sender = governed.sender(founder)
        lacking = Lacking(governed, sender.address)
        plan = {one.region: lacking.calls(one) for one in registrations}
        if len(plan) != len(registrations):
            raise GovernanceError("registration", "a region is registered twice")
        receipts = sender.call_all([call for calls in plan.values() for call in calls])
        if settle is not None:
            settle(max((one.block_number for one in receipts), default=0))
        save_deployment(path, replace(deployment, mirrors=lacking.mirrors))
        return {region: len(calls) for region, calls in plan.items()}
    finally:
        governed.close()


class Lacking:
    """Compares registrations with the contracts.

    Args:
        governed: The contracts.
        caller: Who shall make the calls: the founder, or the Council.

    Raises:
        ChainUnavailableError: The chain does not answer.
    """

    def __init__(self, governed: Governed, caller: bytes) -> None:
        self._governed = governed
        self._caller = caller
        self._numbers = MirrorNumbers(lambda number: governed.view(HEAD_ANCHOR, "mirror", number))

    @classmethod
    def for_council(cls, governed: Governed) -> "Lacking":
        """Calls that the Council makes."""
        return cls(governed, governed.deployment.address(COUNCIL))

    @property
    def mirrors(self) -> tuple[AdmittedMirror, ...]:
        """Every mirror, those of the calls included, ascending by number."""
        return self._numbers.mirrors

    def calls(self, registration: Registration) -> list[Call]:
        """The calls that bring the chain to what is registered, in an order that works.

        Raises:
            GovernanceError: The registration contradicts what can never change on the chain.
        """
        code = int(registration.region)
        calls = []
        if self._region(code) != (code, registration.operator, registration.endpoint):
            region = [code, checksum(registration.operator), registration.endpoint]
            calls.append(self._call(REGION_REGISTRY, "setRegion", region))
        for stream in registration.streams:
            calls += self._missing_keys(registration.region, stream)
            calls += self._missing_approval(registration.region, stream)
        number = self._numbers.take(registration.mirror_key, registration.region)
        if number is not None:
            mirror = [number, checksum(registration.mirror_key), code]
            calls.append(self._call(HEAD_ANCHOR, "addMirror", mirror))
        return calls

    def _region(self, code: int) -> tuple[int, bytes, str] | None:
        try:
            (row,) = self._governed.view(REGION_REGISTRY, "region", [code])
        except ContractRevertError as error:
            if error.name == "RegionRegistryRegionUnknown":
                return None
            raise
        return row[0], bytes.fromhex(row[1][2:]), row[2]

    def _missing_keys(self, region: str, stream: StreamRegistration) -> list[Call]:
        place = [int(region), stream_id(region, stream.stream), stream.vrf_key]
        (vrf_key,) = self._governed.view(REGION_REGISTRY, "vrfPublicKey", place)
        (checkpoint_key,) = self._governed.view(REGION_REGISTRY, "checkpointPublicKey", place)
        calls = []
        if vrf_key != stream.vrf_public_key:
            if any(vrf_key):
                raise _contradiction(
                    region, stream, "another VRF key; a new key needs a higher vrf_key"
                )
            calls.append(self._call(REGION_REGISTRY, "setVrfKey", [*place, stream.vrf_public_key]))
        if checkpoint_key != stream.checkpoint_public_key:
            key = [*place, stream.checkpoint_public_key]
            calls.append(self._call(REGION_REGISTRY, "setCheckpointKey", key))
        return calls

    def _missing_approval(self, region: str, stream: StreamRegistration) -> list[Call]:
        stream_key = stream_id(region, stream.stream)
        anchor_key, approved, map_function, _ = self._governed.view(
            HEAD_ANCHOR, "approval", [stream_key]
        )
        if approved > stream.vrf_key:
            raise _contradiction(region, stream, f"generation {approved} already")
        if approved == stream.vrf_key:
            if map_function != MAP_FUNCTION:
                raise _contradiction(region, stream, f"map function {map_function}")
            if bytes.fromhex(anchor_key[2:]) == stream.anchor_key:
                return []
            replacement = [stream_key, checksum(stream.anchor_key)]
            return [self._call(HEAD_ANCHOR, "replaceAnchorKey", replacement)]
        wanted = [int(region), checksum(stream.anchor_key), stream.vrf_key, MAP_FUNCTION]
        return [self._call(HEAD_ANCHOR, "approve", [stream_key, *wanted])]

    def _call(self, name: str, function: str, arguments: Sequence[object]) -> Call:
        return self._governed.call(self._caller, name, function, arguments)


def _contradiction(region: str, stream: StreamRegistration, found: str) -> GovernanceError:
    return GovernanceError(
        "registration",
        f"{region}/{stream.stream} generation {stream.vrf_key}: the chain has {found}",
    )
