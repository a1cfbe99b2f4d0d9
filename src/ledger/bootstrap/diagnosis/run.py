"""The order of the examination: what others need comes first, and what it lacks is skipped."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ledger.adapters.clock import SystemClock
from ledger.bootstrap.chains import open_chain
from ledger.bootstrap.diagnosis import local, outside
from ledger.bootstrap.diagnosis.finding import Finding, Level, failed, ok, skipped, warning
from ledger.bootstrap.node import DATABASE_NAME
from ledger.core.trust import TrustRoot
from ledger.errors import InputError, LedgerError
from ledger.services.ports import Chain
from ledger.settings import NodeSettings, load_settings


def diagnose(folder: Path) -> Iterator[Finding]:
    """Look at everything a node stands on; nothing is written, each wait is bounded.

    Args:
        folder: The node's folder.
    """
    yield local.check_software()
    try:
        settings = load_settings(folder)
    except LedgerError as error:
        yield failed("settings", "settings", str(error))
        return
    yield ok("settings", f"region {settings.region}, {settings.local_url}")
    yield local.check_keys(folder)
    clock = SystemClock(settings.clock_offset_s)
    finding, root = local.check_trust_root(folder, settings, clock.now())
    yield finding
    yield local.check_database(folder, settings, DATABASE_NAME)
    yield local.check_disk(folder)
    if root is None or root.region_registry is None:
        for check in ("chain", "contracts", "clock", "registration", "endpoint", "peers"):
            yield skipped(check, "trust-root")
    else:
        yield from _elsewhere(folder, settings, root, clock.now())
    yield from outside.check_node(settings)


def _elsewhere(
    folder: Path, settings: NodeSettings, root: TrustRoot, now: datetime
) -> Iterator[Finding]:
    try:
        chain = open_chain(settings, root, folder=folder)
    except InputError as error:
        yield failed("chain", "chain-unavailable", error.code)
        for check in ("contracts", "clock", "registration", "endpoint", "peers"):
            yield skipped(check, "chain")
        return
    try:
        finding = outside.check_chain(chain, root)
        yield finding
        if finding.level is not Level.OK:
            for check in ("contracts", "clock", "registration", "endpoint", "peers"):
                yield skipped(check, "chain")
            return
        yield outside.check_contracts(chain, root)
        yield outside.check_clock(chain, now, stalled_after_s=settings.stalled_after_s)
        yield from _regions(chain, settings, root)
    finally:
        chain.close()


def _regions(chain: Chain, settings: NodeSettings, root: TrustRoot) -> Iterator[Finding]:
    regions = outside.read_registry(chain)
    if regions is None:
        yield failed("registration", "registry-unreadable", "RegionRegistry")
        for check in ("endpoint", "peers"):
            yield skipped(check, "registration")
        return
    yield outside.check_registration(regions, settings)
    for region in regions:
        is_own = region.code == settings.region
        found = outside.check_endpoint(
            "endpoint" if is_own else f"peer:{region.code}",
            region.code,
            region.endpoint,
            is_development=root.is_development or settings.peers_on_this_machine,
        )
        # A peer that is down is its operator's to mend; lookups say unavailable meanwhile.
        is_theirs = found.level is Level.FAILED and not is_own
        yield warning(found.check, "peer-unreachable", found.found) if is_theirs else found
