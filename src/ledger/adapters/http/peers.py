"""Asking another region's node, with a limit on everything it may send back."""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

import httpx

from ledger.adapters.http.endpoints import Target, resolve_endpoint
from ledger.core import canonical
from ledger.errors import InputError, RegionUnavailableError
from ledger.services.answers import Question
from ledger.services.federation import PeerAnswer

MAX_ANSWER_BYTES: Final = 64 << 20
"""Largest body a peer may send for one request."""

MAX_DEPTH: Final = 24
"""Deepest nesting of a peer's body; evidence itself is at most 16 deep."""

CONNECT_TIMEOUT_S: Final = 3.0
READ_TIMEOUT_S: Final = 10.0

_CODE: Final = re.compile(r"[a-z0-9-]{1,64}", re.ASCII)


class HttpPeers:
    """The other regions over HTTP; one connection pool for all.

    Args:
        allow_loopback: True on a development chain, where all regions share one machine.
        transport: Another transport for tests.
    """

    def __init__(
        self, *, allow_loopback: bool, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._allow_loopback = allow_loopback
        self._client = httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
            headers={"Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        """Close the pool."""
        await self._client.aclose()

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
        target = await asyncio.to_thread(
            resolve_endpoint, endpoint, region=region, allow_loopback=self._allow_loopback
        )
        asked = [{"subject": one.subject, "record_type": one.record_type} for one in questions]
        body = await self._post(target, json.dumps({"questions": asked}).encode(), region)
        value = canonical.decode(body, max_bytes=MAX_ANSWER_BYTES, max_depth=MAX_DEPTH)
        return _read_answers(value, region)

    async def _post(self, target: Target, content: bytes, region: str) -> bytes:
        request = self._client.build_request(
            "POST",
            f"{target.url}/v1/answers",
            content=content,
            headers={"Content-Type": "application/json", "Host": target.authority},
            extensions={"sni_hostname": target.host},
        )
        try:
            response = await self._client.send(request, stream=True)
            try:
                if response.status_code != httpx.codes.OK:
                    raise RegionUnavailableError(
                        region, f"region {region} answered with status {response.status_code}"
                    )
                return await _read_capped(response)
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            kind = type(error).__name__
            raise RegionUnavailableError(region, f"region {region}: {kind}") from None


async def _read_capped(response: httpx.Response) -> bytes:
    parts, total = [], 0
    async for part in response.aiter_raw():
        total += len(part)
        if total > MAX_ANSWER_BYTES:
            raise InputError(f"answer: expected at most {MAX_ANSWER_BYTES} bytes, found more")
        parts.append(part)
    return b"".join(parts)


def _read_answers(value: object, region: str) -> dict[Question, PeerAnswer]:
    """Read ``{"answers": [...]}``; members this release does not know are passed over."""
    answers = value.get("answers") if isinstance(value, dict) else None
    if not isinstance(answers, list):
        raise InputError("answer: expected an object with answers")
    said: dict[Question, PeerAnswer] = {}
    for one in answers:
        if not isinstance(one, dict):
            raise InputError("answer: expected an object")
        subject, record_type = one.get("subject"), one.get("record_type")
        result, code, evidence = one.get("result"), one.get("code"), one.get("evidence")
        texts = (subject, record_type, result, code)
        if not all(isinstance(text, str) for text in texts) or not _CODE.fullmatch(str(code)):
            raise InputError("answer: expected subject, record_type, result and code")
        if evidence is not None and not isinstance(evidence, dict):
            raise InputError("answer: expected evidence to be an object or null")
        said[Question(str(subject), region, str(record_type))] = PeerAnswer(
            result=str(result),
            code=str(code),
            evidence=None if evidence is None else canonical.encode(evidence),
        )
    return said
