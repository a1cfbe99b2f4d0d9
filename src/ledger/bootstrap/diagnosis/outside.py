"""What is elsewhere: the chain, its contracts and registry, this node's endpoint, the peers."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import httpx

from ledger.adapters.http.endpoints import resolve_endpoint
from ledger.bootstrap.diagnosis.finding import Finding, failed, ok, warning
from ledger.core.headers import parse_header
from ledger.core.trust import Contract, TrustRoot
from ledger.errors import InputError, LedgerError, WrongChainError
from ledger.services.background.failures import text_of
from ledger.services.background.watch import STALLED
from ledger.services.lookup.material import MAX_AGE_S
from ledger.services.onchain import RegionEntry
from ledger.services.ports import Chain
from ledger.settings import NodeSettings

TIMEOUT_S: Final = 5.0
MAX_SKEW_S: Final = 5
"""How far clock and chain may differ before somebody should look."""


def check_chain(chain: Chain, root: TrustRoot) -> Finding:
    """The chain: it answers, and it is that of the trust root."""
    try:
        genesis = chain.genesis_hash()
        height = chain.latest_block()
    except WrongChainError as error:
        return failed("chain", "wrong-chain", f"chain id {error.found}")
    except LedgerError as error:
        return failed("chain", "chain-unavailable", error.code)
    if genesis != root.genesis_hash:
        return failed("chain", "wrong-genesis", genesis.hex()[:16])
    return ok("chain", f"chain id {root.chain_id}, block {height}")


def check_contracts(chain: Chain, root: TrustRoot) -> Finding:
    """The contracts: the code that the trust root names stands at their addresses."""
    named: dict[str, Contract | None] = {
        "HeadAnchor": root.head_anchor,
        "RegionRegistry": root.region_registry,
        "ConsentRegistry": root.consent_registry,
    }
    present = {name: one for name, one in named.items() if one is not None}
    try:
        wrong = [
            name for name, one in present.items() if chain.code_hash(one.address) != one.code_hash
        ]
    except LedgerError as error:
        return failed("contracts", "chain-unavailable", error.code)
    if wrong:
        return failed("contracts", "code-differs", ", ".join(wrong))
    return ok("contracts", ", ".join(present))


def check_clock(chain: Chain, now: datetime, *, stalled_after_s: int) -> Finding:
    """The clock against the time of the newest block, and whether any is made.

    A chain that stands is a warning, as in ``/readyz``, until nothing is answered any more.
    """
    try:
        _hash, header = chain.fetch_header(chain.latest_block())
        sealed_at = parse_header(header).timestamp
    except LedgerError as error:
        return failed("clock", "chain-unavailable", error.code)
    age = int(now.timestamp() - sealed_at)
    found = f"newest block is {age} s old"
    if age < -MAX_SKEW_S:
        return failed("clock", "clock-behind-chain", found)
    if age <= stalled_after_s:
        return ok("clock", found)
    # Either the clock is ahead or no block is made: from here it looks the same.
    since = text_of(datetime.fromtimestamp(sealed_at, UTC))
    stands = f"no block since {since}, {age} s; limit {stalled_after_s} s"
    return (failed if age > MAX_AGE_S else warning)("clock", STALLED, stands)


def read_registry(chain: Chain) -> tuple[RegionEntry, ...] | None:
    """The registry's regions, or None while it cannot be read."""
    try:
        return chain.fetch_regions()
    except LedgerError:
        return None


def check_registration(regions: tuple[RegionEntry, ...], settings: NodeSettings) -> Finding:
    """This region's entry: there, and with the endpoint of the settings."""
    own = next((one for one in regions if one.code == settings.region), None)
    if own is None:
        return failed("registration", "not-admitted", settings.region)
    try:
        expected = settings.public_endpoint
    except InputError:
        return warning("registration", "endpoint-unset", own.endpoint)
    if own.endpoint.rstrip("/") != expected.rstrip("/"):
        return failed("registration", "endpoint-differs", f"{own.endpoint}, here {expected}")
    return ok("registration", own.endpoint)


def check_endpoint(check: str, region: str, endpoint: str, *, is_development: bool) -> Finding:
    """An endpoint as other regions reach it; redirects are not followed, as peers do not."""
    try:
        target = resolve_endpoint(endpoint, region=region, allow_loopback=is_development)
        with httpx.Client(trust_env=False, timeout=TIMEOUT_S) as client:
            answer = client.get(
                f"{target.url}/livez",
                headers={"Host": target.authority},
                extensions={"sni_hostname": target.host},
            )
    except (LedgerError, httpx.HTTPError) as error:
        code = error.code if isinstance(error, LedgerError) else type(error).__name__
        return failed(check, "endpoint-unreachable", f"{endpoint}: {code}")
    if answer.status_code != 200:
        return failed(check, "endpoint-not-a-node", f"{endpoint}: status {answer.status_code}")
    return ok(check, endpoint)


def check_node(settings: NodeSettings) -> list[Finding]:
    """The node itself: running, and ready or why not."""
    try:
        with httpx.Client(trust_env=False, timeout=TIMEOUT_S) as client:
            answer = client.get(f"{settings.local_url}/readyz", params={"verbose": "1"})
            content = answer.json()
    except (httpx.HTTPError, ValueError):
        return [failed("node", "node-not-running", settings.local_url)]
    if answer.status_code == 200:
        shown = [one for one in content.get("checks", []) if one.get("state") == "warning"]
        hints = [warning(f"node:{one['name']}", str(one["code"]), _lasting(one)) for one in shown]
        return [ok("node", settings.local_url), *hints]
    errors = [one for one in content.get("errors", []) if isinstance(one, dict)]
    return [
        failed(f"node:{one.get('field')}", str(one.get("code")), settings.local_url)
        for one in errors
    ] or [failed("node", "not-ready", settings.local_url)]


def _lasting(shown: Mapping[str, object]) -> str:
    """Since when the node itself sees it, where it says so."""
    since, lasted_s = shown.get("since"), shown.get("lasted_s")
    return "" if since is None else f"since {since}, {lasted_s} s"
