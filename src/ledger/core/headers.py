"""Block headers: their RLP, their hash, and the values that evidence takes from them.

Reads the header of any Ethereum-like block: fifteen fields and whatever later forks appended.
``Header.block_hash`` is the plain hash of the bytes. On a QBFT chain the block hash leaves out the
round and seals, and only ``verify_qbft`` computes it.

Source: Ethereum Yellow Paper, section 4.3; EIP-1559, EIP-4895, EIP-4844, EIP-4788 and EIP-7685 for
the fields after the fifteenth.
"""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final

from ledger.core.chain import qbft, rlp
from ledger.core.chain.keccak import keccak256
from ledger.core.types import Hash32, UnixSeconds
from ledger.errors import MalformedProofError, UnsupportedFormatError, WrongValidatorsError

MAX_HEADER_BYTES: Final = 32_768
"""Longest header read: the list and seals of two hundred validators take about 18,000 bytes."""

MAX_FIELDS: Final = 32
"""Most fields read; 21 are in use."""

MAX_LATER_FIELD_BYTES: Final = 32
"""Longest field after the fifteenth: a hash or a word."""

_WORD_BYTES: Final = 32
_INTEGER: Final = 0
_ANY: Final = -1
_FIRST_FIELDS: Final = {
    "parentHash": 32,
    "sha3Uncles": 32,
    "miner": 20,
    "stateRoot": 32,
    "transactionsRoot": 32,
    "receiptsRoot": 32,
    "logsBloom": 256,
    "difficulty": _INTEGER,
    "number": _INTEGER,
    "gasLimit": _INTEGER,
    "gasUsed": _INTEGER,
    "timestamp": _INTEGER,
    "extraData": _ANY,
    "mixHash": 32,
    "nonce": 8,
}
"""Name at the JSON-RPC and length in bytes of the fields every header has, in order."""

_LATER_FIELDS: Final = {
    "baseFeePerGas": _INTEGER,
    "withdrawalsRoot": 32,
    "blobGasUsed": _INTEGER,
    "excessBlobGas": _INTEGER,
    "parentBeaconBlockRoot": 32,
    "requestsHash": 32,
}
"""The same for the fields of later forks; a header has the first few of them, or none."""

_FIRST_COUNT: Final = len(_FIRST_FIELDS)
_TIME_BOUND: Final = 2**63
_HEX_BYTES: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*")
_HEX_INTEGER: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")


@dataclass(frozen=True, slots=True)
class Header:
    """A block header, read strictly."""

    block_hash: Hash32
    """Keccak-256 of the bytes; NOT the block hash of a QBFT chain."""
    number: int
    """Height, 0 .. 2^63 - 1."""
    timestamp: UnixSeconds
    """When the block was proposed, 0 .. 2^63 - 1."""
    state_root: Hash32
    """Root of the accounts after the block, 32 bytes."""
    parent_hash: Hash32
    """Block hash of the block before, 32 bytes."""
    mix_hash: Hash32
    """32 bytes; a constant marks QBFT blocks."""
    extra_data: bytes
    """Validators and seals on a QBFT chain."""
    fields: tuple[bytes, ...]
    """All fields in order, at least 15."""


@dataclass(frozen=True, slots=True)
class SealedHeader:
    """A header that enough validators signed."""

    block_hash: Hash32
    """Block hash as the chain computes it, 32 bytes."""
    number: int
    """Height, 0 .. 2^63 - 1."""
    timestamp: UnixSeconds
    """When the block was proposed, 0 .. 2^63 - 1."""
    state_root: Hash32
    """Root of the accounts after the block, 32 bytes."""
    signers: frozenset[bytes]
    """Addresses of the distinct validators whose seals verify, 20 bytes each."""


def parse_header(header_rlp: bytes) -> Header:
    """Read a header and hash it.

    Args:
        header_rlp: RLP of the header, at most 32,768 bytes.

    Returns:
        The header with the plain hash of its bytes.

    Raises:
        MalformedProofError: Not strict RLP, fewer than 15 or more than 32 fields, or a field has
            the wrong length or is no minimal integer.

    Source: Ethereum Yellow Paper, section 4.3.
    """
    fields = _parse_fields(header_rlp)
    first = dict(zip(_FIRST_FIELDS, fields, strict=False))
    return Header(
        block_hash=keccak256(header_rlp),
        number=_bounded(first["number"], "number"),
        timestamp=_bounded(first["timestamp"], "timestamp"),
        state_root=first["stateRoot"],
        parent_hash=first["parentHash"],
        mix_hash=first["mixHash"],
        extra_data=first["extraData"],
        fields=fields,
    )


def chain_hash(header: Header) -> Hash32:
    """The hash by which the chain knows a block, as far as its header tells.

    On a QBFT chain round and seals are left out of it. Who sealed the block is not looked at:
    ``verify_qbft`` does that.
    """
    if header.mix_hash != qbft.MIX_HASH or qbft.is_other_protocol(header.extra_data):
        return header.block_hash
    try:
        return qbft.block_hash(header.fields, qbft.parse_extra(header.extra_data))
    except MalformedProofError:
        return header.block_hash


def header_from_rpc(block: Mapping[str, object]) -> bytes:
    """Rebuild the header of a block from the answer of ``eth_getBlockByNumber``.

    The answer is a claim: hash the result and compare it with the hash the block goes by. A field
    of a fork this function does not know makes that comparison fail.

    Args:
        block: The raw JSON object, values as hex text; library formatters rename fields.

    Returns:
        RLP of the header.

    Raises:
        MalformedProofError: A field is missing or malformed, or a later fork's field is there
            without the one before it (as in anvil's block 0 under an old fork).
    """
    fields = [_field_from_rpc(block, name, size) for name, size in _FIRST_FIELDS.items()]
    present = [name for name in _LATER_FIELDS if block.get(name) is not None]
    if present != list(_LATER_FIELDS)[: len(present)]:
        raise MalformedProofError(f"header: expected fields without a gap, found {present}")
    fields += [_field_from_rpc(block, name, _LATER_FIELDS[name]) for name in present]
    header_rlp = rlp.encode(fields)
    parse_header(header_rlp)
    return header_rlp


def verify_qbft(header_rlp: bytes, validators: Set[bytes]) -> SealedHeader:
    """Check that enough of a chain's validators signed a header.

    Seals and round are outside the block hash: two honest nodes may give different bytes for one
    block. The numbers are counted here, by recovered address; what a node says is not asked.

    Args:
        header_rlp: RLP of the header with round and seals.
        validators: Addresses of the set trusted for this height, 20 bytes each.

    Returns:
        The header with the block hash as the chain computes it and the signers.

    Raises:
        MalformedProofError: The bytes are no QBFT header.
        UnsupportedFormatError: The header is of another protocol: IBFT, Clique or none.
        WrongValidatorsError: The header's validators are not exactly those trusted.
        SealError: A seal is not canonical, of no trusted validator, or one sealed twice.
        TooFewSealsError: Fewer than two thirds of them sealed; block 0 has no seals at all.

    Source: EEA QBFT specification; quorum as in Besu, ceil(2N/3).
    """
    header = parse_header(header_rlp)
    if header.mix_hash != qbft.MIX_HASH or qbft.is_other_protocol(header.extra_data):
        raise UnsupportedFormatError(f"block {header.number}: no QBFT header")
    extra = qbft.parse_extra(header.extra_data)
    listed = frozenset(extra.validators)
    if listed != validators or len(listed) != len(extra.validators):
        raise WrongValidatorsError(
            f"block {header.number}: expected the {len(validators)} trusted validators, found"
            f" {len(extra.validators)} others or a name twice"
        )
    digest = qbft.seal_digest(header.fields, extra)
    signers = qbft.count_seals(digest, extra.seals, validators)
    qbft.require_quorum(signers, validators)
    return SealedHeader(
        block_hash=qbft.block_hash(header.fields, extra),
        number=header.number,
        timestamp=header.timestamp,
        state_root=header.state_root,
        signers=signers,
    )


def _parse_fields(header_rlp: bytes) -> tuple[bytes, ...]:
    fields = tuple(rlp.decode_strings(header_rlp, max_bytes=MAX_HEADER_BYTES))
    if not _FIRST_COUNT <= len(fields) <= MAX_FIELDS:
        raise MalformedProofError(f"header: expected 15 to 32 fields, found {len(fields)}")
    for (name, size), field in zip(_FIRST_FIELDS.items(), fields, strict=False):
        _require_field(field, name, size)
    for position, field in enumerate(fields[_FIRST_COUNT:], _FIRST_COUNT):
        if len(field) > MAX_LATER_FIELD_BYTES:
            raise MalformedProofError(f"header: field {position} has {len(field)} bytes")
    return fields


def _require_field(field: bytes, name: str, size: int) -> None:
    if size == _INTEGER:
        rlp.parse_integer(field, max_bytes=_WORD_BYTES, what=name)
    elif size != _ANY and len(field) != size:
        raise MalformedProofError(f"{name}: expected {size} bytes, found {len(field)}")


def _bounded(field: bytes, name: str) -> int:
    value = int.from_bytes(field, "big")
    if value >= _TIME_BOUND:
        raise MalformedProofError(f"{name}: expected below 2^63, found {value}")
    return value


def _field_from_rpc(block: Mapping[str, object], name: str, size: int) -> bytes:
    text = block.get(name)
    pattern = _HEX_INTEGER if size == _INTEGER else _HEX_BYTES
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise MalformedProofError(f"{name}: expected 0x and hexadecimal digits")
    if size == _INTEGER:
        return rlp.encode_integer(int(text, 16))
    return bytes.fromhex(text[2:])
