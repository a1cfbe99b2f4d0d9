"""Putting one node together: adapters, services, application."""

import asyncio
import hashlib
import logging
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from ledger.adapters.clock import SystemClock
from ledger.adapters.evm.chain import EvmChain
from ledger.adapters.evm.consortium import ConsortiumChain
from ledger.adapters.evm.signing import address_of
from ledger.adapters.http.mirror_source import HttpMirrorSource
from ledger.adapters.http.peers import HttpPeers
from ledger.adapters.keystore import NodeKeys, load_keys
from ledger.adapters.processes.workshop import ProcessWorkshop
from ledger.adapters.sql.store import SqlStore, open_store
from ledger.api.app import create_app
from ledger.api.context import NodeContext
from ledger.api.rate_limits import RequestLimits
from ledger.bootstrap.belonging import check_own_keys, generations_of, subject_keys
from ledger.bootstrap.chains import open_chain
from ledger.bootstrap.mirroring import make_mirroring
from ledger.bootstrap.publishing import make_publication
from ledger.bootstrap.streams import make_mirror_gate, make_streams, make_tiles
from ledger.bootstrap.trusting import DEVELOPMENT, FACT, load_trusted
from ledger.bootstrap.watching import make_watch
from ledger.core.trust import TrustRoot
from ledger.errors import FatalStateError, InputError, LedgerError
from ledger.services.anchoring import AnchorKey
from ledger.services.background.genesis import GenesisCheck
from ledger.services.background.watch import Watch
from ledger.services.background.worker import Worker
from ledger.services.crash_points import arm
from ledger.services.lookup.directory import RegionDirectory
from ledger.services.lookup.federation import FederatedLookup
from ledger.services.lookup.material import ServedMaterial
from ledger.services.lookup.region import RegionLookup
from ledger.services.mirror import Mirroring
from ledger.services.publication.pages import BatchPages
from ledger.settings import NodeSettings

DATABASE_NAME: Final = "node.db"

CRASH_POINT_VARIABLE: Final = "CREDIT_LEDGER_CRASH_POINT"
"""Names the point at which a test wants the process to die, as ``name`` or ``name:n``."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Node:
    """A node put together; nothing runs until its application starts."""

    app: FastAPI
    genesis: GenesisCheck


@dataclass(frozen=True, slots=True)
class _Outside:
    """A node's way to the world."""

    store: SqlStore
    chain: EvmChain | ConsortiumChain
    peers: HttpPeers
    clock: SystemClock


def build_node(folder: Path, settings: NodeSettings) -> Node:
    """Put one node together.

    Raises:
        InputError: Keys or trust root are missing, or the trust root does not cover the region.
        FatalStateError: A clock shift on a chain that is no development chain, keys other than
            those of the trust root, a database of another node, or a crash point that is none.
    """
    keys = load_keys(folder)
    trusted = load_trusted(folder, settings.trust_root)
    trust_root = trusted.root
    if settings.clock_offset_s and not trust_root.is_development:
        raise FatalStateError("clock_offset_s: expected 0, a shift is for development chains only")
    generations = generations_of(trust_root, settings.region)
    check_own_keys(keys, trust_root, settings.region, generations)
    _arm_crash_point(trust_root)
    outside = _open_outside(folder, settings, trust_root)
    try:
        outside.store.bind("region", settings.region)
        outside.store.bind("genesis", trust_root.genesis_hash.hex())
        # Updates follow from the first root this node ever had, and from no other.
        outside.store.bind(FACT, trusted.pin or DEVELOPMENT)
    except LedgerError:
        outside.chain.close()
        outside.store.close()
        raise
    return _wire(settings, keys, generations, trust_root, trusted.content, outside)


def _arm_crash_point(trust_root: TrustRoot) -> None:
    wanted = os.environ.get(CRASH_POINT_VARIABLE)
    if not wanted:
        return
    if not trust_root.is_development:
        raise FatalStateError(
            f"{CRASH_POINT_VARIABLE}: expected none, crash points are for development chains only"
        )
    arm(wanted)
    log.warning("crash point armed: this process will kill itself")


def _open_outside(folder: Path, settings: NodeSettings, trust_root: TrustRoot) -> _Outside:
    if trust_root.region_registry is None:
        raise InputError("trust root: expected a region registry, found null")
    store = open_store(settings.database_url or f"sqlite:///{folder / DATABASE_NAME}")
    try:
        floor = store.highest_block()
        chain = open_chain(settings, trust_root, folder=folder, floor=floor)
    except LedgerError:
        store.close()
        raise
    return _Outside(
        store=store,
        chain=chain,
        peers=HttpPeers(allow_loopback=trust_root.is_development or settings.peers_on_this_machine),
        clock=SystemClock(settings.clock_offset_s),
    )


def _wire(
    settings: NodeSettings,
    keys: NodeKeys,
    generations: dict[str, int],
    trust_root: TrustRoot,
    trust_root_bytes: bytes,
    outside: _Outside,
) -> Node:
    region, store, clock = settings.region, outside.store, outside.clock
    derived = subject_keys(keys, trust_root, region, generations)
    streams = make_streams(store, generations)
    directory = RegionDirectory(outside.chain)
    mirroring, source = make_mirroring(
        region=region,
        trust_root=trust_root,
        mirror_keys=keys.mirror_keys,
        store=store,
        chain=outside.chain,
        clock=clock,
        directory=directory,
        allow_loopback=trust_root.is_development or settings.peers_on_this_machine,
    )
    worker = Worker(
        region=region,
        trust_root=trust_root,
        store=store,
        chain=outside.chain,
        clock=clock,
        entropy=secrets.token_bytes,
        keys=derived,
        anchor_keys=[AnchorKey(address_of(key), key) for key in keys.anchor_keys],
        streams=streams,
        mirroring=mirroring.status,
    )
    own = RegionLookup(
        region=region,
        trust_root=trust_root,
        source=ServedMaterial(streams=streams, store=store, keys=derived, clock=clock),
        is_near=store.is_near,
    )
    genesis = GenesisCheck(
        chain=outside.chain,
        expected=trust_root.genesis_hash,
        then=_both(worker.start, mirroring.start),
    )
    watch, metrics = make_watch(
        region=region,
        trust_root=trust_root,
        worker=worker,
        store=store,
        chain=outside.chain,
        clock=clock,
        stalled_after_s=settings.stalled_after_s,
    )
    publication, workshop = make_publication(
        region=region,
        keys=keys,
        subject_keys=derived,
        store=store,
        clock=clock,
        streams=streams,
    )
    context = NodeContext(
        region=region,
        trust_root=trust_root,
        trust_root_bytes=trust_root_bytes,
        operator_token_digest=hashlib.sha256(keys.operator_token.encode()).digest(),
        publication=publication,
        own_lookup=own,
        federation=FederatedLookup(
            region=region,
            trust_root=trust_root,
            own=own,
            peers=outside.peers,
            directory=directory,
            clock=clock,
        ),
        worker=worker,
        tiles=make_tiles(
            region=region,
            trust_root=trust_root,
            keys=keys,
            streams=streams,
            store=store,
        ),
        mirror_gate=make_mirror_gate(settings, outside.chain, clock),
        batches=BatchPages(store, streams),
        watch=watch,
        metrics=metrics,
        limits=_limits(settings),
        start=_starter(genesis, directory, watch),
        stop=_stopper(outside, genesis, worker, directory, watch, mirroring, source, workshop),
    )
    return Node(create_app(context), genesis)


def _limits(settings: NodeSettings) -> RequestLimits:
    return RequestLimits(
        anyone=settings.requests_anyone,
        regions=settings.requests_regions,
        operator=settings.requests_operator,
        lookups_at_once=settings.lookups_at_once,
        answers_at_once=settings.answers_at_once,
        files_at_once=settings.files_at_once,
    )


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        first()
        second()

    return run


def _starter(
    genesis: GenesisCheck, directory: RegionDirectory, watch: Watch
) -> Callable[[], Awaitable[None]]:
    async def start() -> None:
        genesis.start()
        directory.start()
        watch.start()

    return start


def _stopper(
    outside: _Outside,
    genesis: GenesisCheck,
    worker: Worker,
    directory: RegionDirectory,
    watch: Watch,
    mirroring: Mirroring,
    source: HttpMirrorSource,
    workshop: ProcessWorkshop,
) -> Callable[[], Awaitable[None]]:
    async def stop() -> None:
        # The check first: it may start the worker.
        for one in (watch, genesis, worker, mirroring, directory):
            await asyncio.to_thread(one.stop)
        await asyncio.to_thread(workshop.close)
        source.close()
        await outside.peers.close()
        outside.chain.close()
        outside.store.close()

    return stop
