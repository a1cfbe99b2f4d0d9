"""``deployment.json``: which contracts stand where on which chain. Public, and believed by nobody.

    {"chain_id": 20261, "genesis_hash": "0x..", "owner": "0x..",
     "rpc_url": "http://..", "rpc_urls": ["http://..", ...],
     "contracts": {"HeadAnchor": {"address", "code_hash", "creation_hash", "block",
                                  "slots": {"status", "heads", "confirmations"}},
                   "RegionRegistry": {...}, "Council": {...}},
     "consensus": "development" or "qbft", "validators": ["0x..", ...],
     "mirrors": [{"number": 0, "address": "0x..", "region": "310000"}, ...]}

Operators get it from whoever created the contracts. It says where to look; what a trust root needs
is proved from the chain.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.adapters.files import write_whole
from ledger.adapters.plain_json import decode_json
from ledger.errors import GovernanceError

HEAD_ANCHOR: Final = "HeadAnchor"
REGION_REGISTRY: Final = "RegionRegistry"
COUNCIL: Final = "Council"


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
    """A chain, its contracts and who governs them."""

    chain_id: int
    """EIP-155 chain id."""
    genesis_hash: bytes
    """Hash of block 0."""
    rpc_url: str
    """Where the chain answers."""
    owner: bytes
    """Address of the account that created the contracts and governs them until a Council does."""
    contracts: dict[str, Deployed]
    """By name."""
    mirrors: tuple[AdmittedMirror, ...] = ()
    """As last read from the chain, ascending by number."""
    other_urls: tuple[str, ...] = ()
    """Where further validators answer."""
    validators: tuple[bytes, ...] = ()
    """Who seals the blocks, addresses ascending; none on a development chain."""

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """Where the chain's validators answer, the nearest first."""
        return (self.rpc_url, *self.other_urls)

    @property
    def is_council_governed(self) -> bool:
        """Whether the regions govern together; until then one account does."""
        return COUNCIL in self.contracts

    def address(self, name: str) -> bytes:
        """Where a contract stands, 20 bytes.

        Raises:
            GovernanceError: There is none of that name.
        """
        found = self.contracts.get(name)
        if found is None:
            raise GovernanceError("deployment", f"{name}: not created on this chain yet")
        return found.address

    @property
    def consensus(self) -> str:
        """How blocks are agreed on, as a trust root says it."""
        return "qbft" if self.validators else "development"


def load_deployment(path: Path) -> Deployment:
    """Read ``deployment.json``.

    Raises:
        GovernanceError: There is none, or it is not of the format.
    """
    try:
        return parse_deployment(path.read_bytes())
    except FileNotFoundError:
        raise GovernanceError(
            "deployment", f"{path.name}: not found; create the contracts first"
        ) from None


def save_deployment(path: Path, deployment: Deployment) -> None:
    """Write ``deployment.json``, all of it or nothing."""
    write_whole(path, encode_deployment(deployment))


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
        "rpc_urls": list(deployment.rpc_urls),
        "consensus": deployment.consensus,
        "validators": ["0x" + one.hex() for one in deployment.validators],
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def parse_deployment(content: bytes) -> Deployment:
    """Read the file's bytes.

    Raises:
        GovernanceError: They are not of the format.
    """
    try:
        value = decode_json(content)
        urls = [str(one) for one in value.get("rpc_urls", ())]
        if urls and urls[0] != value["rpc_url"]:
            raise ValueError("rpc_urls: expected rpc_url first")
        return Deployment(
            chain_id=int(value["chain_id"]),
            genesis_hash=_unhex(value["genesis_hash"], 32),
            rpc_url=str(value["rpc_url"]),
            owner=_unhex(value["owner"], 20),
            contracts={name: _deployed(one) for name, one in value["contracts"].items()},
            mirrors=tuple(_mirror(one) for one in value.get("mirrors", ())),
            other_urls=tuple(urls[1:]),
            validators=tuple(_unhex(one, 20) for one in value.get("validators", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise GovernanceError("deployment", "deployment.json: not of the format") from None


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
