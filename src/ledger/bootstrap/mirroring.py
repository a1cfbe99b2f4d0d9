"""A node's mirroring of the other regions."""

import secrets
from collections.abc import Sequence

from ledger.adapters.evm.signing import address_of
from ledger.adapters.http.mirror_source import HttpMirrorSource
from ledger.core.trust import TrustRoot
from ledger.services.lookup.directory import RegionDirectory
from ledger.services.mirror import ChainKey, Mirroring
from ledger.services.ports import Chain, Clock
from ledger.services.ports.mirroring import MirrorStore


def make_mirroring(
    *,
    region: str,
    trust_root: TrustRoot,
    mirror_keys: Sequence[bytes],
    store: MirrorStore,
    chain: Chain,
    clock: Clock,
    directory: RegionDirectory,
    allow_loopback: bool,
) -> tuple[Mirroring, HttpMirrorSource]:
    """The mirroring of one node and its way to the other regions; nothing runs yet."""
    source = HttpMirrorSource(
        endpoints=directory.endpoint,
        secret_of=lambda seat: mirroring.secret_of(seat),
        clock=clock,
        entropy=secrets.token_bytes,
        allow_loopback=allow_loopback,
    )
    mirroring = Mirroring(
        region=region,
        trust_root=trust_root,
        store=store,
        source=source,
        chain=chain,
        clock=clock,
        keys=[ChainKey(address=address_of(key), secret=key) for key in mirror_keys],
    )
    return mirroring, source
