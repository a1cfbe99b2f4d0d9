"""Asking another region's node, with a limit on everything it may send back."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx

from ledger.adapters.http.endpoints import Resolve, Target, resolve_endpoint, resolve_name
from ledger.core import canonical
from ledger.core.evidence.parse import MAX_BYTES as MAX_EVIDENCE_BYTES
from ledger.errors import InputError, RegionUnavailableError
from ledger.services.lookup.answers import Question
from ledger.services.lookup.federation import PeerAnswer

MAX_ANSWER_BYTES: Final = 64 << 20
"""Largest body a peer may send for one request, however many questions."""

BYTES_A_QUESTION: Final = 64 << 10
"""What each question adds to the largest body, beyond one evidence of the largest size."""

MAX_DEPTH: Final = canonical.DEFAULT_MAX_DEPTH + 3
"""Deepest nesting of a peer's body; evidence stands three levels down."""

CONNECT_TIMEOUT_S: Final = 3.0
READ_TIMEOUT_S: Final = 10.0
CONNECTIONS_A_REGION: Final = 16

_CODE: Final = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)


class HttpPeers:
    """The other regions over HTTP; each has connections of its own, so that none starves another.

    Args:
        allow_loopback: True on a development chain, where all regions share one machine.
        transport: Another transport for tests.
        resolve: Another resolver for tests.
    """

    def __init__(
        self,
        *,
        allow_loopback: bool,
        transport: httpx.AsyncBaseTransport | None = None,
        resolve: Resolve = resolve_name,
    ) -> None:
        self._allow_loopback = allow_loopback
        self._transport = transport
        self._resolve = resolve
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._resolving: dict[str, asyncio.Task[Target | RegionUnavailableError]] = {}

    async def close(self) -> None:
        """Close all connections."""
        clients = list(self._clients.values())
        self._clients.clear()
        for client in clients:
            await client.aclose()

    async def ask(
        self, endpoint: str, questions: Sequence[Question]
    ) -> Mapping[Question, PeerAnswer]:
        """Ask a region's node about its own records.

        Args:
            endpoint: From the on-chain registry.
            questions: All about that region; at least one.

        Raises:
            RegionUnavailableError: No connection, no answer, or an error status.
            InputError: A body that is too large, too deep or not of the format.
        """
        region = questions[0].region
        target = await self._target(endpoint, region)
        asked = [{"subject": one.subject, "record_type": one.record_type} for one in questions]
        most = min(MAX_ANSWER_BYTES, MAX_EVIDENCE_BYTES + BYTES_A_QUESTION * len(questions))
        body = await self._post(target, json.dumps({"questions": asked}).encode(), region, most)
        # Megabytes are read in a thread: the node goes on answering others.
        return await asyncio.to_thread(_read_answers, body, region)

    async def _target(self, endpoint: str, region: str) -> Target:
        """The checked address; one resolution at a time, so that a slow name holds one thread."""
        task = self._resolving.get(endpoint)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._check, endpoint, region))
            self._resolving[endpoint] = task
            task.add_done_callback(lambda _: self._resolving.pop(endpoint, None))
        found = await asyncio.shield(task)
        if isinstance(found, RegionUnavailableError):
            raise found
        return found

    def _check(self, endpoint: str, region: str) -> Target | RegionUnavailableError:
        try:
            return resolve_endpoint(
                endpoint, region=region, allow_loopback=self._allow_loopback, resolve=self._resolve
            )
        except RegionUnavailableError as error:
            return error

    def _client(self, region: str) -> httpx.AsyncClient:
        client = self._clients.get(region)
        if client is None:
            client = httpx.AsyncClient(
                transport=self._transport,
                trust_env=False,
                follow_redirects=False,
                timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
                limits=httpx.Limits(max_connections=CONNECTIONS_A_REGION),
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            )
            self._clients[region] = client
        return client

    async def _post(self, target: Target, content: bytes, region: str, most: int) -> bytes:
        client = self._client(region)
        request = client.build_request(
            "POST",
            f"{target.url}/v1/answers",
            content=content,
            headers={"Content-Type": "application/json", "Host": target.authority},
            extensions={"sni_hostname": target.host},
        )
        try:
            response = await client.send(request, stream=True)
            try:
                _check_head(response, region)
                return await _read_capped(response, most)
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            kind = type(error).__name__
            raise RegionUnavailableError(region, f"region {region}: {kind}") from None


def _check_head(response: httpx.Response, region: str) -> None:
    if response.status_code != httpx.codes.OK:
        raise RegionUnavailableError(
            region, f"region {region} answered with status {response.status_code}"
        )
    media_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json" or "content-encoding" in response.headers:
        raise InputError("answer: expected application/json without encoding")


async def _read_capped(response: httpx.Response, most: int) -> bytes:
    parts, total = [], 0
    async for part in response.aiter_raw():
        total += len(part)
        if total > most:
            raise InputError(f"answer: expected at most {most} bytes, found more")
        parts.append(part)
    return b"".join(parts)


def _read_answers(body: bytes, region: str) -> dict[Question, PeerAnswer]:
    """Read ``{"answers": [...]}``; members this release does not know are passed over."""
    value = canonical.decode(body, max_bytes=MAX_ANSWER_BYTES, max_depth=MAX_DEPTH)
    answers = value.get("answers") if isinstance(value, dict) else None
    if not isinstance(answers, list):
        raise InputError("answer: expected an object with answers")
    said: dict[Question, PeerAnswer] = {}
    for one in answers:
        question, answer = _read_answer(one, region)
        if question in said:
            raise InputError("answer: expected one answer to a question, found two")
        said[question] = answer
    return said


def _read_answer(one: Any, region: str) -> tuple[Question, PeerAnswer]:
    if not isinstance(one, dict):
        raise InputError("answer: expected an object")
    names = ("subject", "record_type", "result", "code")
    subject, record_type, result, code = texts = tuple(one.get(name) for name in names)
    if not all(isinstance(text, str) for text in texts) or not _CODE.fullmatch(str(code)):
        raise InputError("answer: expected subject, record_type, result and code")
    if one.get("region", region) != region:
        raise InputError("answer: expected the region that was asked")
    evidence = one.get("evidence")
    if evidence is not None and not isinstance(evidence, dict):
        raise InputError("answer: expected evidence to be an object or null")
    answer = PeerAnswer(
        result=str(result),
        code=str(code),
        evidence=None if evidence is None else canonical.encode(evidence),
    )
    return Question(str(subject), region, str(record_type)), answer
