"""A consortium on paper: five validators who seal paper blocks as a QBFT engine does."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import rlp
from coincurve import PrivateKey
from worlds.paper_block import PaperBlock, header_fields

from ledger.core.chain.keccak import keccak256

MIX_HASH = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
VANITY = b"paper".ljust(32, b"\x00")


def validator_key(number: int) -> PrivateKey:
    """A key anybody can compute."""
    return PrivateKey(hashlib.sha256(b"validator on paper %d" % number).digest())


def address_of(key: PrivateKey) -> bytes:
    return keccak256(key.public_key.format(compressed=False)[1:])[12:]


KEYS = tuple(sorted((validator_key(number) for number in range(5)), key=address_of))
VALIDATORS = tuple(address_of(key) for key in KEYS)
OUTSIDER = validator_key(9)


def seal(digest: bytes, key: PrivateKey) -> bytes:
    """r, s and the parity of the point, as engines write it."""
    return key.sign_recoverable(digest, hasher=None)


def high_twin(signature: bytes) -> bytes:
    """The other signature of the same key over the same digest."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([1 - signature[64]])


@dataclass(frozen=True)
class SealedBlock(PaperBlock):
    """A paper block with validators, round, vote and seals; every part may be a lie."""

    validators: Sequence[bytes] = VALIDATORS
    sealers: Sequence[PrivateKey] = KEYS[:4]
    round: int = 0
    vote: Sequence[bytes] = ()
    mix_hash: bytes = MIX_HASH
    change_seals: Callable[[list[bytes]], list[bytes]] = field(default=lambda seals: seals)

    def extra(self, round_number: int, seals: Sequence[bytes]) -> bytes:
        items = [VANITY, list(self.validators), list(self.vote), round_number, list(seals)]
        return rlp.encode(items)

    def with_extra(self, extra: bytes) -> bytes:
        fields = header_fields(self)
        fields[12], fields[13] = extra, self.mix_hash
        return rlp.encode([*fields, *self.later_fields])

    @property
    def digest(self) -> bytes:
        return keccak256(self.with_extra(self.extra(self.round, [])))

    @property
    def seals(self) -> list[bytes]:
        return self.change_seals([seal(self.digest, key) for key in self.sealers])

    @property
    def header(self) -> bytes:
        """RLP with round and seals."""
        return self.with_extra(self.extra(self.round, self.seals))

    @property
    def block_hash(self) -> bytes:
        return keccak256(self.with_extra(self.extra(0, [])))


def sealed_over(digest: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda _: [seal(digest, key) for key in KEYS[:4]]


def cut(position: int, value: bytes) -> Callable[[list[bytes]], list[bytes]]:
    def change(seals: list[bytes]) -> list[bytes]:
        seals[position] = value
        return seals

    return change


def last_byte(value: int) -> Callable[[list[bytes]], list[bytes]]:
    return lambda seals: [*seals[:3], seals[3][:64] + bytes([value])]


BROKEN: Final[Mapping[str, tuple[dict[str, Any], str]]] = {
    "no seals": (dict(sealers=()), "too-few-seals"),
    "one seal": (dict(sealers=KEYS[:1]), "too-few-seals"),
    "three of five, which GoQuorum accepts": (dict(sealers=KEYS[:3]), "too-few-seals"),
    "the same seal twice": (
        dict(change_seals=lambda seals: [*seals[:3], seals[0]]),
        "seal",
    ),
    "five seals of four validators": (
        dict(change_seals=lambda seals: [*seals, seals[0]]),
        "seal",
    ),
    "the high twin of a seal beside it": (
        dict(change_seals=lambda seals: [*seals[:3], high_twin(seals[0])]),
        "seal",
    ),
    "the high twin alone": (
        dict(change_seals=lambda seals: [*seals[:3], high_twin(seals[3])]),
        "seal",
    ),
    "a foreign signer": (dict(sealers=[*KEYS[:3], OUTSIDER]), "seal"),
    "a foreign signer beside enough": (
        dict(sealers=[*KEYS[:4], OUTSIDER]),
        "seal",
    ),
    "foreign validators throughout": (
        dict(validators=[address_of(OUTSIDER)], sealers=[OUTSIDER]),
        "wrong-validators",
    ),
    "a validator added": (
        dict(validators=[*VALIDATORS, address_of(OUTSIDER)]),
        "wrong-validators",
    ),
    "a validator left out": (dict(validators=VALIDATORS[:4]), "wrong-validators"),
    "a validator replaced": (
        dict(validators=[*VALIDATORS[:4], address_of(OUTSIDER)]),
        "wrong-validators",
    ),
    "a validator twice": (
        dict(validators=[*VALIDATORS, VALIDATORS[0]]),
        "wrong-validators",
    ),
    "no validators, as in contract mode": (dict(validators=()), "wrong-validators"),
    "seals over the block hash": (
        dict(round=1, change_seals=sealed_over(SealedBlock({}, round=1).block_hash)),
        "seal",
    ),
    "seals of another round": (
        dict(round=2, change_seals=sealed_over(SealedBlock({}, round=1).digest)),
        "seal",
    ),
    "seals of another block": (
        dict(change_seals=sealed_over(SealedBlock({}, number=999).digest)),
        "seal",
    ),
    "seals of another time": (
        dict(timestamp=5, change_seals=sealed_over(SealedBlock({}).digest)),
        "seal",
    ),
    "seals hashed once more": (
        dict(change_seals=sealed_over(keccak256(SealedBlock({}).digest))),
        "seal",
    ),
    "seals without the vote": (
        dict(vote=[VALIDATORS[0], b""], change_seals=sealed_over(SealedBlock({}).digest)),
        "seal",
    ),
    "seals with the other vote": (
        dict(
            vote=[VALIDATORS[0], b""],
            change_seals=sealed_over(SealedBlock({}, vote=[VALIDATORS[0], b"\xff"]).digest),
        ),
        "seal",
    ),
    "a vote word of one": (dict(vote=[VALIDATORS[0], b"\x01"]), "malformed-proof"),
    "a vote word of two bytes": (
        dict(vote=[VALIDATORS[0], b"\xff\xff"]),
        "malformed-proof",
    ),
    "a vote without word": (dict(vote=[VALIDATORS[0]]), "malformed-proof"),
    "a vote of three": (dict(vote=[VALIDATORS[0], b"", b""]), "malformed-proof"),
    "a vote on nineteen bytes": (dict(vote=[bytes(19), b""]), "malformed-proof"),
    "a validator of nineteen bytes": (
        dict(validators=[*VALIDATORS[:4], VALIDATORS[4][1:]]),
        "malformed-proof",
    ),
    "a seal of 64 bytes": (
        dict(change_seals=lambda seals: [*seals[:3], seals[3][:64]]),
        "malformed-proof",
    ),
    "a seal of 66 bytes": (
        dict(change_seals=lambda seals: [*seals[:3], seals[3] + b"\x00"]),
        "malformed-proof",
    ),
    "an empty seal": (dict(change_seals=cut(3, b"")), "malformed-proof"),
    "a parity of 2": (dict(change_seals=last_byte(2)), "seal"),
    "a parity of 27, as wallets write it": (
        dict(change_seals=last_byte(27)),
        "seal",
    ),
    "the other parity": (
        dict(change_seals=lambda seals: [*seals[:3], seals[3][:64] + bytes([1 - seals[3][64]])]),
        "seal",
    ),
    "a seal of zeros": (dict(change_seals=cut(3, bytes(65))), "seal"),
    "a seal of ones": (dict(change_seals=cut(3, b"\xff" * 64 + b"\x00")), "seal"),
    "an s of zero": (
        dict(change_seals=lambda seals: [*seals[:3], seals[3][:32] + bytes(33)]),
        "seal",
    ),
    "an r that is no point": (
        dict(change_seals=lambda seals: [*seals[:3], b"\x00" * 31 + b"\x05" + seals[3][32:]]),
        "seal",
    ),
    "a mix hash of zeros, as Clique writes it": (
        dict(mix_hash=bytes(32)),
        "unsupported",
    ),
    "another mix hash": (
        dict(mix_hash=MIX_HASH[:-1] + b"\x00"),
        "unsupported",
    ),
    "a round of five bytes": (dict(round=2**32), "malformed-proof"),
}
"""Changes to a sealed block, and the code of the refusal."""
