"""Creating the contracts of a chain: once, at addresses that follow from the founder's key.

The founder's first transaction creates HeadAnchor, its second RegionRegistry. So a creation that
was cut short, or that a kill of a development chain took back, goes on where the chain stands and
ends at the same addresses. The Council comes later: its seats are those of admitted regions.
"""

from collections.abc import Sequence
from pathlib import Path

from ledger.adapters.evm.client import EvmClient
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
from ledger.errors import GovernanceError


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
    clients = [EvmClient(url, chain_id=chain_id, gas=GAS) for url in rpc_urls]
    try:
        sender = Sender(clients, founder)
        recorded = _recorded(path)
        deployment = Deployment(
            chain_id=chain_id,
            genesis_hash=clients[0].genesis_hash(),
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
    save_deployment(path, deployment)
    return deployment


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


def describe(client: EvmClient, name: str, address: bytes, block: int | None) -> Deployed:
    """A contract as it stands on the chain.

    Args:
        client: The endpoint.
        name: Which one it is said to be.
        address: Where, 20 bytes.
        block: Height at which it was created; None: the newest.

    Raises:
        GovernanceError: There is no code.
    """
    code = client.code(address)
    if not code:
        raise GovernanceError("deployment", f"{name}: no code where it was created")
    artifact = load_contract(name).artifact
    return Deployed(
        address=address,
        code_hash=keccak256(code),
        creation_hash=artifact.creation_hash,
        block=client.latest_block() if block is None else block,
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
    missing = list(enumerate(arguments))[sender.transaction_count() :]
    receipts = sender.create_all(
        [(nonce, load_contract(name).encode_creation(arguments[name])) for nonce, name in missing]
    )
    blocks = {name: one.block_number for (_, name), one in zip(missing, receipts, strict=True)}
    others = {} if recorded is None else recorded.contracts
    addresses |= {name: one.address for name, one in others.items() if name not in addresses}
    return {
        name: _look(sender.clients[0], name, address, blocks.get(name), others.get(name))
        for name, address in addresses.items()
    }


def _look(
    client: EvmClient, name: str, address: bytes, block: int | None, known: Deployed | None
) -> Deployed:
    found = describe(client, name, address, block)
    if block is None and known is not None and known.code_hash == found.code_hash:
        return known
    return found


def _recorded(path: Path) -> Deployment | None:
    try:
        return load_deployment(path)
    except GovernanceError:
        return None
