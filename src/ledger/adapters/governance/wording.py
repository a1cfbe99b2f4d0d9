"""Calls of the contracts in words, so that whoever approves them sees what they do."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ledger.adapters.evm.contract import checksum, load_contract
from ledger.adapters.governance.deployment import (
    COUNCIL,
    HEAD_ANCHOR,
    REGION_REGISTRY,
    Deployment,
)
from ledger.core.chain.head_slots import stream_id
from ledger.core.types import STREAMS
from ledger.errors import GovernanceError, InputError

NAMES: Final = (HEAD_ANCHOR, REGION_REGISTRY, COUNCIL)


class Wording:
    """Puts the calls of one chain into words.

    Args:
        deployment: Which contract stands where.
        regions: Codes whose streams may be named.
    """

    def __init__(self, deployment: Deployment, regions: Iterable[str]) -> None:
        self._names = {one.address: name for name, one in deployment.contracts.items()}
        self._streams = {
            stream_id(region, stream): f"{region}/{stream}"
            for region in regions
            for stream in STREAMS
        }

    def describe(self, target: bytes, data: bytes) -> str:
        """One call: ``HeadAnchor.approve(streamId=310000/records, ...)``; raw where unknown.

        Args:
            target: The called contract, 20 bytes.
            data: Selector and arguments.
        """
        raw = f"0x{target.hex()} 0x{data.hex()}"
        name = self._names.get(target)
        if name is None:
            return raw
        try:
            function, arguments = load_contract(name).decode_call(data)
        except InputError:
            return raw
        shown = ", ".join(f"{one}={self._shown(value)}" for one, value in arguments.items())
        return f"{name}.{function}({shown})"

    def _shown(self, value: object) -> str:
        if isinstance(value, bytes):
            return self._streams.get(value, f"0x{value.hex()}")
        return str(value)


def parse_arguments(name: str, function: str, texts: Sequence[str]) -> list[Any]:
    """The arguments of a function as they are typed: numbers, 0x-hex, ``310000/records``.

    Args:
        name: The contract.
        function: Its function.
        texts: One text an argument.

    Raises:
        GovernanceError: There is no such contract or function.
        InputError: A text is not of the argument's type.
    """
    if name not in NAMES:
        raise GovernanceError("usage", f"contract: expected one of {', '.join(NAMES)}")
    for one in load_contract(name).artifact.abi:
        if one["type"] == "function" and one["name"] == function:
            kinds = [(part["name"], part["type"]) for part in one["inputs"]]
            if len(kinds) != len(texts):
                wanted = ", ".join(f"{part} ({kind})" for part, kind in kinds) or "none"
                raise InputError(f"{function}: expected the arguments {wanted}")
            return [_parse(*kind, text) for kind, text in zip(kinds, texts, strict=True)]
    raise GovernanceError("usage", f"{name}: has no function {function}")


def _parse(name: str, kind: str, text: str) -> object:
    region, _, stream = text.partition("/")
    if kind == "bytes32" and stream in STREAMS:
        return stream_id(region, stream)
    try:
        if kind.startswith("uint"):
            return int(text)
        if kind == "address":
            return checksum(bytes.fromhex(text.removeprefix("0x")))
        if kind.startswith("bytes"):
            return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raise InputError(f"{name}: expected a value of type {kind}") from None
    if kind == "string":
        return text
    raise InputError(f"{name}: values of type {kind} cannot be typed here")
