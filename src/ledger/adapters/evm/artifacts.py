"""The compiled contracts that this release was built with.

The wheel carries them as package data; a checkout has them in ``contracts/artifacts``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from ledger.core.chain.keccak import keccak256
from ledger.errors import FatalStateError


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract."""

    name: str
    """Name in the source."""
    abi: list[dict[str, Any]]
    """Functions, events and errors."""
    bytecode: bytes
    """Creation code without constructor arguments."""
    runtime: bytes
    """Code as it stands on a chain, with zeros where constructors write immutables."""
    immutables: tuple[int, ...]
    """Where immutables stand in it: first bytes of words of 32."""
    slots: Mapping[str, int]
    """Storage variable (without a leading underscore) to base slot."""

    @property
    def creation_hash(self) -> str:
        """Keccak-256 of the creation code, 0x-hex: which build this is."""
        return "0x" + keccak256(self.bytecode).hex()

    def runtime_with(self, immutable: bytes) -> bytes:
        """The code on a chain, where a contract has one immutable at most.

        Args:
            immutable: Its value as a word, 32 bytes; empty for none.
        """
        code = bytearray(self.runtime)
        for start in self.immutables:
            code[start : start + 32] = immutable
        return bytes(code)


@cache
def load_artifact(name: str) -> Artifact:
    """Read one artifact.

    Raises:
        FatalStateError: It is missing or not of the format: the installation is broken.
    """
    try:
        content = json.loads(_read(name))
        layout = content["storageLayout"]["storage"]
        return Artifact(
            name=content["contractName"],
            abi=content["abi"],
            bytecode=bytes.fromhex(content["bytecode"].removeprefix("0x")),
            runtime=bytes.fromhex(content["deployedBytecode"].removeprefix("0x")),
            immutables=tuple(int(one["start"]) for one in content["immutableReferences"]),
            slots={one["label"].removeprefix("_"): int(one["slot"]) for one in layout},
        )
    except FileNotFoundError:
        raise FatalStateError(
            f"{name}.json: contract artifact not found; run scripts/compile-contracts"
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise FatalStateError(f"{name}.json: not a contract artifact") from None


def _read(name: str) -> str:
    packaged = resources.files("ledger") / "contract_artifacts" / f"{name}.json"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    checkout = Path(__file__).resolve().parents[4] / "contracts" / "artifacts" / f"{name}.json"
    return checkout.read_text(encoding="utf-8")
