"""Contracts on a chain that others run: created once, proved, and written down for everybody."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ledger.adapters.evm.signing import address_of
from ledger.adapters.governance.creation import ensure_contracts
from ledger.adapters.governance.deployment import (
    Deployment,
    load_deployment,
    save_deployment,
)
from ledger.adapters.rooting import Sealers, Standing, read_sealers, read_standing, show_addresses
from ledger.errors import ChainUnavailableError, GovernanceError, InputError

PROVED_WITHIN_S: Final = 30.0
"""How long validators have to reach the block of the creation."""

_POLL_S: Final = 0.5
_SEALED: Final = "a sealed chain"
_UNSEALED: Final = "a development chain, whose blocks nobody seals"


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What is asked for.

    Attributes:
        deployment: The deployment file, written at the end.
        rpc_urls: Where validators answer: of more than half of them.
        chain_id: EIP-155 chain id.
        founder: The founder's secret, 32 bytes.
        validators: Who seals, as the founder expects it; none: as the chain lists it.
        is_development: Whether the chain is one whose blocks nobody seals.
    """

    deployment: Path
    rpc_urls: tuple[str, ...]
    chain_id: int
    founder: bytes
    validators: tuple[bytes, ...] = ()
    is_development: bool = False


def deploy_contracts(request: DeployRequest) -> tuple[Deployment, Standing]:
    """Create HeadAnchor and RegionRegistry where they are missing, prove them, write the file.

    Safe to repeat after a crash at any moment: addresses follow from the founder's key, and the
    file is written once everything is proved.

    Raises:
        GovernanceError: The file or the chain is another than expected, or a creation failed.
        InputError: There is no folder for the file.
        ChainUnavailableError: The validators do not answer, or say different things.
        VerificationError: A header is not sealed.
    """
    recorded = _recorded(request.deployment)
    sealers = read_sealers(request.rpc_urls, chain_id=request.chain_id)
    _require_kind(sealers, is_development=request.is_development)
    _require_expected(sealers, request.validators)
    if recorded is not None:
        _require_same(recorded, request, sealers)
    made = ensure_contracts(
        recorded,
        chain_id=request.chain_id,
        rpc_urls=request.rpc_urls,
        founder=request.founder,
        validators=sealers.validators,
    )
    # At this point the contracts stand. A crash before the file is written loses nothing: the next
    # call finds them where the founder's key says.
    made = replace(made, genesis_hash=sealers.genesis_hash)
    standing = _read_patiently(made)
    save_deployment(request.deployment, made)
    return made, standing


def check_contracts(
    path: Path, *, rpc_urls: Sequence[str] = (), renew: bool = False
) -> tuple[Deployment, Standing]:
    """Prove that the contracts of a deployment file are what they must be.

    Args:
        path: The file.
        rpc_urls: Where to ask in place of the file's endpoints.
        renew: Write the validators that the chain lists now, and these endpoints, into the file
            once everything is proved.

    Raises:
        GovernanceError: The file or the chain is not what it must be.
        ChainUnavailableError: The validators do not answer, or say different things.
        VerificationError: A header is not sealed.
    """
    deployment = load_deployment(path)
    if rpc_urls:
        deployment = replace(deployment, rpc_url=rpc_urls[0], other_urls=tuple(rpc_urls[1:]))
    if renew:
        sealers = read_sealers(deployment.rpc_urls, chain_id=deployment.chain_id)
        _require_kind(sealers, is_development=not deployment.validators)
        deployment = replace(deployment, validators=sealers.validators)
    standing = read_standing(deployment)
    if renew:
        save_deployment(path, deployment)
    return deployment, standing


def _recorded(path: Path) -> Deployment | None:
    if not path.resolve().parent.is_dir():
        raise InputError(f"{path.name}: expected a folder to write it into, found none")
    return load_deployment(path) if path.exists() else None


def _require_kind(sealers: Sealers, *, is_development: bool) -> None:
    found = not sealers.validators
    if found != is_development:
        expected = _UNSEALED if is_development else _SEALED
        raise GovernanceError(
            "consensus", f"chain: expected {expected}, found {_UNSEALED if found else _SEALED}"
        )


def _require_expected(sealers: Sealers, expected: Sequence[bytes]) -> None:
    if expected and set(expected) != set(sealers.validators):
        raise GovernanceError(
            "validators",
            f"validators: expected {show_addresses(expected)}, the chain lists"
            f" {show_addresses(sealers.validators)}",
        )


def _require_same(recorded: Deployment, request: DeployRequest, sealers: Sealers) -> None:
    """A file of another chain or founder stays as it is."""
    for what, present, wanted in (
        ("chain id", str(recorded.chain_id), str(request.chain_id)),
        ("genesis", f"0x{recorded.genesis_hash.hex()}", f"0x{sealers.genesis_hash.hex()}"),
        ("founder", f"0x{recorded.owner.hex()}", f"0x{address_of(request.founder).hex()}"),
    ):
        if present != wanted:
            raise GovernanceError(
                "deployment",
                f"{request.deployment.name}: {what}: the file has {present}, expected {wanted};"
                " name another file",
            )


def _read_patiently(made: Deployment) -> Standing:
    """Read once a majority has the block of the creation."""
    deadline = time.monotonic() + PROVED_WITHIN_S
    while True:
        try:
            return read_standing(made)
        except (ChainUnavailableError, GovernanceError) as error:
            is_early = isinstance(error, ChainUnavailableError) or error.problem == "state"
            if not is_early or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
