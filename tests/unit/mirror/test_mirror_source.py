"""What a region's node sends in place of a bundle or tile is refused, and always ends."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from worlds.clock import StandingClock, entropy

from ledger.adapters.http import mirror_source
from ledger.adapters.http.mirror_source import HttpMirrorSource
from ledger.core.stream.tiles import Bundle, Tile, encode_bundle
from ledger.errors import InputError, MalformedProofError, RegionUnavailableError
from ledger.services.ports.mirroring import LogName

LOG = LogName("320000", "records", 1)
ENDPOINT = "http://127.0.0.1:8312"
ENTRIES = [b"entry %d" % number for number in range(3)]
OCTETS = {"Content-Type": "application/octet-stream"}

Answer = Callable[[httpx.Request], httpx.Response]


def source(
    answer: Answer, *, loopback: bool = True, endpoint: str | None = ENDPOINT
) -> HttpMirrorSource:
    return HttpMirrorSource(
        endpoints=lambda region: endpoint,
        secret_of=lambda _: b"\x51" * 32,
        clock=StandingClock(),
        entropy=entropy(),
        allow_loopback=loopback,
        transport=httpx.MockTransport(answer),
    )


def body(content: bytes, headers: dict[str, str] | None = None, status: int = 200) -> Answer:
    return lambda _: httpx.Response(status, content=iter([content]), headers=headers or OCTETS)


def test_bundle_is_asked_for_under_its_path_and_signed() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=iter([encode_bundle(ENTRIES)]), headers=OCTETS)

    found = source(answer).fetch_bundle(LOG, Bundle(1234, 3), seat=7)
    assert found == tuple(ENTRIES)
    (request,) = seen
    assert request.url.path == "/v1/streams/320000/records/1/tile/entries/x001/234.p/3"
    assert request.method == "GET"
    assert 'keyid="mirror:7"' in request.headers["signature-input"]
    assert request.headers["host"] == "127.0.0.1:8312"
    assert request.headers["accept-encoding"] == "identity"
    assert "cookie" not in request.headers


def test_every_request_has_a_nonce_of_its_own() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["signature-input"])
        return httpx.Response(200, content=iter([encode_bundle(ENTRIES)]), headers=OCTETS)

    asking = source(answer)
    for _ in range(3):
        asking.fetch_bundle(LOG, Bundle(0, 3), seat=7)
    assert len(set(seen)) == 3


def test_tile_is_public_and_split_into_hashes() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert "signature" not in request.headers
        assert request.url.path == "/v1/streams/320000/records/1/tile/1/000.p/2"
        return httpx.Response(200, content=iter([b"\x01" * 32 + b"\x02" * 32]), headers=OCTETS)

    assert source(answer).fetch_tile(LOG, Tile(1, 0, 2)) == (b"\x01" * 32, b"\x02" * 32)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        encode_bundle(ENTRIES[:2]),
        encode_bundle([*ENTRIES, b"more"]),
        encode_bundle(ENTRIES)[:-1],
        encode_bundle(ENTRIES) + b"\x00",
        b"\xff\xff" + b"x" * 10,
        b"\x00" * (3 * 65_537 + 1),
    ],
)
def test_bundle_of_another_form_is_refused(content: bytes) -> None:
    with pytest.raises(InputError):
        source(body(content)).fetch_bundle(LOG, Bundle(0, 3), seat=7)


@pytest.mark.parametrize("content", [b"", b"\x01" * 63, b"\x01" * 65, b"\x01" * 96])
def test_tile_of_another_form_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedProofError):
        source(body(content)).fetch_tile(LOG, Tile(1, 0, 2))


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "text/html; charset=utf-8"},
        {"Content-Type": ""},
        OCTETS | {"Content-Encoding": "gzip"},
    ],
)
def test_answer_of_another_type_is_refused_unread(headers: dict[str, str]) -> None:
    with pytest.raises(InputError):
        source(body(encode_bundle(ENTRIES), headers)).fetch_bundle(LOG, Bundle(0, 3), seat=7)


@pytest.mark.parametrize("status", [204, 206, 301, 302, 307, 401, 403, 404, 429, 500, 503])
def test_other_status_is_unavailable_and_followed_nowhere(status: int) -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        headers = OCTETS | {"Location": "http://127.0.0.1:9/other"}
        return httpx.Response(status, headers=headers)

    with pytest.raises(RegionUnavailableError) as caught:
        source(answer).fetch_bundle(LOG, Bundle(0, 3), seat=7)
    assert caught.value.region == "320000"
    assert len(asked) == 1


def test_answer_without_end_is_cut_off_at_the_limit() -> None:
    read = 0

    def endless() -> Iterator[bytes]:
        nonlocal read
        while True:
            read += 1 << 16
            yield b"\x00" * (1 << 16)

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=endless(), headers=OCTETS)

    with pytest.raises(InputError):
        source(answer).fetch_bundle(LOG, Bundle(0, 3), seat=7)
    assert read <= 3 * 65_537 + (2 << 16)
    with pytest.raises(InputError):
        source(answer).fetch_tile(LOG, Tile(1, 0))


def test_trickle_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def passing() -> float:
        nonlocal now
        now += 1.0
        return now

    monkeypatch.setattr(mirror_source.time, "monotonic", passing)

    def trickle() -> Iterator[bytes]:
        while True:
            yield b"\x00"

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=trickle(), headers=OCTETS)

    with pytest.raises(RegionUnavailableError, match="takes longer"):
        source(answer).fetch_bundle(LOG, Bundle(0, 3), seat=7)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.ReadTimeout,
        httpx.ReadError,
        httpx.RemoteProtocolError,
        httpx.PoolTimeout,
        httpx.StreamClosed,
    ],
)
def test_failure_of_the_way_there_is_unavailable(error: type[Exception]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error() if error is httpx.StreamClosed else error("secret words")

    with pytest.raises(RegionUnavailableError) as caught:
        source(answer).fetch_bundle(LOG, Bundle(0, 3), seat=7)
    assert "secret words" not in str(caught.value)


@pytest.mark.parametrize(
    "endpoint",
    [None, "http://10.0.0.1:443", "https://10.0.0.1", "ftp://127.0.0.1", "http://127.0.0.1/a?b"],
)
def test_endpoint_that_may_not_be_called_is_not_called(endpoint: str | None) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nobody may be called")

    with pytest.raises(RegionUnavailableError):
        source(answer, endpoint=endpoint).fetch_bundle(LOG, Bundle(0, 3), seat=7)


def test_loopback_off_a_development_chain_is_not_called() -> None:
    with pytest.raises(RegionUnavailableError):
        source(body(b""), loopback=False).fetch_tile(LOG, Tile(1, 0))


def test_source_closes_its_connections() -> None:
    asking = source(body(encode_bundle(ENTRIES)))
    asking.fetch_bundle(LOG, Bundle(0, 3), seat=7)
    asking.close()
    # And opens new ones when asked again.
    assert asking.fetch_bundle(LOG, Bundle(0, 3), seat=7) == tuple(ENTRIES)
    asking.close()
