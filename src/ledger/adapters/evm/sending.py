"""What the answer to a sent transaction means."""

from typing import Final

from ledger.adapters.evm.json_rpc import JsonRpc, RpcError
from ledger.adapters.evm.quantities import encode_bytes, parse_bytes
from ledger.core.chain.keccak import keccak256
from ledger.errors import ChainUnavailableError
from ledger.services.crash_points import reach
from ledger.services.onchain import SendOutcome, SendState

_REFUSALS: Final = (
    "chain id",
    "chainid",
    "exceeds block gas limit",
    "gas too low",
    "insufficient funds",
    "intrinsic gas",
    "invalid sender",
    "invalid signature",
    "oversized",
    "replacement transaction underpriced",
    "rlp:",
    "transaction type not supported",
)
"""Words by which engines (geth, Besu, anvil) say that the same bytes can not succeed later."""


def send(rpc: JsonRpc, raw: bytes) -> SendOutcome:
    """Send signed bytes once.

    A lost reply, "already known", "nonce too low" and every word not understood leave the outcome
    unknown: the transaction may be in the pool or mined, and only its hash can tell. Sending the
    same bytes again is always safe.

    Args:
        rpc: The endpoint.
        raw: The signed transaction.
    """
    try:
        answer = rpc.call("eth_sendRawTransaction", [encode_bytes(raw)])
        reach("anchoring.reply-lost")
        found = parse_bytes(answer, "transaction hash", 32)
    except RpcError as error:
        words = error.words.lower()
        refused = any(one in words for one in _REFUSALS)
        return SendOutcome(SendState.REFUSED if refused else SendState.UNKNOWN, str(error))
    except ChainUnavailableError as error:
        return SendOutcome(SendState.UNKNOWN, str(error))
    expected = keccak256(raw)
    if found != expected:
        return SendOutcome(
            SendState.UNKNOWN, f"expected hash 0x{expected.hex()}, the chain names 0x{found.hex()}"
        )
    return SendOutcome(SendState.ACCEPTED, "")
