"""Where an export reads from: the own database, a mirror's copy, another region's node."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from worlds.chain import ChainTwin
from worlds.node import RECORDS, REGION, World, penalties, penalty
from worlds.node_app import app_of
from worlds.streams import MIRROR, checkpoint_key, vkey

from ledger.adapters.http.mirror_source import MAX_CHECKPOINT_BYTES, HttpMirrorSource
from ledger.adapters.sql import open_store
from ledger.adapters.tile_folder import TileFolder
from ledger.core.chain.head_slots import stream_id
from ledger.core.checkpoint.checkpoint import open_checkpoint
from ledger.core.stream.tiles import Bundle
from ledger.errors import (
    MalformedNoteError,
    NotIntegratedError,
    RegionUnavailableError,
    UnavailableError,
)
from ledger.services.ports.mirroring import LogName
from ledger.services.stored import StreamLog
from ledger.services.stream.export import AnchoredRoot, LogSource, export_log
from ledger.services.stream.log_sources import MirroredLog, OwnLog, RemoteLog

LOG = LogName(REGION, "records", 1)
SIZE = 301


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("node"))
    world.publish(penalties(*(penalty(number) for number in range(1, SIZE))))
    world.settle()
    yield world
    world.kill()


class InProcess(httpx.BaseTransport):
    """The way to an application in this process, for a client that blocks."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            sent = httpx.Request(request.method, request.url, headers=request.headers)
            answer = await transport.handle_async_request(sent)
            body = await answer.aread()
            stream = httpx.ByteStream(body)
            return httpx.Response(answer.status_code, headers=answer.headers, stream=stream)

        return asyncio.run(ask())


def remote(
    transport: httpx.BaseTransport, world: World, endpoint: str = "http://node"
) -> HttpMirrorSource:
    return HttpMirrorSource(
        endpoints=lambda region: endpoint,
        secret_of=lambda _: MIRROR.secret,
        clock=world.clock,
        entropy=world.entropy,
        allow_loopback=True,
        transport=transport,
        resolve=lambda host, port: ["127.0.0.1"],
    )


def own(world: World) -> OwnLog:
    return OwnLog(store=world.store, name=RECORDS, key=checkpoint_key("records"))


def exported(source: LogSource, chain: ChainTwin, folder: Path) -> dict[str, bytes]:
    head = chain.fetch_head(stream_id(REGION, "records"))
    assert head is not None
    export_log(
        source,
        TileFolder(folder),
        vkey(),
        anchored=lambda: AnchoredRoot(head.size, head.log_root),
    )
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_own_copy_and_remote_log_export_the_same_files(world: World, tmp_path: Path) -> None:
    first = exported(own(world), world.chain, tmp_path / "own")
    source = remote(InProcess(app_of(world)), world)
    distant = RemoteLog(
        source=source,
        name=LOG,
        seat=MIRROR.number,
        checkpoint=lambda: source.fetch_checkpoint(LOG),
    )
    assert exported(distant, world.chain, tmp_path / "remote") == first
    store = open_store(f"sqlite:///{tmp_path}/mirror.db")
    fence = store.acquire_fence("mirror")
    entries = [one.entry for one in world.store.entries(RECORDS, 0, SIZE)]
    store.append_mirrored(fence, LOG, 0, entries)
    copy = MirroredLog(store=store, name=LOG, checkpoint=own(world).checkpoint)
    assert exported(copy, world.chain, tmp_path / "copy") == first
    store.close()


def test_own_log_before_the_first_head_has_no_checkpoint(tmp_path: Path) -> None:
    world = World(tmp_path)
    with pytest.raises(NotIntegratedError):
        own(world).checkpoint()
    world.kill()


def test_own_log_head_on_its_way_is_not_signed_yet(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.settle()
    world.publish(penalties(penalty(1)))
    world.worker.run_once()
    assert open_checkpoint(own(world).checkpoint(), vkey()).size == 1
    world.settle()
    assert open_checkpoint(own(world).checkpoint(), vkey()).size == 2
    world.kill()


def test_own_log_gives_fewer_entries_where_there_are_no_more(world: World) -> None:
    assert len(own(world).entries(Bundle(1))) == SIZE - 256
    assert own(world).entries(Bundle(2)) == ()


def test_own_log_ends_where_an_index_is_missing(world: World) -> None:
    class Gapped:
        def entries(self, log: StreamLog, start: int, limit: int) -> list[object]:
            found = world.store.entries(log, start, limit)
            return [one for one in found if one.log_index != 7]

    log = OwnLog(store=Gapped(), name=RECORDS, key=checkpoint_key("records"))  # type: ignore[arg-type]
    assert len(log.entries(Bundle(0))) == 7


@pytest.mark.parametrize("kept", [0, 1, 256, 300])
def test_mirrored_log_that_has_not_caught_up_says_try_again(
    world: World, tmp_path: Path, kept: int
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/mirror.db")
    fence = store.acquire_fence("mirror")
    entries = [one.entry for one in world.store.entries(RECORDS, 0, kept)] if kept else []
    if entries:
        store.append_mirrored(fence, LOG, 0, entries)
    copy = MirroredLog(store=store, name=LOG, checkpoint=own(world).checkpoint)
    with pytest.raises(UnavailableError, match="once the mirror has caught up"):
        exported(copy, world.chain, tmp_path / "export")
    assert not (tmp_path / "export" / "checkpoint").exists()
    store.close()


# --- The checkpoint over HTTP


def test_fetch_checkpoint_gives_what_the_node_signed(world: World) -> None:
    source = remote(InProcess(app_of(world)), world)
    assert open_checkpoint(source.fetch_checkpoint(LOG), vkey()).size == SIZE
    source.close()


@pytest.mark.parametrize(
    ("status", "media_type", "length", "error"),
    [
        (404, "text/plain", 10, RegionUnavailableError),
        (503, "text/plain", 10, RegionUnavailableError),
        (302, "text/plain", 10, RegionUnavailableError),
        (200, "text/html", 10, MalformedNoteError),
        (200, "application/octet-stream", 10, MalformedNoteError),
        (200, "text/plain", MAX_CHECKPOINT_BYTES + 1, MalformedNoteError),
    ],
)
def test_fetch_checkpoint_other_answers_are_refused(
    world: World, status: int, media_type: str, length: int, error: type[Exception]
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept"] == "text/plain"
        assert "signature" not in request.headers
        headers = {"Content-Type": media_type, "Location": "http://elsewhere/"}
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(b"x" * length))

    source = remote(httpx.MockTransport(answer), world)
    with pytest.raises(error):
        source.fetch_checkpoint(LOG)
    source.close()


def test_fetch_bundle_by_a_stranger_is_refused(world: World) -> None:
    source = remote(InProcess(app_of(world)), world)
    with pytest.raises(RegionUnavailableError, match="401"):
        source.fetch_bundle(LOG, Bundle(0, 1), seat=MIRROR.number + 50)
    source.close()


def test_fetch_bundle_signed_for_another_address_of_the_node_is_refused(world: World) -> None:
    source = remote(InProcess(app_of(world)), world, endpoint="http://localhost:8310")
    with pytest.raises(RegionUnavailableError, match="401"):
        source.fetch_bundle(LOG, Bundle(0, 1), seat=MIRROR.number)
    source.close()
