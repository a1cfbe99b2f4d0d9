"""Signed legacy transactions read back: who signed, and what HeadAnchor would be asked.

Implements the ``TransactionReader`` port. Whatever is not exactly what this node would have made is
refused, so that of two spellings of one transaction only one is taken.

Source: EIP-155; Yellow Paper, appendix B and F.
"""

from collections.abc import Sequence
from typing import Any, Final

from eth_account import Account
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from ledger.adapters.evm.contract import load_contract
from ledger.core.chain import rlp
from ledger.errors import InputError, LedgerError
from ledger.services.ports.transactions import HeadTransaction

_FIELDS: Final = ("nonce", "gas price", "gas", "to", "value", "data", "v", "r", "s")
_FIRST_V: Final = 35
"""v is 35 + 2 * chain id, plus the parity of the signature's point (EIP-155)."""

_WORD: Final = 32


class EvmTransactions:
    """Reads transactions of the EVM; knows no chain."""

    def __init__(self) -> None:
        self._contract = load_contract("HeadAnchor")

    def read_head(self, raw: bytes) -> HeadTransaction:
        """See ``TransactionReader``."""
        try:
            fields = rlp.decode_strings(raw)
        except LedgerError as error:
            raise InputError(f"transaction: {error}") from None
        if len(fields) != len(_FIELDS):
            raise InputError(f"transaction: expected {len(_FIELDS)} fields, found {len(fields)}")
        nonce, price, _gas, _, value, _, v, _, _ = (
            0 if name in ("to", "data") else _integer(field, name)
            for name, field in zip(_FIELDS, fields, strict=True)
        )
        if (price, value) != (0, 0):
            raise InputError("transaction: expected one that pays nothing")
        if v < _FIRST_V:
            raise InputError("transaction: expected one bound to a chain")
        function, arguments = self._read_call(fields[5])
        return _transaction(
            function,
            arguments,
            sender=_sender(raw),
            chain_id=(v - _FIRST_V) // 2,
            nonce=nonce,
            to=fields[3],
        )

    def _read_call(self, data: bytes) -> tuple[str, Sequence[Any]]:
        try:
            function, arguments = self._contract.decode_call(data)
        except InputError as error:
            raise InputError(f"transaction: {error}") from None
        if function not in ("open", "anchor"):
            raise InputError("transaction: expected a call of open or anchor")
        return function, tuple(arguments.values())


def _transaction(
    function: str, arguments: Sequence[Any], *, sender: bytes, chain_id: int, nonce: int, to: bytes
) -> HeadTransaction:
    vrf_key = map_function = expected_epoch = None
    old_size, proof = 0, ()
    if function == "open":
        stream, expected_epoch, vrf_key, map_function, new_size, log_root, map_root = arguments
    else:
        stream, old_size, new_size, log_root, map_root, proof = arguments
    return HeadTransaction(
        sender=sender,
        chain_id=chain_id,
        nonce=nonce,
        to=to,
        is_open=function == "open",
        stream=stream,
        old_size=old_size,
        new_size=new_size,
        log_root=log_root,
        map_root=map_root,
        proof=tuple(proof),
        vrf_key=vrf_key,
        map_function=map_function,
        expected_epoch=expected_epoch,
    )


def _sender(raw: bytes) -> bytes:
    try:
        return bytes.fromhex(Account.recover_transaction(raw)[2:])
    except (BadSignature, ValidationError, ValueError, TypeError):
        raise InputError("transaction: expected a valid signature") from None


def _integer(field: bytes, name: str) -> int:
    try:
        return rlp.parse_integer(field, max_bytes=_WORD, what=name)
    except LedgerError as error:
        raise InputError(f"transaction: {error}") from None
