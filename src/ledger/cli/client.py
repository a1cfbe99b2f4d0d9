"""Calling a node's API from the command line."""

from collections.abc import Mapping
from typing import Any

import httpx

from ledger.errors import InputError, UnavailableError

TIMEOUT_S = 120.0


def call(
    method: str,
    node: str,
    path: str,
    *,
    content: bytes | None = None,
    json: object = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Send one request to a node and read its JSON object.

    Args:
        method: HTTP method.
        node: The node's base URL.
        path: Path on the node, without identifiers.
        content: Raw body, or
        json: a value to send as JSON.
        headers: Further headers.

    Raises:
        UnavailableError: The node does not answer or says so itself.
        InputError: The node refused; names its stable code and detail.
    """
    try:
        with httpx.Client(trust_env=False, timeout=TIMEOUT_S) as client:
            response = client.request(
                method, node.rstrip("/") + path, content=content, json=json, headers=headers
            )
            body = response.json()
    except httpx.HTTPError as error:
        raise UnavailableError(f"{node}: {type(error).__name__}") from None
    except ValueError:
        raise UnavailableError(f"{node}: the answer is no JSON") from None
    if response.status_code >= httpx.codes.BAD_REQUEST:
        code, detail = body.get("code"), body.get("detail")
        problem = f"{response.status_code} {code}: {detail}"
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise UnavailableError(problem)
        raise InputError(problem)
    return dict(body)
