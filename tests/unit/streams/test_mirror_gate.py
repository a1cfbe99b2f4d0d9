"""What a mirror's request must look like; every refusal is the same to the caller."""

import base64
from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread

import pytest
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_defunct
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds.chain import ChainTwin
from worlds.clock import StandingClock

from ledger.adapters.evm.signing import address_of
from ledger.adapters.http.signing import sign_request
from ledger.api.signatures import MirrorGate
from ledger.core.chain.keccak import keccak256
from ledger.errors import ChainUnavailableError, InputError, SignatureError
from ledger.services.mirror_roles import FRESH_S, USABLE_S, MirrorRoles
from ledger.services.onchain import MirrorEntry
from ledger.services.request_signatures import ChainKeySignature, MirrorKey, parse_key_id

ENDPOINT = "http://127.0.0.1:8310"
TARGET = "/v1/streams/310000/records/1/tile/entries/000.p/3"
KEY = MirrorKey(3, b"\x11" * 32)
STRANGER = MirrorKey(3, b"\x12" * 32)
SEAT = MirrorEntry(address_of(KEY.secret), "320000")
NONCE = bytes(range(16))
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class Gate:
    """A gate over a chain on which mirror 3 has a seat, and a clock that stands."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self.chain = ChainTwin(lambda: self.clock.now().timestamp())
        self.chain.mirrors[3] = SEAT
        self.roles = MirrorRoles(chain=self.chain, clock=self.clock)
        self.gate = MirrorGate(endpoint=ENDPOINT, roles=self.roles, clock=self.clock)

    def signed(self, **changes: object) -> dict[str, str]:
        arguments: dict[str, object] = {
            "method": "GET",
            "endpoint": ENDPOINT,
            "target": TARGET,
            "now": self.clock.now(),
            "nonce": NONCE,
        }
        key = changes.pop("key", KEY)
        return sign_request(key, **(arguments | changes))  # type: ignore[arg-type]

    def admit(
        self, headers: dict[str, str], method: str = "GET", target: str = TARGET
    ) -> MirrorEntry:
        received = [(name.lower(), value) for name, value in headers.items()]
        return self.gate.confirm(self.gate.read(method, target, received))


@pytest.fixture
def gate() -> Gate:
    return Gate()


def test_gate_signed_request_gives_the_mirror(gate: Gate) -> None:
    assert gate.admit(gate.signed()) == SEAT


def test_gate_target_with_query_is_signed_as_a_whole(gate: Gate) -> None:
    headers = gate.signed(target="/v1/things?a=1&a=2")
    assert gate.admit(headers, target="/v1/things?a=1&a=2") == SEAT
    with pytest.raises(SignatureError):
        gate.admit(headers, target="/v1/things?a=2&a=1")
    with pytest.raises(SignatureError):
        gate.admit(headers, target="/v1/things")


def test_gate_endpoint_with_a_path_and_slash_is_the_same_endpoint(gate: Gate) -> None:
    gate.gate = MirrorGate(
        endpoint="https://node.example/ledger/", roles=gate.roles, clock=gate.clock
    )
    assert gate.admit(gate.signed(endpoint="https://node.example/ledger")) == SEAT
    with pytest.raises(SignatureError):
        gate.admit(gate.signed(endpoint="https://node.example"))


def test_gate_order_of_parameters_and_components_is_free(gate: Gate) -> None:
    # Made by hand as another implementation might.
    now = int(gate.clock.now().timestamp())
    params = (
        f'("@target-uri" "@method");tag="credit-ledger-mirror";nonce="{"n" * 16}"'
        f';keyid="mirror:3";expires={now + 9};created={now}'
    )
    base = f'"@target-uri": {ENDPOINT}{TARGET}\n"@method": GET\n"@signature-params": {params}'
    assert gate.admit(_by_hand(params, base)) == SEAT


def _by_hand(params: str, base: str, secret: bytes = KEY.secret) -> dict[str, str]:
    signature = PrivateKey(secret).sign_recoverable(base.encode(), hasher=keccak256)
    return {
        "Signature-Input": f"other={params}",
        "Signature": f"other=:{base64.b64encode(signature).decode()}:",
    }


SIGNED_OTHERWISE: dict[str, dict[str, object]] = {
    "another method": {"method": "POST"},
    "another target": {"target": TARGET + "1"},
    "another node": {"endpoint": "http://127.0.0.1:8311"},
    "another scheme": {"endpoint": "https://127.0.0.1:8310"},
    "another key": {"key": STRANGER},
    "a number without a seat": {"key": MirrorKey(4, KEY.secret)},
    "a window that is too long": {"window": timedelta(seconds=61)},
    "a window of nothing": {"window": timedelta(0)},
    "a window backwards": {"window": timedelta(seconds=-5)},
    "a body": {"body": b"{}"},
}


@pytest.mark.parametrize("what", SIGNED_OTHERWISE)
def test_gate_request_signed_for_something_else_is_refused(gate: Gate, what: str) -> None:
    with pytest.raises(SignatureError):
        gate.admit(gate.signed(**SIGNED_OTHERWISE[what]))


@pytest.mark.parametrize(
    ("seconds", "is_taken"),
    [(-66, False), (-65, True), (-60, True), (0, True), (5, True), (6, False), (3600, False)],
)
def test_gate_request_counts_from_its_creation_to_its_end(
    gate: Gate, seconds: int, is_taken: bool
) -> None:
    headers = gate.signed(now=gate.clock.now() + timedelta(seconds=seconds))
    if is_taken:
        assert gate.admit(headers) == SEAT
        return
    with pytest.raises(SignatureError):
        gate.admit(headers)


def _replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


INPUT_CHANGES: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "no dictionary": lambda _: "(((",
    "another label": _replaced("mirror=", "other="),
    "no list": lambda _: "mirror=1",
    "two signatures": lambda text: text + ", second=" + text.removeprefix("mirror="),
    "one label twice": lambda text: text + ", " + text,
    "method not covered": _replaced('"@method" ', ""),
    "target not covered": _replaced(' "@target-uri"', ""),
    "nothing covered": _replaced('"@method" "@target-uri"', ""),
    "a component twice": _replaced('"@method"', '"@method" "@method"'),
    "another component": _replaced('"@target-uri"', '"@target-uri" "@authority"'),
    "target's path only": _replaced("@target-uri", "@path"),
    "component with a flag": _replaced('"@method"', '"@method";req'),
    "component as a number": _replaced('"@method"', "1"),
    "no created": lambda text: text.replace(";created=", ";x="),
    "no expires": lambda text: text.replace(";expires=", ";x="),
    "no nonce": lambda text: text.replace(";nonce=", ";x="),
    "no keyid": lambda text: text.replace(";keyid=", ";x="),
    "no tag": lambda text: text.replace(";tag=", ";x="),
    "another parameter": lambda text: text + ";x=1",
    "an algorithm": lambda text: text + ';alg="hmac-sha256"',
    "created twice": lambda text: text + ";created=1",
    "expires twice": lambda text: text + ";expires=99999999999",
    "keyid twice": lambda text: text + ';keyid="mirror:3"',
    "keyid as a token": _replaced('keyid="mirror:3"', "keyid=mirror:3"),
    "keyid of another kind": _replaced("mirror:3", "member:3"),
    "keyid with a leading zero": _replaced("mirror:3", "mirror:03"),
    "keyid with a sign": _replaced("mirror:3", "mirror:+3"),
    "keyid too large": _replaced("mirror:3", "mirror:4294967296"),
    "keyid without number": _replaced("mirror:3", "mirror:"),
    "tag as a token": _replaced('tag="credit-ledger-mirror"', "tag=credit-ledger-mirror"),
    "another tag": _replaced("credit-ledger-mirror", "credit-ledger-member"),
    "nonce too short": _replaced(NONCE.hex(), "0" * 15),
    "nonce too long": _replaced(NONCE.hex(), "0" * 65),
    "another nonce": _replaced(NONCE.hex(), "0" * 32),
    "nonce as bytes": _replaced(f'"{NONCE.hex()}"', ":AAAAAAAAAAAAAAAAAAAAAA==:"),
    "created as a fraction": _replaced(";keyid", ".0;keyid"),
    "created as a date": _replaced("created=", "created=@"),
    "created as text": _replaced("created=", 'created="1";y='),
    "not ASCII": lambda text: text.replace("mirror:3", "mirror:３"),
    "a control character": lambda text: text + "\n",
}


@pytest.mark.parametrize("what", INPUT_CHANGES)
def test_gate_signature_input_that_was_changed_is_refused(gate: Gate, what: str) -> None:
    headers = gate.signed()
    headers["Signature-Input"] = INPUT_CHANGES[what](headers["Signature-Input"])
    with pytest.raises(SignatureError):
        gate.admit(headers)


SIGNATURE_CHANGES: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "no bytes": lambda _: "mirror=1",
    "no base64": lambda _: "mirror=:*:",
    "a list": lambda text: "mirror=(" + text.removeprefix("mirror=") + ")",
    "short": lambda _: "mirror=:AAAA:",
    "zeros": lambda _: "mirror=:" + "A" * 86 + "A=:",
    "two": lambda text: text + ", second=:AAAA:",
    "one label twice": lambda text: text + ", " + text,
}


@pytest.mark.parametrize("what", SIGNATURE_CHANGES)
def test_gate_signature_of_another_form_is_refused(gate: Gate, what: str) -> None:
    headers = gate.signed()
    headers["Signature"] = SIGNATURE_CHANGES[what](headers["Signature"])
    with pytest.raises(SignatureError):
        gate.admit(headers)


def test_gate_any_flipped_bit_of_the_signature_is_refused(gate: Gate) -> None:
    headers = gate.signed()
    raw = base64.b64decode(headers["Signature"].split(":")[1])
    assert len(raw) == 65
    for position in range(8 * 65):
        changed = bytearray(raw)
        changed[position // 8] ^= 1 << position % 8
        headers["Signature"] = f"mirror=:{base64.b64encode(changed).decode()}:"
        with pytest.raises(SignatureError):
            gate.admit(headers)


def test_gate_second_spelling_of_a_signature_is_refused(gate: Gate) -> None:
    headers = gate.signed()
    raw = base64.b64decode(headers["Signature"].split(":")[1])
    mirrored = (ORDER - int.from_bytes(raw[32:64], "big")).to_bytes(32, "big")
    other = raw[:32] + mirrored + bytes([raw[64] ^ 1])
    headers["Signature"] = f"mirror=:{base64.b64encode(other).decode()}:"
    with pytest.raises(SignatureError):
        gate.admit(headers)


@pytest.mark.parametrize("missing", ["Signature-Input", "Signature"])
def test_gate_request_without_a_header_is_refused(gate: Gate, missing: str) -> None:
    headers = gate.signed()
    del headers[missing]
    with pytest.raises(SignatureError):
        gate.admit(headers)


@pytest.mark.parametrize("twice", ["signature-input", "signature"])
def test_gate_header_that_stands_twice_is_refused(gate: Gate, twice: str) -> None:
    received = [(name.lower(), value) for name, value in gate.signed().items()]
    received += [(name, value) for name, value in received if name == twice]
    with pytest.raises(SignatureError):
        gate.gate.read("GET", TARGET, received)


@pytest.mark.parametrize("name", ["content-length", "transfer-encoding"])
def test_gate_request_with_a_body_is_refused(gate: Gate, name: str) -> None:
    received = [(key.lower(), value) for key, value in gate.signed().items()]
    with pytest.raises(SignatureError):
        gate.gate.read("GET", TARGET, [*received, (name, "0")])


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_gate_any_text_in_the_headers_is_refused_as_a_signature(first: str, second: str) -> None:
    gate = Gate()
    with pytest.raises(SignatureError):
        gate.admit({"Signature-Input": first, "Signature": second})


@settings(deadline=None)
@given(st.data())
def test_gate_any_character_changed_in_the_input_is_refused(data: st.DataObject) -> None:
    gate = Gate()
    headers = gate.signed()
    text = headers["Signature-Input"]
    # The label in front is not signed.
    position = data.draw(st.integers(len("mirror="), len(text) - 1))
    drawn = data.draw(st.characters(codec="latin-1").filter(lambda one: one != text[position]))
    headers["Signature-Input"] = text[:position] + drawn + text[position + 1 :]
    with pytest.raises(SignatureError):
        gate.admit(headers)


def test_gate_signature_by_eip_191_of_the_same_key_is_refused(gate: Gate) -> None:
    headers = gate.signed()
    params = headers["Signature-Input"].removeprefix("mirror=")
    base = f'"@method": GET\n"@target-uri": {ENDPOINT}{TARGET}\n"@signature-params": {params}'
    made = Account.sign_message(encode_defunct(base.encode()), KEY.secret).signature
    wallet = bytes(made[:64]) + bytes([made[64] - 27])
    headers["Signature"] = f"mirror=:{base64.b64encode(wallet).decode()}:"
    with pytest.raises(SignatureError):
        gate.admit(headers)


# --- Seats on chain


def test_roles_chain_down_known_mirror_is_let_in_for_a_stated_time(gate: Gate) -> None:
    gate.admit(gate.signed())
    gate.chain.is_down = True
    gate.clock.advance(USABLE_S)
    assert gate.admit(gate.signed()) == SEAT
    gate.clock.advance(1)
    with pytest.raises(ChainUnavailableError):
        gate.admit(gate.signed())


def test_roles_chain_down_unknown_mirror_is_not_decided(gate: Gate) -> None:
    gate.chain.is_down = True
    with pytest.raises(ChainUnavailableError):
        gate.admit(gate.signed())


def test_roles_chain_down_number_without_a_seat_before_is_not_decided(gate: Gate) -> None:
    with pytest.raises(SignatureError):
        gate.admit(gate.signed(key=MirrorKey(4, KEY.secret)))
    gate.chain.is_down = True
    gate.clock.advance(FRESH_S + 1)
    with pytest.raises(ChainUnavailableError):
        gate.admit(gate.signed(key=MirrorKey(4, KEY.secret)))


def test_roles_seat_added_later_is_found_once_the_answer_is_old(gate: Gate) -> None:
    key = MirrorKey(4, KEY.secret)
    with pytest.raises(SignatureError):
        gate.admit(gate.signed(key=key))
    gate.chain.mirrors[4] = SEAT
    gate.clock.advance(FRESH_S + 1)
    assert gate.admit(gate.signed(key=key)) == SEAT


def test_roles_clock_set_back_does_not_make_an_answer_last(gate: Gate) -> None:
    gate.admit(gate.signed())
    gate.chain.is_down = True
    gate.clock.advance(-USABLE_S - 1)
    with pytest.raises(ChainUnavailableError):
        gate.admit(gate.signed())


class Counting:
    """Counts what the chain is asked."""

    def __init__(self, chain: ChainTwin) -> None:
        self._chain = chain
        self.asked: list[int] = []

    def fetch_mirror(self, number: int) -> MirrorEntry | None:
        self.asked.append(number)
        return self._chain.fetch_mirror(number)


def test_roles_many_numbers_of_nobody_do_not_push_out_a_mirror(gate: Gate) -> None:
    chain = Counting(gate.chain)
    roles = MirrorRoles(chain=chain, clock=gate.clock)  # type: ignore[arg-type]
    roles.find(3)
    for number in range(1_000, 4_000):
        assert roles.find(number) is None
    assert roles.find(3) == SEAT
    assert chain.asked.count(3) == 1


def test_roles_while_the_chain_is_asked_nobody_else_waits(gate: Gate) -> None:
    asked, answer = Event(), Event()

    class Slow(Counting):
        def fetch_mirror(self, number: int) -> MirrorEntry | None:
            if number == 9:
                asked.set()
                assert answer.wait(10)
            return super().fetch_mirror(number)

    chain = Slow(gate.chain)
    roles = MirrorRoles(chain=chain, clock=gate.clock)  # type: ignore[arg-type]
    roles.find(3)
    gate.clock.advance(FRESH_S + 1)
    thread = Thread(target=roles.find, args=(9,))
    thread.start()
    try:
        assert asked.wait(10)
        # The old answer about 3 serves, and 5 is told to come again.
        assert roles.find(3) == SEAT
        with pytest.raises(ChainUnavailableError):
            roles.find(5)
    finally:
        answer.set()
        thread.join()


# --- The client's side


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": b"short"},
        {"target": "v1/streams"},
        {"target": "/with space"},
        {"target": "/with\nline"},
        {"method": "get"},
        {"endpoint": "nowhere"},
        {"endpoint": "http://"},
        {"key": MirrorKey(3, b"")},
        {"key": MirrorKey(3, b"\x00" * 32)},
        {"key": MirrorKey(3, b"\xff" * 32)},
    ],
)
def test_sign_request_argument_that_cannot_be_signed_raises_input_error(
    gate: Gate, change: dict[str, object]
) -> None:
    with pytest.raises(InputError):
        gate.signed(**change)


def test_sign_request_body_is_covered_by_its_digest(gate: Gate) -> None:
    headers = gate.signed(method="POST", body=b'{"hello": "world"}')
    # The digest of RFC 9530's example body.
    assert headers["Content-Digest"] == ("sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:")
    assert '"content-digest"' in headers["Signature-Input"]


def test_sign_request_says_neither_algorithm_nor_secret(gate: Gate) -> None:
    headers = gate.signed()
    assert "alg=" not in headers["Signature-Input"]
    assert KEY.secret.hex() not in str(headers) + repr(KEY)


@pytest.mark.parametrize("number", [-1, 2**32])
def test_mirror_key_number_out_of_range_raises_input_error(number: int) -> None:
    with pytest.raises(InputError):
        MirrorKey(number, KEY.secret)


@pytest.mark.parametrize("text", ["mirror:0", "mirror:4294967295"])
def test_parse_key_id_limits_are_taken(text: str) -> None:
    assert f"mirror:{parse_key_id(text)}" == text


def test_chain_key_signature_without_a_private_key_signs_nothing() -> None:
    with pytest.raises(SignatureError):
        ChainKeySignature(public_key=SEAT.address).sign(b"anything")
