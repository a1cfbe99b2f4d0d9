"""Putting together what takes files in."""

import secrets

from ledger.adapters.clock import SystemClock
from ledger.adapters.keystore import NodeKeys
from ledger.adapters.processes.frames import Tools
from ledger.adapters.processes.workshop import ProcessWorkshop
from ledger.adapters.sql.store import SqlStore
from ledger.services.publication import Publication
from ledger.services.publication.events import EventMaker
from ledger.services.publication.identity import RecordIdentity
from ledger.services.publication.slices import OwnWorkshop
from ledger.services.stream.streams import NodeStreams
from ledger.services.stream.subject_keys import SubjectKeys


def make_publication(
    *,
    region: str,
    keys: NodeKeys,
    subject_keys: SubjectKeys,
    store: SqlStore,
    clock: SystemClock,
    streams: NodeStreams,
) -> tuple[Publication, ProcessWorkshop]:
    """Make the publication of a region, and the workshop that is to be closed after it."""
    node_key = keys.natural_key_secret
    own = OwnWorkshop(
        region=region,
        identity=RecordIdentity(region=region, node_key=node_key),
        maker=EventMaker(region=region, keys=subject_keys, entropy=secrets.token_bytes),
    )
    vrf_secrets = {
        log: seed
        for stream in streams.values()
        for log in (state.name for state in stream.logs)
        if (seed := keys.vrf_seed(log)) is not None
    }
    workshop = ProcessWorkshop(Tools(region, node_key, vrf_secrets), own)
    publication = Publication(
        region=region,
        store=store,
        keys=subject_keys,
        node_key=node_key,
        clock=clock,
        entropy=secrets.token_bytes,
        streams=streams,
        workshop=workshop,
    )
    return publication, workshop
