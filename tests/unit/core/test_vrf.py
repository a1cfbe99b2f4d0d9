"""The VRF against RFC 9381's vectors and against independent arithmetic, then what it refuses."""

import hashlib
import json
from pathlib import Path

import edwards25519 as curve
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.core import vrf
from ledger.errors import InputError, SignatureError

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/vrf/rfc9381.json").read_text())
SECRET = bytes(range(32))
PUBLIC = vrf.public_key(SECRET)
ALPHA = b"alpha"
PROOF = vrf.prove(SECRET, ALPHA)
IDENTITY = b"\x01" + bytes(31)
SIGN = 1 << 255


def number(value):
    return value.to_bytes(32, "little")


SMALL = [curve.encode(point) for point in curve.SMALL_ORDER]
SECOND_SPELLINGS = [number(curve.P + low | sign) for low in range(19) for sign in (0, SIGN)]
SECOND_SPELLINGS += [number(1 | SIGN), number(curve.P - 1 | SIGN)]  # x = 0 with a sign
NO_POINTS = [number(y) for y in range(40) if curve.decode(number(y)) is None]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"example-{vector['example']}")
def test_vrf_rfc9381_vector_is_reproduced(vector):
    secret, alpha = bytes.fromhex(vector["sk"]), bytes.fromhex(vector["alpha"])
    proof = vrf.prove(secret, alpha)
    assert vrf.public_key(secret).hex() == vector["pk"]
    assert proof.hex() == vector["pi"]
    assert vrf.verify(vrf.public_key(secret), alpha, proof).hex() == vector["beta"]
    assert vrf.output(proof).hex() == vector["beta"]
    assert vrf.evaluate(secret, alpha).hex() == vector["beta"]


def test_vrf_vectors_are_the_three_of_the_suite():
    assert [vector["example"] for vector in VECTORS] == [16, 17, 18]


@settings(max_examples=8, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(max_size=90))
def test_prove_any_input_verifies_here_and_in_the_oracle(secret, alpha):
    public, proof = vrf.public_key(secret), vrf.prove(secret, alpha)
    assert public == curve.encode(curve.multiply(curve.secret_scalar(secret), curve.BASE))
    beta = vrf.verify(public, alpha, proof)
    assert beta == vrf.output(proof) == curve.vrf_verify(public, alpha, proof)
    assert beta == vrf.evaluate(secret, alpha)
    assert vrf.prove(secret, alpha) == proof


def test_verify_every_flipped_bit_of_the_proof_is_refused():
    for bit in range(640):
        flipped = (int.from_bytes(PROOF, "big") ^ 1 << bit).to_bytes(80, "big")
        with pytest.raises(SignatureError):
            vrf.verify(PUBLIC, ALPHA, flipped)


def test_verify_flipped_bits_of_key_and_input_are_refused():
    for bit in range(256):
        flipped = (int.from_bytes(PUBLIC, "big") ^ 1 << bit).to_bytes(32, "big")
        with pytest.raises(SignatureError):
            vrf.verify(flipped, ALPHA, PROOF)
    whole = int.from_bytes(ALPHA, "big")
    flips = [(whole ^ 1 << bit).to_bytes(len(ALPHA), "big") for bit in range(8 * len(ALPHA))]
    for alpha in (b"", b"alpha\x00", b"\x00alpha", *flips):
        with pytest.raises(SignatureError):
            vrf.verify(PUBLIC, alpha, PROOF)


def test_verify_other_lengths_are_refused():
    for public, proof in [
        (PUBLIC[:31], PROOF),
        (PUBLIC + b"\x00", PROOF),
        (b"", PROOF),
        (PUBLIC, PROOF[:79]),
        (PUBLIC, PROOF + b"\x00"),
        (PUBLIC, b""),
    ]:
        with pytest.raises(SignatureError, match="32"):
            vrf.verify(public, ALPHA, proof)


def test_verify_s_plus_the_group_order_is_refused():
    # Without the bound every proof has a second spelling.
    s = int.from_bytes(PROOF[48:], "little")
    for malleable in (s + vrf.ORDER, vrf.ORDER, 2**256 - 1):
        with pytest.raises(SignatureError, match="group order"):
            vrf.verify(PUBLIC, ALPHA, PROOF[:48] + number(malleable))


@pytest.mark.parametrize("point", [*SMALL, *SECOND_SPELLINGS, *NO_POINTS, b"\xff" * 32])
def test_verify_small_order_second_spelling_or_no_point_is_refused(point):
    for public, proof in ((point, PROOF), (PUBLIC, point + PROOF[32:])):
        with pytest.raises(SignatureError):
            vrf.verify(public, ALPHA, proof)


@pytest.mark.parametrize("key", SMALL)
def test_verify_forgery_under_a_small_order_key_is_refused(key):
    # With Y of small order anyone can prove any Gamma; validate_key is what stops it.
    point = curve.encode_to_curve(key, ALPHA)
    for gamma in (curve.IDENTITY, curve.ORDER_8):
        for nonce in range(1, 100):
            u, v = curve.multiply(nonce, curve.BASE), curve.multiply(nonce, point)
            c = curve.challenge(curve.decode(key), point, gamma, u, v)
            if c % 8 == 0:
                break
        proof = curve.encode(gamma) + c.to_bytes(16, "little") + number(nonce)
        with pytest.raises(SignatureError, match="small order"):
            vrf.verify(key, ALPHA, proof)


@pytest.mark.parametrize("torsion", [1, 2, 4])
def test_verify_points_outside_the_prime_subgroup_follow_the_standard(torsion):
    extra = curve.SMALL_ORDER[torsion]
    for key_torsion, gamma_torsion in ((curve.IDENTITY, extra), (extra, curve.IDENTITY)):
        public, proof = curve.vrf_prove_outside(
            SECRET, ALPHA, key_torsion=key_torsion, gamma_torsion=gamma_torsion
        )
        assert vrf.verify(public, ALPHA, proof) == curve.vrf_verify(public, ALPHA, proof)
        spoiled = proof[:-1] + bytes([proof[-1] ^ 1])
        with pytest.raises(SignatureError, match="does not verify"):
            vrf.verify(public, ALPHA, spoiled)


def test_verify_torsion_in_gamma_does_not_change_the_output():
    # Full uniqueness: whatever Gamma a region finds, the key of a subject stays the same.
    _, proof = curve.vrf_prove_outside(
        SECRET, ALPHA, key_torsion=curve.IDENTITY, gamma_torsion=curve.ORDER_8
    )
    assert proof[:32] != PROOF[:32]
    assert vrf.verify(PUBLIC, ALPHA, proof) == vrf.verify(PUBLIC, ALPHA, PROOF)


@pytest.mark.parametrize("zeroed", [slice(32, 48), slice(48, 80), slice(32, 80)])
def test_verify_zero_scalars_are_refused_without_a_crash(zeroed):
    # libsodium has no answer for a product that is the identity.
    proof = bytearray(PROOF)
    proof[zeroed] = bytes(zeroed.stop - zeroed.start)
    with pytest.raises(SignatureError, match="does not verify"):
        vrf.verify(PUBLIC, ALPHA, bytes(proof))


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.binary(min_size=80, max_size=80))
def test_verify_any_bytes_are_refused_with_a_signature_error(public, proof):
    with pytest.raises(SignatureError):
        vrf.verify(public, ALPHA, proof)
    with pytest.raises(SignatureError):
        vrf.verify(PUBLIC, ALPHA, proof)


def test_hash_to_curve_skips_what_is_no_canonical_point_of_large_order():
    # RFC 9381, section 5.4.1.1: next counter where decoding fails or the cofactor clears it.
    honest = curve.encode(curve.BASE)
    expected = curve.encode(curve.multiply(8, curve.BASE))
    assert vrf._first_point([*NO_POINTS, *SECOND_SPELLINGS, *SMALL, honest, PUBLIC]) == expected
    with pytest.raises(SignatureError, match="256"):
        vrf._first_point([*NO_POINTS, *SECOND_SPELLINGS, *SMALL])


def test_hash_to_curve_domains_are_separated_by_key_and_input():
    # The salt is the public key: the same subject has unrelated keys in two streams.
    other = bytes(reversed(SECRET))
    outputs = {vrf.output(vrf.prove(secret, a)) for secret in (SECRET, other) for a in (b"a", b"b")}
    assert len(outputs) == 4


def test_prove_nonce_depends_on_key_and_input():
    # The same nonce under two inputs would give the secret away.
    proofs = [vrf.prove(SECRET, str(i).encode()) for i in range(20)]
    assert len({proof[48:] for proof in proofs}) == 20
    digest = hashlib.sha512(SECRET).digest()
    h = vrf._encode_to_curve(PUBLIC, ALPHA)
    nonce = int.from_bytes(hashlib.sha512(digest[32:] + h).digest(), "little") % curve.Q
    c = int.from_bytes(PROOF[32:48], "little")
    assert int.from_bytes(PROOF[48:], "little") == (
        (nonce + c * curve.secret_scalar(SECRET)) % curve.Q
    )


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33), bytes(64)])
def test_secret_of_another_length_is_refused(secret):
    calls = (
        vrf.public_key,
        lambda key: vrf.prove(key, ALPHA),
        lambda key: vrf.evaluate(key, ALPHA),
    )
    for call in calls:
        with pytest.raises(InputError, match="expected 32 bytes"):
            call(secret)


@pytest.mark.parametrize("proof", [b"", PROOF[:79], PROOF + b"\x00", b"\x02" + PROOF[1:]])
def test_output_of_what_is_no_proof_is_refused(proof):
    if len(proof) == 80:
        proof = NO_POINTS[0] + PROOF[32:]
    with pytest.raises(SignatureError):
        vrf.output(proof)


@pytest.mark.parametrize("text", [b"", b"a", b"x" * 300])
def test_prover_says_what_the_functions_say(text: bytes) -> None:
    prover = vrf.Prover(SECRET)
    proof = vrf.prove(SECRET, text)
    assert prover.public_key == vrf.public_key(SECRET)
    assert prover.prove(text) == proof
    assert prover.evaluate(text) == vrf.evaluate(SECRET, text) == vrf.output(proof)
    assert prover.prove_and_evaluate(text) == (proof, vrf.output(proof))
