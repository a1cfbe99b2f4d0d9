"""Checkpoint, hash tiles and entry bundles over HTTP."""

import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from worlds.node import REGION, World, penalties, penalty
from worlds.node_app import app_of, client_of
from worlds.streams import ENDPOINT, MIRROR, OWN_MIRROR, signed, vkey

from ledger.core.checkpoint.checkpoint import open_checkpoint
from ledger.core.merkle import hash_leaf, root_hash
from ledger.core.stream.entry import opening_entry, parse_entry
from ledger.core.stream.tiles import Bundle, Tile, bundles_of, parse_bundle, tiles_of
from ledger.services.mirror_roles import USABLE_S
from ledger.services.request_signatures import MirrorKey

LOG = f"/v1/streams/{REGION}/records/1"
RECORDS = 300


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A node whose log has 301 entries, one of them the opening entry."""
    world = World(tmp_path_factory.mktemp("node"), streams=("records", "restricted"))
    world.publish(penalties(*(penalty(number) for number in range(1, RECORDS + 1))))
    world.settle()
    return world


@pytest.fixture(scope="module")
def app(world: World) -> FastAPI:
    return app_of(world)


@pytest.fixture
async def anyone(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app) as client:
        yield client


def bundle_path(index: int, width: int) -> str:
    return f"{LOG}/{Bundle(index, width).path}"


async def _entries(client: httpx.AsyncClient, world: World, size: int) -> list[bytes]:
    found: list[bytes] = []
    for bundle in bundles_of(size):
        target = f"{LOG}/{bundle.path}"
        answer = await client.get(target, headers=signed(world, target))
        assert answer.status_code == 200
        found += parse_bundle(answer.content, bundle.width)
    return found


async def test_checkpoint_is_of_the_head_on_chain_and_signed_by_the_log(
    anyone: httpx.AsyncClient, world: World
) -> None:
    answer = await anyone.get(f"{LOG}/checkpoint")
    snapshot = world.records.snapshot
    assert snapshot is not None
    checkpoint = open_checkpoint(answer.content, vkey())
    assert (checkpoint.size, checkpoint.root_hash) == (RECORDS + 1, snapshot.head.log_root)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=2"


async def test_mirror_reads_every_entry_under_the_checkpoints_root(
    anyone: httpx.AsyncClient, world: World
) -> None:
    checkpoint = open_checkpoint((await anyone.get(f"{LOG}/checkpoint")).content, vkey())
    entries = await _entries(anyone, world, checkpoint.size)
    assert entries[0] == opening_entry(REGION, "records", 1)
    assert {parse_entry(entry).op for entry in entries[1:]} == {"put"}
    assert root_hash([hash_leaf(entry) for entry in entries]) == checkpoint.root_hash


async def test_anyone_reads_the_hash_tiles_of_the_same_tree(
    anyone: httpx.AsyncClient, world: World
) -> None:
    size = RECORDS + 1
    entries = await _entries(anyone, world, size)
    leaves = [hash_leaf(entry) for entry in entries]
    for tile in tiles_of(size):
        answer = await anyone.get(f"{LOG}/{tile.path}")
        span = 256**tile.level
        expected = [
            root_hash(leaves[at * span : (at + 1) * span])
            for at in range(256 * tile.index, 256 * tile.index + tile.width)
        ]
        assert answer.content == b"".join(expected)
        assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("width", [1, 2, 44, 45])
async def test_bundle_and_tile_at_any_width_begin_the_wider_ones(
    anyone: httpx.AsyncClient, world: World, width: int
) -> None:
    target, widest = bundle_path(1, width), bundle_path(1, 45)
    answer = await anyone.get(target, headers=signed(world, target))
    whole = await anyone.get(widest, headers=signed(world, widest))
    assert whole.content.startswith(answer.content)
    assert len(parse_bundle(answer.content, width)) == width
    tile = await anyone.get(f"{LOG}/{Tile(0, 1, width).path}")
    assert len(tile.content) == 32 * width


async def test_full_tile_is_kept_for_ever_and_a_part_for_an_hour(
    anyone: httpx.AsyncClient, world: World
) -> None:
    async def lifetime(target: str) -> str:
        answer = await anyone.get(target, headers=signed(world, target))
        return str(answer.headers["cache-control"])

    assert await lifetime(f"{LOG}/tile/0/000") == "public, max-age=31536000, immutable"
    assert await lifetime(f"{LOG}/tile/0/000.p/7") == "public, max-age=3600"
    assert await lifetime(bundle_path(0, 256)) == "private, max-age=31536000, immutable"
    assert await lifetime(bundle_path(0, 7)) == "private, max-age=3600"


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile/0/001.p/45", "tile/1/000.p/1"])
async def test_known_etag_is_answered_without_the_content(
    anyone: httpx.AsyncClient, path: str
) -> None:
    first = await anyone.get(f"{LOG}/{path}")
    etag = first.headers["etag"]
    assert etag == f'"{hashlib.sha256(first.content).hexdigest()}"'
    for known in (etag, f"W/{etag}", f'"other", {etag}'):
        again = await anyone.get(f"{LOG}/{path}", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    for unknown in ('"other"', etag.strip('"'), "", '"'):
        other = await anyone.get(f"{LOG}/{path}", headers={"If-None-Match": unknown})
        assert other.content == first.content


PLACES_REFUSED = [
    *("0", "00", "0000", "000/", "x000", "x000/000", "001/000", "x01/000", "X001/000"),
    *("000.p", "000.p/", "000.p/0", "000.p/01", "000.p/256", "000.p/257", "000.p/-1", "000.p/x"),
    *("000.p/1/", "000p/1", "-01", "00a", "٠٠٠", "000 ", "x999/" * 7 + "999", "x999/" * 5 + "999"),
    *("000.p/1.p/1", "000%0a", "000%00", "..", "../checkpoint", ""),
    *("002", "002.p/1", "001", "001.p/46", "001.p/255", "x001/000", "999.p/1"),
]
"""Malformed, or beyond the size."""


@pytest.mark.parametrize("place", PLACES_REFUSED)
async def test_place_that_is_malformed_or_beyond_the_size_answers_404(
    anyone: httpx.AsyncClient, world: World, place: str
) -> None:
    for kind in ("entries", "0"):
        target = httpx.URL(f"{ENDPOINT}{LOG}/tile/{kind}/{place}").raw_path.decode()
        answer = await anyone.get(target, headers=signed(world, target))
        assert answer.status_code == 404, answer.url
        assert answer.json()["code"] == "not-found"
        assert "immutable" not in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "level", ["2", "63", "64", "00", "01", "-1", "+0", "a", "999", "0x0", "٠", "0 "]
)
async def test_level_that_is_malformed_or_beyond_the_size_answers_404(
    anyone: httpx.AsyncClient, level: str
) -> None:
    answer = await anyone.get(f"{LOG}/tile/{level}/000.p/1")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize("log", ["320000/records", "310000/queries", "310000/x", "31000/records"])
async def test_log_of_another_node_or_none_answers_404(
    anyone: httpx.AsyncClient, world: World, log: str
) -> None:
    for path in ("checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"):
        target = f"/v1/streams/{log}/{path}"
        answer = await anyone.get(target, headers=signed(world, target))
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


# --- Who may read entries


async def _refused(client: httpx.AsyncClient, target: str, headers: dict[str, str]) -> None:
    answer = await client.get(target, headers=headers)
    body = answer.json()
    assert answer.status_code == 401
    assert (body["code"], body["detail"]) == (
        "mirror-required",
        "expected a request signed by a mirror",
    )
    assert answer.headers["www-authenticate"] == "Signature"
    assert 'tag="credit-ledger-mirror"' in answer.headers["accept-signature"]


ENTRIES = bundle_path(0, 1)
NOBODY = MirrorKey(5, MIRROR.secret)
STRANGER = MirrorKey(MIRROR.number, b"\x77" * 32)


async def test_entries_without_a_signature_answer_one_and_the_same_401(
    anyone: httpx.AsyncClient, world: World
) -> None:
    others = [
        {},
        {"Authorization": "Bearer operator-token-of-these-tests-0123456789"},
        {"Signature": "mirror=:AAAA:", "Signature-Input": "mirror=()"},
        signed(world, ENTRIES, NOBODY),
        signed(world, ENTRIES, STRANGER),
        signed(world, ENTRIES, method="HEAD"),
        signed(world, bundle_path(0, 2)),
        signed(world, ENTRIES, endpoint="http://other"),
        signed(world, ENTRIES + "?"),
    ]
    for headers in others:
        await _refused(anyone, ENTRIES, headers)


async def test_entries_signature_counts_for_its_query_too(
    anyone: httpx.AsyncClient, world: World
) -> None:
    target = ENTRIES + "?a=1"
    assert (await anyone.get(target, headers=signed(world, target))).status_code == 200
    await _refused(anyone, target, signed(world, ENTRIES))


async def test_entries_request_that_is_repeated_gets_the_same_until_it_expires(
    world: World,
) -> None:
    async with client_of(app_of(world)) as client:
        headers = signed(world, ENTRIES)
        first = await client.get(ENTRIES, headers=headers)
        world.clock.advance(60)
        try:
            again = await client.get(ENTRIES, headers=headers)
            assert again.content == first.content
            world.clock.advance(6)
            await _refused(client, ENTRIES, headers)
        finally:
            world.clock.advance(-66)


async def test_entries_with_a_body_are_refused_unread(
    anyone: httpx.AsyncClient, world: World
) -> None:
    answer = await anyone.request(
        "GET", ENTRIES, headers=signed(world, ENTRIES, body=b"{}"), content=b"{}"
    )
    assert answer.status_code == 401


async def test_entries_for_the_mirror_of_the_own_region_answer_403(
    anyone: httpx.AsyncClient, world: World
) -> None:
    answer = await anyone.get(ENTRIES, headers=signed(world, ENTRIES, OWN_MIRROR))
    assert (answer.status_code, answer.json()["code"]) == (403, "not-for-caller")


async def test_entries_of_the_restricted_stream_are_for_no_mirror(
    anyone: httpx.AsyncClient, world: World
) -> None:
    log = f"/v1/streams/{REGION}/restricted/1"
    target = f"{log}/tile/entries/000.p/1"
    answer = await anyone.get(target, headers=signed(world, target))
    assert (answer.status_code, answer.json()["code"]) == (403, "not-for-caller")
    assert (await anyone.get(target)).status_code == 401
    # Its hashes are not secret.
    assert (await anyone.get(f"{log}/tile/0/000.p/1")).status_code == 200
    checkpoint = await anyone.get(f"{log}/checkpoint")
    assert open_checkpoint(checkpoint.content, vkey("restricted")).size == 1


async def test_entries_while_the_chain_is_silent_are_for_mirrors_known_before(
    world: World,
) -> None:
    async with client_of(app_of(world)) as client:
        assert (await client.get(ENTRIES, headers=signed(world, ENTRIES))).status_code == 200
        world.chain.is_down = True
        try:
            world.clock.advance(USABLE_S)
            assert (await client.get(ENTRIES, headers=signed(world, ENTRIES))).status_code == 200
            world.clock.advance(1)
            answer = await client.get(ENTRIES, headers=signed(world, ENTRIES))
            assert (answer.status_code, answer.json()["code"]) == (503, "chain-unavailable")
            assert int(answer.headers["retry-after"]) > 0
        finally:
            world.chain.is_down = False
            world.clock.advance(-USABLE_S - 1)
