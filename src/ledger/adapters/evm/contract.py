"""Contract calls as bytes: arguments in, results and custom errors out.

Uses web3 for the ABI and nothing else; no provider, hence no network.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from eth_abi.exceptions import DecodingError, EncodingError
from eth_utils import abi as eth_abi_names
from web3 import Web3
from web3.exceptions import Web3Exception
from web3.providers import BaseProvider

from ledger.adapters.evm.artifacts import load_artifact
from ledger.core.chain.keccak import keccak256
from ledger.errors import ChainUnavailableError, ContractRevertError, InputError

SELECTOR_BYTES: Final = 4
_SOLIDITY_ERRORS: Final = (
    {"type": "error", "name": "Error", "inputs": [{"name": "message", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "number", "type": "uint256"}]},
)


class Contract:
    """One contract's ABI; knows no address."""

    def __init__(self, name: str) -> None:
        """Load the artifact of a contract.

        Raises:
            FatalStateError: The installation lacks it.
        """
        self.artifact = load_artifact(name)
        self._web3 = Web3(BaseProvider())
        self._contract: Any = self._web3.eth.contract(
            abi=self.artifact.abi, bytecode=self.artifact.bytecode
        )
        functions = [one for one in self.artifact.abi if one["type"] == "function"]
        self._functions = {_selector(one): one for one in functions}
        self._outputs = {one["name"]: _kinds(one["outputs"]) for one in functions}
        errors = [one for one in self.artifact.abi if one["type"] == "error"]
        self._errors = {_selector(one): one for one in (*_SOLIDITY_ERRORS, *errors)}

    def encode(self, function: str, arguments: Sequence[object]) -> bytes:
        """Call data of a function.

        Raises:
            InputError: The arguments do not fit the function.
        """
        try:
            text: str = self._contract.encode_abi(function, args=list(arguments))
        except (Web3Exception, EncodingError, TypeError, ValueError) as error:
            raise InputError(f"{function}: arguments do not fit ({type(error).__name__})") from None
        return bytes.fromhex(text[2:])

    def decode_call(self, data: bytes) -> tuple[str, dict[str, Any]]:
        """The function that call data is for, and its arguments by name.

        Raises:
            InputError: The contract has no such function, or the data is not its plain encoding.
        """
        function = self._functions.get(data[:SELECTOR_BYTES])
        if function is None:
            raise InputError("call: expected one of the contract's functions, found another")
        name, kinds, given = function["name"], _kinds(function["inputs"]), data[SELECTOR_BYTES:]
        try:
            values = self._web3.codec.decode(kinds, given)
        except (DecodingError, OverflowError, ValueError):
            raise InputError(f"call: expected the arguments of {name}") from None
        # Not by ``encode``: it takes addresses with their checksum only, and these have none.
        if self._web3.codec.encode(kinds, values) != given:
            raise InputError(f"call: expected the plain encoding of {name}")
        return name, {
            one["name"]: value for one, value in zip(function["inputs"], values, strict=True)
        }

    def encode_creation(self, arguments: Sequence[object]) -> bytes:
        """Creation code with its constructor arguments.

        Raises:
            InputError: The arguments do not fit the constructor.
        """
        try:
            text: str = self._contract.constructor(*arguments).data_in_transaction
        except (Web3Exception, EncodingError, TypeError, ValueError) as error:
            raise InputError(
                f"constructor: arguments do not fit ({type(error).__name__})"
            ) from None
        return bytes.fromhex(text[2:])

    def decode(self, function: str, returned: bytes) -> tuple[Any, ...]:
        """Results of a function.

        Raises:
            ChainUnavailableError: The bytes are not of its result types: the address holds no such
                contract, or the endpoint does not tell the truth.
        """
        try:
            return tuple(self._web3.codec.decode(self._outputs[function], returned))
        except (DecodingError, OverflowError, ValueError):
            raise ChainUnavailableError(f"the chain's answer does not fit {function}") from None

    def decode_revert(self, reverted: bytes) -> ContractRevertError:
        """The custom error in revert data; one without a name where the ABI knows none."""
        error = self._errors.get(reverted[:SELECTOR_BYTES])
        if error is None:
            shown = {"data": "0x" + reverted[:SELECTOR_BYTES].hex()} if reverted else {}
            return ContractRevertError("", shown)
        try:
            values = self._web3.codec.decode(_kinds(error["inputs"]), reverted[SELECTOR_BYTES:])
        except (DecodingError, OverflowError, ValueError):
            return ContractRevertError(error["name"], {})
        names = [one["name"] for one in error["inputs"]]
        return ContractRevertError(
            error["name"],
            {name: _shown(value) for name, value in zip(names, values, strict=True)},
        )


@cache
def load_contract(name: str) -> Contract:
    """A contract by its name; made once.

    Raises:
        FatalStateError: The installation lacks it.
    """
    return Contract(name)


def checksum(address: bytes) -> str:
    """An address in the form that web3 takes.

    Raises:
        InputError: Not 20 bytes.
    """
    if len(address) != 20:
        raise InputError(f"address: expected 20 bytes, found {len(address)}")
    return Web3.to_checksum_address(address)


def _kinds(parameters: Sequence[Mapping[str, Any]]) -> list[str]:
    return [eth_abi_names.collapse_if_tuple(dict(one)) for one in parameters]


def _selector(part: Mapping[str, Any]) -> bytes:
    signature = f"{part['name']}({','.join(_kinds(part['inputs']))})"
    return keccak256(signature.encode())[:SELECTOR_BYTES]


def _shown(value: object) -> object:
    return "0x" + value.hex() if isinstance(value, bytes) else value
