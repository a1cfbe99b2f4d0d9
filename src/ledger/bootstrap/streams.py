"""What a node lets others read of its own logs, and whom it lets read entries."""

from collections.abc import Mapping

from ledger.adapters.keystore import NodeKeys
from ledger.adapters.sql.store import SqlStore
from ledger.api.signatures import MirrorGate
from ledger.core.checkpoint.checkpoint import origin_of
from ledger.core.trust import TrustRoot
from ledger.errors import FatalStateError, InputError
from ledger.services.mirror_roles import MirrorRoles
from ledger.services.ports import Chain, Clock
from ledger.services.stored import StreamLog
from ledger.services.stream.state import StreamState
from ledger.services.stream.streams import NodeStream, NodeStreams
from ledger.services.stream.tiles import CheckpointKey, StreamTiles, TileStore
from ledger.settings import NodeSettings


def make_tiles(
    *,
    region: str,
    trust_root: TrustRoot,
    keys: NodeKeys,
    streams: NodeStreams,
    store: TileStore,
) -> dict[StreamLog, StreamTiles]:
    """The node's own logs as tiles."""
    return {
        state.name: StreamTiles(
            state=state,
            store=store,
            key=checkpoint_key(region, trust_root, keys, state.name),
        )
        for stream in streams.values()
        for state in stream.logs
        if state.name.generation in keys.checkpoint_seeds[state.stream]
    }


def make_streams(store: SqlStore, generations: Mapping[str, int]) -> dict[str, NodeStream]:
    """The node's streams, each with the log that is served or takes events until now.

    A stream that never took events takes them in the newest generation.
    """
    return {
        stream: NodeStream([StreamState(log, store) for log in _logs(store, stream, generation)])
        for stream, generation in generations.items()
    }


def _logs(store: SqlStore, stream: str, generation: int) -> list[StreamLog]:
    newest = StreamLog(stream, generation)
    store.start_first(newest)
    taking = store.accepting()[stream]
    if taking.generation > generation:
        raise FatalStateError(
            f"{stream}: expected a trust root of generation {taking.generation}, which takes"
            f" events already, found {generation}"
        )
    is_over = taking.generation == generation and store.newest_snapshot(newest) is not None
    former = None if is_over else store.log_before(newest)
    return [newest] if former is None else [former, newest]


def checkpoint_key(
    region: str, trust_root: TrustRoot, keys: NodeKeys, log: StreamLog
) -> CheckpointKey:
    """What the checkpoints of one of the node's logs are signed with.

    Raises:
        InputError: Its seed is not here.
    """
    seed = keys.checkpoint_seeds[log.stream].get(log.generation)
    if seed is None:
        raise InputError(f"{log}: expected a checkpoint seed, found none")
    origin = origin_of(
        chain_id=trust_root.chain_id,
        region=region,
        stream=log.stream,
        vrf_key=log.generation,
    )
    return CheckpointKey(origin, seed)


def make_mirror_gate(settings: NodeSettings, chain: Chain, clock: Clock) -> MirrorGate:
    """Whom the node lets read entries: mirrors, by their seats on chain."""
    try:
        endpoint = settings.public_endpoint
    except InputError:
        # It listens everywhere and was not told its name: requests to this machine are taken.
        endpoint = settings.local_url
    return MirrorGate(endpoint=endpoint, roles=MirrorRoles(chain=chain, clock=clock), clock=clock)
