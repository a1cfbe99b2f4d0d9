"""What a node lets others read of its own logs, and whom it lets read entries."""

from collections.abc import Mapping

from ledger.adapters.keystore import NodeKeys
from ledger.api.signatures import MirrorGate
from ledger.core.checkpoint.checkpoint import origin_of
from ledger.core.trust import TrustRoot
from ledger.errors import InputError
from ledger.services.mirror_roles import MirrorRoles
from ledger.services.ports import Chain, Clock
from ledger.services.stream.state import StreamState
from ledger.services.stream.tiles import CheckpointKey, StreamTiles, TileStore
from ledger.settings import NodeSettings


def make_tiles(
    *,
    region: str,
    trust_root: TrustRoot,
    keys: NodeKeys,
    generations: Mapping[str, int],
    states: Mapping[str, StreamState],
    store: TileStore,
) -> dict[str, StreamTiles]:
    """The node's own logs as tiles, by stream."""
    return {
        stream: StreamTiles(
            state=states[stream],
            store=store,
            key=checkpoint_key(region, trust_root, keys, stream, generation),
        )
        for stream, generation in generations.items()
    }


def checkpoint_key(
    region: str, trust_root: TrustRoot, keys: NodeKeys, stream: str, generation: int
) -> CheckpointKey:
    """What the checkpoints of one of the node's logs are signed with."""
    origin = origin_of(
        chain_id=trust_root.chain_id, region=region, stream=stream, vrf_key=generation
    )
    return CheckpointKey(origin, keys.checkpoint_seeds[stream])


def make_mirror_gate(settings: NodeSettings, chain: Chain, clock: Clock) -> MirrorGate:
    """Whom the node lets read entries: mirrors, by their seats on chain."""
    try:
        endpoint = settings.public_endpoint
    except InputError:
        # It listens everywhere and was not told its name: requests to this machine are taken.
        endpoint = settings.local_url
    return MirrorGate(endpoint=endpoint, roles=MirrorRoles(chain=chain, clock=clock), clock=clock)
