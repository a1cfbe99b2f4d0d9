"""The contracts of a devnet: created once, at addresses that follow from the owner's key.

    {"chain_id": 20261, "genesis_hash": "0x..", "rpc_url": "http://..", "owner": "0x..",
     "contracts": {"HeadAnchor": {"address", "code_hash", "creation_hash", "block",
                                  "slots": {"status", "heads", "confirmations"}},
                   "RegionRegistry": {...}},
     "consensus": "development" or "qbft", "validators": ["0x..", ...],
     "mirrors": [{"number": 0, "address": "0x..", "region": "310000"}, ...]}

The owner's first transaction creates HeadAnchor, its second RegionRegistry. So a deployment that
was cut short, or that a kill took back, goes on where the chain stands and ends at the same
addresses.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ledger.adapters.devnet.directory import DevnetDirectory, write_whole
from ledger.adapters.devnet.owner import Owner
from ledger.adapters.evm.client import EvmClient
from ledger.adapters.evm.contract import checksum, load_contract
from ledger.core.chain import rlp
from ledger.core.chain.keccak import keccak256
from ledger.errors import DevnetError


@dataclass(frozen=True, slots=True)
class Deployed:
    """One contract on the chain."""

    address: bytes
    """20 bytes."""
    code_hash: bytes
    """Keccak-256 of its code."""
    creation_hash: str
    """Which build it is: Keccak-256 of the creation code, 0x-hex."""
    block: int
    """Height at which it was found or created."""
    slots: dict[str, int]
    """Storage variable to base slot."""


@dataclass(frozen=True, slots=True)
class AdmittedMirror:
    """A mirror that governance has given a number."""

    number: int
    """Its lane; never given to another."""
    address: bytes
    """The key that confirms, 20 bytes."""
    region: str
    """GB/T 2260 code of its operator's region, six digits."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a trust root needs to know of a devnet."""

    chain_id: int
    """EIP-155 chain id."""
    genesis_hash: bytes
    """Hash of block 0."""
    rpc_url: str
    """Where the chain answers."""
    owner: bytes
    """Address of the owner."""
    contracts: dict[str, Deployed]
    """By name."""
    mirrors: tuple[AdmittedMirror, ...] = ()
    """As last read from the chain, ascending by number."""
    other_urls: tuple[str, ...] = ()
    """Where further validators answer."""
    validators: tuple[bytes, ...] = ()
    """Who seals the blocks, addresses ascending; none on a development chain."""

    @property
    def consensus(self) -> str:
        """How blocks are agreed on, as a trust root says it."""
        return "qbft" if self.validators else "development"


class ChainConfig(Protocol):
    """What a deployment needs to know of a running chain."""

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        ...

    @property
    def rpc_url(self) -> str:
        """Where the chain answers."""
        ...


def deploy(
    directory: DevnetDirectory,
    config: ChainConfig,
    *,
    validators: Sequence[bytes] = (),
    other_urls: Sequence[str] = (),
) -> Deployment:
    """Create what is missing on a running devnet and write ``deployment.json``.

    Args:
        directory: Its directory, with the owner's key.
        config: Its configuration.
        validators: Addresses of those who seal its blocks; none on a development chain.
        other_urls: Where further validators answer.

    Raises:
        DevnetError: A creation failed, or the addresses hold something else.
        ChainUnavailableError: The chain does not answer.
    """
    client = EvmClient(config.rpc_url, chain_id=config.chain_id)
    try:
        owner = Owner(client, directory.owner_key())
        recorded = _recorded(directory)
        contracts = _ensure(owner, recorded)
        deployment = Deployment(
            chain_id=config.chain_id,
            genesis_hash=client.genesis_hash(),
            rpc_url=config.rpc_url,
            owner=owner.address,
            contracts=contracts,
            mirrors=() if recorded is None else recorded.mirrors,
            other_urls=tuple(other_urls),
            validators=tuple(sorted(validators)),
        )
    finally:
        client.close()
    save_deployment(directory, deployment)
    return deployment


def save_deployment(directory: DevnetDirectory, deployment: Deployment) -> None:
    """Write ``deployment.json``, all of it or nothing."""
    write_whole(directory.deployment_file, encode_deployment(deployment))


def encode_deployment(deployment: Deployment) -> bytes:
    """The file's bytes."""
    content = {
        "chain_id": deployment.chain_id,
        "genesis_hash": "0x" + deployment.genesis_hash.hex(),
        "rpc_url": deployment.rpc_url,
        "owner": "0x" + deployment.owner.hex(),
        "contracts": {
            name: {
                "address": "0x" + one.address.hex(),
                "code_hash": "0x" + one.code_hash.hex(),
                "creation_hash": one.creation_hash,
                "block": one.block,
                "slots": one.slots,
            }
            for name, one in deployment.contracts.items()
        },
        "mirrors": [
            {"number": one.number, "address": "0x" + one.address.hex(), "region": one.region}
            for one in deployment.mirrors
        ],
        "rpc_urls": [deployment.rpc_url, *deployment.other_urls],
        "consensus": deployment.consensus,
        "validators": ["0x" + one.hex() for one in deployment.validators],
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def parse_deployment(content: bytes) -> Deployment:
    """Read the file's bytes.

    Raises:
        DevnetError: They are not of the format.
    """
    try:
        value = json.loads(content)
        return Deployment(
            chain_id=int(value["chain_id"]),
            genesis_hash=_unhex(value["genesis_hash"], 32),
            rpc_url=str(value["rpc_url"]),
            owner=_unhex(value["owner"], 20),
            contracts={name: _deployed(one) for name, one in value["contracts"].items()},
            mirrors=tuple(_mirror(one) for one in value.get("mirrors", ())),
            other_urls=tuple(str(one) for one in value.get("rpc_urls", ())[1:]),
            validators=tuple(_unhex(one, 20) for one in value.get("validators", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DevnetError(
            "broken-directory", "deployment.json is not of the format; run devnet up again"
        ) from None


def load_deployment(directory: DevnetDirectory) -> Deployment:
    """Read ``deployment.json``.

    Raises:
        DevnetError: There is none, or it is not of the format.
    """
    try:
        return parse_deployment(directory.deployment_file.read_bytes())
    except FileNotFoundError:
        raise DevnetError("not-deployed", "no contracts here yet; run devnet up first") from None


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


def _ensure(owner: Owner, recorded: Deployment | None) -> dict[str, Deployed]:
    """Both contracts, created where they are missing: HeadAnchor first."""
    anchor, registry = (created_address(owner.address, nonce) for nonce in range(2))
    arguments = {
        "HeadAnchor": [checksum(owner.address)],
        "RegionRegistry": [checksum(anchor), checksum(owner.address)],
    }
    addresses = dict(zip(arguments, (anchor, registry), strict=True))
    done = owner.client.transaction_count(owner.address)
    missing = list(enumerate(arguments))[done:]
    receipts = owner.create_all(
        [(nonce, load_contract(name).encode_creation(arguments[name])) for nonce, name in missing]
    )
    blocks = {name: one.block_number for (_, name), one in zip(missing, receipts, strict=True)}
    return {
        name: _look(owner, name, address, blocks.get(name), recorded)
        for name, address in addresses.items()
    }


def _look(
    owner: Owner, name: str, address: bytes, block: int | None, recorded: Deployment | None
) -> Deployed:
    code = owner.client.code(address)
    if not code:
        raise DevnetError("not-deployed", f"{name}: no code where it was created; reset the devnet")
    known = recorded.contracts.get(name) if recorded is not None else None
    if block is None and known is not None and known.code_hash == keccak256(code):
        return known
    artifact = load_contract(name).artifact
    return Deployed(
        address=address,
        code_hash=keccak256(code),
        creation_hash=artifact.creation_hash,
        block=owner.client.latest_block() if block is None else block,
        slots=dict(artifact.slots),
    )


def _recorded(directory: DevnetDirectory) -> Deployment | None:
    try:
        return load_deployment(directory)
    except DevnetError:
        return None


def _deployed(value: Any) -> Deployed:
    return Deployed(
        address=_unhex(value["address"], 20),
        code_hash=_unhex(value["code_hash"], 32),
        creation_hash=str(value["creation_hash"]),
        block=int(value["block"]),
        slots={str(name): int(slot) for name, slot in value["slots"].items()},
    )


def _mirror(value: Any) -> AdmittedMirror:
    return AdmittedMirror(
        number=int(value["number"]),
        address=_unhex(value["address"], 20),
        region=str(value["region"]),
    )


def _unhex(text: str, length: int) -> bytes:
    value = bytes.fromhex(text.removeprefix("0x"))
    if len(value) != length:
        raise ValueError(f"expected {length} bytes, found {len(value)}")
    return value
