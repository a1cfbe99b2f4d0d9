"""A JSON-RPC 2.0 client that believes nothing: bounded in time and size, strict in form.

It never repeats a request by itself: whether that is safe is for the caller to know. Every failure
of the library or of the answer is a ``ChainUnavailableError`` or, where the server says so itself,
an ``RpcError``. Messages hold neither addresses of endpoints nor what was asked.

Source: JSON-RPC 2.0 specification, sections 4 and 5.
"""

import itertools
import json
import time
from collections.abc import Sequence
from typing import Final

import httpx

from ledger.adapters.plain_json import TooDeepError, decode_json
from ledger.errors import ChainUnavailableError, InputError

MAX_RESPONSE_BYTES: Final = 4 * 1024 * 1024
"""Longest answer read: a proof of 20 slots takes about 100 KiB, a full block 1.5 MiB."""

MAX_SHOWN: Final = 200
"""Most characters of a server's words that reach a message."""


class RpcError(ChainUnavailableError):
    """The server answered the request with an error.

    Attributes:
        number: The error's number.
        words: What the server says, shortened.
        detail: The error's ``data``, where a revert carries its reason.
    """

    code = "chain-rpc"

    def __init__(self, number: int, words: str, detail: object = None) -> None:
        super().__init__(f"the chain answers with error {number}: {words[:MAX_SHOWN]!r}")
        self.number = number
        self.words = words[:MAX_SHOWN]
        self.detail = detail


class JsonRpc:
    """One endpoint."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 5.0,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare a client; nothing is sent yet.

        Args:
            url: The endpoint, http or https.
            timeout_s: Longest time for one whole request and answer.
            max_response_bytes: Longest answer read.
            transport: Another way to the endpoint, for tests.

        Raises:
            InputError: The URL is none.
        """
        try:
            self._url = httpx.URL(url)
        except (httpx.InvalidURL, TypeError):
            raise InputError("chain endpoint: expected a URL") from None
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise InputError("chain endpoint: expected http:// or https:// and a host")
        self._timeout_s = timeout_s
        self._max_response_bytes = max_response_bytes
        self._ids = itertools.count(1)
        # Proxies of the environment and redirects would put somebody else on the way.
        self._client = httpx.Client(
            timeout=timeout_s, transport=transport, trust_env=False, follow_redirects=False
        )

    def call(self, method: str, params: Sequence[object] = ()) -> object:
        """Send one request, once, and return its result.

        Raises:
            RpcError: The server answers with an error.
            ChainUnavailableError: No answer in time, or one that breaks the protocol.
        """
        request_id = next(self._ids)
        request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)}
        try:
            content = self._exchange(json.dumps(request).encode())
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise ChainUnavailableError(f"the chain does not answer: {_kind(error)}") from error
        return _result(content, request_id)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _exchange(self, body: bytes) -> bytes:
        deadline = time.monotonic() + self._timeout_s
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        with self._client.stream("POST", self._url, content=body, headers=headers) as response:
            if response.status_code != httpx.codes.OK:
                raise ChainUnavailableError(
                    f"the chain answers with HTTP status {response.status_code}"
                )
            content = bytearray()
            # The library's timeout starts anew with every chunk; a trickle must end as well.
            for chunk in response.iter_bytes():
                content += chunk
                if len(content) > self._max_response_bytes:
                    raise ChainUnavailableError(
                        f"the chain's answer is longer than {self._max_response_bytes} bytes"
                    )
                if time.monotonic() > deadline:
                    raise ChainUnavailableError(
                        f"the chain's answer takes longer than {self._timeout_s} seconds"
                    )
            return bytes(content)


def _kind(error: Exception) -> str:
    return type(error).__name__


def _result(content: bytes, request_id: int) -> object:
    try:
        answer = decode_json(content)
    except TooDeepError as error:
        raise ChainUnavailableError(f"the chain's answer is {error}") from None
    except ValueError:
        raise ChainUnavailableError("the chain's answer is no JSON") from None
    if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0":
        raise ChainUnavailableError("the chain's answer is not JSON-RPC 2.0")
    # ``True == 1`` in Python, so the type is compared too.
    if type(answer.get("id")) is not int or answer["id"] != request_id:
        raise ChainUnavailableError("the chain's answer belongs to another request")
    if ("result" in answer) == ("error" in answer):
        raise ChainUnavailableError("the chain's answer has not exactly one of result and error")
    if "error" in answer:
        raise _rpc_error(answer["error"])
    result: object = answer["result"]
    return result


def _rpc_error(error: object) -> ChainUnavailableError:
    if isinstance(error, dict):
        number, words = error.get("code"), error.get("message")
        if type(number) is int and isinstance(words, str):
            return RpcError(number, words, error.get("data"))
    return ChainUnavailableError("the chain's error is not of JSON-RPC 2.0")
