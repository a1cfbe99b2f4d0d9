"""A stream's log for others to check: checkpoint, hash tiles and entry bundles.

Source: c2sp.org/tlog-tiles.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from ledger.api.auth import MIRRORS_ONLY, Access, access
from ledger.api.context import NodeContext
from ledger.api.description import fails_with
from ledger.api.problem_table import STORE
from ledger.api.problems import ApiProblem
from ledger.core.stream.tiles import TILE_WIDTH, Bundle, Tile, parse_level, parse_place
from ledger.errors import InputError
from ledger.services.stream.tiles import StreamTiles

OPEN_STREAMS: Final = ("records",)
"""Streams whose entries mirrors may read; those of the others are the regulator's alone."""

CHECKPOINT_TYPE: Final = "text/plain; charset=utf-8"
TILE_TYPE: Final = "application/octet-stream"

_FOR_EVER: Final = "max-age=31536000, immutable"
_FOR_AN_HOUR: Final = "max-age=3600"
"""A partial tile does not change either, but is soon asked for no more."""

_FOR_A_MOMENT: Final = "public, max-age=2"

Region = Annotated[str, Path(description="six digits; this node's own region", examples=["310000"])]
Stream = Annotated[str, Path(description="name of the stream", examples=["records"])]
Generation = Annotated[
    str, Path(description="generation of the stream, the vrfKey of its heads", examples=["1"])
]
Place = Annotated[
    str,
    Path(
        description="index in groups of three digits, all but the last with x in front, and .p/W"
        " for a part of W",
        examples=["000.p/1"],
    ),
]

_UNCHANGED: Final = {"description": "still what the ETag names"}
_TEXT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
    304: _UNCHANGED,
}
_BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {TILE_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
    304: _UNCHANGED,
}

router = APIRouter(prefix="/v1/streams/{region}/{stream}/{generation}", tags=["streams"])


@router.get(
    "/checkpoint",
    summary="The newest anchored head as a signed checkpoint",
    response_class=Response,
    responses=_TEXT,
)
@fails_with("not-found", *STORE)
@access(Access.ANYONE)
async def checkpoint(
    request: Request, region: Region, stream: Stream, generation: Generation
) -> Response:
    """A C2SP tlog-checkpoint; never ahead of the chain."""
    tiles = _tiles(request, region, stream, generation)
    return await _answer(request, tiles.checkpoint, CHECKPOINT_TYPE, _FOR_A_MOMENT)


# Before the hash tiles: "entries" is no level.
@router.get(
    "/tile/entries/{place:path}",
    summary="Up to 256 entries of the log, for mirrors",
    dependencies=MIRRORS_ONLY,
    response_class=Response,
    responses=_BYTES,
)
@fails_with("mirror-required", "not-for-caller", "not-found", "chain-unavailable", *STORE)
@access(Access.MIRROR)
async def entries(
    request: Request, region: Region, stream: Stream, generation: Generation, place: Place
) -> Response:
    """A tlog-tiles entry bundle: each entry with its length in two bytes in front."""
    tiles = _tiles(request, region, stream, generation)
    if stream not in OPEN_STREAMS:
        raise ApiProblem(403, "not-for-caller", "these entries are for the regulator alone")
    try:
        bundle = Bundle(*parse_place(place))
    except InputError:
        raise _nothing() from None
    return await _answer(
        request, lambda: tiles.bundle(bundle), TILE_TYPE, "private, " + _lifetime(bundle.width)
    )


@router.get(
    "/tile/{level}/{place:path}",
    summary="Up to 256 hashes of the log's tree",
    response_class=Response,
    responses=_BYTES,
)
@fails_with("not-found", *STORE)
@access(Access.ANYONE)
async def tile(
    request: Request,
    region: Region,
    stream: Stream,
    generation: Generation,
    level: str,
    place: Place,
) -> Response:
    """A tlog-tiles hash tile: hashes of 32 bytes, side by side."""
    tiles = _tiles(request, region, stream, generation)
    try:
        index, width = parse_place(place)
        wanted = Tile(parse_level(level), index, width)
    except InputError:
        raise _nothing() from None
    return await _answer(
        request, lambda: tiles.tile(wanted), TILE_TYPE, "public, " + _lifetime(width)
    )


def _tiles(request: Request, region: str, stream: str, generation: str) -> StreamTiles:
    context: NodeContext = request.app.state.context
    # Only the plain spelling of a number is a generation's.
    tiles = {str(log.generation): one for log, one in context.tiles.items() if log.stream == stream}
    found = tiles.get(generation)
    # Another region's log is at that region's node. The router passes over a line end at the end
    # of a path; one content has one address here.
    if region != context.region or found is None or request.scope["path"].endswith("\n"):
        raise _nothing()
    return found


async def _answer(
    request: Request, read: Callable[[], bytes | None], media_type: str, lifetime: str
) -> Response:
    content = await asyncio.to_thread(read)
    if content is None:
        raise _nothing()
    etag = '"' + hashlib.sha256(content).hexdigest() + '"'
    headers = {"ETag": etag, "Cache-Control": lifetime}
    known = request.headers.get("if-none-match", "").split(",")
    # Caches on the way may make it a weak one.
    if etag in [one.strip().removeprefix("W/") for one in known]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def _lifetime(width: int) -> str:
    return _FOR_EVER if width == TILE_WIDTH else _FOR_AN_HOUR


def _nothing() -> ApiProblem:
    return ApiProblem(404, "not-found", "the log has nothing at this path, or not yet")
