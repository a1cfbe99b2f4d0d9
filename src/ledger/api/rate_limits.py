"""How often a caller may ask: token buckets by client address, and one for the operator.

An address is no identity: many may share one, and one may have many. It is what there is until
requests of other regions are signed. Their nodes therefore have a share of their own, larger, and
with its own room in work: a crowd of lookups cannot keep one region from answering another.
"""

import hashlib
import hmac
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from ledger.api.problems import ApiProblem

MAX_ADDRESSES: Final = 50_000
"""Addresses remembered in one share; beyond it the one not heard of for longest is forgotten."""

WINDOW_S: Final = 60

ANYONE: Final = "anyone"
"""Lookups and everything else anyone may call, and calls with a wrong token."""
REGIONS: Final = "regions"
"""What nodes and mirrors of other regions ask."""
OPERATOR: Final = "operator"
"""Calls with the operator's token."""

EXEMPT_PATHS: Final = frozenset({"/livez", "/readyz"})
"""Probes: they read what was found in the background and cost nothing."""

METRICS_PATH: Final = "/metrics"
_REGION_PATHS: Final = ("/v1/answers", "/v1/streams/")
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How much a node takes; requests count by the minute, 0 means without limit.

    A share may be used up at once and fills evenly again.
    """

    anyone: int = 600
    """Requests of one address."""
    regions: int = 6_000
    """Requests of one address for this region's answers and streams."""
    operator: int = 3_000
    """Requests with the operator's token."""
    lookups_at_once: int = 64
    """Lookups across regions in work at a time."""
    answers_at_once: int = 128
    """Requests for this region's answers in work at a time."""
    files_at_once: int = 4
    """Files in work or waiting at a time; each may be held in memory whole."""


class Allowance:
    """What is left to one caller in one share.

    Args:
        share: Name of the share.
        quota: Tokens of a full bucket; it fills within ``WINDOW_S``.
        clock: Seconds, never going back.
    """

    __slots__ = ("_at", "_clock", "_tokens", "quota", "refused", "share")

    def __init__(self, share: str, quota: int, clock: Callable[[], float]) -> None:
        self.share = share
        self.quota = quota
        self.refused = 0
        """Requests refused since the last that was let through."""
        self._tokens = float(quota)
        self._clock = clock
        self._at = clock()

    def charge(self, cost: int = 1) -> None:
        """Take tokens; a request that costs more than a full bucket costs a full one.

        Raises:
            ApiProblem: 429, with the time until there are enough.
        """
        cost = min(cost, self.quota)
        self._refill()
        if self._tokens < cost:
            self.refused += 1
            wait_s = math.ceil((cost - self._tokens) * WINDOW_S / self.quota)
            raise ApiProblem(
                429,
                "rate-limited",
                f"expected at most {self.quota} requests in {WINDOW_S} s",
                self.headers() | {"Retry-After": str(max(1, wait_s))},
            )
        self._tokens -= cost
        self.refused = 0

    def headers(self) -> dict[str, str]:
        """The two fields of draft-ietf-httpapi-ratelimit-headers."""
        self._refill()
        full_s = math.ceil((self.quota - self._tokens) * WINDOW_S / self.quota)
        return {
            "RateLimit-Policy": f'"{self.share}";q={self.quota};w={WINDOW_S}',
            "RateLimit": f'"{self.share}";r={int(self._tokens)};t={full_s}',
        }

    def _refill(self) -> None:
        now = self._clock()
        gained = (now - self._at) * self.quota / WINDOW_S
        self._tokens = min(float(self.quota), self._tokens + gained)
        self._at = now


class RateLimits:
    """The allowances of everyone; used by one event loop.

    Args:
        limits: Quota of each share.
        operator_token_digest: SHA-256 of the operator's token.
        clock: Seconds, never going back.
    """

    def __init__(
        self,
        limits: RequestLimits,
        operator_token_digest: bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._quotas: Mapping[str, int] = {
            ANYONE: limits.anyone,
            REGIONS: limits.regions,
            OPERATOR: limits.operator,
        }
        self._token_digest = operator_token_digest
        self._clock = clock
        self._known: dict[str, OrderedDict[str, Allowance]] = {
            share: OrderedDict() for share in self._quotas
        }

    def allowance(self, scope: Scope) -> Allowance | None:
        """What the caller of a request has left; None where nothing is counted."""
        path = scope["path"]
        if path in EXEMPT_PATHS:
            return None
        if self._is_operator(scope):
            return None if path == METRICS_PATH else self._of(OPERATOR, "")
        share = REGIONS if path.startswith(_REGION_PATHS) else ANYONE
        return self._of(share, client_network(scope))

    def _of(self, share: str, caller: str) -> Allowance | None:
        quota = self._quotas[share]
        if quota <= 0:
            return None
        known = self._known[share]
        found = known.get(caller)
        if found is None:
            found = known[caller] = Allowance(share, quota, self._clock)
            if len(known) > MAX_ADDRESSES:
                known.popitem(last=False)
        known.move_to_end(caller)
        return found

    def _is_operator(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"authorization":
                token = value[7:] if value[:7].lower() == b"bearer " else b""
                given = hashlib.sha256(token.strip()).digest()
                return bool(token) and hmac.compare_digest(given, self._token_digest)
        return False


def client_network(scope: Scope) -> str:
    """The caller's address; of IPv6 the /64, all of which one caller has at hand."""
    client = scope.get("client")
    host = client[0] if client else _UNKNOWN
    if ":" not in host:
        return str(host)
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return _UNKNOWN
    mapped = address.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
