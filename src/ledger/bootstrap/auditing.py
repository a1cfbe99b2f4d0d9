"""Putting an audit of one node's folder together; the node may run meanwhile."""

from pathlib import Path

from ledger.adapters.evm.reading import EvmTransactions
from ledger.adapters.evm.signing import address_of
from ledger.adapters.keystore import NodeKeys, load_keys
from ledger.adapters.sql.inspection import open_inspection
from ledger.bootstrap.belonging import (
    check_own_keys,
    generations_of,
    read_trust_root,
    subject_keys,
)
from ledger.bootstrap.chains import open_chain
from ledger.bootstrap.node import DATABASE_NAME
from ledger.core.trust import TrustRoot, parse_trust_root
from ledger.services.audit import AuditReport, NodeIdentity, audit
from ledger.services.audit.case import Progress
from ledger.services.publication.identity import RecordIdentity
from ledger.settings import load_settings


def audit_node(
    folder: Path,
    *,
    is_offline: bool = False,
    is_quick: bool = False,
    progress: Progress | None = None,
) -> AuditReport:
    """Audit the database of a node's folder; nothing is written.

    Args:
        folder: The node's folder.
        is_offline: Leave the chain out.
        is_quick: Leave out the slowest checks.
        progress: Told how far it is.

    Raises:
        InputError: Keys, trust root or database are missing, or the database is of an older
            release.
        FatalStateError: The keys are others than those of the trust root.
        StoreUnavailableError: The database does not answer.
    """
    settings, keys = load_settings(folder), load_keys(folder)
    trust_root = parse_trust_root(read_trust_root(folder / settings.trust_root))
    node = identify(keys, trust_root, settings.region)
    inspection = open_inspection(settings.database_url or f"sqlite:///{folder / DATABASE_NAME}")
    chain = open_chain(settings, trust_root, folder=folder)
    try:
        return audit(
            inspection,
            node,
            transactions=EvmTransactions(),
            chain=None if is_offline else chain,
            is_quick=is_quick,
            progress=progress,
        )
    finally:
        chain.close()
        inspection.close()


def identify(keys: NodeKeys, trust_root: TrustRoot, region: str) -> NodeIdentity:
    """What must be true of a node's database.

    Raises:
        InputError: The trust root does not cover the region.
        FatalStateError: The keys are others than those of the trust root.
    """
    generations = generations_of(trust_root, region)
    check_own_keys(keys, trust_root, region, generations)
    derived = subject_keys(keys, trust_root, region, generations)
    return NodeIdentity(
        region=region,
        trust_root=trust_root,
        generations=generations,
        vrf_public_keys={log: derived.public_key(log) for log in derived.logs},
        map_key_of=derived.map_key_of,
        records=RecordIdentity(region=region, node_key=keys.natural_key_secret),
        anchor_addresses=frozenset(map(address_of, keys.anchor_keys)),
    )
