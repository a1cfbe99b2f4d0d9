"""Updates of the trust root: what follows, and everything that does not."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_typed_data
from worlds.consortium import ORDER, VALIDATORS, address_of, validator_key
from worlds.paper import BLOCK_TIME, PaperWorld
from worlds.trials_valid import MIRRORS

from ledger.core.trust import Confirmation, Contract, Mirror, TrustRoot, VrfKey, encode_trust_root
from ledger.core.trust.model import ValidatorRange
from ledger.core.trust.update import (
    digest_of,
    encode_signatures,
    parse_signatures,
    signing_digest,
    verify_update,
)
from ledger.errors import (
    CanonicalizationError,
    LedgerError,
    MalformedTrustRootError,
    SignatureError,
    TrustRootUpdateError,
    UnsupportedFormatError,
)

KEYS = [validator_key(number) for number in range(20, 24)]
SIGNERS = tuple(sorted(address_of(key) for key in KEYS))
OPEN = ValidatorRange(0, None, None, None, frozenset(VALIDATORS))
CLOSED = ValidatorRange(0, 99, b"\x01" * 32, BLOCK_TIME, frozenset(VALIDATORS))
NEXT = ValidatorRange(100, None, None, None, frozenset(VALIDATORS[:4]))


def first() -> TrustRoot:
    world = PaperWorld(mirrors=MIRRORS)
    rules = tuple(Confirmation(region, "records", (6,), 1) for region in ("310000", "340000"))
    return world.trust_root(
        signers=SIGNERS,
        threshold=3,
        consensus="qbft",
        validators=(OPEN,),
        confirmations=rules,
    )


OLD = first()
OLD_BYTES = encode_trust_root(OLD)


def following(**changes: Any) -> bytes:
    later = OLD.issued_at + timedelta(days=1)
    members = {"sequence": 2, "previous": digest_of(OLD_BYTES), "issued_at": later, **changes}
    return encode_trust_root(replace(OLD, **members))


def signed(content: bytes, keys: list[PrivateKey], root: TrustRoot | None = None) -> list[bytes]:
    from ledger.core.trust import parse_trust_root

    digest = signing_digest(content, root or parse_trust_root(content))
    made = [key.sign_recoverable(digest, hasher=None) for key in keys]
    return [one[:64] + bytes([27 + one[64]]) for one in made]


def test_update_signed_by_the_threshold_is_taken() -> None:
    update = following()
    for keys in (KEYS[:3], KEYS[1:], KEYS):
        assert verify_update(OLD_BYTES, update, signed(update, keys)).sequence == 2


def test_update_may_close_the_open_range_and_open_another() -> None:
    update = following(validators=(CLOSED, NEXT))
    new = verify_update(OLD_BYTES, update, signed(update, KEYS[:3]))
    assert new.validators == (CLOSED, NEXT)


def test_update_of_an_expired_root_is_taken() -> None:
    update = following(
        issued_at=OLD.expires_at + timedelta(days=9), expires_at=OLD.expires_at + timedelta(days=99)
    )
    assert verify_update(OLD_BYTES, update, signed(update, KEYS[:3]))


def test_what_signers_sign_is_what_wallets_show() -> None:
    update = following()
    message = encode_typed_data(
        domain_data={"name": "credit-ledger", "version": "1", "chainId": OLD.chain_id},
        message_types={
            "TrustRoot": [
                {"name": "digest", "type": "bytes32"},
                {"name": "previous", "type": "bytes32"},
                {"name": "sequence", "type": "uint64"},
            ]
        },
        message_data={"digest": digest_of(update), "previous": digest_of(OLD_BYTES), "sequence": 2},
    )
    by_wallet = [bytes(Account.sign_message(message, key.secret).signature) for key in KEYS[:3]]
    assert verify_update(OLD_BYTES, update, by_wallet).sequence == 2
    assert by_wallet == signed(update, KEYS[:3])


REFUSED: dict[str, Callable[[], bytes]] = {
    "the same sequence": lambda: following(sequence=1, previous=None),
    "a sequence left out": lambda: following(sequence=3),
    "another root before": lambda: following(previous=b"\x01" * 32),
    "another chain": lambda: following(chain_id=OLD.chain_id + 1),
    "another genesis": lambda: following(genesis_hash=b"\x01" * 32),
    "an earlier day": lambda: following(issued_at=OLD.issued_at - timedelta(seconds=1)),
    "a validator replaced in the open range": lambda: following(
        validators=(replace(OPEN, addresses=frozenset({*VALIDATORS[:4], b"\x05" * 20})),)
    ),
    "the open range closed with others in it": lambda: following(
        validators=(replace(CLOSED, addresses=frozenset(VALIDATORS[:4])), NEXT)
    ),
    "another VRF key for a generation": lambda: following(
        vrf_keys=tuple(
            VrfKey(one.region, one.stream, one.generation, bytes([number]) * 32)
            for number, one in enumerate(OLD.vrf_keys, 1)
        )
    ),
    "a VRF key left out": lambda: following(vrf_keys=OLD.vrf_keys[1:]),
    "a mirror left out": lambda: following(mirrors=OLD.mirrors[1:]),
    "a mirror's number given to another": lambda: following(
        mirrors=(Mirror(0, "330000", "region"), *OLD.mirrors[1:])
    ),
    "another role of a mirror": lambda: following(
        mirrors=(replace(OLD.mirrors[0], role="regulator"), *OLD.mirrors[1:])
    ),
    "a region's coverage left out": lambda: following(coverage=OLD.coverage[1:]),
    "a later first day": lambda: following(
        coverage=(
            replace(OLD.coverage[0], since=OLD.coverage[0].since + timedelta(days=1)),
            *OLD.coverage[1:],
        )
    ),
    "another HeadAnchor": lambda: following(
        head_anchor=replace(OLD.head_anchor, address=b"\x66" * 20)
    ),
    "another code": lambda: following(head_anchor=replace(OLD.head_anchor, code_hash=b"\x66" * 32)),
    "other slots": lambda: following(
        head_anchor=replace(OLD.head_anchor, slots={"status": 7, "heads": 8, "confirmations": 9})
    ),
    "another registry": lambda: following(region_registry=Contract(b"\x66" * 20, b"\x67" * 32, {})),
    "a development chain": lambda: following(consensus="development", validators=()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_update_signed_by_all_is_refused_with(name: str) -> None:
    update = REFUSED[name]()
    with pytest.raises(TrustRootUpdateError):
        verify_update(OLD_BYTES, update, signed(update, KEYS))


def test_closed_range_is_pinned_for_ever() -> None:
    closed = following(validators=(CLOSED, NEXT))
    second = verify_update(OLD_BYTES, closed, signed(closed, KEYS))
    for changed in (
        replace(CLOSED, last_hash=b"\x02" * 32),
        replace(CLOSED, last_time=BLOCK_TIME + 1),
    ):
        update = encode_trust_root(
            replace(
                second,
                sequence=3,
                previous=digest_of(closed),
                validators=(changed, NEXT),
            )
        )
        with pytest.raises(TrustRootUpdateError, match="from block 0"):
            verify_update(closed, update, signed(update, KEYS))


def test_too_few_or_repeated_signatures_are_refused() -> None:
    update = following()
    two = signed(update, KEYS[:2])
    for signatures in (two, [*two, two[0]], [*two, *two], [two[0]] * 3, []):
        with pytest.raises(TrustRootUpdateError, match="expected 3 distinct signers"):
            verify_update(OLD_BYTES, update, signatures)


def test_wrong_signatures_are_refused() -> None:
    update = following()
    good = signed(update, KEYS[:3])
    s = ORDER - int.from_bytes(good[0][32:64], "big")
    twin = good[0][:32] + s.to_bytes(32, "big") + bytes([55 - good[0][64]])
    other = following(issued_at=OLD.issued_at + timedelta(days=2))
    for wrong in (
        signed(update, [validator_key(99)])[0],
        twin,
        good[0][:64] + b"\x00",
        good[0][:64],
        good[0] + b"\x00",
        bytes(65),
        signed(other, KEYS[:1])[0],
        signed(update, KEYS[:1], replace(OLD, sequence=2, chain_id=5))[0],
    ):
        with pytest.raises(SignatureError):
            verify_update(OLD_BYTES, update, [*good[1:], wrong])
        with pytest.raises(SignatureError):
            verify_update(OLD_BYTES, update, [*good, wrong])


def test_signers_of_the_update_itself_do_not_count() -> None:
    others = [validator_key(number) for number in range(30, 33)]
    update = following(signers=tuple(sorted(address_of(key) for key in others)), threshold=1)
    with pytest.raises(SignatureError, match="no signer of the root before"):
        verify_update(OLD_BYTES, update, signed(update, others))


def test_signatures_file_round_trips() -> None:
    update = following()
    signatures = signed(update, KEYS[:3])
    assert parse_signatures(encode_signatures(update, signatures), update) == tuple(signatures)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda tree: tree.update(v=2), UnsupportedFormatError),
        (lambda tree: tree.update(v=True), MalformedTrustRootError),
        (lambda tree: tree.pop("v"), MalformedTrustRootError),
        (lambda tree: tree.update(x=1), MalformedTrustRootError),
        (lambda tree: tree.update(trust_root="00" * 32), MalformedTrustRootError),
        (lambda tree: tree.update(signatures=[]), MalformedTrustRootError),
        (lambda tree: tree.update(signatures={}), MalformedTrustRootError),
        (lambda tree: tree.update(signatures=tree["signatures"] * 40), MalformedTrustRootError),
        (lambda tree: tree.update(signatures=["0x00"]), MalformedTrustRootError),
        (lambda tree: tree.update(signatures=["00" * 65]), MalformedTrustRootError),
        (lambda tree: tree.update(signatures=["0x" + "zz" * 65]), MalformedTrustRootError),
        (lambda tree: tree.update(signatures=["0x" + "AA" * 65]), MalformedTrustRootError),
        (lambda tree: tree.update(signatures=["0x" + "a a" * 65]), MalformedTrustRootError),
        (lambda tree: tree.update(signatures=[1]), MalformedTrustRootError),
    ],
)
def test_broken_signatures_file_is_refused(
    change: Callable[[Any], object], error: type[LedgerError]
) -> None:
    update = following()
    tree = json.loads(encode_signatures(update, signed(update, KEYS[:3])))
    change(tree)
    content = json.dumps(tree, separators=(",", ":"), sort_keys=True).encode()
    with pytest.raises(error):
        parse_signatures(content, update)


def test_signatures_file_that_is_not_canonical_is_refused() -> None:
    update = following()
    content = encode_signatures(update, signed(update, KEYS[:3]))
    for other in (content + b"\n", b" " + content, content[:-1], b"[" * 100_000):
        with pytest.raises(CanonicalizationError):
            parse_signatures(other, update)
