"""Calling a node's API from the command line."""

from collections.abc import Mapping
from typing import Any, Final

from ledger.errors import InputError, UnavailableError

TIMEOUT_S: Final = 120.0


def call(
    method: str,
    node: str,
    path: str,
    *,
    content: bytes | None = None,
    json: object = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Any]:
    """Send one request to a node and read its JSON object.

    Args:
        method: HTTP method.
        node: The node's base URL.
        path: Path on the node, without identifiers.
        content: Raw body, or
        json: a value to send as JSON.
        headers: Further headers.
        timeout_s: Longest silence of the node.

    Raises:
        UnavailableError: The node does not answer as a node, or says itself that it cannot.
        InputError: The node refused; names its stable code and detail.
    """
    import httpx  # takes longer to import than most commands need

    try:
        with httpx.Client(trust_env=False, timeout=timeout_s) as client:
            response = client.request(
                method, node.rstrip("/") + path, content=content, json=json, headers=headers
            )
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise InputError(
            f"node: expected a URL such as http://127.0.0.1:8310, got {node}"
        ) from None
    except httpx.HTTPError as error:
        raise UnavailableError(f"{node}: {type(error).__name__}") from None
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise UnavailableError(f"{node}: status {response.status_code} without a JSON object")
    if response.is_success:
        return body
    problem = f"{response.status_code} {_problem(body)}"
    if response.is_client_error:
        raise InputError(problem)
    raise UnavailableError(problem)


def _problem(body: Mapping[str, Any]) -> str:
    errors = body.get("errors")
    fields = [
        f"{one.get('field')} {one.get('code')}"
        for one in (errors if isinstance(errors, list) else [])
        if isinstance(one, dict)
    ]
    text = f"{body.get('code')}: {body.get('detail')}"
    return f"{text} ({', '.join(fields)})" if fields else text
