"""Questions to any chain, and transactions for it; knows no contract.

Synchronous and safe to share between threads. The chain id is compared before the first question
and again after every failure, because what answers after a failure may be something else.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Final

import httpx

from ledger.adapters.evm.contract import Contract
from ledger.adapters.evm.json_rpc import JsonRpc, RpcError
from ledger.adapters.evm.quantities import (
    encode_bytes,
    encode_quantity,
    parse_bytes,
    parse_list,
    parse_object,
    parse_quantity,
)
from ledger.adapters.evm.sending import send
from ledger.adapters.evm.signing import sign
from ledger.core.chain.keccak import keccak256
from ledger.core.headers import chain_hash, header_from_rpc, parse_header
from ledger.core.types import Hash32
from ledger.errors import (
    ChainUnavailableError,
    ContractRevertError,
    HeaderError,
    InputError,
    MalformedProofError,
    WrongChainError,
)
from ledger.services.onchain import Receipt, SendOutcome, SendState, SignedTransaction

DEFAULT_GAS: Final = 400_000
"""Gas limit of a call; a head with a proof of 53 nodes takes about 110,000."""

MAX_SLOTS: Final = 64
"""Most slots asked for in one proof."""

MAX_NODES: Final = 4_096
"""Most trie nodes taken from one answer: 64 slots of 64 levels."""


class EvmClient:
    """One chain behind one JSON-RPC endpoint."""

    def __init__(
        self,
        url: str,
        *,
        chain_id: int,
        timeout_s: float = 5.0,
        gas: int = DEFAULT_GAS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            url: The endpoint, http or https.
            chain_id: The chain that is expected there.
            timeout_s: Longest time for one request and its answer.
            gas: Gas limit of the calls it signs.
            transport: Another way to the endpoint, for tests.

        Raises:
            InputError: The URL is none.
        """
        self._rpc = JsonRpc(url, timeout_s=timeout_s, transport=transport)
        self._expected_chain = chain_id
        self._gas = gas
        self._checked = threading.Event()

    def close(self) -> None:
        """Close the connections."""
        self._rpc.close()

    def chain_id(self) -> int:
        """The chain id that the endpoint reports now."""
        return parse_quantity(self._rpc.call("eth_chainId"), "chain id")

    def genesis_hash(self) -> Hash32:
        """The hash of block 0 as the chain goes by it.

        Block 0 is not rebuilt: anvil reports fields there that it does not hash.
        """
        return parse_bytes(self._block(0).get("hash"), "block hash", 32)

    def latest_block(self) -> int:
        """The height of the newest block."""
        return parse_quantity(self._ask("eth_blockNumber"), "block number")

    def fetch_header(self, number: int) -> tuple[Hash32, bytes]:
        """The block hash and the header's RLP that hashes to it.

        Args:
            number: Height of the block.

        Raises:
            HeaderError: The header has another height, or does not hash to the reported hash.
            ChainUnavailableError: No such block, or no usable answer.
        """
        block = self._block(number)
        reported = parse_bytes(block.get("hash"), "block hash", 32)
        try:
            header_rlp = header_from_rpc(block)
            header = parse_header(header_rlp)
        except MalformedProofError as error:
            raise ChainUnavailableError(f"the chain's header is malformed: {error}") from None
        if header.number != number:
            raise HeaderError(f"expected block {number}, found block {header.number}")
        computed = chain_hash(header)
        if computed != reported:
            raise HeaderError(f"expected block hash {reported.hex()}, computed {computed.hex()}")
        return reported, header_rlp

    def fetch_proof(self, address: bytes, slots: Sequence[bytes], number: int) -> tuple[bytes, ...]:
        """All trie nodes that prove an account and its slots at a block.

        The nodes are not verified here; ``ledger.core.chain.state_proof`` does that.

        Args:
            address: The account, 20 bytes.
            slots: Storage slots, 32 bytes each, at most 64.
            number: Height of the block.

        Returns:
            The distinct nodes of the account's and all slots' proofs, strictly ascending.

        Raises:
            ChainUnavailableError: The chain has not this block's state, or no usable answer.
        """
        if len(slots) > MAX_SLOTS:
            raise InputError(f"slots: expected at most {MAX_SLOTS}, found {len(slots)}")
        keys = [encode_bytes(slot, 32) for slot in slots]
        params = [encode_bytes(address, 20), keys, encode_quantity(number)]
        proof = parse_object(self._ask("eth_getProof", params), "proof")
        storage = parse_list(proof.get("storageProof"), "storage proof")
        if len(storage) != len(slots):
            raise ChainUnavailableError(
                f"the chain proves {len(storage)} slots, expected {len(slots)}"
            )
        nodes = set(_nodes(proof.get("accountProof")))
        for one in storage:
            nodes.update(_nodes(parse_object(one, "storage proof").get("proof")))
        if len(nodes) > MAX_NODES:
            raise ChainUnavailableError(f"the chain's proof has {len(nodes)} nodes")
        return tuple(sorted(nodes))

    def code_hash(self, address: bytes) -> Hash32:
        """Keccak-256 of the code at an address in the newest block."""
        return keccak256(self.code(address))

    def code(self, address: bytes) -> bytes:
        """The code at an address in the newest block; empty where there is no contract."""
        return parse_bytes(self._ask("eth_getCode", [encode_bytes(address, 20), "latest"]), "code")

    def transaction_count(self, address: bytes) -> int:
        """Mined transactions of an address."""
        params = [encode_bytes(address, 20), "latest"]
        return parse_quantity(self._ask("eth_getTransactionCount", params), "transaction count")

    def sign_call(self, key: bytes, nonce: int, to: bytes, data: bytes) -> SignedTransaction:
        """Sign a contract call at gas price 0; nothing is sent.

        Args:
            key: The sender's secp256k1 secret, 32 bytes.
            nonce: The sender's transaction number.
            to: The contract, 20 bytes.
            data: Call data.
        """
        return sign(
            key, chain_id=self._expected_chain, nonce=nonce, to=to, data=data, gas=self._gas
        )

    def send_raw(self, raw: bytes) -> SendOutcome:
        """Send signed bytes once, to the expected chain only.

        The bytes are bound to their chain, but not every engine looks: anvil takes others too.
        """
        try:
            self._require_chain()
        except ChainUnavailableError as error:
            return SendOutcome(SendState.UNKNOWN, str(error))
        return send(self._rpc, raw)

    def receipt(self, tx_hash: Hash32) -> Receipt | None:
        """The receipt, or None while the transaction is not in a block."""
        answer = self._ask("eth_getTransactionReceipt", [encode_bytes(tx_hash, 32)])
        if answer is None:
            return None
        receipt = parse_object(answer, "receipt")
        if parse_bytes(receipt.get("transactionHash"), "transaction hash", 32) != tx_hash:
            raise ChainUnavailableError("the chain's receipt belongs to another transaction")
        status = parse_quantity(receipt.get("status"), "receipt status")
        if status not in (0, 1):
            raise ChainUnavailableError(f"the chain's receipt has status {status}")
        return Receipt(
            status=status,
            block_number=parse_quantity(receipt.get("blockNumber"), "block number"),
            block_hash=parse_bytes(receipt.get("blockHash"), "block hash", 32),
            gas_used=parse_quantity(receipt.get("gasUsed"), "gas used"),
        )

    def sign_creation(self, key: bytes, nonce: int, data: bytes, *, gas: int) -> SignedTransaction:
        """Sign the creation of a contract at gas price 0; nothing is sent."""
        return sign(key, chain_id=self._expected_chain, nonce=nonce, to=None, data=data, gas=gas)

    def view(
        self,
        contract: Contract,
        to: bytes,
        data: bytes,
        *,
        sender: bytes | None = None,
        number: int | None = None,
    ) -> bytes:
        """Run a call on the state of a block, the newest by default; returns its raw result.

        Raises:
            ContractRevertError: The contract refuses.
        """
        request: dict[str, object] = {
            "to": encode_bytes(to, 20),
            "data": encode_bytes(data),
            "gasPrice": "0x0",
        }
        if sender is not None:
            request |= {"from": encode_bytes(sender, 20), "gas": encode_quantity(self._gas)}
        block = "latest" if number is None else encode_quantity(number)
        try:
            answer = self._ask("eth_call", [request, block])
        except RpcError as error:
            raise _revert(contract, error) or error from None
        return parse_bytes(answer, "call result")

    def _block(self, number: int) -> Mapping[str, object]:
        answer = self._ask("eth_getBlockByNumber", [encode_quantity(number), False])
        if answer is None:
            raise ChainUnavailableError(f"the chain has no block {number} yet")
        return parse_object(answer, "block")

    def _require_chain(self) -> None:
        if not self._checked.is_set():
            found = self.chain_id()
            if found != self._expected_chain:
                raise WrongChainError(expected=self._expected_chain, found=found)
            self._checked.set()

    def _ask(self, method: str, params: Sequence[object] = ()) -> object:
        self._require_chain()
        try:
            return self._rpc.call(method, params)
        except RpcError:
            raise
        except ChainUnavailableError:
            self._checked.clear()
            raise


def _nodes(value: object) -> list[bytes]:
    return [parse_bytes(node, "proof node") for node in parse_list(value, "proof nodes")]


def _revert(contract: Contract, error: RpcError) -> ContractRevertError | None:
    # Engines differ in the number (3, -32000, -32603) but all put the revert bytes into ``data``.
    detail = error.detail
    if isinstance(detail, dict):
        detail = detail.get("data")
    if isinstance(detail, str) and detail.startswith("0x"):
        return contract.decode_revert(parse_bytes(detail, "revert data"))
    if "revert" in error.words.lower():
        return contract.decode_revert(b"")
    return None
