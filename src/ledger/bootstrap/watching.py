"""The node's eye on itself, and what it tells of what it sees."""

from ledger.adapters.sql.store import SqlStore
from ledger.api.metrics import Metrics
from ledger.core.trust import TrustRoot
from ledger.services.background.latency import PublishLatency
from ledger.services.background.watch import Watch, Worker
from ledger.services.ports import Chain, Clock


def make_watch(
    *,
    region: str,
    trust_root: TrustRoot,
    worker: Worker,
    store: SqlStore,
    chain: Chain,
    clock: Clock,
    stalled_after_s: int,
) -> tuple[Watch, Metrics]:
    """The watch of one node, and its metrics; nothing runs yet."""
    watch = Watch(
        worker=worker, store=store, chain=chain, clock=clock, stalled_after_s=stalled_after_s
    )
    regions = {one.region for one in trust_root.coverage}
    metrics = Metrics(region=region, regions=sorted(regions), watch=watch)
    watch.tell(PublishLatency(store, metrics.note_confirmed))
    return watch, metrics
