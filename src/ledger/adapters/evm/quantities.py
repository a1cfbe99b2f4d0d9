"""The chain's JSON values: 0x-hex quantities and byte strings, read strictly.

Source: Ethereum JSON-RPC API, "Hex encoding".
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeGuard

from ledger.errors import ChainUnavailableError, InputError

_QUANTITY: Final = re.compile(r"0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})")
_BYTES: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


def encode_quantity(value: int) -> str:
    """An integer as a quantity, without leading zeros."""
    if value < 0:
        raise InputError(f"quantity: expected 0 or more, found {value}")
    return hex(value)


def encode_bytes(value: bytes, length: int | None = None) -> str:
    """Bytes as 0x-hex.

    Raises:
        InputError: Not of the given length.
    """
    if length is not None and len(value) != length:
        raise InputError(f"expected {length} bytes, found {len(value)}")
    return "0x" + value.hex()


def parse_quantity(value: object, what: str) -> int:
    """Read a quantity.

    Raises:
        ChainUnavailableError: It is none.
    """
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise ChainUnavailableError(f"the chain's {what} is no quantity")
    return int(value, 16)


def parse_bytes(value: object, what: str, length: int | None = None) -> bytes:
    """Read a byte string.

    Raises:
        ChainUnavailableError: It is none, or not of the given length.
    """
    if not isinstance(value, str) or not _BYTES.fullmatch(value):
        raise ChainUnavailableError(f"the chain's {what} is no byte string")
    found = bytes.fromhex(value[2:])
    if length is not None and len(found) != length:
        raise ChainUnavailableError(f"the chain's {what} has {len(found)} bytes, expected {length}")
    return found


def parse_object(value: object, what: str) -> Mapping[str, object]:
    """Read a JSON object.

    Raises:
        ChainUnavailableError: It is none.
    """
    if not isinstance(value, dict):
        raise ChainUnavailableError(f"the chain's {what} is no object")
    return value


def parse_list(value: object, what: str) -> Sequence[object]:
    """Read a JSON array.

    Raises:
        ChainUnavailableError: It is none.
    """
    if not _is_list(value):
        raise ChainUnavailableError(f"the chain's {what} is no array")
    return value


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
