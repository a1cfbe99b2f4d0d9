"""Signing a request as a mirror, so that another region's node hands out its entries."""

from datetime import datetime, timedelta

from http_message_signatures import HTTPMessageSignaturesException, HTTPMessageSigner

from ledger.errors import InputError
from ledger.services.request_signatures import (
    COMPONENTS,
    LABEL,
    LONGEST_WINDOW,
    NONCE_BYTES,
    TAG,
    ChainKeySignature,
    KnownKeys,
    MirrorKey,
    SignedMessage,
    key_id,
)


def sign_request(
    key: MirrorKey,
    *,
    method: str,
    endpoint: str,
    target: str,
    now: datetime,
    nonce: bytes,
    body: bytes = b"",
    window: timedelta = LONGEST_WINDOW,
) -> dict[str, str]:
    """The headers that make a request a mirror's.

    Args:
        key: The mirror's number and chain key.
        method: In upper case.
        endpoint: The node's address exactly as the on-chain registry has it, whatever address the
            connection really goes to.
        target: Path and query of the request, from ``/`` on.
        now: The present, aware.
        nonce: 16 random bytes.
        body: What is sent; none by default.
        window: How long the signature is good, at most 60 s.

    Returns:
        ``Signature-Input`` and ``Signature``, and ``Content-Digest`` where there is a body.

    Raises:
        InputError: An argument that cannot be signed.
    """
    if len(nonce) != NONCE_BYTES or not target.startswith("/"):
        raise InputError("request: expected a nonce of 16 bytes and a target from / on")
    headers: dict[str, str] = {}
    name = key_id(key.number)
    message = SignedMessage(method, endpoint.rstrip("/") + target, headers)
    signer = HTTPMessageSigner(
        signature_algorithm=ChainKeySignature, key_resolver=KnownKeys(secrets={name: key.secret})
    )
    try:
        signer.sign(
            message,
            key_id=name,
            created=now,
            expires=now + window,
            nonce=nonce.hex(),
            label=LABEL,
            tag=TAG,
            include_alg=False,
            covered_component_ids=COMPONENTS,
            body=body or None,  # adds Content-Digest and covers it
        )
    except (HTTPMessageSignaturesException, ValueError):
        raise InputError(
            "request: expected a method, endpoint and key that can be signed"
        ) from None
    return headers
