"""Putting the export of a log together: where it comes from and what it is compared with."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

from ledger.adapters.clock import SystemClock
from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.consortium import ConsortiumChain
from ledger.adapters.evm.signing import address_of
from ledger.adapters.http.mirror_source import HttpMirrorSource
from ledger.adapters.keystore import NodeKeys, load_keys
from ledger.adapters.sql.store import SqlStore, open_store
from ledger.adapters.tile_folder import TileFolder
from ledger.bootstrap.chains import open_chain
from ledger.bootstrap.node import DATABASE_NAME
from ledger.bootstrap.streams import checkpoint_key
from ledger.core.chain.head_slots import Head, stream_id
from ledger.core.checkpoint.checkpoint import origin_of
from ledger.core.checkpoint.note import VerifierKey, verifier_key
from ledger.core.trust import TrustRoot, parse_trust_root
from ledger.errors import FatalStateError, InputError, UnavailableError
from ledger.services.ports.mirroring import LogName
from ledger.services.stored import StreamLog
from ledger.services.stream.export import (
    AnchoredRoot,
    Exported,
    LogSource,
    Progress,
    export_log,
)
from ledger.services.stream.log_sources import MirroredLog, OwnLog, RemoteLog
from ledger.settings import NodeSettings, load_settings


@dataclass(frozen=True, slots=True)
class _Node:
    """The node in whose name a log is exported."""

    settings: NodeSettings
    keys: NodeKeys
    trust_root: TrustRoot
    store: SqlStore
    chain: EvmChain | ConsortiumChain

    def head(self, region: str, stream: str) -> Head | None:
        """A stream's head on chain."""
        return self.chain.fetch_head(stream_id(region, stream))

    def seat(self) -> int:
        """The number under which the chain knows the node's mirror key."""
        return self.seat_and_secret()[0]

    def seat_and_secret(self) -> tuple[int, bytes]:
        """The highest number under which the chain knows one of the node's mirror keys."""
        secrets_of = {address_of(key): key for key in self.keys.mirror_keys}
        numbers = sorted((one.number for one in self.trust_root.mirrors), reverse=True)
        for number in numbers:
            entry = self.chain.fetch_mirror(number)
            if entry is not None and entry.address in secrets_of:
                return number, secrets_of[entry.address]
        raise UnavailableError(f"mirror: expected the node's key on chain under one of {numbers}")


def export_mirror(
    target: Path,
    folder: Path,
    *,
    region: str | None = None,
    stream: str = "records",
    url: str | None = None,
    is_offline: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Write one log as tlog-tiles: the node's own, or another region's.

    Args:
        target: Where to; a folder of an earlier export of the same log goes on.
        folder: The node's folder.
        region: Whose log; the node's own by default.
        stream: Which of the region's.
        url: Ask the region's node at this address for everything, instead of the own copy.
        is_offline: Leave the chain out; for the own log only.
        progress: Told how far it is.

    Raises:
        LedgerError: As ``export_log``; InputError for what cannot be exported.
    """
    with _open(folder) as node:
        whose = region or node.settings.region
        if whose == node.settings.region:
            if url is not None:
                raise InputError("url: expected none for the node's own log")
            source, key = _own(node, stream, is_offline=is_offline)
            generation = int(key.name.rpartition("/")[2])
            return export_log(
                source,
                TileFolder(target),
                key,
                anchored=None if is_offline else lambda: _anchored(node, whose, stream, generation),
                progress=progress,
            )
        if is_offline:
            raise InputError("offline: expected the node's own log; another's key is on chain")
        return _export_other(node, TileFolder(target), whose, stream, url, progress)


def _own(node: _Node, stream: str, *, is_offline: bool) -> tuple[LogSource, VerifierKey]:
    region = node.settings.region
    generation = _generation(node.trust_root, region, stream)
    log = StreamLog(stream, generation)
    signing = checkpoint_key(region, node.trust_root, node.keys, log)
    key = verifier_key(signing.origin, signing.seed)
    if not is_offline:
        registered = node.chain.fetch_checkpoint_key(region, stream_id(region, stream), generation)
        if registered != key.public_key:
            raise FatalStateError(f"{stream}: the registry names another checkpoint key than ours")
    return OwnLog(store=node.store, name=log, key=signing), key


def _export_other(
    node: _Node,
    target: TileFolder,
    region: str,
    stream: str,
    url: str | None,
    progress: Progress | None,
) -> Exported:
    name, key = _registered(node, region, stream)
    endpoints = {one.code: one.endpoint for one in node.chain.fetch_regions()}
    remote = HttpMirrorSource(
        endpoints=lambda code: url or endpoints.get(code),
        secret_of=lambda _: node.seat_and_secret()[1],
        clock=SystemClock(node.settings.clock_offset_s),
        entropy=secrets.token_bytes,
        allow_loopback=node.trust_root.is_development,
    )

    def fetch_checkpoint() -> bytes:
        return remote.fetch_checkpoint(name)

    source: LogSource
    if url is None:
        source = MirroredLog(store=node.store, name=name, checkpoint=fetch_checkpoint)
    else:
        source = RemoteLog(source=remote, name=name, seat=node.seat(), checkpoint=fetch_checkpoint)
    try:
        return export_log(
            source,
            target,
            key,
            anchored=lambda: _anchored(node, region, stream, name.vrf_key),
            progress=progress,
        )
    finally:
        remote.close()


def _registered(node: _Node, region: str, stream: str) -> tuple[LogName, VerifierKey]:
    """The log that the chain has now, and the key the registry names for its checkpoints."""
    head = node.head(region, stream)
    if head is None:
        raise InputError(f"{region}/{stream}: expected a stream with a head on chain, found none")
    name = LogName(region, stream, head.vrf_key)
    public_key = node.chain.fetch_checkpoint_key(region, stream_id(region, stream), name.vrf_key)
    if public_key is None:
        raise InputError(f"{name}: expected a checkpoint key in the registry, found none")
    origin = origin_of(
        chain_id=node.trust_root.chain_id, region=region, stream=stream, vrf_key=name.vrf_key
    )
    return name, VerifierKey(origin, public_key)


def _anchored(node: _Node, region: str, stream: str, generation: int) -> AnchoredRoot:
    head = node.head(region, stream)
    if head is None or head.vrf_key != generation:
        raise InputError(f"{region}/{stream}: expected generation {generation} on chain")
    return AnchoredRoot(head.size, head.log_root)


def _generation(trust_root: TrustRoot, region: str, stream: str) -> int:
    known = [
        key.generation
        for key in trust_root.vrf_keys
        if (key.region, key.stream) == (region, stream)
    ]
    if not known:
        raise InputError(f"{region}/{stream}: expected a stream of the trust root")
    return max(known)


@contextmanager
def _open(folder: Path) -> Iterator[_Node]:
    settings, keys = load_settings(folder), load_keys(folder)
    try:
        content = (folder / settings.trust_root).read_bytes()
    except OSError:
        raise InputError("trust root: not found; put it into the node's folder") from None
    trust_root = parse_trust_root(content)
    if trust_root.region_registry is None:
        raise InputError("trust root: expected a region registry, found null")
    url = make_url(settings.database_url or f"sqlite:///{folder / DATABASE_NAME}")
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        # Opening it would make an empty one.
        raise InputError("database: not found; the node has not run yet")
    store = open_store(url)
    chain = open_chain(settings, trust_root, folder=folder)
    try:
        yield _Node(settings, keys, trust_root, store, chain)
    finally:
        chain.close()
        store.close()
