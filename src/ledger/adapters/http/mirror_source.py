"""Fetching another region's tiles and entry bundles, with a limit on everything it may send back.

Each region has a connection of its own. Bundles are asked for under the mirror's signature; hash
tiles are public. Redirects, cookies, encodings and proxies are not used.
"""

import time
from collections.abc import Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from threading import Lock
from typing import Final

import httpx

from ledger.adapters.http.endpoints import Resolve, resolve_endpoint, resolve_name
from ledger.adapters.http.signing import sign_request
from ledger.core.stream.tiles import (
    CHECKPOINT_PATH,
    MAX_ENTRY_BYTES,
    Bundle,
    Tile,
    parse_bundle,
)
from ledger.core.types import Hash32
from ledger.errors import (
    MalformedNoteError,
    MalformedProofError,
    MalformedRecordError,
    RegionUnavailableError,
)
from ledger.services.ports import Clock, Entropy
from ledger.services.ports.mirroring import LogName
from ledger.services.request_signatures import NONCE_BYTES, MirrorKey

CONNECT_TIMEOUT_S: Final = 3.0
READ_TIMEOUT_S: Final = 10.0
"""Longest silence within an answer."""

DEADLINE_S: Final = 20.0
"""Longest time for one answer: a trickle must end as well."""

MEDIA_TYPE: Final = "application/octet-stream"
CHECKPOINT_TYPE: Final = "text/plain"
MAX_CHECKPOINT_BYTES: Final = 64 << 10
"""Room for the lines of many witnesses."""

HASH_BYTES: Final = 32
LENGTH_BYTES: Final = 2

Endpoints = Callable[[str], str | None]
"""Where a region's node is, by the on-chain registry; None while that is not known."""


class HttpMirrorSource:
    """Implements ``services.ports.mirroring.EntrySource``; safe for use by many threads.

    Args:
        endpoints: From the on-chain registry.
        secret_of: Gives the chain key of the mirror's number, 32 bytes.
        clock: The node's clock.
        entropy: Source of nonces.
        allow_loopback: True on a development chain, where all regions share one machine.
        transport: Another transport for tests.
        resolve: Another resolver for tests.
    """

    def __init__(
        self,
        *,
        endpoints: Endpoints,
        secret_of: Callable[[int], bytes],
        clock: Clock,
        entropy: Entropy,
        allow_loopback: bool,
        transport: httpx.BaseTransport | None = None,
        resolve: Resolve = resolve_name,
    ) -> None:
        self._endpoints = endpoints
        self._secret_of = secret_of
        self._clock = clock
        self._entropy = entropy
        self._allow_loopback = allow_loopback
        self._transport = transport
        self._resolve = resolve
        self._clients: dict[str, httpx.Client] = {}
        self._lock = Lock()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            clients = list(self._clients.values())
            self._clients.clear()
        for client in clients:
            client.close()

    def fetch_bundle(self, log: LogName, bundle: Bundle, *, seat: int) -> tuple[bytes, ...]:
        """See ``EntrySource``.

        Raises:
            RegionUnavailableError: No connection, no answer in time, or an error status.
            MalformedRecordError: Too much, of another type, or not so many whole entries.
        """
        endpoint = self._endpoint(log.region)
        path = f"{_prefix(log)}/{bundle.path}"
        headers = sign_request(
            MirrorKey(seat, self._secret_of(seat)),
            method="GET",
            endpoint=endpoint,
            target=path,
            now=self._clock.now(),
            nonce=self._entropy(NONCE_BYTES),
        )
        most = bundle.width * (LENGTH_BYTES + MAX_ENTRY_BYTES)
        content = self._get(log.region, endpoint, path, headers, most)
        if content is None:
            raise MalformedRecordError(f"bundle of {log}: expected at most {most} bytes of entries")
        return parse_bundle(content, bundle.width)

    def fetch_tile(self, log: LogName, tile: Tile) -> tuple[Hash32, ...]:
        """See ``EntrySource``.

        Raises:
            RegionUnavailableError: No connection, no answer in time, or an error status.
            MalformedProofError: Too much, of another type, or not so many hashes.
        """
        path = f"{_prefix(log)}/{tile.path}"
        most = tile.width * HASH_BYTES
        content = self._get(log.region, self._endpoint(log.region), path, {}, most)
        if content is None or len(content) != most:
            raise MalformedProofError(f"tile of {log}: expected {tile.width} hashes of 32 bytes")
        return tuple(content[i : i + HASH_BYTES] for i in range(0, most, HASH_BYTES))

    def fetch_checkpoint(self, log: LogName) -> bytes:
        """The newest signed checkpoint; the caller verifies it.

        Raises:
            RegionUnavailableError: No connection, no answer in time, or an error status.
            MalformedNoteError: Too much, or of another type.
        """
        path = f"{_prefix(log)}/{CHECKPOINT_PATH}"
        content = self._get(
            log.region,
            self._endpoint(log.region),
            path,
            {"Accept": CHECKPOINT_TYPE},
            MAX_CHECKPOINT_BYTES,
        )
        if content is None:
            raise MalformedNoteError(f"checkpoint of {log}: expected a short text")
        return content

    def _endpoint(self, region: str) -> str:
        endpoint = self._endpoints(region)
        if endpoint is None:
            raise RegionUnavailableError(region, f"region {region}: no endpoint is registered")
        return endpoint

    def _get(
        self, region: str, endpoint: str, path: str, headers: dict[str, str], most: int
    ) -> bytes | None:
        """The body, or None where it is of another type or longer than ``most``."""
        target = resolve_endpoint(
            endpoint, region=region, allow_loopback=self._allow_loopback, resolve=self._resolve
        )
        client = self._client(region)
        request = client.build_request(
            "GET",
            f"{target.url}{path}",
            headers=headers | {"Host": target.authority},
            extensions={"sni_hostname": target.host},
        )
        try:
            response = client.send(request, stream=True)
            try:
                return _read(response, region, most, headers.get("Accept", MEDIA_TYPE))
            finally:
                response.close()
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            kind = type(error).__name__
            raise RegionUnavailableError(region, f"region {region}: {kind}") from None

    def _client(self, region: str) -> httpx.Client:
        with self._lock:
            client = self._clients.get(region)
            if client is None:
                client = httpx.Client(
                    transport=self._transport,
                    trust_env=False,
                    follow_redirects=False,
                    timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
                    limits=httpx.Limits(max_connections=1),
                    headers={"Accept": MEDIA_TYPE, "Accept-Encoding": "identity"},
                    cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                )
                self._clients[region] = client
            return client


def _prefix(log: LogName) -> str:
    return f"/v1/streams/{log.region}/{log.stream}/{log.vrf_key}"


def _read(response: httpx.Response, region: str, most: int, expected: str) -> bytes | None:
    if response.status_code != httpx.codes.OK:
        raise RegionUnavailableError(
            region, f"region {region} answered with status {response.status_code}"
        )
    media_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != expected or "content-encoding" in response.headers:
        return None
    deadline = time.monotonic() + DEADLINE_S
    content = bytearray()
    for part in response.iter_raw():
        content += part
        if len(content) > most:
            return None
        if time.monotonic() > deadline:
            raise RegionUnavailableError(
                region, f"region {region}: the answer takes longer than {DEADLINE_S:g} s"
            )
    return bytes(content)
