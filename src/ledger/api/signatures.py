"""Who signed a request: a mirror's signature, checked against its seat on chain.

Everything that is wrong with a signature is refused in one and the same way: a caller that is no
mirror learns nothing about which numbers exist or how far it came.

A captured request can be sent again until it expires, at most a minute later, and gets the same
answer. That is accepted, and no nonces are kept: the requests are reads without effect, whoever
sees a request on its way sees the answer too, what is read never changes, and the signature names
one method and one target of one node. A route that changes something must not rely on this alone.

Source: RFC 9421, section 3.2.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import http_sf
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
)

from ledger.errors import InputError, SignatureError
from ledger.services.mirror_roles import MirrorRoles
from ledger.services.onchain import MirrorEntry
from ledger.services.ports import Clock
from ledger.services.request_signatures import (
    COMPONENTS,
    LONGEST_WINDOW,
    PARAMETERS,
    TAG,
    ChainKeySignature,
    KnownKeys,
    SignedMessage,
    parse_key_id,
)

SKEW: Final = timedelta(seconds=5)
"""How far the clocks of two nodes may differ."""

ACCEPT_SIGNATURE: Final = (
    'mirror=("@method" "@target-uri");created;expires;nonce;keyid;tag="' + TAG + '"'
)
"""What is asked for, in the words of RFC 9421, section 5.1."""

_HEADERS: Final = ("signature-input", "signature")
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that says a mirror signed it; nothing of that is checked yet."""

    number: int
    """The mirror's number."""
    key_id: str
    """How the request names it."""
    message: SignedMessage
    """What was signed."""


class MirrorGate:
    """Lets mirrors of other regions through.

    Args:
        endpoint: Under which address the node is registered.
        roles: Who the mirrors are.
        clock: The node's clock.
    """

    def __init__(self, *, endpoint: str, roles: MirrorRoles, clock: Clock) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._roles = roles
        self._clock = clock

    def read(self, method: str, target: str, headers: Sequence[tuple[str, str]]) -> SignedRequest:
        """Read who a request says it is from; asks nobody.

        Args:
            method: In upper case.
            target: Path and query as received.
            headers: Names in lower case and values, as received.

        Raises:
            SignatureError: No signature of the one form that is taken, or not at this time.
        """
        if any(name in ("content-length", "transfer-encoding") for name, _value in headers):
            raise SignatureError("expected a request without a body")
        found = {name: [value for key, value in headers if key == name] for name in _HEADERS}
        if any(len(values) != 1 for values in found.values()):
            raise SignatureError("expected one Signature-Input and one Signature")
        signed = {name: values[0] for name, values in found.items()}
        parameters = _parameters(signed["signature-input"])
        self._check_times(parameters["created"], parameters["expires"])
        try:
            number = parse_key_id(parameters["keyid"])
        except InputError as error:
            raise SignatureError(str(error)) from None
        message = SignedMessage(method, self._endpoint + target, signed)
        return SignedRequest(number, parameters["keyid"], message)

    def confirm(self, request: SignedRequest) -> MirrorEntry:
        """Check that the mirror it names signed a request.

        Raises:
            SignatureError: There is no such mirror, or it did not sign this.
            ChainUnavailableError: Nothing is known about the mirror now.
        """
        mirror = self._roles.find(request.number)
        if mirror is None:
            raise SignatureError(f"expected a mirror of number {request.number}, found none")
        verifier = _Verifier(
            signature_algorithm=ChainKeySignature,
            key_resolver=KnownKeys(addresses={request.key_id: mirror.address}),
        )
        try:
            verifier.verify(
                request.message, max_age=None, expect_tag=TAG, require_components=COMPONENTS
            )
        except (HTTPMessageSignaturesException, ValueError):
            raise SignatureError("expected the mirror's signature of this request") from None
        return mirror

    def _check_times(self, created: int, expires: int) -> None:
        now, skew = self._clock.now().timestamp(), SKEW.total_seconds()
        if not 0 < expires - created <= LONGEST_WINDOW.total_seconds():
            raise SignatureError("expected a window of at most a minute")
        if created > now + skew or expires < now - skew:
            raise SignatureError("expected a request of now")


class _Verifier(HTTPMessageVerifier):
    """The library's verifier; times were checked against the node's own clock."""

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """Nothing is left to check."""


def _parameters(signature_input: str) -> dict[str, Any]:
    """The parameters of the one signature of a request, exactly those of the profile."""
    try:
        labels: Any = http_sf.parse(
            signature_input.encode("ascii"), tltype="dictionary", on_duplicate_key=_refuse_twice
        )
    except ValueError:
        raise SignatureError("expected a Signature-Input of the structured form") from None
    if not isinstance(labels, dict) or len(labels) != 1:
        raise SignatureError("expected one signature")
    ((components, parameters),) = labels.values()
    # Nothing more may be covered either: it would be a signature for something else.
    if not isinstance(components, list) or sorted(
        (str(name), len(flags)) for name, flags in components
    ) != sorted((name, 0) for name in COMPONENTS):
        raise SignatureError("expected method and target to be signed")
    kinds = {"created": int, "expires": int, "nonce": str, "keyid": str, "tag": str}
    if parameters.keys() != PARAMETERS or any(
        type(parameters[name]) is not kind for name, kind in kinds.items()
    ):
        raise SignatureError("expected exactly the parameters of the profile")
    if parameters["tag"] != TAG or _NONCE.fullmatch(parameters["nonce"]) is None:
        raise SignatureError("expected the profile's tag and a nonce")
    return dict(parameters)


def _refuse_twice(name: str, context: str) -> None:
    # A reader that takes the first and one that takes the last would see two requests.
    raise ValueError(f"{context} {name} stands twice")
