"""Legacy transactions at gas price 0, signed in this process and bound to one chain.

Source: EIP-155.
"""

from typing import Final

from eth_account import Account

from ledger.core.types import Hash32
from ledger.errors import InputError
from ledger.services.onchain import SignedTransaction

_U64: Final = 2**64


def address_of(key: bytes) -> bytes:
    """The address of a secp256k1 key.

    Args:
        key: The secret, 32 bytes.

    Returns:
        The address, 20 bytes.

    Raises:
        InputError: The bytes are no key.
    """
    try:
        return bytes.fromhex(Account.from_key(key).address[2:])
    except (ValueError, TypeError):
        # The library's own message holds the key.
        raise InputError("key: expected 32 bytes of a secp256k1 key") from None


def sign(
    key: bytes, *, chain_id: int, nonce: int, to: bytes | None, data: bytes, gas: int
) -> SignedTransaction:
    """Sign a transaction that pays nothing.

    Args:
        key: The sender's secret, 32 bytes.
        chain_id: The only chain that takes it.
        nonce: The sender's transaction number.
        to: The contract, 20 bytes; None creates one.
        data: Call data or creation code.
        gas: Gas limit.

    Raises:
        InputError: An argument is out of range.
    """
    for name, value, low in (("nonce", nonce, 0), ("gas", gas, 0), ("chain id", chain_id, 1)):
        if not low <= value < _U64:
            raise InputError(f"{name}: expected {low} to {_U64 - 1}, found {value}")
    if to is not None and len(to) != 20:
        raise InputError(f"to: expected 20 bytes, found {len(to)}")
    # No "type": that makes it a legacy transaction, the one kind all engines take.
    fields: dict[str, object] = {
        "nonce": nonce,
        "gasPrice": 0,
        "gas": gas,
        "value": 0,
        "data": data,
        "chainId": chain_id,
    }
    if to is not None:
        fields["to"] = to
    address_of(key)
    try:
        signed = Account.sign_transaction(fields, key)
    except (ValueError, TypeError):
        raise InputError("transaction: a field is out of range") from None
    tx_hash: Hash32 = bytes(signed.hash)
    return SignedTransaction(raw=bytes(signed.raw_transaction), tx_hash=tx_hash)
