"""Putting an audit of one node's folder together; the node may run meanwhile."""

from pathlib import Path

from ledger.adapters.evm.reading import EvmTransactions
from ledger.adapters.evm.signing import address_of
from ledger.adapters.keystore import NodeKeys, load_keys
from ledger.adapters.sql.inspection import open_inspection
from ledger.bootstrap.belonging import check_own_keys, generations_of, read_trust_root
from ledger.bootstrap.chains import open_chain
from ledger.bootstrap.node import DATABASE_NAME
from ledger.core.trust import TrustRoot, parse_trust_root
from ledger.services.audit import AuditReport, NodeIdentity, audit
from ledger.services.audit.case import Progress
from ledger.services.publication.identity import RecordIdentity
from ledger.services.stream.subject_keys import SubjectKeys
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
    subjects = SubjectKeys(
        region=region, secrets={stream: keys.vrf_seeds[stream] for stream in generations}
    )
    return NodeIdentity(
        region=region,
        trust_root=trust_root,
        generations=generations,
        vrf_public_keys={stream: subjects.public_key(stream) for stream in generations},
        map_key_of=subjects.map_key_of,
        records=RecordIdentity(region=region, node_key=keys.natural_key_secret),
        anchor_address=address_of(keys.anchor_key),
    )
