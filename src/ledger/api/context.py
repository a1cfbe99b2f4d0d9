"""What the routes need of the node, put together once in ``bootstrap``."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ledger.api.metrics import Metrics
from ledger.api.rate_limits import RequestLimits
from ledger.api.signatures import MirrorGate
from ledger.core.trust import TrustRoot
from ledger.services.background.watch import Watch
from ledger.services.background.worker import WorkerStatus
from ledger.services.lookup.federation import FederatedLookup
from ledger.services.lookup.region import RegionLookup
from ledger.services.publication import Publication
from ledger.services.publication.pages import BatchPages
from ledger.services.stored import StreamLog
from ledger.services.stream.tiles import StreamTiles


class Worker(Protocol):
    """The background worker, as far as routes look at it."""

    def status(self) -> WorkerStatus:
        """How far it is and what went wrong last."""
        ...

    def wake(self) -> None:
        """Begin the next round at once."""
        ...


@dataclass(frozen=True, slots=True)
class NodeContext:
    """One node's services.

    Attributes:
        region: GB/T 2260 code of the node's region.
        trust_root: What the node verifies against; ``trust_root_bytes`` is the file as pinned.
        operator_token_digest: SHA-256 of the operator's token, 32 bytes.
        tiles: The node's own logs for others to read.
        mirror_gate: Lets mirrors of other regions read entries.
        batches: Reads what became of files, in parts.
        watch: What the node saw of itself last; probes read it.
        metrics: What the node tells Prometheus.
        limits: How much the node takes.
        start: Called before the first request; ``stop`` after the last.
    """

    region: str
    trust_root: TrustRoot
    trust_root_bytes: bytes
    operator_token_digest: bytes
    publication: Publication
    own_lookup: RegionLookup
    federation: FederatedLookup
    worker: Worker
    tiles: Mapping[StreamLog, StreamTiles]
    mirror_gate: MirrorGate
    batches: BatchPages
    watch: Watch
    metrics: Metrics
    limits: RequestLimits
    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]
