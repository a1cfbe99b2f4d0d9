"""What a node over a World lets others read, and a mirror of another region that reads it."""

from worlds.chain import CHAIN_ID
from worlds.node import REGION, World

from ledger.adapters.evm.signing import address_of
from ledger.adapters.http.signing import sign_request
from ledger.api.signatures import MirrorGate
from ledger.core.checkpoint.checkpoint import origin_of
from ledger.core.checkpoint.note import VerifierKey, verifier_key
from ledger.services.mirror_roles import MirrorRoles
from ledger.services.onchain import MirrorEntry
from ledger.services.request_signatures import MirrorKey
from ledger.services.stored import StreamLog
from ledger.services.stream.tiles import CheckpointKey, StreamTiles

ENDPOINT = "http://node"
CHECKPOINT_SEEDS = {
    stream: bytes([16 + number]) * 32
    for number, stream in enumerate(("records", "restricted", "queries"))
}
MIRROR = MirrorKey(3, b"\x11" * 32)
OWN_MIRROR = MirrorKey(4, b"\x13" * 32)
"""The mirror of the node's own region, which has no say on its streams."""


def checkpoint_key(stream: str) -> CheckpointKey:
    origin = origin_of(chain_id=CHAIN_ID, region=REGION, stream=stream, vrf_key=1)
    return CheckpointKey(origin, CHECKPOINT_SEEDS[stream])


def vkey(stream: str = "records") -> VerifierKey:
    key = checkpoint_key(stream)
    return verifier_key(key.origin, key.seed)


def tiles_of(world: World) -> dict[StreamLog, StreamTiles]:
    return {
        state.name: StreamTiles(state=state, store=world.store, key=checkpoint_key(stream))
        for stream, state in world.states.items()
    }


def gate_of(world: World) -> MirrorGate:
    for key, region in ((MIRROR, "320000"), (OWN_MIRROR, REGION)):
        world.chain.mirrors[key.number] = MirrorEntry(address_of(key.secret), region)
    roles = MirrorRoles(chain=world.chain, clock=world.clock)
    return MirrorGate(endpoint=ENDPOINT, roles=roles, clock=world.clock)


def signed(world: World, target: str, key: MirrorKey = MIRROR, **changes: object) -> dict[str, str]:
    """Headers of a request for entries."""
    arguments: dict[str, object] = {
        "method": "GET",
        "endpoint": ENDPOINT,
        "target": target,
        "now": world.clock.now(),
        "nonce": bytes(16),
    }
    return sign_request(key, **(arguments | changes))  # type: ignore[arg-type]
