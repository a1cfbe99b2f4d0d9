"""Creating the contracts of a chain: once, at addresses that follow from the founder's key.

The founder's first transaction creates HeadAnchor, its second RegionRegistry. So a creation that
was cut short, or that a kill of a development chain took back, goes on where the chain stands and
ends at the same addresses. The Council comes later: its seats are those of admitted regions.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ledger.adapters.evm.client import EvmClient
from ledger.adapters.evm.consortium.endpoints import believed_from
from ledger.adapters.evm.contract import checksum, load_contract
from ledger.adapters.governance.deployment import (
    HEAD_ANCHOR,
    REGION_REGISTRY,
    Deployed,
    Deployment,
    load_deployment,
    save_deployment,
)
from ledger.adapters.governance.governed import GAS
from ledger.adapters.governance.sender import Sender
from ledger.core.chain import rlp
from ledger.core.chain.keccak import keccak256
from ledger.errors import ChainUnavailableError, GovernanceError

Answer = TypeVar("Answer")


def create_contracts(
    path: Path,
    *,
    chain_id: int,
    rpc_urls: Sequence[str],
    founder: bytes,
    validators: Sequence[bytes] = (),
) -> Deployment:
    """Create what is missing on a chain and write ``deployment.json``.

    Args:
        path: The file; what it says of mirrors and of the Council is kept.
        chain_id: EIP-155 chain id.
        rpc_urls: Where validators answer, the nearest first.
        founder: The founder's secret, 32 bytes.
        validators: Addresses of those who seal the blocks; none on a development chain.

    Raises:
        GovernanceError: A creation failed, or the addresses hold something else.
        ChainUnavailableError: The chain does not answer.
    """
    deployment = ensure_contracts(
        _recorded(path),
        chain_id=chain_id,
        rpc_urls=rpc_urls,
        founder=founder,
        validators=validators,
    )
    save_deployment(path, deployment)
    return deployment


def ensure_contracts(
    recorded: Deployment | None,
    *,
    chain_id: int,
    rpc_urls: Sequence[str],
    founder: bytes,
    validators: Sequence[bytes] = (),
) -> Deployment:
    """Create what is missing on a chain; nothing is written to disk.

    A crash at any moment is cured by the same call: creations are the founder's first transactions
    and the same bytes each time, so the chain takes each of them once.

    Args:
        recorded: What is known of the chain; its mirrors and its Council are kept.
        chain_id: EIP-155 chain id.
        rpc_urls: Where validators answer, the nearest first.
        founder: The founder's secret, 32 bytes.
        validators: Addresses of those who seal the blocks; none on a development chain.

    Raises:
        GovernanceError: A creation failed, or the founder has done something else first.
        ChainUnavailableError: The chain does not answer.
    """
    clients = [EvmClient(url, chain_id=chain_id, gas=GAS) for url in rpc_urls]
    try:
        needed = believed_from(len(validators), len(clients)) if validators else 1
        sender = Sender(clients, founder, needed=needed)
        return Deployment(
            chain_id=chain_id,
            genesis_hash=_ask_until(clients, EvmClient.genesis_hash),
            rpc_url=rpc_urls[0],
            owner=sender.address,
            contracts=_ensure(sender, recorded),
            mirrors=() if recorded is None else recorded.mirrors,
            other_urls=tuple(rpc_urls[1:]),
            validators=tuple(sorted(validators)),
        )
    finally:
        for client in clients:
            client.close()


def created_address(creator: bytes, nonce: int) -> bytes:
    """Where a transaction creates its contract.

    Source: Ethereum Yellow Paper, section 7.
    """
    return keccak256(rlp.encode([creator, rlp.encode_integer(nonce)]))[12:]


def is_current(deployment: Deployment) -> bool:
    """Whether the contracts on the chain are the ones this release was built with."""
    return all(
        one.creation_hash == load_contract(name).artifact.creation_hash
        for name, one in deployment.contracts.items()
    )


def describe(
    clients: Sequence[EvmClient], name: str, address: bytes, block: int | None
) -> Deployed:
    """A contract as it stands on the chain, by the first endpoint that has it; proved by nobody.

    Args:
        clients: The endpoints.
        name: Which one it is said to be.
        address: Where, 20 bytes.
        block: Height at which it was created; None: the newest.

    Raises:
        GovernanceError: There is no code.
        ChainUnavailableError: No endpoint answers.
    """
    code = _ask_until(clients, lambda client: client.code(address))
    if not code:
        raise GovernanceError(
            "deployment",
            f"{name}: no code at 0x{address.hex()}, where it was created; a founder's account does"
            " nothing else before it creates the contracts",
        )
    artifact = load_contract(name).artifact
    return Deployed(
        address=address,
        code_hash=keccak256(code),
        creation_hash=artifact.creation_hash,
        block=_ask_until(clients, EvmClient.latest_block) if block is None else block,
        slots=dict(artifact.slots),
    )


def _ensure(sender: Sender, recorded: Deployment | None) -> dict[str, Deployed]:
    """Both contracts, created where they are missing, and what else was recorded and stands."""
    anchor, registry = (created_address(sender.address, nonce) for nonce in range(2))
    arguments = {
        HEAD_ANCHOR: [checksum(sender.address)],
        REGION_REGISTRY: [checksum(anchor), checksum(sender.address)],
    }
    addresses = dict(zip(arguments, (anchor, registry), strict=True))
    done = sender.transaction_count()
    for name, address in list(addresses.items())[:done]:
        # Before anything is sent: no contract is created beside one that is not there.
        describe(sender.clients, name, address, 0)
    missing = list(enumerate(arguments))[done:]
    receipts = sender.create_all(
        [(nonce, load_contract(name).encode_creation(arguments[name])) for nonce, name in missing]
    )
    blocks = {name: one.block_number for (_, name), one in zip(missing, receipts, strict=True)}
    others = {} if recorded is None else recorded.contracts
    addresses |= {name: one.address for name, one in others.items() if name not in addresses}
    return {
        name: _look(sender.clients, name, address, blocks.get(name), others.get(name))
        for name, address in addresses.items()
    }


def _look(
    clients: Sequence[EvmClient],
    name: str,
    address: bytes,
    block: int | None,
    known: Deployed | None,
) -> Deployed:
    found = describe(clients, name, address, block)
    if block is None and known is not None and known.code_hash == found.code_hash:
        return known
    return found


def _ask_until(clients: Sequence[EvmClient], question: Callable[[EvmClient], Answer]) -> Answer:
    """The first answer that says something; the last one where none does."""
    refusal = ChainUnavailableError("no endpoint was asked")
    found: Answer | None = None
    for client in clients:
        try:
            found = question(client)
        except ChainUnavailableError as error:
            refusal = error
            continue
        if found:
            return found
    if found is None:
        raise refusal
    return found


def _recorded(path: Path) -> Deployment | None:
    try:
        return load_deployment(path)
    except GovernanceError:
        return None
